"""Public keys, the OpenID configuration, logging out and userinfo (fact sheet 10)."""

from __future__ import annotations

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.oauth.access_tokens import ISSUER, SCOPES
from acc_sandbox.oauth.schemas import CONFIGURATION, KEY_SET, USER


def keys(call: RequestContext) -> Response:
    """GET keys: the key set that verifies access tokens."""
    return Response(call.sandbox.tokens.key_set())


def openid_configuration(call: RequestContext) -> Response:
    """GET /.well-known/openid-configuration."""
    here = f"{call.base_url}/authentication/v2"
    return Response(
        {
            "issuer": ISSUER,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "userinfo_endpoint": f"{call.base_url}/userinfo",
            "jwks_uri": f"{here}/keys",
            "revoke_endpoint": f"{here}/revoke",
            "introspection_endpoint": f"{here}/introspect",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [
                "authorization_code",
                "refresh_token",
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


def logout(call: RequestContext) -> Response:
    """GET logout: back to where the application asks, which must be one of its redirect URIs (400 for another)."""
    if "post_logout_redirect_uri" not in call.query:
        return Response(status=200)
    target = call.query.text("post_logout_redirect_uri")
    if target not in call.sandbox.callback_urls:
        raise RefusedError(400, "The 'post_logout_redirect_uri' is invalid.", code="invalid_request")
    return Response(status=302, headers={"Location": target})


def userinfo(call: RequestContext) -> Response:
    """GET /userinfo; any three-legged token will do."""
    person = call.person
    given, _, family = person.name.rpartition(" ")
    return Response(
        {
            "sub": person.autodesk_id,
            "name": person.name,
            "given_name": given,
            "family_name": family,
            "preferred_username": person.user_name,
            "email": person.email,
            "email_verified": True,
            "picture": f"{call.base_url}/people/{person.key}.svg",
            "locale": "en-US",
            "eidm_guid": person.autodesk_id,
        }
    )


_PATH = "/authentication/v2"
OPERATIONS = (
    ApiOperation("auth.keys", "GET", f"{_PATH}/keys", keys, "auth", access="anybody", answers={200: KEY_SET}),
    ApiOperation(
        "auth.openid-configuration",
        "GET",
        "/.well-known/openid-configuration",
        openid_configuration,
        "auth",
        access="anybody",
        answers={200: CONFIGURATION},
    ),
    ApiOperation(
        "auth.logout",
        "GET",
        f"{_PATH}/logout",
        logout,
        "auth",
        access="anybody",
        query=("post_logout_redirect_uri",),
        answers={200: None, 302: None},
    ),
    ApiOperation("auth.userinfo", "GET", "/userinfo", userinfo, "gateway", answers={200: USER}),
)
