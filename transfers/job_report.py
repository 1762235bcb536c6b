"""What a person at a shell is told of a job: how far it is, what ended it, and what finishes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from transfers.job_record import JobRecord, NewerRecord, read
from transfers.job_rows import CANCELLED, ENDED, FOLLOWING, QUEUED, JobRow
from transfers.sent_parts import LIFE_SECONDS

Standing = Literal[
    "queued", "running", "interrupted", "stopped",
    "uploaded", "waiting", "processing", "ended", "cancelled", "unreadable"
]  # fmt: skip

_ADVICE: Final[dict[Standing, str]] = {
    "running": "Another process works on it; `submittal-mcp jobs cancel {id}` stops it.",
    "interrupted": "Its process died. The person's next server goes on, or `submittal-mcp jobs resume {id}`.",
    "queued": "The next `submittal-mcp worker` takes it that may, and has the file at the same path.",
    "stopped": "`submittal-mcp jobs resume {id}` goes on from the step that failed.",
    "uploaded": "The bytes are in storage; confirm_attachment makes the file visible in ACC.",
    "waiting": "It waits for bytes that its caller sends.",
    "processing": "It is confirmed, and ACC makes a version of the file; get_attachment_status tells when it is ready.",
    "ended": "",
    "cancelled": "What it reserved stays in ACC, whose API deletes no reservation.",
    "unreadable": "A newer version of submittal-mcp wrote it; use that one.",
}
_TOO_LATE: Final = (
    "More than 24 hours have passed since its upload began, so storage has discarded what was sent. "
    "`submittal-mcp jobs resume {id}` sends the whole file again under the same attachment."
)
_FILE_GONE: Final = (
    "The file is no longer at {path}. Put it back and run `submittal-mcp jobs resume {id}`, "
    "or ask a submittals manager to remove the reserved attachment in ACC."
)


@dataclass(frozen=True)
class JobLine:
    """One job. `failure` is the kind of error that ended its last run; `advice` a sentence, or nothing."""

    id: str
    standing: Standing
    name: str
    item_id: str
    attachment_id: str | None
    step: str
    bytes_sent: int
    bytes_total: int | None
    failure: str | None
    advice: str


def job_line(row: JobRow, *, alive: bool, now: float) -> JobLine:
    """Return what to tell of a job; `alive` says whether its owner, if it has one, lives; `now` is since 1970."""
    try:
        record = read(row)
    except NewerRecord:
        return _line(row, None, "unreadable", _ADVICE["unreadable"])
    standing = _standing(row, record, alive=alive)
    advice = _ADVICE[standing]
    if standing in ("interrupted", "stopped") and record.path is not None and not record.stored:
        if not Path(record.path).exists():
            advice = _FILE_GONE
        elif record.begun is not None and now - record.begun > LIFE_SECONDS:
            advice = _TOO_LATE
    return _line(row, record, standing, advice)


def _standing(row: JobRow, record: JobRecord, *, alive: bool) -> Standing:
    if row.status == QUEUED:
        return "queued"
    if row.status == FOLLOWING:
        return "processing"
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
    return "waiting" if record.kind == "CallerJob" else "stopped"


def _line(row: JobRow, record: JobRecord | None, standing: Standing, advice: str) -> JobLine:
    path = record.path if record is not None else None
    return JobLine(
        id=row.id,
        standing=standing,
        name=row.name,
        item_id=row.item_id,
        attachment_id=row.attachment_id,
        step=record.step if record is not None else "unknown",
        bytes_sent=record.size or 0 if record is not None and record.stored else row.bytes_sent,
        bytes_total=record.size if record is not None else None,
        failure=str(record.error["kind"]) if record is not None and record.error else None,
        advice=advice.format(id=row.id, path=path),
    )
