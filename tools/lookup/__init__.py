"""From a person's words to projects, submittals, folders and files."""
