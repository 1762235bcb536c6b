"""Metadata documents of the authorization server (RFC 8414) and of the protected resource (RFC 9728)."""

from collections.abc import Sequence
from typing import Any, Final

MCP_PATH: Final = "/mcp"
CALLBACK_PATH: Final = "/callback/autodesk"

RESOURCE_PATHS: Final = (
    "/.well-known/oauth-protected-resource",
    f"/.well-known/oauth-protected-resource{MCP_PATH}",
)
SERVER_PATHS: Final = (
    "/.well-known/oauth-authorization-server",
    f"/.well-known/oauth-authorization-server{MCP_PATH}",
    "/.well-known/openid-configuration",
    f"/.well-known/openid-configuration{MCP_PATH}",
)
"""Where clients of different ages look."""


def resource_metadata(issuer: str, scopes: Sequence[str]) -> dict[str, Any]:
    """Return the protected resource's document; `issuer` has no slash at its end, and stays as it is."""
    return {
        "resource": f"{issuer}{MCP_PATH}",
        "authorization_servers": [issuer],
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": "Submittals in Autodesk Construction Cloud",
    }


def server_metadata(issuer: str, scopes: Sequence[str], *, registration: bool, documents: bool) -> dict[str, Any]:
    """Return the authorization server's document.

    Args:
        issuer: The public URL, character by character as clients start from it.
        scopes: What can be granted.
        registration: Whether clients may register themselves (RFC 7591).
        documents: Whether a client id may be the URL of a metadata document.
    """
    methods = ["none", "client_secret_post", "client_secret_basic"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        **({"registration_endpoint": f"{issuer}/register"} if registration else {}),
        "revocation_endpoint": f"{issuer}/revoke",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": documents,
        "authorization_response_iss_parameter_supported": True,
        "scopes_supported": list(scopes),
    }
