"""Tokens whenever a request needs one: renewed early, once, and never at the expense of one that is still good."""

from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest

from auth.errors import NotSignedIn, ReauthorizationRequired, SignInFailed
from auth.oauth import EARLY_SECONDS, PAUSE_SECONDS, InMemoryTokenSource, NoTokenSource, StaticTokenSource, TokenGrant

LIFE = 3599


def grant(number: int, **fields: object) -> TokenGrant:
    return TokenGrant.model_validate(
        {"access_token": f"canary-a{number}", "expires_in": LIFE, "refresh_token": f"canary-r{number}", **fields}
    )


class Server:
    """An authorization server: every refresh token is good for one use, and `failures` come first."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.used: list[str] = []
        self.failures: list[SignInFailed] = []
        self.before: Callable[[], Awaitable[object]] = anyio.lowlevel.checkpoint

    def clock(self) -> float:
        return self.now

    async def refresh(self, refresh_token: str) -> TokenGrant:
        self.used.append(refresh_token)
        await self.before()
        if self.failures:
            raise self.failures.pop(0)
        if refresh_token != f"canary-r{len(set(self.used))}":
            raise SignInFailed("invalid_grant", 400)
        return grant(len(set(self.used)) + 1)

    def session(self, first: TokenGrant | None = None) -> InMemoryTokenSource:
        return InMemoryTokenSource(first or grant(1), self.refresh, self.clock)


async def test_a_token_is_used_while_it_has_time_left() -> None:
    server = Server()
    session = server.session()
    server.now += LIFE - EARLY_SECONDS
    assert await session.access_token() == "canary-a1"
    assert server.used == []


async def test_a_token_is_renewed_before_its_time_is_up() -> None:
    server = Server()
    session = server.session()
    server.now += LIFE - EARLY_SECONDS + 1
    assert await session.access_token() == "canary-a2"
    assert await session.access_token() == "canary-a2"
    assert server.used == ["canary-r1"]


async def test_each_refresh_uses_the_token_of_the_one_before() -> None:
    server = Server()
    session = server.session()
    for number in range(2, 5):
        server.now += LIFE
        assert await session.access_token() == f"canary-a{number}"
    assert server.used == ["canary-r1", "canary-r2", "canary-r3"]


async def test_many_requests_at_once_make_one_refresh() -> None:
    server = Server()
    session = server.session()
    server.now += LIFE
    entered, go_on = anyio.Event(), anyio.Event()

    async def before() -> None:
        entered.set()
        await go_on.wait()

    server.before = before
    tokens: list[str | None] = []

    async def ask() -> None:
        tokens.append(await session.access_token())

    async def ask_after_a_refusal() -> None:
        tokens.append(await session.renewed("canary-a1"))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(ask)
                group.start_soon(ask_after_a_refusal)
            await entered.wait()
            await anyio.wait_all_tasks_blocked()
            go_on.set()
    assert tokens == ["canary-a2"] * 20
    assert server.used == ["canary-r1"]


async def test_a_token_that_was_refused_is_renewed_whatever_time_it_has_left() -> None:
    server = Server()
    session = server.session()
    assert await session.renewed("canary-a1") == "canary-a2"
    assert await session.renewed("canary-a1") == "canary-a2"  # another request was refused the same old one
    assert server.used == ["canary-r1"]


async def test_a_call_that_goes_away_does_not_take_the_new_token_with_it() -> None:
    server = Server()
    session = server.session()
    server.now += LIFE
    entered, go_on = anyio.Event(), anyio.Event()

    async def before() -> None:
        entered.set()
        await go_on.wait()

    server.before = before
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(session.access_token)
            await entered.wait()
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.wait_all_tasks_blocked()
            go_on.set()
        assert await session.access_token() == "canary-a2"
    assert server.used == ["canary-r1"]


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


@pytest.mark.parametrize("failure", FINAL.values(), ids=FINAL)
async def test_a_refresh_token_that_is_refused_is_never_used_again(failure: SignInFailed) -> None:
    server = Server()
    session = server.session()
    server.now += LIFE
    server.failures = [failure]
    for _ in range(3):
        with pytest.raises(ReauthorizationRequired) as required:
            await session.access_token()
        with pytest.raises(ReauthorizationRequired):
            await session.renewed("canary-a1")
    assert server.used == ["canary-r1"]
    assert "canary" not in f"{required.value!r} {required.value}"


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
async def test_a_server_that_is_unwell_leaves_the_refresh_token_for_the_next_request(failure: SignInFailed) -> None:
    server = Server()
    session = server.session()
    server.now += LIFE
    server.failures = [failure]
    with pytest.raises(SignInFailed) as failed:
        await session.access_token()
    assert failed.value is failure
    assert await session.access_token() == "canary-a2"
    assert server.used == ["canary-r1", "canary-r1"]


@pytest.mark.parametrize("failure", [*FINAL.values(), *PASSING.values()], ids=[*FINAL, *PASSING])
async def test_a_token_that_is_still_good_does_while_it_cannot_be_renewed(failure: SignInFailed) -> None:
    server = Server()
    session = server.session()
    server.now += LIFE - EARLY_SECONDS + 1
    server.failures = [failure]
    for _ in range(3):
        assert await session.access_token() == "canary-a1"
    assert len(server.used) == 1


async def test_a_good_token_is_tried_to_be_renewed_once_a_minute_and_an_ended_one_at_once() -> None:
    server = Server()
    session = server.session()
    server.now += LIFE - EARLY_SECONDS + 1
    server.failures = [SignInFailed("unreachable")] * 3
    assert await session.access_token() == "canary-a1"
    server.now += PAUSE_SECONDS
    assert await session.access_token() == "canary-a1"
    assert len(server.used) == 2
    server.now += EARLY_SECONDS
    with pytest.raises(SignInFailed):
        await session.access_token()
    assert await session.access_token() == "canary-a2"


async def test_a_grant_without_a_refresh_token_is_good_until_its_end() -> None:
    server = Server()
    session = server.session(grant(1, refresh_token=None))
    server.now += LIFE - 1
    assert await session.access_token() == "canary-a1"
    server.now += 1
    with pytest.raises(ReauthorizationRequired):
        await session.access_token()
    with pytest.raises(ReauthorizationRequired):
        await session.renewed("canary-a1")
    assert server.used == []


async def test_a_ready_token_is_used_as_it_is_and_never_renewed() -> None:
    source = StaticTokenSource("canary")
    assert await source.access_token() == "canary"
    assert await source.renewed("canary") is None


async def test_no_token_source_raises_not_signed_in() -> None:
    with pytest.raises(NotSignedIn):
        await NoTokenSource().access_token()
    assert await NoTokenSource().renewed("any") is None


def test_no_token_stands_in_a_repr() -> None:
    shown = f"{StaticTokenSource('canary')!r} {Server().session()!r}"
    assert "canary" not in shown
