"""Errors as an agent, or a person at a shell, is told of them: one row an error, and what tools themselves raise."""
