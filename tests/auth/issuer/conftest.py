"""What the tests of the authorization server share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import acc_sandbox
from persistence.database import Database, DatabaseAddress

from .flow import Site, site_of


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3")) as database:
        yield database


@pytest.fixture
def site(box: acc_sandbox.Sandbox, sqlite: Database) -> Site:
    """An authorization server over the sandbox, for a public app."""
    return site_of(box, sqlite)
