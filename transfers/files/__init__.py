"""Local files: which may be read, how they are opened, and what their digests were."""
