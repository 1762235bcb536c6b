"""OAuth 2.0 towards Autodesk: PKCE, requests and answers of the token endpoint (fact sheet 10), and who a token is of."""

import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.errors import NotSignedIn, SignInFailed
from auth.oauth import (
    SCOPES,
    AuthServer,
    FormRequest,
    NoTokenSource,
    OAuthApp,
    PkceAttempt,
    StaticTokenSource,
    TokenEndpoint,
    TokenGrant,
    UserProfile,
    authorize_url,
    code_request,
    is_refresh_token_dead,
    read_grant,
    refresh_request,
)

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


def test_the_challenge_is_the_one_of_the_rfcs_example() -> None:
    """RFC 7636, appendix B."""
    attempt = PkceAttempt(verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_each_attempt_has_secrets_of_its_own_in_the_form_that_the_rfc_asks_for() -> None:
    attempts = [PkceAttempt() for _ in range(100)]
    secrets = [secret for attempt in attempts for secret in (attempt.verifier, attempt.state)]
    assert len(set(secrets)) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", secret) for secret in secrets)


def test_the_address_carries_the_challenge_and_never_the_verifier() -> None:
    attempt = PkceAttempt()
    url = authorize_url("https://acc.example", PUBLIC, attempt)
    assert attempt.verifier not in url
    assert url.startswith("https://acc.example/authentication/v2/authorize?")
    assert dict(parse_qsl(urlsplit(url).query, strict_parsing=True)) == {
        "response_type": "code",
        "client_id": "CID",
        "redirect_uri": "http://localhost:8765/callback",
        "scope": " ".join(SCOPES),
        "state": attempt.state,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }


def test_no_secret_stands_in_a_repr() -> None:
    shown = repr([OAuthApp("CID", "url", secret="canary-1"), PkceAttempt(verifier="canary-2", state="canary-3")])
    assert "canary" not in shown


HOST = "https://autodesk.example"


class Answering:
    """An Autodesk that answers every question alike."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, self.body

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, self.body


async def person(body: bytes) -> UserProfile:
    return await TokenEndpoint(Answering(body), AuthServer(HOST, HOST), OAuthApp("client", "")).userinfo("token")


@pytest.mark.parametrize(
    ("members", "name", "email"),
    [
        ({}, "", None),
        ({"name": None, "email": None}, "", None),
        ({"name": ["First"], "email": {"work": "a@b.c"}}, "", None),
        ({"name": 7, "email": ""}, "", None),
        ({"name": "First\u0000 Last\u202e", "email": "a@b.c\n"}, "First Last", "a@b.c"),
        ({"name": "First", "locale": {"x": 1}, "updated_at": "never", "email_verified": "perhaps"}, "First", None),
    ],
)
async def test_a_person_is_known_by_their_id_whatever_else_is_said_of_them(
    members: dict[str, object], name: str, email: str | None
) -> None:
    assert await person(json.dumps({"sub": "ABCDEFGH", **members}).encode()) == UserProfile(
        sub="ABCDEFGH", name=name, email=email
    )


@pytest.mark.parametrize("sub", [None, "", 7, ["A"], "A\u0000B", "A\nB", "A B"])
async def test_userinfo_without_an_id_is_unreadable(sub: object) -> None:
    with pytest.raises(SignInFailed, match="something that is no answer"):
        await person(json.dumps({"sub": sub, "name": "First"}).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"sub": NaN}', b'{"sub": "\\ud800"}', b"[" * 9999, b"<html></html>"])
async def test_an_answer_that_is_no_person_is_one_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(SignInFailed, match="something that is no answer"):
        await person(body)


FINAL = {
    "invalid_grant": SignInFailed("invalid_grant", 400),
    "a bare 400": SignInFailed("unknown_error", 400),
    "a 200 that cannot be read": SignInFailed("unreadable_answer", 200),
}
PASSING = {
    "500": SignInFailed("unknown_error", 500),
    "503": SignInFailed("invalid_request", 503),
    "429": SignInFailed("unknown_error", 429),
    "no answer": SignInFailed("unreachable"),
    "a client that is refused": SignInFailed("invalid_client", 401),
}


@pytest.mark.parametrize("failure", [*FINAL.values(), *PASSING.values()], ids=[*FINAL, *PASSING])
def test_a_refresh_token_is_over_once_it_is_refused_or_used_up(failure: SignInFailed) -> None:
    assert is_refresh_token_dead(failure) == (failure in FINAL.values())


async def test_a_ready_token_is_used_as_it_is_and_never_renewed() -> None:
    source = StaticTokenSource("canary")
    assert await source.access_token() == "canary"
    assert await source.renewed("canary") is None
    assert "canary" not in repr(source)


async def test_no_token_source_raises_not_signed_in() -> None:
    with pytest.raises(NotSignedIn):
        await NoTokenSource().access_token()
    assert await NoTokenSource().renewed("any") is None
