"""Keys that the replicas of a team server share, sealed in the database: the replica that needs one first makes it."""

import secrets
from contextlib import suppress

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from auth.issuer.tables import COMPONENT, SHARED_KEYS
from auth.vault import Vault
from persistence.database import Database
from persistence.encryption import NotSealed
from persistence.errors import KeyMissing
from persistence.migrations import migrate


def shared_key(database: Database, vault: Vault, name: str) -> bytes:
    """Return 32 bytes that are the same for all who ask for this name in this database. Blocks.

    A key that can no longer be opened is replaced: what it protected is short-lived.

    Raises:
        StorageProblem: The database or the vault's keys cannot be used.
    """
    migrate(database, COMPONENT)
    sealed = vault.seal(secrets.token_bytes(32), "shared key", name)
    with suppress(IntegrityError), database.writing() as connection:
        if connection.execute(select(SHARED_KEYS.c.name).where(SHARED_KEYS.c.name == name)).first() is None:
            connection.execute(SHARED_KEYS.insert().values(name=name, sealed=sealed))
    with database.reading() as connection:
        kept: str = connection.execute(select(SHARED_KEYS.c.sealed).where(SHARED_KEYS.c.name == name)).scalar_one()
    try:
        return vault.unseal(kept, "shared key", name)
    except (KeyMissing, NotSealed):
        with database.writing() as connection:
            stale = (SHARED_KEYS.c.name == name, SHARED_KEYS.c.sealed == kept)
            connection.execute(update(SHARED_KEYS).where(*stale).values(sealed=sealed))
        return shared_key(database, vault, name)
