"""What one sandbox knows: its database, clock, people, switches and due work."""
