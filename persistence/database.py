"""The database: SQLite in the data folder, or PostgreSQL where replicas share one; SQLAlchemy Core over both.

Everything here blocks: from an event loop, call it in a worker thread. An object may be used by many threads.
"""

import logging
import os
import selectors
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import sqlalchemy
from sqlalchemy import (
    Connection,
    Engine,
    Table,
    event,
    extract,
    func,
    literal_column,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from persistence import private_files
from persistence.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseFull,
    DatabaseGone,
    DatabaseProblem,
    DatabaseReadOnly,
    DatabaseUnreachable,
    FolderNotWritable,
    LocksUnusable,
    StorageProblem,
    check_descriptors,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

BUSY_SECONDS: Final = 15.0
"""Timeout for another connection's write; every write of ours takes milliseconds."""

ANSWER_SECONDS: Final = 30.0
"""Timeout for an answer of PostgreSQL; every statement of ours takes milliseconds."""

CLOCK_SECONDS: Final = 60.0
"""How long a process counts on by itself before it asks PostgreSQL for the time again."""

_APART_SECONDS: Final = 30.0
"""A machine whose clock differs by more is worth a warning."""

_CONNECT_SECONDS: Final = 10
_LIVENESS: Final = {
    # A machine that fell off the net is known to be dead within half a minute, by either end.
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
_POSTGRES_NAMES: Final = ("postgresql", "postgres", "postgresql+psycopg")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseAddress:
    """Address of the database. Its repr and `shown` hold no password."""

    url: URL = field(repr=False)

    @classmethod
    def sqlite(cls, path: Path) -> "DatabaseAddress":
        """A file, made when it is opened first."""
        return cls(URL.create("sqlite+pysqlite", database=str(path)))

    @classmethod
    def of(cls, text: str) -> "DatabaseAddress":
        """Read a `postgresql://…` URL.

        Raises:
            ValueError: It is none. The text says what one looks like and quotes nothing, for it may hold a password.
        """
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            url = URL.create("none")
        # An @ of a password that is not encoded would make its end a part of the host, which is shown.
        if url.drivername not in _POSTGRES_NAMES or not url.database or "@" in (url.host or ""):
            raise ValueError("this is no database URL; write postgresql://USER:PASSWORD@HOST/DATABASE")
        return cls(url.set(drivername="postgresql+psycopg"))

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for PostgreSQL."""
        return Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None

    @property
    def shown(self) -> str:
        """The address as a person may read it: path, or host and database without user and password."""
        if self.file is not None:
            return str(self.file)
        port = f":{self.url.port}" if self.url.port else ""
        return f"postgresql://{self.url.host or 'localhost'}{port}/{self.url.database}"


class Database:
    """An open database. `engine` is SQLAlchemy's, for libraries that want one; our own code uses the two blocks."""

    def __init__(self, address: DatabaseAddress, engine: Engine, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.address = address
        self.engine = engine
        self.answer_seconds = answer_seconds
        self._writer = engine.execution_options(
            submittal_writes=True, **({} if address.file else {"isolation_level": "READ COMMITTED"})
        )
        self._file_id: tuple[int, int] | None = None

    @classmethod
    def open(
        cls, address: DatabaseAddress, *, busy_seconds: float = BUSY_SECONDS, answer_seconds: float | None = None
    ) -> Self:
        """Open it, making a SQLite file of mode 0600 if there is none.

        `busy_seconds` is how long another writer of SQLite is waited for, `answer_seconds` an answer of PostgreSQL.

        Raises:
            FolderNotWritable: The file cannot be made.
            DatabaseProblem: It cannot be opened.
        """
        if address.file is not None:
            _make_sqlite_file(address.file)
            engine = _sqlite_engine(address.url, busy_seconds)
        else:
            # A statement is a transaction of its own unless it is told otherwise, which costs two answers more.
            engine = postgres_engine(address.url, answer_seconds or ANSWER_SECONDS, isolation_level="AUTOCOMMIT")
        database = cls(address, engine, answer_seconds or ANSWER_SECONDS)
        try:
            with database.reading() as connection:
                one: sqlalchemy.Select[Any] = select(literal_column("1"))
                connection.execute(one.select_from(sqlalchemy.table("sqlite_master")) if address.file else one)
            if address.file is not None:
                database._file_id = _file_id(address.file)
        except DatabaseProblem:
            database.close()
            raise
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads; with PostgreSQL each statement sees what is committed by then.

        Raises:
            DatabaseProblem: The database failed; an `IntegrityError` and the like of SQLAlchemy stay what they are.
        """
        self._check_file()
        with self.map_driver_errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, single: bool = False) -> Iterator[Connection]:
        """A transaction that writes, committed at the end of the block; on SQLite it is the only one from its start.

        With a `single` statement in it, PostgreSQL needs to be told of no begin and no end.

        Raises:
            DatabaseProblem: The database failed; an `IntegrityError` and the like of SQLAlchemy stay what they are.
        """
        self._check_file()
        engine = self.engine if single and self.address.file is None else self._writer
        with self.map_driver_errors(), engine.connect() as connection, connection.begin():
            yield connection

    def _check_file(self) -> None:
        """Refuse a file that lies elsewhere now, or nowhere: SQLite would write on to it, and no other process read.

        A drive whose inodes differ from look to look tells nothing.
        """
        if self.address.file is None or self._file_id is None:
            return
        seen = _file_id(self.address.file)
        if seen != self._file_id and seen == _file_id(self.address.file):
            raise DatabaseGone(self.address.shown)

    @contextmanager
    def map_driver_errors(self) -> Iterator[None]:
        """Turn what a driver raises in the block into words for a person.

        Raises:
            DatabaseProblem: See `reading`.
        """
        try:
            yield
        except DBAPIError as error:
            problem = _problem(self.address.shown, error)
            if problem is None:
                raise
            # `from None`: what drivers say quotes statements and, on PostgreSQL, users and hosts.
            raise problem from None

    def insert(self, table: Table) -> "PostgresInsert | SqliteInsert":
        """Return an INSERT that may say what is to happen ON CONFLICT, which each kind of database has of its own."""
        if self.address.file is None:
            from sqlalchemy.dialects.postgresql import insert

            return insert(table)
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _file_id(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino


def database_time(connection: Connection) -> float:
    """Return the seconds since 1970 as PostgreSQL counts them, at this moment and not at the transaction's begin."""
    return float(connection.execute(select(extract("epoch", func.clock_timestamp()))).scalar_one())


class DatabaseClock:
    """The clock of all processes of one database: PostgreSQL's, for those of machines differ; `own` with SQLite.

    PostgreSQL is asked once a minute; in between, this process counts on by its `steady` clock.
    """

    def __init__(
        self,
        database: Database,
        own: Callable[[], float],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._own = own
        self._steady = steady
        self._seen: tuple[float, float] | None = None

    def __call__(self) -> float:
        """Return the seconds since 1970. Blocks.

        Raises:
            DatabaseProblem: PostgreSQL cannot be asked.
        """
        if self._database.address.file is not None:
            return self._own()
        seen = self._seen
        if seen is None or self._steady() - seen[0] >= CLOCK_SECONDS:
            with self._database.reading() as connection:
                self._seen = seen = self._steady(), database_time(connection)
            apart = self._own() - seen[1]
            if abs(apart) > _APART_SECONDS:
                _log.warning("this machine's clock differs from the database's by %.0f seconds; set both by NTP", apart)
        return seen[1] + self._steady() - seen[0]


def postgres_engine(url: URL, answer_seconds: float, **options: Any) -> Engine:
    """Return an engine whose connections are found dead when the net, or the server, falls silent."""
    import psycopg

    class ConnectionWithTimeout(psycopg.Connection[Any]):
        """A connection on which no answer is waited for longer than `answer_seconds`."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            patience = answer_seconds if timeout is None else timeout
            try:
                return super().wait(gen, interval, patience)
            except psycopg.OperationalError:
                if timeout is None and self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                    self.pgconn.finish()  # its answer may still come, and must not be taken for that of the next one
                raise

    arguments = {"connect_timeout": _CONNECT_SECONDS, "application_name": "submittal-mcp", **_LIVENESS}
    engine = sqlalchemy.create_engine(
        url,
        hide_parameters=True,
        use_native_hstore=False,
        connect_args={name: value for name, value in arguments.items() if name not in url.query},
        **options,
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_: object, __: object, args: list[Any], values: dict[str, Any]) -> psycopg.Connection[Any]:
        return ConnectionWithTimeout.connect(*args, **values)

    @event.listens_for(engine, "checkout")
    def _check(connection: psycopg.Connection[Any], record: ConnectionPoolEntry, _: object) -> None:
        """Take another connection than one that the server, or the net, has ended: that alone is said unasked."""
        if "used" not in record.info:  # one just made: SQLAlchemy gives up after refusing two, in words of its own
            record.info["used"] = True
            return
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            if selector.select(0):
                raise DisconnectionError

    return engine


def _make_sqlite_file(path: Path) -> None:
    """Make the file before SQLite does: its journals, WAL and shared memory take their modes from it."""
    try:
        private_files.make_file(path)
    except OSError as error:
        check_descriptors(error, path)
        found = "a link" if os.path.islink(path) else "a folder" if os.path.isdir(path) else None  # noqa: PTH112, PTH114
        if found is not None:  # `pathlib` raises where its folder cannot be looked into
            raise DatabaseForeign(str(path), f"it is {found}") from error
        if not _is_there(path):
            raise FolderNotWritable(path.parent, error.strerror or type(error).__name__) from error
        raise DatabaseReadOnly(str(path)) from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # nor can its folder be looked into
        return False


def _sqlite_engine(url: URL, busy_seconds: float) -> Engine:
    engine = sqlalchemy.create_engine(
        url, hide_parameters=True, connect_args={"timeout": busy_seconds, "isolation_level": None}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        _switch_to_wal(connection, busy_seconds)
        # FULL: a token that was saved is on disk before it is used. MEMORY: no temporary files anywhere.
        for pragma in ("synchronous = FULL", "temp_store = MEMORY", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("submittal_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _switch_to_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Switch to WAL, so that readers and a writer work side by side. SQLite waits for no lock here, so this does."""
    ends = time.monotonic() + patience
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return  # also where the file system cannot: then it goes on with the journal it has
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
        time.sleep(0.01)


_SQLITE: Final[dict[int, type[Any]]] = {
    sqlite3.SQLITE_BUSY: DatabaseBusy,
    sqlite3.SQLITE_LOCKED: DatabaseBusy,
    sqlite3.SQLITE_READONLY: DatabaseReadOnly,
    sqlite3.SQLITE_FULL: DatabaseFull,
    sqlite3.SQLITE_CORRUPT: DatabaseCorrupt,
    sqlite3.SQLITE_NOTADB: DatabaseCorrupt,
    sqlite3.SQLITE_CANTOPEN: DatabaseUnreachable,
    sqlite3.SQLITE_IOERR: DatabaseUnreachable,
    sqlite3.SQLITE_PERM: DatabaseUnreachable,
}


# Parts of what libpq and servers that speak English say of a connection; none has an SQLSTATE by then. What they say
# is not passed on: it quotes the user and the host, which are parts of the password where that has an @.
_REFUSALS: Final = (
    ("password", "it does not take the user and password"),
    ("pg_hba.conf", "its pg_hba.conf does not admit this user from this machine, or not in this way"),
    ("does not exist", "it has no such user or database"),
    ("resolve host", "no machine of that name is known"),
    ("translate host", "no machine of that name is known"),
    ("refused", "no server listens at that address"),
    ("certificate", "its certificate is not trusted"),
    ("SSL", "it and this machine do not agree on TLS"),
    ("too many", "it takes no more connections"),
    ("remaining connection slots", "it takes no more connections"),
    ("starting up", "it is still starting"),
    ("not currently accepting", "it lets no one in at present"),
    ("timeout", "it does not answer"),
)


def _refusal(error: DBAPIError) -> str:
    said = str(error.orig)
    return next((reason for part, reason in _REFUSALS if part in said), "")


def _problem(where: str, error: DBAPIError) -> StorageProblem | None:
    """Map a driver's error to ours; None for a fault in a statement of ours.

    Raises:
        DescriptorsExhausted: It hid that none was left.
    """
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        if str(cause).startswith(("no such table", "no such column", "table ")):
            return DatabaseForeign(where, str(cause))
        code = getattr(cause, "sqlite_errorcode", 0)
        # The index of its log could not grow: SQLite calls that an error of the disk.
        kind = DatabaseFull if code == sqlite3.SQLITE_IOERR_SHMSIZE else _SQLITE.get(_code(cause))
        if kind is DatabaseUnreachable:
            check_descriptors(error, where, may_hide=True)
            return DatabaseUnreachable(where, f"{cause}, {cause.sqlite_errorname}", in_file=True)
        folder = Path(where).parent
        if kind is DatabaseBusy and (reason := private_files.lock_refusal(folder)) is not None:
            return LocksUnusable(folder, reason)
        return kind(where) if kind is not None else None
    state = getattr(cause, "sqlstate", None)
    if state in ("42P01", "42703"):  # undefined_table, undefined_column
        return DatabaseForeign(where, "a table or column is missing")
    if state == "25006":  # read_only_sql_transaction
        return DatabaseReadOnly(where)
    if state == "53100":  # disk_full
        return DatabaseFull(where)
    if state in ("55P03", "57014"):  # lock_not_available, query_canceled
        return DatabaseBusy(where)
    if isinstance(error, sqlalchemy.exc.OperationalError):
        check_descriptors(error, where, may_hide=True)
        return DatabaseUnreachable(where, _refusal(error) if state is None else "")
    return None


def _code(error: sqlite3.Error) -> int:
    """The primary result code; the upper bits refine it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
