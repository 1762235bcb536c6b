"""Authentication v2: clients, authorize page, tokens, service accounts (fact sheet 10)."""
