"""Lease of a vault record, held while its tokens are refreshed, and the timings of a refresh.

The lease is kept alive by a heartbeat and needs no clock of another machine.
"""

import logging
import secrets
import threading
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio
from anyio import to_thread

from auth.vault import RefreshLease, StoredLogin, Vault
from persistence.errors import DatabaseProblem


@dataclass(frozen=True)
class RefreshTimings:
    """Timings of a token refresh, in seconds.

    `early`: a token with less left is renewed, each process at a moment of its own within `jitter`; with less than
    `usable` left it is not used any more, which clocks that differ by minutes need. `lease`: a holder who shows no sign
    of life for so long is given up; a sign comes every `beat`. `post`: the longest that Autodesk is waited for. `save`:
    pauses between tries to save, before calls fail because of it. After a failure, or a token refused right after
    it was issued, the next try comes after `rest`.
    """

    early: float = 300.0
    jitter: float = 120.0
    usable: float = 150.0
    lease: float = 15.0
    beat: float = 3.0
    poll: float = 0.1
    post: float = 20.0
    save: tuple[float, ...] = (0.1, 0.5, 2.0)
    rest: float = 60.0


_random: Final = secrets.SystemRandom().random
_log = logging.getLogger(__name__)


async def acquire_lease(
    vault: Vault, found: StoredLogin, timings: RefreshTimings, *, patient: bool = True
) -> RefreshLease | None:
    """Take the lease of a record whose generation stays as it was `found`.

    None as soon as that has changed; also at once when another process holds the lease and `patient` is false. The
    holder counts as dead when its heartbeat has not changed for `timings.lease` seconds of this process's own clock.
    """
    holder = uuid.uuid4().hex
    watched: tuple[int, int] | None = None
    since = 0.0
    while True:
        seen = await to_thread.run_sync(lambda: vault.lease(found.account))
        if seen is None or seen.generation != found.generation:
            return None
        if watched != (seen.fence, seen.beat):
            watched, since = (seen.fence, seen.beat), time.monotonic()
        if seen.holder is None or time.monotonic() - since > timings.lease:
            lease = await to_thread.run_sync(lambda: vault.try_acquire_lease(seen, holder))  # noqa: B023  # awaited before `seen` changes
            if lease is not None:
                return lease
        elif not patient:
            return None
        await anyio.sleep(timings.poll * (0.5 + _random()))


@asynccontextmanager
async def keep_lease_alive(vault: Vault, lease: RefreshLease, timings: RefreshTimings) -> AsyncIterator[None]:
    """Show that the holder of a lease is alive while the block lasts, also while its event loop is busy."""
    done = threading.Event()

    def show() -> None:
        while not done.wait(timings.beat):
            try:
                if not vault.heartbeat(lease):
                    return
            except DatabaseProblem as problem:
                _log.warning("the lease could not be kept alive: %s", problem)

    thread = threading.Thread(target=show, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(thread.join)
