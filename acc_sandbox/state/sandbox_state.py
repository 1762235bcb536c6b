"""State of one sandbox, which every handler is given."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from acc_sandbox.admin.access import ControlAccess
from acc_sandbox.faults.plan import FaultPlan
from acc_sandbox.faults.request_log import RequestLog
from acc_sandbox.oauth.access_tokens import TokenMint, process_private_key
from acc_sandbox.object_storage.signed_urls import UrlSigner
from acc_sandbox.state.clock import Clock, stamp
from acc_sandbox.state.people import PeopleDirectory
from acc_sandbox.state.store import StateStore
from acc_sandbox.state.switches import Switches

PUBLIC_CLIENT_ID = "submittalsandboxpublicclient0001"
CONFIDENTIAL_CLIENT_ID = "submittalsandboxconfidential0001"
CONFIDENTIAL_CLIENT_SECRET = "sandboxsecret001"  # noqa: S105  # printed for everybody, it guards nothing
SERVER_CLIENT_ID = "submittalsandboxserver0000000001"
SERVER_CLIENT_SECRET = "sandboxsecret002"  # noqa: S105  # as above
CALLBACK_URL = "http://localhost:8765/callback"
_MOVED = "clock_moved"
BULK_ITEMS = "crowd_wanted"
"""Fact: how many bulk items are to be made, or that they are."""


class SandboxState:
    """State of a sandbox and the means to change it. `origin` and `storage_origin` are set once the ports are known."""

    def __init__(
        self,
        *,
        store: StateStore,
        blobs: Path,
        clock: Clock,
        switches: Switches,
        controls: ControlAccess,
    ) -> None:
        self.store = store
        self.people = PeopleDirectory(store)
        self.blobs = blobs
        self.clock = clock
        self.switches = switches
        self.controls = controls
        self.faults = FaultPlan()
        self.requests = RequestLog()
        self.callback_urls = {CALLBACK_URL}
        self.auto_approve = False
        self.auto_person: str | None = None
        """Key of whom auto-approval signs in; None for the first person."""
        self.origin = ""
        self.storage_origin = ""
        self.everywhere = False
        """Whether it listens on every address of the machine, so that the address a client uses is unknown."""
        self.on_reset: list[Callable[[], None]] = []
        """Called by `reset`, for what is kept elsewhere."""
        self._refill: Callable[[], None] = lambda: None
        self._first_move = clock.moved
        self._at_start = (replace(switches), set(self.callback_urls), self.auto_approve, clock.moved)
        self.signer = UrlSigner(bytes.fromhex(self._kept("url_secret", lambda: secrets.token_hex(32))))
        self.tokens = TokenMint(self._kept)

    def begin(self, fill: Callable[[], None]) -> None:
        """Fill the store, unless a data folder did, and note the state that `reset` returns to."""
        self._refill = fill
        self._at_start = (replace(self.switches), set(self.callback_urls), self.auto_approve, self._first_move)
        fill()

    def reset(self) -> None:
        """Return to the state of a new start: its seed and switches, no faults, no log, the clock where it began.

        The signing keys stay, so that access tokens that were given out are still good.
        """
        switches, callback_urls, self.auto_approve, moved = self._at_start
        self.auto_person = None
        self.faults.clear()
        self.clock.move(moved - self.clock.moved)
        with self.store.transaction():
            self.store.clear()
            self.store.run("DELETE FROM facts WHERE name = ?", BULK_ITEMS)
            for one in fields(switches):
                setattr(self.switches, one.name, getattr(switches, one.name))
            self.callback_urls = set(callback_urls)
            self._refill()
        for notify in self.on_reset:
            notify()
        self.requests.clear()

    @contextmanager
    def persist_clock(self) -> Iterator[None]:
        """Note every move of the clock while the block lasts; one that was never moved goes on where the last stood."""
        before = self.store.value("SELECT value FROM facts WHERE name = ?", _MOVED)
        if before is not None and not self.clock.moved:
            self.clock.move(float(before))
        self._keep_clock()
        with self.clock.on_move(self._keep_clock):
            yield

    def storage_url(self, host: str | None) -> str:
        """Origin of the storage port, for a client that reached the other port under `host`."""
        name = urlsplit(f"//{host or ''}").hostname
        if not self.everywhere or not name:
            return self.storage_origin
        scheme, _, place = self.storage_origin.partition("://")
        shown = f"[{name}]" if ":" in name else name
        return f"{scheme}://{shown}:{place.rpartition(':')[2]}"

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

    def _keep_clock(self) -> None:
        # Asked for inside, so that of two moves at once the later is what stays.
        with self.store.transaction():
            self.store.run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", _MOVED, str(self.clock.moved))

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """A fact that is made once and survives a restart with the data folder."""
        with self.store.transaction():
            found: str | None = self.store.value("SELECT value FROM facts WHERE name = ?", name)
            if found is None:
                found = make()
                self.store.insert("facts", {"name": name, "value": found})
        return found
