"""State of one sandbox: its database, clock, people, switches and due work."""
