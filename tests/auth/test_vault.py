"""The vault: records sealed in their place, several people, keys that change under running servers."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from pydantic import SecretStr

from auth.vault import RefreshLease, TokenSet, UserAccount, Vault
from persistence.database import Database, DatabaseAddress
from persistence.encryption import NotSealed, key_id_of
from persistence.errors import KeyMissing
from persistence.keys import EncryptionKey, EnvironmentKeys, KeyringUnavailable, MachineKeys

ACCOUNT = UserAccount("https://developer.api.autodesk.com", "client", "SUBJECT")
TOKENS = TokenSet.model_validate(
    {
        "access_token": "access-canary-1",
        "issued_at": 1000.0,
        "expires_at": 4600.0,
        "refresh_token": "refresh-canary-1",
        "refresh_expires_at": 9000.0,
        "scopes": ("data:read",),
    }
)
NEWER = TOKENS.model_copy(update={"expires_at": 8200.0})
LATEST = TOKENS.model_copy(update={"expires_at": 9800.0})
PATIENCE = 120
"""Seconds after which what a test waits for is taken for stuck."""


class NoKeyring:
    def read(self) -> str | None:
        raise KeyringUnavailable

    def write(self, text: str) -> None:
        raise KeyringUnavailable


def everything(database: Database) -> str:
    with database.reading() as connection:
        return json.dumps([list(row) for row in connection.exec_driver_sql("SELECT * FROM sign_ins")])


def lease_of(vault: Vault, account: UserAccount = ACCOUNT) -> RefreshLease:
    found = vault.lease(account)
    assert found is not None
    return found


def change(database: Database, **values: Any) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    with database.writing() as connection:
        connection.execute(sqlalchemy.text(f"UPDATE sign_ins SET {assignments}"), values)


def test_a_sign_in_is_read_as_it_was_kept(vault: Vault) -> None:
    kept = vault.save_login(ACCOUNT, "Project Manager", "project.manager@example.com", TOKENS)
    assert vault.read(ACCOUNT) == kept
    assert (kept.tokens, kept.is_revoked) == (TOKENS, False)
    assert vault.read(UserAccount("https://other", "client", "SUBJECT")) is None


def test_no_token_is_readable_in_the_database(vault: Vault, database: Database) -> None:
    vault.save_login(ACCOUNT, "Project Manager", "project.manager@example.com", TOKENS)
    assert "canary" not in everything(database)
    assert "canary" not in repr(vault.read(ACCOUNT))
    if database.address.file is not None:
        for path in database.address.file.parent.iterdir():
            assert b"canary" not in path.read_bytes()


@pytest.mark.parametrize("field", ["base_url", "client_id", "subject"])
def test_a_record_moved_to_another_place_does_not_open(vault: Vault, database: Database, field: str) -> None:
    vault.save_login(ACCOUNT, "", None, TOKENS)
    change(database, **{field: "moved"})
    moved = UserAccount(**{**vars(ACCOUNT), field: "moved"})
    with pytest.raises(NotSealed):
        vault.read(moved)


def test_an_old_record_put_back_under_a_new_generation_does_not_open(vault: Vault, database: Database) -> None:
    vault.save_login(ACCOUNT, "", None, TOKENS)
    with database.reading() as connection:
        old = connection.exec_driver_sql("SELECT sealed FROM sign_ins").scalar()
    vault.save_login(ACCOUNT, "", None, NEWER)
    change(database, sealed=old)
    with pytest.raises(NotSealed):
        vault.read(ACCOUNT)


def test_people_on_one_machine_do_not_disturb_each_other(vault: Vault) -> None:
    other = UserAccount(ACCOUNT.base_url, ACCOUNT.client_id, "OTHER")
    elsewhere = UserAccount("http://127.0.0.1:8788", ACCOUNT.client_id, "SUBJECT")
    vault.save_login(ACCOUNT, "", "project.manager@example.com", TOKENS)
    vault.save_login(other, "", "steel.subcontractor@example.com", TOKENS)
    vault.save_login(elsewhere, "", "project.manager@example.com", TOKENS)
    assert vault.current(ACCOUNT.base_url, ACCOUNT.client_id) == other
    assert vault.current(elsewhere.base_url, ACCOUNT.client_id) == elsewhere
    assert vault.find_by_email(ACCOUNT.base_url, ACCOUNT.client_id, "Project.Manager@Example.com ") == ACCOUNT
    assert vault.find_by_email(ACCOUNT.base_url, ACCOUNT.client_id, "nobody@example.com") is None
    vault.save_login(UserAccount(ACCOUNT.base_url, ACCOUNT.client_id, "THIRD"), "", None, TOKENS, current=False)
    assert vault.find_by_email(ACCOUNT.base_url, ACCOUNT.client_id, " ") is None
    assert vault.remove(lease_of(vault, UserAccount(ACCOUNT.base_url, ACCOUNT.client_id, "THIRD")))
    vault.save_login(ACCOUNT, "", "project.manager@example.com", NEWER)
    assert vault.current(ACCOUNT.base_url, ACCOUNT.client_id) == ACCOUNT
    assert vault.remove(lease_of(vault))
    assert vault.current(ACCOUNT.base_url, ACCOUNT.client_id) is None
    assert list(vault.accounts(ACCOUNT.base_url, ACCOUNT.client_id)) == [other]


def test_one_lease_at_a_time(vault: Vault) -> None:
    vault.save_login(ACCOUNT, "", None, TOKENS)
    seen = vault.lease(ACCOUNT)
    assert seen is not None
    first = vault.try_acquire_lease(seen, "first")
    assert first is not None
    assert vault.try_acquire_lease(seen, "second") is None
    assert vault.heartbeat(first)
    assert vault.try_acquire_lease(first, "second") is None  # its beat has moved: it is alive
    stale = vault.lease(ACCOUNT)
    assert stale is not None
    second = vault.try_acquire_lease(stale, "second")
    assert second is not None
    assert second.holder == "second"
    assert not vault.heartbeat(first)
    assert not vault.record_attempt(first, "attempt")
    vault.mark_revoked(first)
    vault.release(first)
    found = vault.lease(ACCOUNT)
    assert found is not None
    assert found.holder == "second"


def test_new_tokens_replace_only_the_generation_they_were_made_from(vault: Vault) -> None:
    kept = vault.save_login(ACCOUNT, "name", "mail", TOKENS)
    lease = vault.try_acquire_lease(lease_of(vault), "holder")
    assert lease is not None
    saved = vault.save_refreshed(lease, NEWER)
    assert saved is not None
    assert (saved, saved.generation) == (vault.read(ACCOUNT), kept.generation + 1)
    assert vault.save_refreshed(lease, TOKENS) is None
    assert vault.read(ACCOUNT) == saved


def test_a_holder_who_was_given_up_still_saves_the_only_tokens_there_are(vault: Vault) -> None:
    vault.save_login(ACCOUNT, "", None, TOKENS)
    first = vault.try_acquire_lease(lease_of(vault), "first")
    assert first is not None
    assert vault.try_acquire_lease(first, "second") is not None
    assert vault.save_refreshed(first, NEWER) is not None
    found = vault.read(ACCOUNT)
    assert found is not None
    assert (found.tokens, found.is_revoked) == (NEWER, False)


def test_a_new_login_ends_a_refresh_under_way(vault: Vault) -> None:
    vault.save_login(ACCOUNT, "", None, TOKENS)
    lease = vault.try_acquire_lease(lease_of(vault), "holder")
    assert lease is not None
    repeated = vault.save_login(ACCOUNT, "", None, NEWER)
    vault.mark_revoked(lease)
    assert vault.save_refreshed(lease, TOKENS) is None
    assert vault.read(ACCOUNT) == repeated


def test_a_holder_of_a_record_that_was_removed_and_made_again_changes_nothing(vault: Vault) -> None:
    """A process that was frozen between its request and what it writes, while the person signed out and in again."""
    vault.save_login(ACCOUNT, "", None, TOKENS)
    frozen = vault.try_acquire_lease(lease_of(vault), "frozen")
    assert frozen is not None
    assert vault.remove(frozen)
    repeated = vault.save_login(ACCOUNT, "", None, NEWER)
    other = vault.try_acquire_lease(lease_of(vault), "other")
    assert other is not None
    assert vault.save_refreshed(frozen, LATEST) is None
    assert not vault.heartbeat(frozen)
    assert not vault.record_attempt(frozen, "attempt")
    assert not vault.remove(frozen)
    vault.mark_revoked(frozen)
    vault.release(frozen)
    assert (vault.read(ACCOUNT), lease_of(vault)) == (repeated, other)


def test_a_new_login_replaces_a_damaged_record(vault: Vault, database: Database) -> None:
    vault.save_login(ACCOUNT, "", None, TOKENS)
    change(database, sealed="spoilt")
    with pytest.raises(NotSealed):
        vault.read(ACCOUNT)
    repeated = vault.save_login(ACCOUNT, "", None, NEWER)
    assert vault.read(ACCOUNT) == repeated


def test_a_new_key_seals_and_older_ones_still_open(database: Database) -> None:
    old, new = EncryptionKey.new(), EncryptionKey.new()
    kept = Vault(database, EnvironmentKeys([old])).save_login(ACCOUNT, "", None, TOKENS)
    vault = Vault(database, EnvironmentKeys([new, old]))
    assert vault.read(ACCOUNT) == kept
    assert vault.rekey() == 1
    assert Vault(database, EnvironmentKeys([new])).read(ACCOUNT) == kept


def test_a_record_that_does_not_open_keeps_no_other_from_the_new_key(database: Database) -> None:
    old, new = EncryptionKey.new(), EncryptionKey.new()
    other = UserAccount(ACCOUNT.base_url, ACCOUNT.client_id, "ANOTHER")
    spoilt = Vault(database, EnvironmentKeys([old]))
    spoilt.save_login(other, "", None, TOKENS)
    change(database, sealed="spoilt")
    spoilt.save_login(ACCOUNT, "", None, TOKENS)
    with pytest.raises(NotSealed):
        Vault(database, EnvironmentKeys([new, old])).rekey()
    found = Vault(database, EnvironmentKeys([new])).read(ACCOUNT)
    assert found is not None
    assert found.tokens == TOKENS


def test_a_key_that_is_not_at_hand_is_named(database: Database) -> None:
    lost = EncryptionKey.new()
    Vault(database, EnvironmentKeys([lost])).save_login(ACCOUNT, "", None, TOKENS)
    with pytest.raises(KeyMissing, match=lost.id) as caught:
        Vault(database, EnvironmentKeys([EncryptionKey.new()])).read(ACCOUNT)
    assert "SUBMITTAL_MCP_ENCRYPTION_KEYS" in str(caught.value)


def test_running_servers_follow_two_rotations(tmp_path: Path) -> None:
    with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3")) as database:

        def vault() -> Vault:
            return Vault(database, MachineKeys(tmp_path / "vault.key", NoKeyring()))

        server = vault()
        server.save_login(ACCOUNT, "", None, TOKENS)
        seen = server.lease(ACCOUNT)
        assert seen is not None
        lease = server.try_acquire_lease(seen, "server")
        assert lease is not None
        for _ in range(2):
            assert vault().rekey() == 1
        # Its ring is two rotations old: it looks again, and seals with the newest key.
        assert server.save_refreshed(lease, NEWER) is not None
        ring = MachineKeys(tmp_path / "vault.key", NoKeyring()).load()
        assert ring is not None
        with database.reading() as connection:
            sealed = connection.exec_driver_sql("SELECT sealed FROM sign_ins").scalar()
        assert isinstance(sealed, str)
        assert key_id_of(sealed) == ring.newest.id
        found = vault().read(ACCOUNT)
        assert found is not None
        assert found.tokens == NEWER


def test_processes_that_sign_one_person_in_at_once_each_keep_a_whole_record(
    vault: Vault, database: Database, key: EncryptionKey
) -> None:
    start = threading.Barrier(6)

    def sign_in(number: int) -> None:
        tokens = TOKENS.model_copy(update={"access_token": SecretStr(f"access-{number}")})
        start.wait()
        Vault(database, EnvironmentKeys([key])).save_login(ACCOUNT, f"name {number}", None, tokens, current=False)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(sign_in, range(6)))
    kept = vault.read(ACCOUNT)
    assert kept is not None
    assert kept.tokens.access_token.get_secret_value() == kept.name.replace("name ", "access-")
    assert vault.current(ACCOUNT.base_url, ACCOUNT.client_id) is None


def _log_in(vault: Vault) -> object:
    return vault.save_login(ACCOUNT, "name", None, LATEST).tokens


@pytest.mark.parametrize(
    ("change_record", "outcome", "tokens", "later"),
    [
        (lambda vault, lease: vault.save_refreshed(lease, LATEST), None, NEWER, 1),
        (lambda vault, _: _log_in(vault), LATEST, LATEST, 2),
        (lambda vault, _: vault.rekey(), 1, NEWER, 1),
        (lambda vault, _: vault.create_placeholder(ACCOUNT, "name"), None, NEWER, 1),
        (lambda vault, lease: vault.remove(lease), False, NEWER, 1),
    ],
    ids=["another refresh", "a new login", "a new key", "a placeholder", "a logout"],
)
def test_a_write_that_races_a_refresh_starts_from_what_the_refresh_saved(
    vault: Vault,
    database: Database,
    change_record: Callable[[Vault, RefreshLease], object],
    outcome: object,
    tokens: TokenSet,
    later: int,
) -> None:
    kept = vault.save_login(ACCOUNT, "name", None, TOKENS)
    lease = vault.try_acquire_lease(lease_of(vault), "holder")
    assert lease is not None
    waits = threading.Event()
    refreshing = threading.get_ident()

    @sqlalchemy.event.listens_for(database.engine, "before_cursor_execute")
    def _(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        # Whatever it reads before this, the refresh has not committed yet.
        locks = statement.startswith(("UPDATE", "DELETE", "BEGIN IMMEDIATE")) or "FOR UPDATE" in statement
        if locks and threading.get_ident() != refreshing:
            waits.set()

    with ThreadPoolExecutor(1) as other:
        raced: list[Future[object]] = []

        def race() -> None:
            raced.append(other.submit(change_record, vault, lease))
            assert waits.wait(PATIENCE)

        assert vault.save_refreshed(lease, NEWER, before_commit=race) is not None
        assert raced[0].result(PATIENCE) == outcome
    found = vault.read(ACCOUNT)
    assert found is not None
    assert (found.tokens, found.generation) == (tokens, kept.generation + later)


def test_people_who_sign_in_to_one_app_at_once_are_all_signed_in(vault: Vault, database: Database) -> None:
    """On PostgreSQL another one comes, or leaves, before each statement that makes this one the current one."""
    here = threading.get_ident()
    other_person = UserAccount(ACCOUNT.base_url, ACCOUNT.client_id, "OTHER")

    def come() -> None:
        vault.save_login(other_person, "", None, TOKENS)

    def leave() -> None:
        if vault.lease(other_person) is not None:
            vault.remove(lease_of(vault, other_person))

    with ThreadPoolExecutor(1) as other:

        @sqlalchemy.event.listens_for(database.engine, "before_cursor_execute")
        def _(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            on_postgresql = database.address.file is None and threading.get_ident() == here
            if on_postgresql and "current_sign_ins" in statement:
                other.submit(come if statement.startswith("INSERT") else leave).result(PATIENCE)

        kept = vault.save_login(ACCOUNT, "name", None, TOKENS)
        assert vault.read(ACCOUNT) == kept


def test_a_placeholder_takes_no_place_of_a_record_that_came_after_it_looked(vault: Vault, database: Database) -> None:
    here = threading.get_ident()
    with ThreadPoolExecutor(1) as other:
        signed_in: list[Future[object]] = []

        @sqlalchemy.event.listens_for(database.engine, "after_cursor_execute")
        def _(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if threading.get_ident() == here and "FROM sign_ins" in statement and not signed_in:
                signed_in.append(other.submit(vault.save_login, ACCOUNT, "name", None, TOKENS))
                # On SQLite it waits until the placeholder is written, and then takes its place.
                if database.engine.dialect.name == "postgresql":
                    signed_in[0].result(PATIENCE)

        vault.create_placeholder(ACCOUNT, "name")
        signed_in[0].result(PATIENCE)
    found = vault.read(ACCOUNT)
    assert found is not None
    assert found.tokens == TOKENS
