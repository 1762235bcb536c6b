"""The vault: who is signed in, with their tokens sealed; one record per person, app and Autodesk base URL.

A record's `generation` grows with every change of its tokens, and is part of what its seal is bound to. It begins with
a random number, so that a process never takes a record that was made again for the one it knew. A process that renews
tokens holds the record's lease; the lease's `fence` grows whenever it changes hands, so that a holder who was
given up cannot take back what the next one did. A lease has no end on any clock: its holder moves `beat`, and one who
sees the same beat for long enough takes it over. Clocks that differ, and clocks that jump, change nothing.

Everything here blocks; see `persistence.database`.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import BigInteger, Column, Connection, MetaData, RowMapping, Table, Text, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from persistence.database import Database
from persistence.encryption import Context, NotSealed, RecordCipher
from persistence.errors import KeyMissing, StorageProblem
from persistence.keys import KeySource
from persistence.migrations import SchemaComponent, migrate

_FIRST_GENERATIONS: Final = 2**48
_ADDRESS: Final = re.compile(r"[^\s<>\"'`:;,()]+@[^\s<>\"'`;,()]+")
_TABLES: Final = MetaData()
_KEY: Final = ("base_url", "client_id", "subject")
_SIGN_INS: Final = Table(
    "sign_ins",
    _TABLES,
    *(Column(name, Text, primary_key=True) for name in _KEY),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("generation", BigInteger, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("over", BigInteger, nullable=False),
    Column("holder", Text),
    Column("fence", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("attempt", Text),
)
_CURRENT: Final = Table(
    "current_sign_ins",
    _TABLES,
    Column("base_url", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
)
COMPONENT: Final = SchemaComponent("vault", _TABLES)


@dataclass(frozen=True)
class UserAccount:
    """One person (`subject` is their Autodesk id) on one APS app at one Autodesk base URL."""

    base_url: str
    client_id: str
    subject: str


class TokenSet(BaseModel):
    """Tokens of one login. Times are seconds since 1970; a service that grants no refresh token leaves it None."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    access_token: SecretStr
    issued_at: float
    expires_at: float
    refresh_token: SecretStr | None
    refresh_expires_at: float
    scopes: tuple[str, ...]

    def to_plaintext(self) -> bytes:
        """Return it with the tokens readable: only to be sealed."""
        shown = self.model_dump(mode="json") | {
            "access_token": self.access_token.get_secret_value(),
            "refresh_token": self.refresh_token.get_secret_value() if self.refresh_token else None,
        }
        return json.dumps(shown).encode()


@dataclass(frozen=True)
class StoredLogin:
    """A record as it was read. `is_revoked`: Autodesk has refused its refresh token, and only a person can go on."""

    account: UserAccount
    name: str
    email: str | None
    generation: int
    tokens: TokenSet
    is_revoked: bool


@dataclass(frozen=True)
class RefreshLease:
    """State of a record's refresh lease; `holder` is None while it is free."""

    account: UserAccount
    generation: int
    holder: str | None
    fence: int
    beat: int
    attempt: str | None
    """The mark that its holder sets before it asks Autodesk: a later one who sees it knows that the outcome is open."""


def _nothing() -> None:
    """Do nothing; tests pass a hook that runs before the commit."""


class Vault:
    """The records of one database, sealed with keys from `keys`."""

    def __init__(self, database: Database, keys: KeySource) -> None:
        self._database = database
        self._sealer = RecordCipher(keys)
        migrate(database, COMPONENT)

    # Reading

    def read(self, account: UserAccount) -> StoredLogin | None:
        """Return a person's record.

        Raises:
            KeyMissing: It was sealed with a key that is not at hand.
            NotSealed: It was tampered with.
            DatabaseProblem: The database failed.
        """
        with self._database.reading() as connection:
            row = _row(connection, account)
        return self._opened(row) if row is not None else None

    def current(self, base_url: str, client_id: str) -> UserAccount | None:
        """Return the account that signed in last to this app and is still there."""
        query = select(_CURRENT).where(_CURRENT.c.base_url == base_url, _CURRENT.c.client_id == client_id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return _account(row) if row is not None else None

    def find_by_email(self, base_url: str, client_id: str, email: str) -> UserAccount | None:
        """Return the person with this e-mail address, in any case of letters and as programs write it, or this id."""
        people = self.accounts(base_url, client_id)
        found = _ADDRESS.search(email)
        wanted = (found[0] if found else email.strip()).casefold()
        return next(
            (account for account, address in people.items() if wanted == (address or account.subject).casefold()), None
        )

    def accounts(self, base_url: str, client_id: str) -> Mapping[UserAccount, str | None]:
        """Return the people signed in to an app, with their e-mail addresses."""
        query = select(_SIGN_INS).where(_SIGN_INS.c.base_url == base_url, _SIGN_INS.c.client_id == client_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(_SIGN_INS.c.email)).mappings().all()
        return {_account(row): row["email"] for row in rows}

    # A person signs in or out

    def save_login(
        self, account: UserAccount, name: str, email: str | None, tokens: TokenSet, *, current: bool = True
    ) -> StoredLogin:
        """Keep a new sign-in, in place of an older one of the same person; with `current`, make it the current one."""
        try:
            with self._database.writing() as connection:
                generation = self._write(connection, account, _locked_row(connection, account), name, email, tokens)
                if current:
                    self._make_current(connection, account)
        except IntegrityError:  # the same person's first sign-in by another process: this one is the newer
            return self.save_login(account, name, email, tokens, current=current)
        return StoredLogin(account, name, email, generation, tokens, is_revoked=False)

    def create_placeholder(self, account: UserAccount, name: str) -> None:
        """Make a record without a token for an account that signs in by itself, unless there is one that opens.

        It does not become the current login.
        """
        none = TokenSet(
            access_token=SecretStr(""),
            issued_at=0,
            expires_at=0,
            refresh_token=None,
            refresh_expires_at=0,
            scopes=(),
        )
        with suppress(IntegrityError), self._database.writing() as connection:  # another process was faster
            row = _locked_row(connection, account)
            if row is None or not self._opens(row):
                self._write(connection, account, row, name, None, none)

    def remove(self, lease: RefreshLease) -> bool:
        """Forget a person; another one who is signed in to the same app does not become the current one.

        False when the lease was lost, to a newer sign-in or another process: nothing is forgotten then.
        """
        with self._database.writing() as connection:
            removed = connection.execute(delete(_SIGN_INS).where(*_unmoved(lease))).rowcount == 1
            if removed:
                connection.execute(delete(_CURRENT).where(*_is(_CURRENT, lease.account)))
        return removed

    # Refresh, by the holder of the lease

    def lease(self, account: UserAccount) -> RefreshLease | None:
        """Return how the lease of a record stands; None without a record."""
        with self._database.reading() as connection:
            row = _row(connection, account)
        return _lease(row) if row is not None else None

    def try_acquire_lease(self, seen: RefreshLease, holder: str) -> RefreshLease | None:
        """Take the lease if it still stands as it was `seen`, and return it; None when another process was faster."""
        with self._database.writing() as connection:
            taken = connection.execute(
                update(_SIGN_INS)
                .where(*_unmoved(seen), _SIGN_INS.c.beat == seen.beat)
                .values(holder=holder, fence=seen.fence + 1, beat=0)
            )
            if not taken.rowcount:
                return None
            row = _row(connection, seen.account)
        return _lease(row) if row is not None else None

    def heartbeat(self, lease: RefreshLease) -> bool:
        """Show that the holder is alive; False when it was given up."""
        return self._under(lease, {"beat": _SIGN_INS.c.beat + 1})

    def record_attempt(self, lease: RefreshLease, attempt: str) -> bool:
        """Write down, before Autodesk is asked, that it will be; False when the lease was lost."""
        return self._under(lease, {"attempt": attempt})

    def release(self, lease: RefreshLease) -> None:
        """Give the lease back, and take the mark away; the tokens stay as they are."""
        self._under(lease, {"holder": None, "attempt": None})

    def mark_revoked(self, lease: RefreshLease) -> None:
        """Write down that Autodesk has refused the refresh token of this very generation."""
        self._under(lease, {"holder": None, "attempt": None, "over": 1})

    def save_refreshed(
        self, lease: RefreshLease, tokens: TokenSet, before_commit: Callable[[], None] = _nothing
    ) -> StoredLogin | None:
        """Put new tokens in place of those of the lease's generation; None when that generation is no longer there.

        Only the generation decides, not the fence: refresh tokens are good for one use, so a process that was given new
        ones for this generation holds the only ones there are, even if the lease was taken from them while they waited.
        """
        generation = lease.generation + 1
        with self._database.writing() as connection:
            old = _locked_row(connection, lease.account)
            if old is None or old["generation"] != lease.generation:
                return None
            connection.execute(
                update(_SIGN_INS)
                .where(*_is(_SIGN_INS, lease.account), _SIGN_INS.c.generation == lease.generation)
                .values(
                    generation=generation,
                    sealed=self._sealed(lease.account, generation, tokens, old),
                    over=0,
                    holder=None,
                    attempt=None,
                    fence=_SIGN_INS.c.fence + 1,
                )
            )
            before_commit()
        return StoredLogin(lease.account, old["name"], old["email"], generation, tokens, is_revoked=False)

    def _write(
        self,
        connection: Connection,
        account: UserAccount,
        old: RowMapping | None,
        name: str,
        email: str | None,
        tokens: TokenSet,
    ) -> int:
        """Write a record in place of the `old` one, which the caller has locked, and return its generation."""
        generation = old["generation"] + 1 if old is not None else secrets.randbelow(_FIRST_GENERATIONS)
        values = {
            "name": name,
            "email": email,
            "generation": generation,
            "sealed": self._sealed(account, generation, tokens, old),
            "over": 0,
            "holder": None,
            "fence": old["fence"] + 1 if old is not None else 1,
            "beat": 0,
            "attempt": None,
        }
        if old is None:
            connection.execute(_SIGN_INS.insert().values(**_key(account), **values))
        else:
            connection.execute(update(_SIGN_INS).where(*_is(_SIGN_INS, account)).values(**values))
        return generation

    def _make_current(self, connection: Connection, account: UserAccount) -> None:
        upsert = self._database.insert(_CURRENT).values(**_key(account))
        app = [_CURRENT.c.base_url, _CURRENT.c.client_id]
        connection.execute(upsert.on_conflict_do_update(index_elements=app, set_={"subject": account.subject}))

    def _under(self, lease: RefreshLease, values: Mapping[str, Any]) -> bool:
        statement = update(_SIGN_INS).where(*_unmoved(lease)).values(**values)
        with self._database.writing() as connection:
            return connection.execute(statement).rowcount == 1

    # Keys

    @property
    def key_location(self) -> str | None:
        """Location of the newest key: `environment`, `keyring` or `file`; None before one was made."""
        return self._sealer.key_location

    def rekey(self) -> int:
        """Make a key (or take the newest that was set), seal every record with it, and return how many those are.

        Servers may go on working: the old keys stay in the ring, and a process that meets an unknown key looks again.

        Raises:
            KeyMissing: A record was sealed with a key that is not at hand; all others are sealed again.
            NotSealed: A record was tampered with; all others are sealed again.
        """
        with self._database.writing():  # two that rotate at once would each lose the other's key
            self._sealer.rotate()
        with self._database.reading() as connection:
            accounts = [_account(row) for row in connection.execute(select(_SIGN_INS)).mappings()]
        count = 0
        problems: list[StorageProblem] = []
        for account in accounts:
            try:
                count += self._reseal(account)
            except (KeyMissing, NotSealed) as problem:
                problems.append(problem)
        if problems:
            raise problems[0]
        return count

    def seal(self, content: bytes, *context: str) -> str:
        """Return `content` sealed with the newest key for a `context` that is no record's."""
        with self._database.writing():
            return self._sealer.seal(content, ("other", *context))

    def unseal(self, sealed: str, *context: str) -> bytes:
        """Return what was sealed for the same context.

        Raises:
            KeyMissing: It was sealed with a key that is not at hand.
            NotSealed: It was tampered with.
        """
        return self._sealer.unseal(sealed, ("other", *context))

    def _reseal(self, account: UserAccount) -> bool:
        with self._database.writing() as connection:
            row = _locked_row(connection, account)
            if row is None:
                return False
            sealed = self._sealed(account, row["generation"], self._opened(row).tokens, row)
            connection.execute(update(_SIGN_INS).where(*_is(_SIGN_INS, account)).values(sealed=sealed))
        return True

    def _opens(self, row: RowMapping) -> bool:
        try:
            self._opened(row)
        except (KeyMissing, NotSealed):
            return False
        return True

    def _opened(self, row: RowMapping) -> StoredLogin:
        account = _account(row)
        tokens = TokenSet.model_validate_json(self._sealer.unseal(row["sealed"], _context(account, row["generation"])))
        return StoredLogin(account, row["name"], row["email"], row["generation"], tokens, is_revoked=bool(row["over"]))

    def _sealed(self, account: UserAccount, generation: int, tokens: TokenSet, old: RowMapping | None) -> str:
        before = old["sealed"] if old is not None else None
        return self._sealer.seal(tokens.to_plaintext(), _context(account, generation), in_place_of=before)


def _context(account: UserAccount, generation: int) -> Context:
    return (account.base_url, account.subject, account.client_id, generation)


def _key(account: UserAccount) -> dict[str, str]:
    return {name: getattr(account, name) for name in _KEY}


def _is(table: Table, account: UserAccount) -> tuple[ColumnElement[bool], ...]:
    return tuple(table.c[name] == value for name, value in _key(account).items())


def _unmoved(lease: RefreshLease) -> tuple[ColumnElement[bool], ...]:
    # A record that was made again begins with the same fence, and with another generation.
    same = (_SIGN_INS.c.generation == lease.generation, _SIGN_INS.c.fence == lease.fence)
    return (*_is(_SIGN_INS, lease.account), *same)


def _row(connection: Connection, account: UserAccount) -> RowMapping | None:
    return connection.execute(select(_SIGN_INS).where(*_is(_SIGN_INS, account))).mappings().one_or_none()


def _locked_row(connection: Connection, account: UserAccount) -> RowMapping | None:
    """Return a record that no other transaction can change before this one ends: what is written next rests on it.

    On SQLite a transaction that writes is the only one anyway.
    """
    query = select(_SIGN_INS).where(*_is(_SIGN_INS, account)).with_for_update()
    return connection.execute(query).mappings().one_or_none()


def _account(row: RowMapping) -> UserAccount:
    return UserAccount(row["base_url"], row["client_id"], row["subject"])


def _lease(row: RowMapping) -> RefreshLease:
    return RefreshLease(_account(row), row["generation"], row["holder"], row["fence"], row["beat"], row["attempt"])
