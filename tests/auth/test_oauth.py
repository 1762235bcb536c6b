"""What the token endpoint is asked and what it answers (fact sheet 10); nothing is sent."""

import base64
import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.errors import SignInFailed
from auth.oauth import FormRequest, OAuthApp, TokenGrant, code_request, read_grant, refresh_request

PUBLIC = OAuthApp("CID", "http://localhost:8765/callback")
CONFIDENTIAL = OAuthApp("CID", "http://localhost:8765/callback", secret="canary-secret")


def fields(request: FormRequest) -> dict[str, str]:
    pairs = parse_qsl(request.body, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize(
    "build",
    [lambda app: code_request(app, "CODE", "VERIFIER"), lambda app: refresh_request(app, "TOKEN")],
    ids=["code", "refresh"],
)
def test_an_app_names_itself_in_the_header_or_in_the_body_and_never_in_both(build: object) -> None:
    """Both at once is answered with 400 (fact sheet 10)."""
    public, confidential = build(PUBLIC), build(CONFIDENTIAL)  # type: ignore[operator]  # a lambda of the table above
    assert "Authorization" not in public.headers
    assert fields(public)["client_id"] == "CID"
    basic = base64.b64encode(b"CID:canary-secret").decode()
    assert confidential.headers["Authorization"] == f"Basic {basic}"
    assert not {"client_id", "client_secret"} & set(fields(confidential))


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_code_and_verifier_arrive_as_they_are(code: str, verifier: str) -> None:
    assert fields(code_request(PUBLIC, code, verifier)) == {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": PUBLIC.callback_url,
        "code_verifier": verifier,
        "client_id": "CID",
    }


def test_a_grant_is_read() -> None:
    body = {"access_token": "canary-a", "token_type": "Bearer", "expires_in": 3599, "refresh_token": "canary-r", "x": 1}
    grant = read_grant(200, json.dumps(body).encode())
    assert grant.access_token.get_secret_value() == "canary-a"
    assert grant.refresh_token is not None
    assert grant.refresh_token.get_secret_value() == "canary-r"
    assert grant.expires_in == 3599
    assert "canary" not in repr(grant) + str(grant)


BAD_GRANTS = {
    "nothing": b"",
    "html": b"<html>canary</html>",
    "a list": b'["canary"]',
    "no token": b'{"expires_in": 1, "refresh_token": "canary"}',
    "an empty token": b'{"access_token": "", "expires_in": 1}',
    "a token that is no text": b'{"access_token": {"canary": 1}, "expires_in": 1}',
    "no life": b'{"access_token": "canary"}',
    "a negative life": b'{"access_token": "canary", "expires_in": -1}',
    "an endless life": b'{"access_token": "canary", "expires_in": 1' + b"0" * 400 + b"}",
    "no UTF-8": b"\xff\xfe",
}


@pytest.mark.parametrize("body", BAD_GRANTS.values(), ids=BAD_GRANTS)
def test_a_good_status_with_no_grant_is_an_answer_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(SignInFailed) as failed:
        read_grant(200, body)
    assert (failed.value.error, failed.value.status) == ("unreadable_answer", 200)
    assert "canary" not in f"{failed.value!r} {failed.value} {failed.value.__cause__!r}"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error": "invalid_grant", "error_description": "canary"}', "invalid_grant"),
        (b'{"developerMessage": "canary", "errorCode": "AUTH-001"}', "unknown_error"),
        (b'{"error": "canary with words and (punctuation)"}', "unknown_error"),
        (b'{"error": 7}', "unknown_error"),
        (b"[]", "unknown_error"),
        (b"<html>canary</html>", "unknown_error"),
        (b"", "unknown_error"),
    ],
)
def test_of_a_refusal_only_a_plain_code_is_taken_over(body: bytes, error: str) -> None:
    with pytest.raises(SignInFailed) as failed:
        read_grant(400, body)
    assert (failed.value.error, failed.value.status) == (error, 400)
    assert "canary" not in f"{failed.value!r} {failed.value}"


@given(st.integers(100, 599), st.binary())
def test_no_answer_at_all_makes_reading_it_fail_in_another_way(status: int, body: bytes) -> None:
    with pytest.raises(SignInFailed):
        read_grant(status, body)


def test_no_secret_stands_in_the_repr_of_a_request_or_of_a_grant() -> None:
    requests = [code_request(CONFIDENTIAL, "canary-c", "canary-v"), refresh_request(CONFIDENTIAL, "canary-r")]
    assert "canary" not in repr(requests)
    grant = TokenGrant.model_validate({"access_token": "canary-a", "expires_in": 1, "refresh_token": "canary-r"})
    assert "canary" not in repr(grant) + str(grant) + grant.model_dump_json()
