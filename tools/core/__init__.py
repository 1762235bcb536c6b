"""Shared code of all tools: arguments, context, dispatch, consent, results."""
