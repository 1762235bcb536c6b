"""Migrations of the tables that each part of the program keeps in the shared database.

Each part declares its tables once, and brings them up to date by itself:

    TABLES = MetaData()
    JOBS = Table("jobs", TABLES, Column("id", Text, primary_key=True))
    with Database.open(DatabaseAddress.sqlite(folder.database)) as database:
        migrate(database, SchemaComponent("jobs", TABLES))
        with database.writing() as connection:
            connection.execute(JOBS.insert().values(id="one"))
"""

from dataclasses import dataclass
from typing import Final

import sqlalchemy
from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, func, select
from sqlalchemy.schema import ExecutableDDLElement

from persistence.database import Database
from persistence.errors import DatabaseForeign, DatabaseNewer

_ANY_WRITER: Final = 7_358_001
"""Number of the advisory lock under which schemas are changed; any number no other program uses."""

_MADE_EARLIER: Final = frozenset({"file_digests"})
"""Tables that early builds made among those of another component."""

_VERSIONS: Final = Table(
    "schema_versions",
    MetaData(),
    Column("component", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)


@dataclass(frozen=True)
class SchemaComponent:
    """The `tables` of one part of the program as they are now, and the `changes` that brought them there.

    A database without them is given them as they are declared; change number n brings those of version n to n + 1. A
    change that was released stays as it is, and lets the version before it go on working: it adds, and what it made
    superfluous is removed a release later.
    """

    name: str
    tables: MetaData
    changes: tuple[tuple[ExecutableDDLElement, ...], ...] = ()

    @property
    def version(self) -> int:
        """The version that this program knows."""
        return 1 + len(self.changes)


def migrate(database: Database, *components: SchemaComponent) -> None:
    """Bring the tables of `components` up to date; processes that start together do it one after another.

    Raises:
        DatabaseNewer: A newer version of the program has been here.
        DatabaseForeign: It is of another program, or some of its tables are missing.
        DatabaseProblem: The database cannot be written to.
    """
    if all(_version(database, component) >= component.version for component in components):
        return
    with database.writing() as connection:
        if database.address.file is None:
            connection.execute(select(func.pg_advisory_xact_lock(_ANY_WRITER)))
        there = set(sqlalchemy.inspect(connection).get_table_names())
        if database.address.file is not None and there and _VERSIONS.name not in there:
            raise DatabaseForeign(database.address.shown, f"it holds {min(there)}")
        _VERSIONS.create(connection, checkfirst=True)
        for component in components:
            _upgrade(database, connection, component, there)


def _version(database: Database, component: SchemaComponent) -> int:
    """Return the version found; 0 where there is none.

    Raises:
        DatabaseNewer: It is above what this program knows.
        DatabaseForeign: Some of its tables are not there.
    """
    with database.reading() as connection:
        there = set(sqlalchemy.inspect(connection).get_table_names())
        if _VERSIONS.name not in there:
            return 0
        found = _found(database, connection, component)
        missing = component.tables.tables.keys() - there
        if missing and found >= component.version:
            raise DatabaseForeign(database.address.shown, f"no such table: {min(missing)}")
        return found


def _found(database: Database, connection: Connection, component: SchemaComponent) -> int:
    query = select(_VERSIONS.c.version).where(_VERSIONS.c.component == component.name)
    found = int(connection.execute(query).scalar() or 0)
    # The next version adds only; what the one after it removes may be what this one needs.
    if found > component.version + 1:
        raise DatabaseNewer(database.address.shown, component.name, found, component.version)
    return found


def _upgrade(database: Database, connection: Connection, component: SchemaComponent, there: set[str]) -> None:
    found = _found(database, connection, component)
    if found >= component.version:
        return
    if not found:
        foreign = there & set(component.tables.tables)
        if foreign - _MADE_EARLIER:
            raise DatabaseForeign(database.address.shown, f"it holds {min(foreign)}")
        component.tables.create_all(connection, checkfirst=True)
    for change in component.changes[found - 1 :] if found else ():
        for statement in change:
            connection.execute(statement)
    upsert = database.insert(_VERSIONS).values(component=component.name, version=component.version)
    connection.execute(
        upsert.on_conflict_do_update(index_elements=[_VERSIONS.c.component], set_={"version": component.version})
    )
