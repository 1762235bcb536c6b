"""The documented answers of signing in are understood. Requests: `tests/wire`; where nothing is sent as documented, why."""

import json
from typing import Any

import pytest

from auth.errors import SignInFailed
from auth.oauth import read_grant
from tests.wire.examples import DOCUMENTED
from tests.wire.requests import AUTH_REQUESTS

EXAMPLES: dict[str, dict[str, Any]] = {
    name: example for name, example in DOCUMENTED.items() if name.startswith("auth.")
}

GRANTS = ("auth.token.code.confidential", "auth.token.code.pkce_public", "auth.token.refresh", "auth.token.ssa_jwt")

OTHERWISE = {
    "auth.authorize": "an address, not a request of its own: `tests/wire` has it beside the table",
    "auth.token.code.confidential": "sent with the code_verifier too: auth.token.code.confidential.pkce",
    "auth.token.refresh": "its optional parts are spelled out for either kind of app: auth.token.refresh.public",
    "auth.token.refresh.reused": "an answer",
    "auth.revoke": "its optional part is spelled out for either kind of app: auth.revoke.public",
    "auth.token.client_credentials": "an app by itself may not touch submittals (fact sheet 0)",
    "auth.introspect": "only the server needs to look into a token",
}


def test_no_example_slips_by_unlisted() -> None:
    sent = {name for name in AUTH_REQUESTS if name in EXAMPLES}
    assert sorted([*sent, *OTHERWISE]) == sorted(EXAMPLES)


@pytest.mark.parametrize("name", GRANTS)
def test_the_examples_grant_is_understood(name: str) -> None:
    body = EXAMPLES[name]["response"]["body"]
    grant = read_grant(200, json.dumps(body).encode())
    refresh_token = grant.refresh_token.get_secret_value() if grant.refresh_token is not None else None
    assert {
        "access_token": grant.access_token.get_secret_value(),
        "expires_in": grant.expires_in,
        **({"refresh_token": refresh_token} if refresh_token is not None else {}),
    } == {name: value for name, value in body.items() if name != "token_type"}


def test_a_refresh_token_that_was_used_before_is_understood() -> None:
    response = EXAMPLES["auth.token.refresh.reused"]["response"]
    with pytest.raises(SignInFailed) as failed:
        read_grant(response["status"], json.dumps(response["body"]).encode())
    assert (failed.value.error, failed.value.status) == ("invalid_grant", 400)
