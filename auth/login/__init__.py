"""Signing a person in at Autodesk, from the link to the redirect, and signing out."""
