"""Seed data of a new sandbox: the default seed, seeds from files, and many items at once."""
