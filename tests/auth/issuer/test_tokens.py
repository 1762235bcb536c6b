"""Opaque tokens on both databases: rotation with one step of grace, reuse, replay, revocation."""

import base64
import hashlib
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy

from auth.issuer.errors import OAuthError
from auth.issuer.grants import EndedGrant, GrantRepository
from auth.issuer.opaque_secrets import ACCESS_PREFIX, REFRESH_PREFIX
from auth.issuer.scopes import ATTACH, READ
from auth.issuer.tokens import GRACE_SECONDS, GRACE_TOKENS, GrantRequest, IssuedTokens, TokenLives, TokenRepository
from persistence.database import Database

VERIFIER = "v" * 43
REDIRECT = "https://client.example/callback"
RESOURCE = "https://team.example/mcp"
CLIENT = "client"


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def revoked() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def repository(database: Database, clock: Clock, revoked: list[tuple[str, str]]) -> TokenRepository:
    return TokenRepository(database, now=clock, on_revoked=lambda grant, reason: revoked.append((grant.id, reason)))


@pytest.fixture
def grants(database: Database, clock: Clock) -> GrantRepository:
    return GrantRepository(database, now=clock)


def code_of(repository: TokenRepository, subject: str = "PERSON", client: str = CLIENT) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    return repository.issue_code(
        GrantRequest(
            subject,
            "A Person",
            "a@example.com",
            client,
            "Client",
            "client.example",
            (READ, ATTACH),
            REDIRECT,
            challenge,
            RESOURCE,
        )
    )[0]


def issued(repository: TokenRepository, subject: str = "PERSON", client: str = CLIENT) -> IssuedTokens:
    return repository.exchange_code(code_of(repository, subject, client), client, REDIRECT, VERIFIER, RESOURCE)


def refused(work: object) -> str:
    with pytest.raises(OAuthError) as caught:
        work()  # type: ignore[operator]
    return caught.value.error


def test_tokens_are_random_and_marked_for_secret_scanners(repository: TokenRepository) -> None:
    tokens = issued(repository)
    assert tokens.access_token.startswith(ACCESS_PREFIX)
    assert tokens.refresh_token.startswith(REFRESH_PREFIX)
    assert len(tokens.access_token) == len(ACCESS_PREFIX) + 43  # 256 bits
    assert tokens.access_token not in repr(tokens)


def test_a_replayed_code_ends_the_grant_that_it_made(
    repository: TokenRepository, revoked: list[tuple[str, str]]
) -> None:
    code = code_of(repository)
    tokens = repository.exchange_code(code, CLIENT, REDIRECT, VERIFIER, None)
    assert repository.verify(tokens.access_token, RESOURCE) is not None
    for _ in range(2):
        assert refused(lambda: repository.exchange_code(code, CLIENT, REDIRECT, VERIFIER, None)) == "invalid_grant"
    assert repository.verify(tokens.access_token, RESOURCE) is None
    assert revoked == [(tokens.grant_id, "code_replayed")]


def test_a_code_is_used_up_by_a_wrong_try(repository: TokenRepository) -> None:
    code = code_of(repository)
    assert refused(lambda: repository.exchange_code(code, CLIENT, REDIRECT, "w" * 43, None)) == "invalid_grant"
    assert refused(lambda: repository.exchange_code(code, CLIENT, REDIRECT, VERIFIER, None)) == "invalid_grant"


def test_two_that_exchange_one_code_at_once_do_not_both_get_tokens(repository: TokenRepository) -> None:
    code, barrier = code_of(repository), threading.Barrier(2)

    def exchange(_: int) -> str:
        barrier.wait()
        try:
            return repository.exchange_code(code, CLIENT, REDIRECT, VERIFIER, None).access_token
        except OAuthError as error:
            return error.error

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(exchange, range(2)))
    assert answers.count("invalid_grant") == 1


def test_refreshing_rotates_both_tokens_and_the_older_access_token_lives_on(
    repository: TokenRepository, clock: Clock
) -> None:
    first = issued(repository)
    second = repository.refresh(first.refresh_token, CLIENT)
    assert {second.access_token, second.refresh_token}.isdisjoint({first.access_token, first.refresh_token})
    assert repository.verify(first.access_token, RESOURCE) is not None
    clock.now += 3601
    assert repository.verify(first.access_token, RESOURCE) is None
    assert repository.verify(second.access_token, RESOURCE) is None
    third = repository.refresh(second.refresh_token, CLIENT)
    assert repository.verify(third.access_token, RESOURCE) is not None


def test_a_lost_answer_can_be_asked_for_again(repository: TokenRepository, revoked: list[tuple[str, str]]) -> None:
    first = issued(repository)
    lost = repository.refresh(first.refresh_token, CLIENT)
    again = repository.refresh(first.refresh_token, CLIENT)
    assert repository.verify(again.access_token, RESOURCE) is not None
    assert lost.refresh_token != again.refresh_token
    assert repository.refresh(again.refresh_token, CLIENT).grant_id == first.grant_id
    assert revoked == []


def test_two_processes_that_refresh_at_once_both_go_on(repository: TokenRepository, clock: Clock) -> None:
    first, barrier = issued(repository), threading.Barrier(4)

    def refresh(_: int) -> IssuedTokens:
        barrier.wait()
        return repository.refresh(first.refresh_token, CLIENT)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(refresh, range(4)))
    assert len({answer.refresh_token for answer in answers}) == 4
    assert all(repository.verify(answer.access_token, RESOURCE) for answer in answers)
    clock.now += 3000
    # Whichever of them the processes kept, in the file that they share, it goes on.
    for kept in (answers[0], answers[-1]):
        assert repository.refresh(kept.refresh_token, CLIENT).grant_id == first.grant_id


def test_reuse_after_the_successor_was_used_ends_the_grant(
    repository: TokenRepository, revoked: list[tuple[str, str]]
) -> None:
    first = issued(repository)
    second = repository.refresh(first.refresh_token, CLIENT)
    third = repository.refresh(second.refresh_token, CLIENT)
    assert refused(lambda: repository.refresh(first.refresh_token, CLIENT)) == "invalid_grant"
    assert repository.verify(third.access_token, RESOURCE) is None
    assert refused(lambda: repository.refresh(third.refresh_token, CLIENT)) == "invalid_grant"
    assert revoked == [(first.grant_id, "refresh_reused")]


def test_reuse_after_ten_minutes_ends_the_grant(repository: TokenRepository, clock: Clock) -> None:
    first = issued(repository)
    second = repository.refresh(first.refresh_token, CLIENT)
    clock.now += GRACE_SECONDS + 1
    assert refused(lambda: repository.refresh(first.refresh_token, CLIENT)) == "invalid_grant"
    assert repository.verify(second.access_token, RESOURCE) is None


def test_a_stolen_token_is_noticed_when_both_sides_go_on_refreshing(repository: TokenRepository, clock: Clock) -> None:
    first = issued(repository)
    owner, thief = repository.refresh(first.refresh_token, CLIENT), repository.refresh(first.refresh_token, CLIENT)
    clock.now += 3000
    owner = repository.refresh(owner.refresh_token, CLIENT)
    clock.now += 900
    assert refused(lambda: repository.refresh(thief.refresh_token, CLIENT)) == "invalid_grant"
    assert repository.verify(owner.access_token, RESOURCE) is None


def test_grace_hands_out_a_bounded_number_of_tokens(repository: TokenRepository) -> None:
    first = issued(repository)
    for _ in range(GRACE_TOKENS):
        repository.refresh(first.refresh_token, CLIENT)
    assert refused(lambda: repository.refresh(first.refresh_token, CLIENT)) == "invalid_grant"


def test_a_token_of_another_client_is_refused_and_ends_nothing(repository: TokenRepository) -> None:
    first = issued(repository)
    assert refused(lambda: repository.refresh(first.refresh_token, "other")) == "invalid_grant"
    repository.revoke_token(first.refresh_token, "other")
    assert repository.verify(first.access_token, RESOURCE) is not None


@pytest.mark.parametrize("token", ["", "smt_at_", "smt_at_" + "x" * 43, "smt_at_" + "x" * 10_000, "Bearer", "\udcff"])
def test_whatever_is_no_access_token_is_none(repository: TokenRepository, token: str) -> None:
    assert repository.verify(token, RESOURCE) is None


def test_a_token_for_another_resource_is_none(repository: TokenRepository) -> None:
    assert repository.verify(issued(repository).access_token, "https://other.example/mcp") is None


def test_a_refresh_token_and_a_code_are_no_access_tokens(repository: TokenRepository) -> None:
    tokens = issued(repository)
    swapped = ACCESS_PREFIX + tokens.refresh_token.removeprefix(REFRESH_PREFIX)
    assert [repository.verify(one, RESOURCE) for one in (tokens.refresh_token, swapped, code_of(repository))] == [
        None
    ] * 3
    assert refused(lambda: repository.refresh(tokens.access_token, CLIENT)) == "invalid_grant"


def test_no_refresh_outlives_the_grant(database: Database, clock: Clock) -> None:
    repository = TokenRepository(database, now=clock, lives=TokenLives(refresh=1000, grant=2500))
    tokens = issued(repository)
    for _ in range(2):
        clock.now += 900
        tokens = repository.refresh(tokens.refresh_token, CLIENT)
    assert tokens.expires_in == 700
    clock.now += 701
    assert repository.verify(tokens.access_token, RESOURCE) is None
    assert refused(lambda: repository.refresh(tokens.refresh_token, CLIENT)) == "invalid_grant"


def test_revoking_takes_effect_at_once_for_exactly_what_was_named(
    repository: TokenRepository, grants: GrantRepository
) -> None:
    mine, also_mine, others = issued(repository), issued(repository, client="second"), issued(repository, "OTHER")
    ended = grants.revoke("administrator", subject="PERSON", client_id="second")
    assert ended == (EndedGrant(also_mine.grant_id, "PERSON", "second"),)
    good = [repository.verify(one.access_token, RESOURCE) is not None for one in (mine, also_mine, others)]
    assert good == [True, False, True]
    assert [one.id for one in grants.revoke("administrator", subject="PERSON")] == [mine.grant_id]
    assert [row["subject"] for row in grants.list()] == ["OTHER"]
    assert grants.ended([mine.grant_id, others.grant_id]) == {mine.grant_id}
    assert [one.id for one in grants.revoke("administrator")] == [others.grant_id]
    assert grants.ended([others.grant_id, "unknown"]) == {others.grant_id, "unknown"}


def test_a_grant_that_two_end_at_once_is_reported_as_ended_once(
    repository: TokenRepository, grants: GrantRepository, database: Database, revoked: list[tuple[str, str]]
) -> None:
    """On PostgreSQL an administrator comes first, where a client has found its grant alive and is about to end it."""
    tokens, here = issued(repository), threading.get_ident()
    ended: list[Future[tuple[EndedGrant, ...]]] = []
    with ThreadPoolExecutor(1) as other:

        @sqlalchemy.event.listens_for(database.engine, "before_cursor_execute")
        def _(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if threading.get_ident() == here and statement.startswith("UPDATE oauth_grants"):
                ended.append(other.submit(grants.revoke, "administrator"))
                if database.address.file is None:
                    ended[0].result(120)

        repository.revoke_token(tokens.refresh_token, CLIENT)
        first = ended[0].result(120)
    by_client = (tokens.grant_id, "client")
    by_administrator = [one.id for one in first]
    expected = ([], [by_client]) if database.address.file else ([tokens.grant_id], [])
    assert (by_administrator, revoked) == expected


def test_expired_codes_are_purged_and_living_grants_stay(
    repository: TokenRepository, grants: GrantRepository, clock: Clock
) -> None:
    code_of(repository)  # its client never came
    tokens = issued(repository)
    clock.now += 20 * 24 * 3600
    tokens = repository.refresh(tokens.refresh_token, CLIENT)
    clock.now += 20 * 24 * 3600
    assert grants.purge() == 1
    assert len(grants.list(ended=True)) == 1
    assert repository.refresh(tokens.refresh_token, CLIENT).grant_id == tokens.grant_id
