"""Signing in to Autodesk: who the person is, and an access token whenever a request needs one."""
