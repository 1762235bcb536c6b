"""Asks the databases at every step of the import of SQLAlchemy's ORM, as a thread may while another imports DBOS.

Prints at how many steps it asked.
"""

import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from auth.database import Database, DatabaseAddress
from auth.key_ring import EnvironmentKeys
from auth.sealing import Key
from auth.vault import Account, Tokens, Vault
from tests.transfers.rows import ROW
from transfers.job_rows import ENDED, StoredPart
from transfers.job_store import TABLES, JobStore

ACCOUNT = Account("http://127.0.0.1", "client", "ME")
TOKENS = Tokens.model_validate(
    {
        "access_token": "a",
        "issued_at": 1.0,
        "expires_at": 2.0,
        "refresh_token": "r",
        "refresh_expires_at": 3.0,
        "scopes": ("data:read",),
    }
)


class Asking:
    """Finds no module; each of the ORM's that is looked for is an occasion to ask."""

    def __init__(self, store: JobStore, vault: Vault) -> None:
        self.steps = 0
        self._store = store
        self._vault = vault

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.startswith("sqlalchemy.orm"):
            self.steps += 1
            self._ask_for_jobs(f"job-{self.steps}")
            self._ask_for_tokens()
        return None

    def _ask_for_jobs(self, id_: str) -> None:
        store = self._store
        store.add(replace(ROW, id=id_, asked=id_, owner="A", attachment_id=id_))
        assert [one.id for one in store.rows([id_])] == [one.id for one in store.by_attachments([id_])] == [id_]
        store.keep_parts(id_, [StoredPart(1, 5, "etag", "sha256")])
        store.forget_parts(id_, [1])
        assert store.parts(id_) == []
        store.save(id_, "A", status=ENDED, owner=None)
        assert store.prune(before=float("inf")) == 1

    def _ask_for_tokens(self) -> None:
        self._vault.keep(ACCOUNT, "A person", None, TOKENS)
        seen = self._vault.lease(ACCOUNT)
        assert seen is not None
        lease = self._vault.take(seen, "A")
        assert lease is not None
        assert self._vault.mark(lease, "attempt")
        assert self._vault.renew(lease, TOKENS) == self._vault.read(ACCOUNT)
        assert list(self._vault.people(ACCOUNT.base_url, ACCOUNT.client_id)) == [ACCOUNT]
        self._vault.remove(ACCOUNT)


with Database.open(DatabaseAddress.sqlite(Path(sys.argv[1]))) as database:
    database.migrate(TABLES)
    asking = Asking(JobStore(database), Vault(database, EnvironmentKeys([Key.new()])))
    assert "sqlalchemy.orm" not in sys.modules
    sys.meta_path.insert(0, asking)
    import sqlalchemy.orm  # noqa: F401  # imported only now, and watched

    sys.stdout.write(str(asking.steps))
