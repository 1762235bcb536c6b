"""Every example of signing in that the fact sheet has: our request equals it, its answer is understood.

A request is compared as (method, path, form fields, kind of client authentication): the examples' values are made up.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.errors import SignInFailed
from auth.pkce import App, Attempt, authorize_url
from auth.token_requests import FormRequest, code_request, read_grant, refresh_request

FACTS = Path(__file__).parent.parent / "facts" / "acc_examples.json"
EXAMPLES: dict[str, dict[str, Any]] = {
    example["name"]: example
    for example in json.loads(FACTS.read_text(encoding="utf-8"))["examples"]
    if example["name"].startswith("auth.")
}

# The examples write values as "…" and leave out what may be left out.
PUBLIC = App("CID", "…")
CONFIDENTIAL = App("id", "…", secret="secret")

OURS: dict[str, Callable[[], FormRequest]] = {
    "auth.token.code.confidential": lambda: code_request(CONFIDENTIAL, "CODE", None),
    "auth.token.code.pkce_public": lambda: code_request(PUBLIC, "CODE", "CV"),
    "auth.token.refresh": lambda: refresh_request(PUBLIC, "RT", ("subset",)),
    "auth.token.refresh.reused": lambda: refresh_request(CONFIDENTIAL, "OLD"),
}

OUT_OF_REACH = {
    "auth.token.client_credentials": "an app by itself may not touch submittals (fact sheet 0)",
    "auth.token.ssa_jwt": "service accounts are tested where they sign in",
    "auth.revoke": "signing out is tested where it happens",
    "auth.introspect": "nobody but the server needs to look into a token",
}

ELSEWHERE = {"auth.authorize": "below, it is no form", "auth.userinfo": "`acc` asks who the person is"}


def test_no_example_slips_by_unlisted() -> None:
    listed = [*OURS, *OUT_OF_REACH, *ELSEWHERE]
    assert sorted(listed) == sorted(EXAMPLES)


@pytest.mark.parametrize("name", OURS)
def test_our_request_equals_the_example(name: str) -> None:
    theirs, ours = EXAMPLES[name]["request"], OURS[name]()
    assert ("POST", ours.path) == (theirs["method"], urlsplit(theirs["url"]).path)
    assert ours.headers["Content-Type"] == theirs["headers"]["Content-Type"]
    assert form(ours.body) == form(_without_brackets(theirs["body"]))
    if "Authorization" in theirs["headers"]:
        assert theirs["headers"]["Authorization"] == "Basic base64(id:secret)"
        assert ours.headers["Authorization"] == "Basic " + base64.b64encode(b"id:secret").decode()


def test_our_address_to_sign_in_at_equals_the_example() -> None:
    theirs = urlsplit(EXAMPLES["auth.authorize"]["request"]["url"])
    attempt = Attempt(state="S")
    app = App("CID", "http://localhost:8080/cb")
    ours = urlsplit(
        authorize_url("https://developer.api.autodesk.com", app, attempt, ("data:read", "data:write", "data:create"))
    )
    assert (ours.scheme, ours.netloc, ours.path) == (theirs.scheme, theirs.netloc, theirs.path)
    assert form(ours.query) == form(theirs.query) | {"code_challenge": attempt.challenge}


@pytest.mark.parametrize("name", [name for name in OURS if EXAMPLES[name]["response"]["status"] == 200])
def test_the_examples_grant_is_understood(name: str) -> None:
    body = EXAMPLES[name]["response"]["body"]
    grant = read_grant(200, json.dumps(body).encode())
    assert grant.refresh_token is not None
    assert {
        "access_token": grant.access_token.get_secret_value(),
        "token_type": grant.token_type,
        "expires_in": grant.expires_in,
        "refresh_token": grant.refresh_token.get_secret_value(),
    } == body


def test_a_refresh_token_that_was_used_before_is_understood() -> None:
    response = EXAMPLES["auth.token.refresh.reused"]["response"]
    with pytest.raises(SignInFailed) as failed:
        read_grant(response["status"], json.dumps(response["body"]).encode())
    assert (failed.value.error, failed.value.status) == ("invalid_grant", 400)


def form(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, strict_parsing=True))


def _without_brackets(body: str) -> str:
    """The refresh example writes what is optional as `[&scope=subset][&client_id=CID for public]`."""
    return body.replace("[", "").replace("]", "").replace(" for public", "")
