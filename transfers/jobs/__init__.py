"""A job: a row that whichever process holds its lock goes on with, step by step, until nothing is left to do.

`base` and the three kinds (`local_file`, `linked_file`, `caller_upload`) know the steps; `context` is what they need,
`runner` runs them in this process, `repository` keeps and locks them, `recovery` finds those that nobody works on.
"""
