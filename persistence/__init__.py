"""Local state: the database, encryption keys, locks and private files."""
