"""A job as it is written down, and the job again: what another process needs to go on from the last finished step.

No secret is among it: a person's id and never a token, an upload key only sealed, no signed URL.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from acc.models.submittals import Attachment
from acc.object_storage import bare_etag
from persistence.errors import StorageProblem
from transfers.failures import failure_from_json, failure_to_json
from transfers.files.local_file import ByteCounter, FileStamp
from transfers.jobs.base import Destination, Job
from transfers.jobs.caller_upload import CallerUploadJob
from transfers.jobs.linked_file import LinkedFileJob
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.rows import OPEN, JobRow, StoredPart
from transfers.upload.upload_state import UploadState

FORMAT: Final = 1
"""Counted up when a record could no longer be read by the version before. A process leaves a newer one's jobs alone."""


_CLASS_NAMES: Final = {
    "FileJob": LocalFileJob.kind,
    "LinkJob": LinkedFileJob.kind,
    "CallerJob": CallerUploadJob.kind,
}
"""What the version that knew no kinds wrote in their place."""


class UnreadableJob(StorageProblem):
    """What is written down of a job cannot be read: a newer version wrote it, or it was damaged."""

    def __init__(self, row: JobRow, *, newer: bool) -> None:
        why = (
            "was written by a newer version of this program; use that version"
            if newer
            else f"is damaged; `submittal-mcp jobs cancel {row.id}` sets it aside, and the file can be attached anew"
        )
        super().__init__(f"what the database holds of job {row.id}, {row.name!r}, {why}")
        self.newer = newer


class JobRecord(BaseModel):
    """What is written down of a job. Times are seconds since 1970; `content` is what told it apart, once known."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int = FORMAT
    kind: Annotated[str, BeforeValidator(lambda kind: _CLASS_NAMES.get(kind, kind))]
    destination: dict[str, Any]
    name: str
    key: str | None = None
    attachment: dict[str, Any] | None = None
    stored: bool = False
    size: int | None = None
    sha256: str | None = None
    verified: bool = False
    confirm_wanted: bool = False
    confirmed: float | None = None
    step: str = "reserve"
    error: dict[str, Any] | None = None
    listed: list[str] | None = None
    look_alikes: list[str] = []
    same_as: str | None = None
    path: str | None = None
    identity: tuple[int, int, int, int] | None = None
    changed_ns: int = 0
    upload_key: str | None = None
    begun: float | None = None
    version_urn: str | None = None


def record_of(job: Job, seal: Callable[[str], str]) -> JobRecord:
    """Return what is to be written down of a job; `seal` hides its upload key."""
    common = JobRecord(
        kind=job.kind,
        destination=vars(job.destination),
        name=job.name,
        key=job.key,
        attachment=job.attachment.model_dump(mode="json", by_alias=True) if job.attachment else None,
        stored=job.stored,
        size=job.size,
        sha256=job.sha256,
        verified=job.verified,
        confirm_wanted=job.confirm_wanted,
        confirmed=job.confirmed,
        step=job.step,
        error=failure_to_json(job.error) if job.error else None,
        listed=sorted(job.listed) if job.listed is not None else None,
        look_alikes=list(job.look_alikes),
        same_as=job.same_as.id if job.same_as else None,
    )
    match job:
        case LocalFileJob():
            key, begun = job.sent.upload_key, job.sent.begun
            more = {
                "path": job.path,
                "identity": job.identity[:4],  # the version before reads four
                "changed_ns": job.identity.changed_ns,
                "upload_key": seal(key) if key else None,
                "begun": begun,
            }
        case CallerUploadJob():
            more = {"upload_key": seal(job.upload_key) if job.upload_key else None, "begun": job.begun}
        case LinkedFileJob():
            more = {"version_urn": job.version_urn}
        case _:
            more = {}
    return common.model_copy(update=more)


def new_row(job: Job, asked: str, record: str, owner: str) -> JobRow:
    """Return the row of a new job at its first attempt, which is its `owner`'s."""
    where = job.destination
    return JobRow(
        id=job.id,
        asked=asked,
        fingerprint=None,
        attempt=1,
        status=OPEN,
        owner=owner,
        base_url=where.base_url,
        person_id=where.person_id,
        project_id=where.project_id,
        item_id=where.item_id,
        attachment_id=None,
        name=job.name,
        posting=False,
        record=record,
        bytes_hashed=0,
        bytes_sent=0,
        cancelled=False,
        created=job.created,
        updated=job.created,
    )


def job_of(row: JobRow) -> Job:
    """Return the job that a row tells of; `restore` it before use.

    Raises:
        UnreadableJob: It was damaged, or a newer version wrote it.
    """
    record = read(row)
    try:
        where = Destination(**record.destination)
    except TypeError as damage:
        raise UnreadableJob(row, newer=False) from damage
    match record.kind:
        case LocalFileJob.kind if record.path is not None and record.identity is not None:
            stamp = FileStamp(*record.identity, record.changed_ns)
            return LocalFileJob(where, record.name, record.key, path=record.path, identity=stamp, id=row.id)
        case CallerUploadJob.kind:
            return CallerUploadJob(where, record.name, record.key, id=row.id)
        case LinkedFileJob.kind if record.version_urn is not None:
            return LinkedFileJob(where, record.name, record.key, version_urn=record.version_urn, id=row.id)
        case _:
            raise UnreadableJob(row, newer=record.kind not in _CLASS_NAMES.values())


def restore(job: Job, row: JobRow, upload_key: str | None, parts: Sequence[StoredPart]) -> None:
    """Bring a job to where its row says it is; without its `upload_key` the upload has to begin anew.

    Raises:
        UnreadableJob: It was damaged, or a newer version wrote it.
    """
    record = read(row)
    try:
        job.attachment = Attachment.model_validate(record.attachment) if record.attachment else None
    except ValidationError as damage:
        raise UnreadableJob(row, newer=False) from damage
    job.error = failure_from_json(record.error) if record.error else None
    job.created = row.created
    job.stored, job.verified = record.stored, record.verified
    job.size, job.sha256 = record.size, record.sha256
    job.step, job.confirm_wanted, job.confirmed = record.step, record.confirm_wanted, record.confirmed
    job.listed = frozenset(record.listed) if record.listed is not None else None
    job.look_alikes = tuple(record.look_alikes)
    if isinstance(job, CallerUploadJob):
        job.upload_key, job.begun = upload_key, record.begun
    elif isinstance(job, LocalFileJob):
        if record.identity is not None:
            job.identity = FileStamp(*record.identity, record.changed_ns)
        job.hashed = ByteCounter(row.bytes_hashed)
        if upload_key is not None:
            # Rows of earlier versions have the quotes of storage's header.
            job.sent = UploadState(upload_key, record.begun, {part.number: bare_etag(part.etag) for part in parts})
        sent = sum(part.size for part in parts) if upload_key is not None else 0
        job.sent.progress = ByteCounter(row.bytes_sent if job.elsewhere else sent)


def readable(row: JobRow) -> JobRecord:
    """Return the record of a row after making sure that a job can be made of all of it.

    Raises:
        UnreadableJob: It was damaged, or a newer version wrote it.
    """
    restore(job_of(row), row, None, ())
    return read(row)


def read(row: JobRow) -> JobRecord:
    """Return the record of a row.

    Raises:
        UnreadableJob: It was damaged, or a newer version wrote it.
    """
    try:
        if _Format.model_validate_json(row.record).format > FORMAT:
            raise UnreadableJob(row, newer=True)
        return JobRecord.model_validate_json(row.record)
    except ValidationError as damage:
        raise UnreadableJob(row, newer=False) from damage


class _Format(BaseModel):
    """What can be read of a record whatever version wrote it."""

    format: int = FORMAT
