"""Autodesk's APIs over httpx: submittals, object storage, files, and the errors they end in.

Start at `acc.client.AccClient`. Types (`acc.models`, `acc.errors`, `acc.ids`, `acc.hosts`) import without httpx,
so that a program may name them before it knows whether it will ever send anything.
"""
