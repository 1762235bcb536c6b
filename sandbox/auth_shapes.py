"""What Authentication and the user profile answer (fact sheet 10)."""

from __future__ import annotations

from sandbox.shapes import COUNT, FLAG, TEXT, URL, Shape, choice, several

TOKEN = Shape(
    "Token",
    {
        "access_token": TEXT,
        "token_type": choice("Bearer"),
        "expires_in": COUNT,
        "refresh_token": TEXT,
        "id_token": TEXT,
    },
    optional=("refresh_token", "id_token"),
)
WORTH = Shape(
    "Introspection",
    {"active": FLAG, "scope": TEXT, "client_id": TEXT, "exp": COUNT, "userid": TEXT},
    optional=("scope", "client_id", "exp", "userid"),
)
KEY_SET = Shape("KeySet", {"keys": several(Shape("Key", dict.fromkeys(("kty", "use", "alg", "kid", "n", "e"), TEXT)))})
CONFIGURATION = Shape(
    "OpenidConfiguration",
    {
        "issuer": URL,
        **dict.fromkeys(("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"), URL),
        **dict.fromkeys(("revoke_endpoint", "introspection_endpoint"), URL),
        **dict.fromkeys(("scopes_supported", "response_types_supported", "response_modes_supported"), several(TEXT)),
        **dict.fromkeys(("grant_types_supported", "subject_types_supported"), several(TEXT)),
        "id_token_signing_alg_values_supported": several(TEXT),
        "token_endpoint_auth_methods_supported": several(TEXT),
        "code_challenge_methods_supported": several(TEXT),
    },
)
USER = Shape(
    "User",
    {
        **dict.fromkeys(("sub", "name", "given_name", "family_name", "preferred_username", "email"), TEXT),
        "email_verified": FLAG,
        "picture": URL,
        **dict.fromkeys(("locale", "eidm_guid"), TEXT),
    },
)
SERVICE_ACCOUNT = Shape("ServiceAccount", {"serviceAccountId": TEXT, "email": TEXT})
SERVICE_KEY = Shape("ServiceAccountKey", {"kid": TEXT, "privateKey": TEXT})
