"""Durable transfers: from a file, a Files-tool version or a caller's own upload to a confirmed attachment.

Start at `manager.TransferManager`. A job (`jobs`) puts the steps in order and continues when the call that asked for it
has gone. Pure modules decide (`categories_and_states`, `idempotency`, `upload.part_plan`, `files.names`);
drivers carry out (`attachments`, `upload.uploader`, `files.local_file`).
"""
