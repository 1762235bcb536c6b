"""Settings: their types, their rules and their table in the documents."""
