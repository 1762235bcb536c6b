"""Everything one sandbox knows, in one place that every handler is given."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sandbox.clock import Clock, stamp
from sandbox.signing import UrlSigner
from sandbox.store import Store
from sandbox.switches import Switches
from sandbox.tokens import TokenMint, process_private_key

PUBLIC_CLIENT_ID = "submittalsandboxpublicclient0001"
CONFIDENTIAL_CLIENT_ID = "submittalsandboxconfidential0001"
CONFIDENTIAL_CLIENT_SECRET = "sandboxsecret001"  # noqa: S105  # printed for everybody, it guards nothing
CALLBACK_URL = "http://localhost:8765/callback"


@dataclass
class Delays:
    """How long the things take that ACC does after it has answered, in seconds."""

    urn: float = 0.2
    """From the PATCH (or the link of a file) to asyncState 3."""
    folder: float = 1.0
    """From an item's creation to its folder (fact sheet 2.1)."""
    job: float = 0.2
    """From change-sequence-type to the end of its job."""


class World:
    """State and the means to change it. `origin` and `storage_origin` are set once the ports are known."""

    def __init__(self, *, store: Store, blobs: Path, clock: Clock, switches: Switches, delays: Delays) -> None:
        self.store = store
        self.blobs = blobs
        self.clock = clock
        self.switches = switches
        self.delays = delays
        self.callback_urls = {CALLBACK_URL}
        self.auto_approve = False
        self.origin = ""
        self.storage_origin = ""
        self.signer = UrlSigner(bytes.fromhex(self._kept("url_secret", lambda: secrets.token_hex(32))))
        self.tokens = TokenMint(self._kept)

    def schedule(self, kind: str, subject: str, seconds: float) -> None:
        """Have `timers` carry out something later."""
        due = stamp(self.clock.now() + timedelta(seconds=seconds))
        self.store.insert("timers", {"dueAt": due, "kind": kind, "subject": subject})

    def keep_blob(self, content: bytes) -> str:
        """Write bytes that belong to an object; the name under which `blob` finds them."""
        name = uuid.uuid4().hex
        (self.blobs / name).write_bytes(content)
        return name

    def blob(self, name: str) -> Path:
        """The file that holds a blob."""
        return self.blobs / name

    def service_key(self) -> str:
        """The private key (PEM) of the service account."""
        return self._kept("service_key", process_private_key)

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """A fact that is made once and survives a restart with the data folder."""
        with self.store.transaction():
            found: str | None = self.store.value("SELECT value FROM facts WHERE name = ?", name)
            if found is None:
                found = make()
                self.store.insert("facts", {"name": name, "value": found})
        return found
