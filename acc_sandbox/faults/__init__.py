"""Faults on purpose, and the log of requests that reached the sandbox."""
