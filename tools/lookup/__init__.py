"""Lookup: resolves a user's words to projects, submittals, folders and files."""
