"""Response schemas of Authentication and the user profile (fact sheet 10)."""

from __future__ import annotations

from acc_sandbox.http.schemas import COUNT, FLAG, TEXT, URL, ObjectSchema, choice, maybe, several, text_like

TOKEN = ObjectSchema(
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
WORTH = ObjectSchema(
    "Introspection",
    {"active": FLAG, "scope": TEXT, "client_id": TEXT, "exp": COUNT, "userid": TEXT},
    optional=("scope", "client_id", "exp", "userid"),
)
KEY_SET = ObjectSchema(
    "KeySet", {"keys": several(ObjectSchema("Key", dict.fromkeys(("kty", "use", "alg", "kid", "n", "e"), TEXT)))}
)
CONFIGURATION = ObjectSchema(
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
USER = ObjectSchema(
    "User",
    {
        **dict.fromkeys(("sub", "name", "given_name", "family_name", "preferred_username", "email"), TEXT),
        "email_verified": FLAG,
        "picture": URL,
        **dict.fromkeys(("locale", "eidm_guid"), TEXT),
    },
)
SERVICE_ACCOUNT = ObjectSchema("ServiceAccount", {"serviceAccountId": TEXT, "email": TEXT})
_STATUS = choice("ENABLED", "DISABLED")
_LONG_STAMP = text_like(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+0000 UTC$")
SERVICE_ACCOUNT_ROW = ObjectSchema(
    "ServiceAccountDetails",
    {
        **dict.fromkeys(("serviceAccountId", "email", "createdBy"), TEXT),
        "status": _STATUS,
        "createdAt": _LONG_STAMP,
        "accessedAt": maybe(_LONG_STAMP),
        "expiresAt": _LONG_STAMP,
    },
)
SERVICE_ACCOUNTS = ObjectSchema("ServiceAccounts", {"serviceAccounts": several(SERVICE_ACCOUNT_ROW)})
SERVICE_KEY = ObjectSchema("ServiceAccountKey", {"kid": TEXT, "privateKey": TEXT})
SERVICE_KEY_ROW = ObjectSchema(
    "ServiceAccountKeyDetails",
    {"kid": TEXT, "status": _STATUS, "createdAt": _LONG_STAMP, "accessedAt": maybe(_LONG_STAMP)},
)
SERVICE_KEYS = ObjectSchema("ServiceAccountKeys", {"keys": several(SERVICE_KEY_ROW)})
