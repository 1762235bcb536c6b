"""The database: versions of its tables, side-by-side use, and clear words when something is wrong with it."""

import errno
import os
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import DDL, Column, MetaData, Table, Text

from persistence.database import CLOCK_SECONDS, Database, DatabaseAddress, DatabaseClock
from persistence.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseFull,
    DatabaseGone,
    DatabaseNewer,
    DatabaseProblem,
    DatabaseReadOnly,
    DatabaseUnreachable,
    FolderNotWritable,
    LocksUnusable,
)
from persistence.migrations import SchemaComponent, migrate

ROOT = Path(__file__).resolve().parents[2]


def notes(*columns: str, changes: tuple[tuple[DDL, ...], ...] = ()) -> SchemaComponent:
    tables = MetaData()
    Table("notes", tables, Column("id", Text, primary_key=True), *(Column(name, Text) for name in columns))
    return SchemaComponent("notes", tables, changes)


ADD_TEXT, ADD_DATE = (DDL(f"ALTER TABLE notes ADD COLUMN {name} TEXT") for name in ("text", "date"))
ONE = notes()
TWO = notes("text", changes=((ADD_TEXT,),))
THREE = notes("text", "date", changes=((ADD_TEXT,), (ADD_DATE,)))


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM notes")]


def columns(database: Database) -> list[str]:
    return [column["name"] for column in sqlalchemy.inspect(database.engine).get_columns("notes")]


@pytest.mark.parametrize("found", [(), (ONE,), (ONE, TWO), (TWO,), (THREE,)])
def test_tables_are_brought_from_any_version_to_the_newest_and_only_once(
    database: Database, found: tuple[SchemaComponent, ...]
) -> None:
    for component in (*found, THREE, THREE):
        migrate(database, component)
    assert columns(database) == ["id", "text", "date"]


def test_parts_of_the_program_keep_versions_of_their_own(database: Database) -> None:
    tables = MetaData()
    Table("jobs", tables, Column("id", Text, primary_key=True))
    other = SchemaComponent("jobs", tables)
    migrate(database, TWO, other)
    migrate(database, other)
    with database.reading() as connection:
        found = connection.exec_driver_sql("SELECT component, version FROM schema_versions ORDER BY component").all()
    assert [tuple(row) for row in found] == [("jobs", 1), ("notes", 2)]


def test_a_version_works_on_with_what_the_next_one_added_and_leaves_what_a_later_one_wrote(database: Database) -> None:
    migrate(database, TWO)
    migrate(database, ONE)
    assert columns(database) == ["id", "text"]
    migrate(database, THREE)
    with pytest.raises(DatabaseNewer, match="notes has schema 3, this one knows 1") as caught:
        migrate(database, ONE)
    assert caught.value.where in str(caught.value)
    assert columns(database) == ["id", "text", "date"]


def test_a_migration_that_fails_leaves_nothing_of_itself(database: Database) -> None:
    migrate(database, ONE)
    with pytest.raises(DatabaseForeign):
        migrate(database, notes("text", changes=((ADD_TEXT, DDL("INSERT INTO nowhere VALUES (1)")),)))
    assert columns(database) == ["id"]
    migrate(database, TWO)
    assert columns(database) == ["id", "text"]


def test_a_table_of_another_program_is_named_and_kept(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (theirs TEXT)")
    with pytest.raises(DatabaseForeign, match="it holds notes"):
        migrate(database, ONE)
    assert columns(database) == ["theirs"]


def test_a_file_that_was_removed_or_replaced_is_neither_read_nor_written_until_it_is_back(tmp_path: Path) -> None:
    path, aside = tmp_path / "notes.db", tmp_path / "aside.db"
    with Database.open(DatabaseAddress.sqlite(path)) as database:
        migrate(database, ONE)
        path.rename(aside)
        for another in (None, b""):
            if another is not None:
                path.write_bytes(another)
            for use in (database.reading, database.writing):
                with pytest.raises(DatabaseGone, match="put it back, or start the program again"), use():
                    raise AssertionError("a database that is gone was used")
        aside.replace(path)
        assert columns(database) == ["id"]


def test_half_a_migration_is_named(database: Database) -> None:
    migrate(database, ONE)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE notes")
    with pytest.raises(DatabaseForeign, match="restore a copy"):
        rows(database)
    with pytest.raises(DatabaseForeign, match="no such table: notes"):
        migrate(database, ONE)
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM schema_versions")
        connection.exec_driver_sql("CREATE TABLE notes (id TEXT)")
    with pytest.raises(DatabaseForeign, match="it holds notes"):
        migrate(database, ONE)


def test_many_that_start_together_bring_the_tables_up_once(address: DatabaseAddress) -> None:
    barrier = threading.Barrier(8)

    def start(_: int) -> list[str]:
        barrier.wait()
        with Database.open(address) as database:
            migrate(database, TWO)
            return columns(database)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(start, range(8))) == [["id", "text"]] * 8


def test_a_write_that_fails_is_undone(database: Database) -> None:
    migrate(database, ONE)

    def write() -> None:
        with database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO notes VALUES ('x')")
            raise LookupError

    with pytest.raises(LookupError):
        write()
    assert rows(database) == []


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3"), busy_seconds=0) as database:
        migrate(database, ONE)
        with database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO notes VALUES ('x')")
            assert rows(database) == []
        assert rows(database) == [("x",)]


@pytest.mark.skipif(sys.platform == "win32", reason="files are locked otherwise there")
def test_a_file_system_without_locks_is_not_taken_for_another_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Emulated: SQLite calls both the same."""

    def without_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3"), busy_seconds=0) as database:
        migrate(database, ONE)
        monkeypatch.setattr("fcntl.lockf", without_locks)
        with database.writing(), pytest.raises(LocksUnusable, match="own disk in SUBMITTAL_MCP_DATA_DIR") as caught:
            database.writing().__enter__()
    assert str(tmp_path) in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="devices are other things there")
def test_an_error_of_the_disk_is_told_as_sqlite_says_it(tmp_path: Path) -> None:
    """Any file system that cannot do what SQLite needs: one without shared memory, or without a flush to the disk."""
    path = tmp_path / "data.sqlite3"
    with Database.open(DatabaseAddress.sqlite(path)):
        pass
    path.with_name("data.sqlite3-shm").mkdir()
    path.with_name("data.sqlite3-wal").mkdir()
    with pytest.raises(DatabaseUnreachable, match=r"SQLITE_\w+.*own disk in SUBMITTAL_MCP_DATA_DIR") as caught:
        Database.open(DatabaseAddress.sqlite(path))
    assert str(path) in str(caught.value)


def test_a_second_writer_that_waited_for_too_long_is_told_so(tmp_path: Path) -> None:
    with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3"), busy_seconds=0) as database:
        migrate(database, ONE)
        with database.writing(), pytest.raises(DatabaseBusy, match="another program"), database.writing():
            pass


def test_a_disk_that_is_full_is_called_so(tmp_path: Path) -> None:
    with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3")) as database:
        migrate(database, ONE)

        def fill() -> None:
            with database.writing() as connection:
                connection.exec_driver_sql("PRAGMA max_page_count = 1")  # it may not grow from here on
                for number in range(100):
                    connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (f"{number}" * 1000,))

        with pytest.raises(DatabaseFull, match="free some space"):
            fill()
        assert rows(database) == []


FILLED = """
import resource, sys
from pathlib import Path
from persistence.database import Database, DatabaseAddress
from persistence.errors import DatabaseFull
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    Database.open(DatabaseAddress.sqlite(Path(sys.argv[1])))
except DatabaseFull:
    print("full")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of file sizes")
def test_a_disk_with_no_room_for_the_index_of_the_log_is_called_full(tmp_path: Path) -> None:
    # -B: bytecode of what is first imported here would be cut too, for every process after this one.
    arguments = [sys.executable, "-B", "-c", FILLED, str(tmp_path / "data.sqlite3")]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("full\n", "")


def test_a_disk_of_the_server_that_is_full_is_called_so(postgres_url: str) -> None:
    with Database.open(DatabaseAddress.of(postgres_url)) as database:

        def fill() -> None:
            with database.writing() as connection:
                connection.exec_driver_sql(
                    "DO $$ BEGIN RAISE EXCEPTION 'could not extend' USING ERRCODE = '53100'; END $$"
                )

        with pytest.raises(DatabaseFull, match="free some space"):
            fill()


def test_a_single_statement_on_postgresql_is_committed_without_being_told_to(postgres_url: str) -> None:
    with Database.open(DatabaseAddress.of(postgres_url)) as database:
        migrate(database, ONE)
        with database.writing(single=True) as connection:
            connection.exec_driver_sql("INSERT INTO notes VALUES ('a')")
            assert rows(database) == [("a",)]


def test_a_connection_that_the_server_has_ended_is_not_used_again(postgres_url: str) -> None:
    with Database.open(DatabaseAddress.of(postgres_url)) as database, database.writing() as other:
        with database.reading() as connection:
            own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        assert other.exec_driver_sql("SELECT pg_terminate_backend(%s, 30000)", (own,)).scalar_one()
        with database.reading() as connection:
            assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != own


def test_connections_that_the_server_ends_as_soon_as_they_are_made_are_its_problem(postgres_url: str) -> None:
    with Database.open(DatabaseAddress.of(postgres_url)) as database, Database.open(database.address) as other:
        database.engine.dispose()
        ended: list[int] = []

        @sqlalchemy.event.listens_for(database.engine, "connect")
        def _(connection: psycopg.Connection[object], _: object) -> None:
            ended.append(connection.info.backend_pid)
            with other.reading() as asking:
                asking.exec_driver_sql("SELECT pg_terminate_backend(%s, 30000)", (ended[-1],))

        with pytest.raises(DatabaseProblem), database.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
        assert ended


@pytest.mark.parametrize("content", [b"this is no database at all, only text that is long enough to look at" * 20])
def test_a_file_that_is_no_database_is_called_damaged_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.sqlite3"
    path.write_bytes(content)
    with pytest.raises(DatabaseCorrupt, match="damaged"):
        Database.open(DatabaseAddress.sqlite(path))
    assert path.read_bytes() == content


def test_a_database_that_was_cut_off_is_called_damaged(tmp_path: Path) -> None:
    address = DatabaseAddress.sqlite(tmp_path / "data.sqlite3")
    with Database.open(address) as database:
        migrate(database, TWO)
    with sqlite3.connect(tmp_path / "data.sqlite3") as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
    plain.close()
    content = (tmp_path / "data.sqlite3").read_bytes()
    (tmp_path / "data.sqlite3").write_bytes(content[: len(content) // 2])
    with pytest.raises(DatabaseCorrupt), Database.open(address) as database:
        migrate(database, TWO)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    address = DatabaseAddress.of("postgresql://somebody:hunter2hunter2@127.0.0.1:1/submittals")
    with pytest.raises(DatabaseUnreachable) as caught:
        Database.open(address)
    shown = f"{caught.value} {caught.value!r} {address} {address!r} {address.shown}"
    assert "127.0.0.1:1/submittals" in shown
    assert "hunter2" not in shown
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('password authentication failed for user "hunter2"', "it does not take the user and password"),
        ('role "hunter2" does not exist', "it has no such user or database"),
        ('database "hunter2" does not exist', "it has no such user or database"),
        ('no pg_hba.conf entry for host "hunter2"', "its pg_hba.conf does not admit this user"),
        ("sorry, too many clients already", "it takes no more connections"),
        ("hunter2 in another language", "cannot be reached; check"),
    ],
)
def test_a_server_that_refuses_a_connection_is_told_with_its_reason_and_none_of_its_words(
    message: str, reason: str
) -> None:
    """A PostgreSQL that answers every attempt with one error, as the message formats of its protocol (3.0) have it."""

    def refuse() -> None:
        with listener.accept()[0] as connection:
            while connection.recv(8)[4:] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):  # TLS or GSS is asked for
                connection.sendall(b"N")
            connection.recv(4096)
            body = b"SFATAL\0C28000\0M" + message.encode() + b"\0\0"
            connection.sendall(b"E" + (len(body) + 4).to_bytes(4, "big") + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        with pytest.raises(DatabaseUnreachable, match=reason) as caught:
            Database.open(DatabaseAddress.of(f"postgresql://a:b@127.0.0.1:{listener.getsockname()[1]}/db"))
        thread.join()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "mysql://a@b/c", "postgresql://host", "sqlite:///x", "hunter2hunter2"),
        "postgresql://a:hunter2@hunter2@host/db",
    ],
)
def test_only_a_postgresql_url_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="postgresql://USER") as caught:
        DatabaseAddress.of(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_every_file_is_private_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3")) as database:
            migrate(database, ONE)
            with database.writing() as connection:
                connection.exec_driver_sql("INSERT INTO notes VALUES ('x')")
                modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"data.sqlite3": 0o600, "data.sqlite3-wal": 0o600, "data.sqlite3-shm": 0o600}


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_a_file_that_others_could_read_is_closed_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "data.sqlite3"
    path.touch(0o644)
    Database.open(DatabaseAddress.sqlite(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


OPEN_AS_NOBODY = """
import os, sys
from pathlib import Path
from sqlalchemy import Column, MetaData, Table, Text
import sqlalchemy.dialects.sqlite.pysqlite  # while the interpreter's own folder can be read
from persistence.database import Database, DatabaseAddress
from persistence.migrations import SchemaComponent, migrate
from persistence.errors import StorageProblem
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    with Database.open(DatabaseAddress.sqlite(Path(sys.argv[1]))) as database:
        tables = MetaData()
        Table("notes", tables, Column("id", Text, primary_key=True))
        migrate(database, SchemaComponent("notes", tables))
except StorageProblem as problem:
    print(type(problem).__name__)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
@pytest.mark.parametrize(
    ("there", "problem"), [(False, FolderNotWritable), (True, DatabaseReadOnly)], ids=["no file", "a file"]
)
def test_a_read_only_folder_is_named_as_the_problem(as_nobody: Path, there: bool, problem: type[Exception]) -> None:
    path = as_nobody / "data.sqlite3"
    if there:
        path.touch()
        path.chmod(0o444)
    as_nobody.chmod(0o555)
    ended = subprocess.run(
        [sys.executable, "-c", OPEN_AS_NOBODY, str(path)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.stdout.strip(), ended.returncode) == (problem.__name__, 0), ended.stderr


def test_processes_go_by_the_clock_of_their_database(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """SQLite has none but the machine's; PostgreSQL's is asked once a minute, and one that differs is told."""
    own, steady = [1000.0], [0.0]
    clock = DatabaseClock(database, lambda: own[0], lambda: steady[0])
    first = clock()
    shared = database.address.file is None
    assert (first > 1e9) is shared
    own[0], steady[0] = 1001.0, 10.0
    assert clock() == (first + 10 if shared else 1001.0)
    steady[0] = CLOCK_SECONDS
    again = clock()
    assert not shared or again < first + CLOCK_SECONDS  # it was asked, and there a minute has not passed
    assert ("differs from the database's" in caplog.text) is shared


COUNT = """
import sys
from pathlib import Path
from persistence.database import Database, DatabaseAddress
with Database.open(DatabaseAddress.sqlite(Path(sys.argv[1]))) as database, database.reading() as connection:
    print(connection.exec_driver_sql("SELECT count(*) FROM notes").scalar_one())
"""


def test_a_database_that_one_process_opens_twice_keeps_its_locks_and_shows_others_every_row(tmp_path: Path) -> None:
    """A server opens it for sign-ins, and again for jobs; a command beside it comes and goes."""
    path = tmp_path / "data.sqlite3"

    def rows_for_another_process() -> int:
        arguments = [sys.executable, "-c", COUNT, str(path)]
        return int(subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout)

    with Database.open(DatabaseAddress.sqlite(path)) as database:
        migrate(database, ONE)
        with Database.open(DatabaseAddress.sqlite(path)):
            seen = [rows_for_another_process()]
            for row in ("one", "two"):
                with database.writing() as connection:
                    connection.exec_driver_sql(f"INSERT INTO notes VALUES ('{row}')")
                seen.append(rows_for_another_process())
    assert seen == [0, 1, 2]
