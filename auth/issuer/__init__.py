"""The authorization server of a team server: it signs people in at Autodesk and issues tokens of its own.

Pure rules (scopes, redirect URIs, client metadata, authorization requests), repositories over the database, and the
Starlette routes that join them. Nothing here knows MCP's tools, and no token of Autodesk ever leaves the vault.
"""
