"""The audit log: who let which file go where, or moved which submittal on, one line of JSON each, written before.

`audit.jsonl` in the data folder is only ever added to. Each act is a pair of lines with one `id`: `sending`, `linking`,
`confirming` or `moving` is on the disk before the act begins, and `sent`, `linked`, `confirmed`, `moved` or `stopped`
follows it. A first line without a second means that the process died in between: how far it came is not known here.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal

import anyio
import anyio.to_thread
import structlog

Act = Literal["sending", "linking", "confirming", "moving"]

_DONE: Final[dict[Act, str]] = {
    "sending": "sent",
    "linking": "linked",
    "confirming": "confirmed",
    "moving": "moved",
}
_STOPPED: Final = "stopped"

LOCK_SECONDS: Final = 10.0
"""How long a process waits for its turn; writing one line takes milliseconds."""

_CALLER: Final = ("client", "grant", "request")
"""What a team server knows of the call that began it."""

_LOOK_SECONDS: Final = 0.02
_LOCK: Final = "audit"


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """Audited facts of a file on its way; None where unknown.

    `autodesk` is a host, `person_id` who signed in, `path` the file's own on this machine. Of bytes that the caller
    sent, the size is storage's word and the digest unknown; of a linked version, both are.
    """

    autodesk: str
    person_id: str
    project_id: str
    submittal_id: str
    attachment_id: str | None
    name: str
    path: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    version_urn: str | None = None
    bytes_sent: int | None = None


@dataclass(frozen=True, kw_only=True)
class MoveEntry:
    """Audited facts of a submittal that is moved on; None where unknown.

    `to_state` is where a transition leads; without one, `task_id` is the review task that was answered. `copied` are
    ids of the attachments taken along.
    """

    autodesk: str
    person_id: str
    project_id: str
    submittal_id: str
    to_state: str | None
    task_id: str | None
    response_id: str | None
    copied: tuple[str, ...]


class AuditLog:
    """The audit log of a data folder (None: the platform's), which several processes may write at once."""

    def __init__(self, folder: Path | None, lock_seconds: float = LOCK_SECONDS) -> None:
        self._folder = folder
        self._lock_seconds = lock_seconds
        self._log = structlog.get_logger(__name__)

    async def check(self) -> None:
        """Make sure that the log can be opened for writing, before anything is begun that would need it.

        Raises:
            StorageProblem: It cannot be.
        """
        await anyio.to_thread.run_sync(self.check_now)

    def check_now(self) -> None:
        """Do what `check` does; blocks.

        Raises:
            StorageProblem: As there.
        """
        self._append(b"")

    @asynccontextmanager
    async def record(self, act: Act, entry: Callable[[], AuditEntry | MoveEntry]) -> AsyncIterator[None]:
        """Write a line, do what the block does, and write how that ended; `entry` is asked each time.

        Raises:
            StorageProblem: The first line could not be written; the block is not entered.
        """
        pair = uuid.uuid4().hex
        await self._write(pair, act, entry())
        try:
            yield
        except BaseException as error:
            await self._end(pair, _STOPPED, entry(), problem=type(error).__name__)
            raise
        await self._end(pair, _DONE[act], entry())

    def note(self, event: str, **fields: str | None) -> None:
        """Write down something that is no act on a file, such as a sign-in; blocks.

        Raises:
            StorageProblem: The line could not be written.
        """
        self._append(_line(event, fields))

    async def _end(self, pair: str, event: str, entry: AuditEntry | MoveEntry, **more: str) -> None:
        from persistence.errors import StorageProblem

        try:
            with anyio.CancelScope(shield=True):
                await self._write(pair, event, entry, **more)
        except StorageProblem as problem:
            # What happened has happened, and its first line stands: failing the call now would only mislead.
            self._log.error("audit_outcome_not_written", id=pair, audit_event=event, problem=str(problem))

    async def _write(self, pair: str, event: str, entry: AuditEntry | MoveEntry, **more: str) -> None:
        caller = structlog.contextvars.get_contextvars()
        known = {name: caller[name] for name in _CALLER if name in caller} | vars(entry)
        await anyio.to_thread.run_sync(partial(self._append, _line(event, {"id": pair, **known, **more})))

    def _append(self, line: bytes) -> None:
        from persistence import private_files
        from persistence.data_folder import DataFolder
        from persistence.errors import AuditLogUnusable, check_descriptors

        folder = DataFolder.open(self._folder)
        try:
            with _turn(folder.path / "locks", self._lock_seconds):
                private_files.append(folder.audit_log, line)
        except OSError as error:
            check_descriptors(error, folder.audit_log)
            reason = error.strerror or type(error).__name__
            raise AuditLogUnusable(folder.audit_log, reason) from error


def _line(event: str, fields: Mapping[str, object]) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known = {name: value for name, value in fields.items() if value is not None}
    # ASCII: a name can then hide nothing from a reader of the log in a terminal, nor end its line.
    return json.dumps({"time": now, "event": event, **known}, ensure_ascii=True).encode("ascii") + b"\n"


@contextmanager
def _turn(locks: Path, seconds: float) -> Iterator[None]:
    """Keep other processes, and other threads of this one, from writing; blocks."""
    from persistence.locks import FileLocks

    kept = FileLocks(locks)
    ends = time.monotonic() + seconds
    while (lock := kept.try_acquire(_LOCK)) is None:
        if time.monotonic() >= ends:
            raise OSError(None, "another process has held it for too long")
        time.sleep(_LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()
