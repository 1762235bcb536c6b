"""Proof Key for Code Exchange (RFC 7636), and the address at which a person signs in."""

import re
from urllib.parse import parse_qsl, urlsplit

from auth.oauth import SCOPES, OAuthApp, PkceAttempt, authorize_url

APP = OAuthApp("CID", "http://localhost:8765/callback")


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
    url = authorize_url("https://acc.example", APP, attempt)
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
