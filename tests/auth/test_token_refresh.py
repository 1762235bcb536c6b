"""Renewing tokens: in time, once, and through crashes, over real processes, sockets and databases."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import sqlalchemy

from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc_sandbox import Fault, LoseAnswer, Refuse, Reset, Stall
from auth.errors import NotSignedIn, ReauthorizationRequired, SignInFailed, SignInUnavailable
from auth.login.flow import sign_out
from auth.oauth import TokenGrant
from auth.refresh_lease import RefreshTimings, acquire_lease, keep_lease_alive
from auth.token_refresh import Point, RefreshingTokenSource, stored_tokens
from auth.vault import RefreshLease, StoredLogin, UserAccount, Vault
from persistence.database import Database, DatabaseAddress
from persistence.errors import DatabaseReadOnly, KeyMissing
from persistence.keys import EncryptionKey, EnvironmentKeys, MachineKeys
from tests.auth.programs.renew import NoKeyring, Orders, main
from tests.support.processes import Process

if TYPE_CHECKING:
    from tests.auth.conftest import Site

QUICK = RefreshTimings(jitter=0, lease=0.2, beat=0.02, poll=0.01, post=120, save=(0.01,))


def renewed(vault: Vault, site: "Site", **more: Any) -> RefreshingTokenSource:
    return RefreshingTokenSource(vault, site.account(), site.endpoint, **({"timings": QUICK} | more))


def digest(found: StoredLogin | None) -> str:
    assert found is not None
    return hashlib.sha256(found.tokens.access_token.get_secret_value().encode()).hexdigest()


def where(address: DatabaseAddress) -> str:
    """A database as a process is told of it."""
    return str(address.file) if address.file else address.url.set(drivername="postgresql").render_as_string(False)


async def given(*orders: Orders) -> list[Any]:
    """What processes were given that were let go together; the exit code of one that said nothing any more."""

    def run() -> list[Any]:
        with ExitStack() as stack:
            asking = [stack.enter_context(Process(main, order)) for order in orders]
            for one in asking:
                assert one.says() == "ready"
            for one in asking:
                one.let_go()
            return [_last_word(one) for one in asking]

    return await anyio.to_thread.run_sync(run)


def _last_word(process: Process) -> Any:
    try:
        return process.says()
    except EOFError:
        return process.exit_code()


async def test_a_token_with_time_left_is_used_as_it_is(vault: Vault, site: "Site") -> None:
    kept = await site.signed_in(vault)
    before = site.posts()
    assert await renewed(vault, site).access_token() == kept.tokens.access_token.get_secret_value()
    assert site.posts() == before


@pytest.mark.parametrize("left", [200.0, 0.0, -86400.0], ids=["some minutes", "none", "over since yesterday"])
async def test_a_token_is_renewed_in_time_and_saved_before_it_is_given(vault: Vault, site: "Site", left: float) -> None:
    kept = await site.signed_in(vault, left=left)
    token = await renewed(vault, site).access_token()
    found = vault.read(site.account())
    assert found is not None
    assert found.tokens.access_token.get_secret_value() == token != kept.tokens.access_token.get_secret_value()
    assert found.tokens.refresh_token != kept.tokens.refresh_token
    assert (found.generation, found.tokens.scopes, found.name) == (kept.generation + 1, kept.tokens.scopes, kept.name)
    lease = vault.lease(site.account())
    assert lease is not None
    assert (lease.holder, lease.attempt) == (None, None)


async def test_each_process_renews_at_a_moment_of_its_own(vault: Vault, site: "Site") -> None:
    expires_at = (await site.signed_in(vault, left=0)).tokens.expires_at
    tries: list[float] = []

    async def renewing(left: float) -> int:
        """How many of some processes ask Autodesk for a token, which it does not give, with so many seconds left."""

        async def refused() -> TokenGrant:
            tries.append(left)
            raise SignInUnavailable(reason="away")

        for _ in range(30):
            source = renewed(vault, site, timings=RefreshTimings(), now=lambda: expires_at - left, mint=refused)
            await source.access_token()
        return tries.count(left)

    assert await renewing(299) == 30
    assert 0 < await renewing(360) < 30
    assert await renewing(421) == 0


async def test_tasks_of_one_process_share_one_renewal(vault: Vault, site: "Site") -> None:
    await site.signed_in(vault, left=0)
    before = site.posts()
    source = renewed(vault, site)
    given: set[str] = set()

    async def ask() -> None:
        given.add(await source.access_token())

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)
    assert (len(given), site.posts() - before) == (1, 1)


async def test_eight_processes_with_one_expired_token_renew_it_once(
    vault: Vault, address: DatabaseAddress, key: EncryptionKey, site: "Site"
) -> None:
    await site.signed_in(vault, left=0)
    before = site.posts()
    orders = Orders(database=where(address), keys=[key.text], account=site.account(), calls=3)
    tokens = await given(*[orders] * 8)
    found = vault.read(site.account())
    assert found is not None
    assert tokens == [[digest(found)] * 3] * 8
    assert site.posts() - before == 1
    assert await site.honoured(found.tokens) == (True, True)


OUTCOMES: dict[Point, str] = {
    "before_lease": "renewed",
    "after_lease": "renewed",
    "before_mark": "renewed",
    "after_mark": "renewed",
    "after_post": "over",
    "in_save": "over",
    "after_save": "saved",
}


@pytest.mark.parametrize("point", OUTCOMES)
async def test_a_process_killed_anywhere_leaves_the_old_token_the_new_one_or_a_clear_state(
    point: Point, vault: Vault, address: DatabaseAddress, key: EncryptionKey, site: "Site"
) -> None:
    kept = await site.signed_in(vault, left=0)
    before = site.posts()
    assert await given(Orders(database=where(address), keys=[key.text], account=site.account(), die_at=point)) == [-9]
    left = vault.lease(site.account())
    assert left is not None
    # Written down before Autodesk is asked, and gone once the outcome is saved.
    assert (left.attempt is not None) == (point in ("after_mark", "after_post", "in_save"))
    source = renewed(vault, site)
    if OUTCOMES[point] == "over":
        with pytest.raises(ReauthorizationRequired):
            await source.access_token()
        found = vault.read(site.account())
        assert found is not None
        assert (found.is_revoked, found.generation) == (True, kept.generation)
        # The one reuse that no care can avoid: the server took it for theft, as it was told to.
        assert await site.honoured(kept.tokens) == (False, False)
        asked = site.posts()
        with pytest.raises(ReauthorizationRequired):
            await source.access_token()
        assert site.posts() == asked  # no process asks with a token that was refused
        return
    token = await source.access_token()
    found = vault.read(site.account())
    assert found is not None
    assert (found.tokens.access_token.get_secret_value(), found.generation) == (token, kept.generation + 1)
    assert site.posts() - before == 1
    assert await site.honoured(found.tokens) == (True, True)


async def test_a_holder_who_shows_life_is_waited_for(
    vault: Vault, database: Database, key: EncryptionKey, site: "Site"
) -> None:
    found = await site.signed_in(vault, left=0)
    lease = await acquire_lease(vault, found, QUICK)
    assert lease is not None
    watched = WatchedVault(database, EnvironmentKeys([key]), lease)
    source = renewed(watched, site, timings=replace(QUICK, lease=0.001))
    given: list[str] = []

    async def ask() -> None:
        given.append(await source.access_token())

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        with anyio.fail_after(120):
            await anyio.to_thread.run_sync(watched.looked_often.wait, abandon_on_cancel=True)
        assert given == []
        assert vault.heartbeat(lease), "the lease was taken from a holder who is alive"
        watched.holder = None
        vault.release(lease)
    assert len(given) == 1


class WatchedVault(Vault):
    """A vault in which the holder of a lease shows life just before another one looks, or tries to take it."""

    def __init__(self, database: Database, keys: EnvironmentKeys, holder: RefreshLease | None) -> None:
        super().__init__(database, keys)
        self.looked_often = threading.Event()
        self.holder = holder
        self._looks = 0

    def try_acquire_lease(self, seen: RefreshLease, holder: str) -> RefreshLease | None:
        self._show_life()
        return super().try_acquire_lease(seen, holder)

    def _show_life(self) -> None:
        if self.holder is not None:
            self.heartbeat(self.holder)

    def lease(self, account: UserAccount) -> RefreshLease | None:
        self._show_life()
        self._looks += 1
        if self._looks == 20:
            self.looked_often.set()
        return super().lease(account)


async def test_a_holder_shows_life_while_its_event_loop_is_busy(vault: Vault, site: "Site") -> None:
    lease = await acquire_lease(vault, await site.signed_in(vault, left=0), QUICK)
    assert lease is not None
    async with keep_lease_alive(vault, lease, QUICK):
        while (seen := vault.lease(lease.account)) is not None and seen.beat < 3:
            pass


async def test_a_holder_who_was_given_up_before_it_asked_does_not_ask(vault: Vault, site: "Site") -> None:
    """A machine slept after it had taken the lease; another one has used the refresh token, and saves."""
    found = await site.signed_in(vault, left=0)
    assert found.tokens.refresh_token is not None
    grant = await site.endpoint.refresh(found.tokens.refresh_token.get_secret_value())
    taken_over: list[RefreshLease] = []

    def other_machine(point: Point) -> None:
        if point == "before_mark":
            seen = vault.lease(site.account())
            assert seen is not None
            while (other := vault.try_acquire_lease(seen, "another machine")) is None:  # it still shows life
                seen = vault.lease(site.account())
                assert seen is not None
            taken_over.append(other)
        elif point == "before_lease" and taken_over:
            vault.save_refreshed(taken_over[0], stored_tokens(grant, time.time(), found.tokens.scopes))

    before = site.posts()
    token = await renewed(vault, site, reached=other_machine).access_token()
    assert (token, len(taken_over)) == (grant.access_token.get_secret_value(), 1)
    assert site.posts() == before
    newer = vault.read(site.account())
    assert newer is not None
    assert await site.honoured(newer.tokens) == (True, True)


@contextmanager
def cannot_be_written(database: Database) -> Iterator[None]:
    """The database can be read and not written, as on a disk that was remounted after an error."""
    sqlite = database.address.file is not None
    states = ["on"]

    def limit(connection: Any, *_: object) -> None:
        setting = "PRAGMA query_only" if sqlite else "SET default_transaction_read_only"
        connection.execute(f"{setting} = {states[-1]}")
        if not sqlite:
            connection.commit()

    # It stays, so that the connections which have met it are good again afterwards.
    sqlalchemy.event.listen(database.engine, "checkout", limit)
    yield
    states.append("off")


@pytest.mark.parametrize("beat", [0.02, 3600.0], ids=["by itself", "by the next call"])
async def test_tokens_that_cannot_be_saved_are_kept_and_saved_as_soon_as_they_can(
    vault: Vault, database: Database, site: "Site", beat: float
) -> None:
    kept = await site.signed_in(vault, left=0)
    before = site.posts()
    with ExitStack() as trouble:

        def begin(point: Point) -> None:
            if point == "after_post":
                trouble.enter_context(cannot_be_written(database))

        source = renewed(vault, site, timings=replace(QUICK, beat=beat), reached=begin)
        other = renewed(vault, site)
        # Every call is told, here and in other processes, and none of them asks Autodesk with the token that was used.
        for one in (source, source, other):
            with pytest.raises(DatabaseReadOnly, match="cannot be written to"):
                await one.access_token()
        assert site.posts() - before == 1
        left = vault.lease(site.account())
        assert left is not None
        assert left.attempt is not None
    if beat < 1:
        with anyio.fail_after(120):
            await anyio.to_thread.run_sync(_wait_for_newer, vault, left, abandon_on_cancel=True)
    token = await source.access_token()
    found = vault.read(site.account())
    assert found is not None
    assert found.generation == kept.generation + 1
    for one in (source, other):
        assert token == await one.access_token() == found.tokens.access_token.get_secret_value()
    assert site.posts() - before == 1
    assert await site.honoured(found.tokens) == (True, True)


def _wait_for_newer(vault: Vault, lease: RefreshLease) -> None:
    while (found := vault.read(lease.account)) is None or found.generation == lease.generation:
        time.sleep(0.01)


async def test_a_database_that_cannot_be_written_to_is_noticed_before_autodesk_is_asked(
    vault: Vault, database: Database, site: "Site"
) -> None:
    kept = await site.signed_in(vault, left=0)
    before = site.posts()
    source = renewed(vault, site)
    with cannot_be_written(database), pytest.raises(DatabaseReadOnly):
        await source.access_token()
    assert site.posts() == before
    assert vault.read(site.account()) == kept
    await source.access_token()
    assert site.posts() - before == 1


async def test_while_another_process_refreshes_early_the_old_token_serves(vault: Vault, site: "Site") -> None:
    found = await site.signed_in(vault, left=200)
    assert await acquire_lease(vault, found, QUICK) is not None
    before = site.posts()
    assert await renewed(vault, site).access_token() == found.tokens.access_token.get_secret_value()
    assert site.posts() == before


@pytest.mark.parametrize(
    "effect",
    [Refuse(503), Refuse(500, "no JSON"), Refuse(429), Refuse(200, "<html>Sign in to the network</html>"), Reset()],
    ids=repr,
)
async def test_a_failing_service_costs_no_token(vault: Vault, site: "Site", effect: Any) -> None:
    kept = await site.signed_in(vault, left=0)
    site.box.faults.add(Fault("auth.token", effect))
    source = renewed(vault, site)
    with pytest.raises(SignInFailed):
        await source.access_token()
    assert vault.read(site.account()) == kept
    await source.access_token()
    found = vault.read(site.account())
    assert found is not None
    assert found.generation == kept.generation + 1


async def test_a_failing_service_is_no_trouble_while_the_token_is_good(vault: Vault, site: "Site") -> None:
    kept = await site.signed_in(vault, left=200)
    site.box.faults.add(Fault("auth.token", Refuse(503), times=None))
    source = renewed(vault, site)
    before = site.posts()
    for _ in range(3):
        assert await source.access_token() == kept.tokens.access_token.get_secret_value()
    assert site.posts() - before == 1  # and it is left in peace for a while


async def test_an_answer_that_is_lost_ends_in_a_clear_state(vault: Vault, site: "Site") -> None:
    await site.signed_in(vault, left=0)
    site.box.faults.add(Fault("auth.token", LoseAnswer()))
    source = renewed(vault, site)
    with pytest.raises(SignInUnavailable):
        await source.access_token()
    with pytest.raises(ReauthorizationRequired):
        await source.access_token()


async def test_a_call_that_goes_away_does_not_stop_a_renewal(vault: Vault, site: "Site") -> None:
    kept = await site.signed_in(vault, left=0)
    stall = Fault("auth.token", Stall())
    site.box.faults.add(stall)
    source = renewed(vault, site)
    async with anyio.create_task_group() as group:
        group.start_soon(source.access_token)
        await anyio.to_thread.run_sync(stall.reached.wait)
        group.cancel_scope.cancel()
        site.box.faults.release()
    found = vault.read(site.account())
    assert found is not None
    assert found.generation == kept.generation + 1
    assert await source.access_token() == found.tokens.access_token.get_secret_value()


async def test_a_token_that_another_process_has_used_up_is_read_again_before_giving_up(
    vault: Vault, site: "Site"
) -> None:
    """A process that was given up for dead, and was not, used the token and saves while the next one asks."""
    found = await site.signed_in(vault, left=0)
    slow = await acquire_lease(vault, found, QUICK)
    assert slow is not None
    refresh_token = found.tokens.refresh_token
    assert refresh_token is not None
    grant = await site.endpoint.refresh(refresh_token.get_secret_value())

    def save(point: Point) -> None:
        if point == "after_mark":
            vault.save_refreshed(slow, stored_tokens(grant, time.time(), found.tokens.scopes))

    assert await renewed(vault, site, reached=save).access_token() == grant.access_token.get_secret_value()


async def test_a_token_that_was_refused_is_renewed_once(vault: Vault, site: "Site") -> None:
    kept = await site.signed_in(vault)
    rejected = kept.tokens.access_token.get_secret_value()
    source = renewed(vault, site)
    before = site.posts()
    newer = await source.renewed(rejected)
    assert newer not in (None, rejected)
    assert await source.renewed(rejected) == newer
    # A token that was issued a moment ago and is refused will not get better by another one.
    assert newer is not None
    assert await source.renewed(newer) is None
    assert site.posts() - before == 1


async def test_a_request_that_autodesk_answers_with_401_is_repeated_with_a_renewed_token(
    vault: Vault, site: "Site"
) -> None:
    kept = await site.signed_in(vault)
    await site.endpoint.revoke(kept.tokens.access_token.get_secret_value(), refresh=False)
    before = site.posts()
    async with AccClient(AutodeskHosts.at(site.base_url), renewed(vault, site)) as acc:
        assert (await acc.userinfo()).name == "Project Manager"
        assert (await acc.userinfo()).name == "Project Manager"
    assert site.posts() - before == 1
    assert [one.status for one in site.box.requests.all("auth.userinfo")] == [401, 200, 200]


async def test_a_key_that_is_missing_does_not_hold_others_up(vault: Vault, database: Database, site: "Site") -> None:
    found = await site.signed_in(vault, left=0)
    with pytest.raises(KeyMissing):
        await renewed(Vault(database, EnvironmentKeys([EncryptionKey.new()])), site).access_token()
    assert await acquire_lease(vault, found, QUICK, patient=False) is not None


async def test_without_a_login_not_signed_in_is_raised(vault: Vault, site: "Site") -> None:
    with pytest.raises(NotSignedIn):
        await renewed(vault, site).access_token()


async def test_signing_out_elsewhere_is_seen_at_once(vault: Vault, site: "Site") -> None:
    await site.signed_in(vault)
    source = renewed(vault, site)
    await source.access_token()
    await sign_out(vault, site.account(), site.endpoint, revoke=False)
    with pytest.raises(NotSignedIn):
        await source.access_token()


@pytest.mark.parametrize("minutes", [-4, 4])
async def test_a_clock_that_is_minutes_wrong_does_no_harm(vault: Vault, site: "Site", minutes: int) -> None:
    """Seen from the service, a token is used neither after its end nor renewed again and again."""
    await site.signed_in(vault, left=0)
    skewed = time.time() + minutes * 60
    source = renewed(vault, site, now=lambda: skewed)
    first = await source.access_token()
    before = site.posts()
    assert await source.access_token() == first
    assert site.posts() == before
    # Another machine, whose clock is right, reads the same record.
    assert await renewed(vault, site).access_token() == first


async def test_a_clock_that_was_set_back_keeps_no_refused_token(vault: Vault, site: "Site") -> None:
    """By that clock the token is good for days, and was issued after now: it is renewed when Autodesk refuses it."""
    clock = time.time()
    source = renewed(vault, site, now=lambda: clock)
    await site.signed_in(vault, left=0)
    over = await source.access_token()
    clock -= 3 * 24 * 3600
    assert await source.access_token() == over
    newer = await source.renewed(over)
    assert newer not in (None, over)
    assert await source.access_token() == newer
    # The token of this moment that is refused, too, will not get better by another one.
    assert newer is not None
    assert await source.renewed(newer) is None


async def under_load(site: "Site", orders: list[Orders], *rotations: Callable[[], object]) -> None:
    """Eight processes renew one sign-in over and over; each of `rotations` happens while one of them is asking."""
    stalls = [site.box.faults.add(Fault("auth.token", Stall(), nth=3 * n)) for n in range(1, len(rotations) + 1)]
    before = site.posts()
    tokens: list[list[str]] = []

    async def run() -> None:
        tokens.extend(await given(*orders))

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        for stall, rotate in zip(stalls, rotations, strict=True):
            assert await anyio.to_thread.run_sync(stall.reached.wait, 120)
            await anyio.to_thread.run_sync(rotate)
            site.box.faults.release()
    assert [len(one) for one in tokens] == [10] * 8
    renewals = site.posts() - before
    assert renewals >= 7
    # Whatever was given was one of the tokens that Autodesk issued, and each of those was saved: none got lost.
    assert len({token for one in tokens for token in one}) == renewals


async def test_two_rotations_of_the_key_under_load_lose_nothing(site: "Site", tmp_path: Path) -> None:
    """On one machine: `vault rekey` makes a key, and those who run find it in the key file."""
    file = tmp_path / "vault.key"
    with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3")) as database:

        def vault() -> Vault:
            return Vault(database, MachineKeys(file, NoKeyring()))

        await site.signed_in(vault(), left=0)
        first = file.read_text(encoding="ascii")
        orders = Orders(database=where(database.address), key_file=file, account=site.account(), rounds=9)
        await under_load(site, [orders] * 8, vault().rekey, vault().rekey)
        keys = [EncryptionKey.parse(text) for text in file.read_text(encoding="ascii").split(",")]
        assert [key.text for key in keys[2:]] == [first]
        found = Vault(database, EnvironmentKeys(keys[:1])).read(site.account())
    assert found is not None
    assert await site.honoured(found.tokens) == (True, True)


async def test_two_rotations_of_the_key_under_load_lose_nothing_where_replicas_share_a_database(
    site: "Site", postgres_url: str
) -> None:
    """As docs/security.md tells it: every replica knows the new key before anybody seals with it."""
    oldest, older, newest = EncryptionKey.new(), EncryptionKey.new(), EncryptionKey.new()
    rings = [[oldest, older, newest], [older, oldest, newest], [newest, older, oldest]]
    with Database.open(DatabaseAddress.of(postgres_url)) as database:
        vaults = [Vault(database, EnvironmentKeys(keys)) for keys in rings]
        await site.signed_in(vaults[0], left=0)
        orders = Orders(database=where(database.address), account=site.account(), rounds=9)
        replicas = [orders.model_copy(update={"keys": [key.text for key in rings[n % 3]]}) for n in range(8)]
        await under_load(site, replicas, vaults[1].rekey, vaults[2].rekey)
        # Replicas that still had an older key in front are gone by now; the last rekey takes what they left.
        assert vaults[2].rekey() == 1
        found = Vault(database, EnvironmentKeys([newest])).read(site.account())
    assert found is not None
    assert await site.honoured(found.tokens) == (True, True)
