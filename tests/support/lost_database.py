"""PostgreSQL that ends connections, or lets none be made."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy

from persistence.database import Database, DatabaseAddress


def end_every_connection(url: str, name: str | None = None) -> int:
    """End what is connected to a database, or to the one of that `name`; returns how many connections that were."""
    with Database.open(DatabaseAddress.of(url)) as database, database.writing() as connection:
        ended = connection.exec_driver_sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = coalesce(%s, current_database()) AND pid <> pg_backend_pid()",
            (name,),
        )
        return int(ended.scalar_one())


def let_in(url: str, *, no_one: bool = False) -> None:
    """Let connections to a database be made again; or let `no_one` in, and end the connections that there are."""
    own = sqlalchemy.make_url(url)
    server = own.set(database="postgres").render_as_string(hide_password=False)
    with Database.open(DatabaseAddress.of(server)) as database, database.writing() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {own.database} WITH ALLOW_CONNECTIONS {not no_one}")
    if no_one:
        end_every_connection(server, own.database)


@contextmanager
def away(url: str) -> Iterator[None]:
    """Let no one in to a database until the block ends."""
    let_in(url, no_one=True)
    try:
        yield
    finally:
        let_in(url)
