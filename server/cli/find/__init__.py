"""The command `find`: projects, submittals and attachments as a table, CSV or JSON."""
