"""Report of a job for a person at a shell: its status, what ended it, and what finishes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from transfers.categories_and_states import DISCARDED_SECONDS, FOLLOW_SECONDS
from transfers.jobs.caller_upload import CallerUploadJob
from transfers.jobs.rows import CANCELLED, ENDED, FOLLOWING, QUEUED, JobRow, owner_words
from transfers.jobs.serialization import JobRecord, UnreadableJob, kind_of_row, require_readable
from transfers.upload.part_plan import LIFE_SECONDS

JobStatus = Literal[
    "queued", "running", "interrupted", "stopped",
    "uploaded", "waiting", "processing", "ended", "cancelled", "unreadable"
]  # fmt: skip

RESERVATION_STAYS: Final = "What it reserved stays in ACC, whose API deletes no reservation."

_ADVICE: Final[dict[JobStatus, str]] = {
    "running": "Another process works on it; `submittal-mcp jobs cancel {id}` stops it.",
    "interrupted": "Its process died. The person's next server goes on, or `submittal-mcp jobs resume {id}`.",
    "queued": "The next `submittal-mcp worker` takes it that may, and has the file at the same path.",
    "stopped": "`submittal-mcp jobs resume {id}` goes on from the step that failed.",
    "uploaded": "The bytes are in storage. `submittal-mcp attach` of the same file makes it visible in ACC; so does an "
    "assistant that is asked to confirm it.",
    "waiting": "An assistant was given a URL for the bytes, and none has arrived yet.",
    "processing": "It is confirmed; ACC is making a version of the file. Nothing is left to do.",
    "ended": "",
    "cancelled": RESERVATION_STAYS,
    "unreadable": "A newer version of submittal-mcp wrote it, and that one is needed.",
}
_DAMAGED: Final = (
    "What is written down of it is damaged. `submittal-mcp jobs cancel {id}` sets it aside, so that the same file can "
    "be attached again; what it reserved stays in ACC."
)
_WAITS: Final[dict[JobStatus, str]] = {
    "running": "{owner}, which works on it ({step})",
    "interrupted": "a process of this person that may go on with it",
    "queued": "a worker that may do it, and has the file",
    "stopped": "a person who resumes it",
    "uploaded": "a confirmation",
    "waiting": "the bytes, which an assistant was given a URL for",
    "processing": "ACC, which makes a version of the file",
    "unreadable": "a version of this program that can read it",
}
_EXPIRED: Final = "upload_expired"
_TOO_LATE: Final = (
    "More than 24 hours have passed since its upload began, so storage has discarded what was sent. "
    "`submittal-mcp jobs resume {id}` sends the whole file again under the same attachment."
)
_CALLER_TOO_LATE: Final = (
    "It has waited for its bytes for more than 24 hours. Ask the assistant to upload the file again, which gets a "
    "fresh URL for it; a submittals manager can remove the reserved attachment in ACC."
)
_FILE_GONE: Final = (
    "The file is no longer at {path}. Put it back and run `submittal-mcp jobs resume {id}`, "
    "or ask a submittals manager to remove the reserved attachment in ACC."
)


@dataclass(frozen=True)
class JobLine:
    """One job. `failure` is the kind of error that ended its last run; `advice` a sentence, or nothing.

    `waits_for` is who or what has to come before it goes on, or nothing.
    """

    id: str
    standing: JobStatus
    name: str
    submittal: str
    item_id: str
    attachment_id: str | None
    step: str
    bytes_sent: int
    bytes_total: int | None
    failure: str | None
    advice: str
    waits_for: str


def job_line(row: JobRow, *, alive: bool, now: float) -> JobLine:
    """Return what to tell of a job; `alive` says whether its owner, if it has one, lives; `now` is since 1970."""
    try:
        record = require_readable(row)
    except UnreadableJob as problem:
        advice = _ADVICE["unreadable"] if problem.newer else _DAMAGED
        return _line(row, None, "unreadable", advice, None, _WAITS["unreadable"] if problem.newer else "a person")
    standing = _standing(row, record, alive=alive, now=now)
    advice, failure = _ADVICE[standing], kind_of_row(record.error) if record.error else None
    waits = _WAITS.get(standing, "")
    if standing == "cancelled" and row.attachment_id is None and not row.posting:
        advice = ""  # nothing was reserved
    if standing in ("interrupted", "stopped") and record.path is not None and not record.stored:
        if record.begun is not None and now - record.begun > LIFE_SECONDS:
            advice, failure = _TOO_LATE, _EXPIRED
        if not Path(record.path).exists():
            advice, waits = _FILE_GONE, "the file at {path}"
    if standing == "waiting" and now - (record.begun or row.created) > DISCARDED_SECONDS:
        advice, failure = _CALLER_TOO_LATE, _EXPIRED
    return _line(row, record, standing, advice, failure, waits)


def _standing(row: JobRow, record: JobRecord, *, alive: bool, now: float) -> JobStatus:
    if row.status == QUEUED:
        return "queued"
    if row.status == FOLLOWING:
        return "processing" if alive or now - row.updated <= FOLLOW_SECONDS else "ended"
    if row.owner is not None:
        return "running" if alive else "interrupted"
    if row.status == ENDED:
        return "ended"
    if row.status == CANCELLED:
        return "cancelled"
    if record.error is not None:
        return "stopped"
    if record.stored:
        return "uploaded"
    return "waiting" if record.kind == CallerUploadJob.kind else "stopped"


def _line(
    row: JobRow, record: JobRecord | None, standing: JobStatus, advice: str, failure: str | None, waits: str
) -> JobLine:
    path, step = (record.path, record.step) if record is not None else (None, "unknown")
    return JobLine(
        id=row.id,
        standing=standing,
        name=row.name,
        submittal=record.submittal if record is not None else "",
        item_id=row.item_id,
        attachment_id=row.attachment_id,
        step=step,
        bytes_sent=record.size or 0 if record is not None and record.stored else row.bytes_sent,
        bytes_total=record.size if record is not None else None,
        failure=failure,
        advice=advice.format(id=row.id, path=path),
        waits_for=waits.format(owner=owner_words(row.owner or ""), path=path, step=step),
    )
