"""Plain token sources, and what tells that a refresh token is over."""

import pytest

from auth.errors import NotSignedIn, SignInFailed
from auth.oauth import NoTokenSource, StaticTokenSource, is_refresh_token_dead

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
