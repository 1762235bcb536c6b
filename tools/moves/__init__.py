"""Moving a submittal on: which transition or review task is meant, what it takes, and what became of it."""
