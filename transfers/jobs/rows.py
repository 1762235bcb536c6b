"""Job rows as plain data, so that a reader needs no database library."""

from dataclasses import dataclass
from typing import Any, Final

OPEN: Final = "open"
"""Something is left to do: reserved and not sent, sent and not confirmed, stopped by an error."""

QUEUED: Final = "queued"
"""What is to be attached is known, and no process has begun: it is for the worker that takes it first."""

FOLLOWING: Final = "following"
"""The attachment is confirmed, and its owner looks what ACC makes of the bytes; no call has to wait for that."""

ENDED: Final = "ended"
"""The attachment is confirmed or linked, and no process follows it any more."""

CANCELLED: Final = "cancelled"
"""A person cancelled it."""

REPLACED: Final = "replaced"
"""Another job carries the same request: an earlier one that counts, or a later one because this one does not."""


class JobOwnershipLost(BaseException):
    """Raised once another process has taken over the job: this one must stop without a trace.

    No `Exception`: nothing on its way may write it down as the end of a step or of the job.
    """


class FingerprintTaken(Exception):
    """Another job has the fingerprint that a job turned out to have while it was sent."""


@dataclass(frozen=True)
class JobRow:
    """A row of `jobs`. `record` is the JSON of `serialization`, `created` and `updated` are seconds since 1970.

    `owner` is the process that works on it, or worked on it when it died; None while it rests. Each taking of the job
    counts `attempt` up, and the process that took it writes only under that number. `posting` says that a POST was
    about to be sent whose end is not known.
    """

    id: str
    asked: str
    fingerprint: str | None
    attempt: int
    status: str
    owner: str | None
    base_url: str
    person_id: str
    project_id: str
    item_id: str
    attachment_id: str | None
    name: str
    posting: bool
    record: str
    bytes_hashed: int
    bytes_sent: int
    cancelled: bool
    created: float
    updated: float

    @property
    def rests(self) -> bool:
        """Whether no process works on it or is about to: it ended, stopped, or is only followed."""
        return self.status != QUEUED and (self.owner is None or self.status == FOLLOWING)


@dataclass(frozen=True)
class StoredPart:
    """A part that storage has taken. `digest` is what it was hashed to: see `FilePass`."""

    number: int
    size: int
    etag: str
    digest: str


def owner_words(owner: str) -> str:
    """Return who an owner is, for a message: the machine and the process."""
    machine, _, rest = owner.partition(" ")
    return f"process {rest.partition(' ')[0]} on {machine}" if rest else "a process of the version before"


def cancellation(job_id: str) -> dict[str, Any]:
    """Return what is changed in the row of a cancelled job: it stands in the way of no later one."""
    return {"status": CANCELLED, "asked": f"cancelled {job_id}", "fingerprint": None}
