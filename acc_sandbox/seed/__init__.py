"""What a new sandbox holds: the default seed, seeds from files, and many items at once."""
