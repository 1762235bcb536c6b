"""The attach job: from a file, a Files-tool version or a caller's own upload to a confirmed attachment.

The pure parts (`parts`, `names`, `categories`, `fingerprint`, `state`) decide; the drivers (`folders`, `local_file`,
`signed_urls`, `part_body`, `sending`, `reservation`, `confirming`) do what was decided; a job (`file_job`, `link_job`,
`caller_job`) puts them in order, and `jobs` keeps it going when the call that asked for it has gone. The door to all of
it is `attaching`.
"""
