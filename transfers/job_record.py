"""A job as it is written down, and the job again: what another process needs to go on from the last finished step.

No secret is among it: a person's id and never a token, an upload key only sealed, no signed URL.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from acc.models.submittals import Attachment
from acc.parts import bare_etag
from transfers.caller_job import CallerJob
from transfers.failures import failure_from_json, failure_to_json
from transfers.file_job import FileJob
from transfers.job import Destination, Job
from transfers.job_rows import JobRow, StoredPart
from transfers.link_job import LinkJob
from transfers.local_file import Counter, Identity, LocalFile
from transfers.sent_parts import SentParts

FORMAT: Final = 1
"""Counted up when a record could no longer be read by the version before. A process leaves a newer one's jobs alone."""


class NewerRecord(Exception):
    """A newer version of the program wrote this job, and only such a one can go on with it."""


class JobRecord(BaseModel):
    """What is written down of a job. Times are seconds since 1970; `content` is what told it apart, once known."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int = FORMAT
    kind: str
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
    identity: Identity | None = None
    upload_key: str | None = None
    begun: float | None = None
    version_urn: str | None = None


def record_of(job: Job, seal: Callable[[str], str]) -> JobRecord:
    """Return what is to be written down of a job; `seal` hides its upload key."""
    common = JobRecord(
        kind=type(job).__name__,
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
        case FileJob():
            key, begun = job.sent.upload_key, job.sent.begun
            more = {
                "path": job.path,
                "identity": job.identity,
                "upload_key": seal(key) if key else None,
                "begun": begun,
            }
        case CallerJob():
            more = {"upload_key": seal(job.upload_key) if job.upload_key else None, "begun": job.begun}
        case LinkJob():
            more = {"version_urn": job.version_urn}
        case _:
            more = {}
    return common.model_copy(update=more)


def job_of(row: JobRow, open_file: Callable[[str], LocalFile]) -> Job:
    """Return the job that a row tells of; `restore` it before use.

    Raises:
        NewerRecord: A newer version wrote it.
    """
    record = read(row)
    where = Destination(**record.destination)
    match record.kind:
        case "FileJob" if record.path is not None and record.identity is not None:
            path = record.path
            return FileJob(
                where,
                record.name,
                record.key,
                path=path,
                identity=record.identity,
                open_file=lambda: open_file(path),
                id=row.id,
            )
        case "CallerJob":
            return CallerJob(where, record.name, record.key, id=row.id)
        case "LinkJob" if record.version_urn is not None:
            return LinkJob(where, record.name, record.key, version_urn=record.version_urn, id=row.id)
        case _:
            raise NewerRecord(row.id)


def restore(job: Job, row: JobRow, upload_key: str | None, parts: Sequence[StoredPart]) -> None:
    """Bring a job to where its row says it is; without its `upload_key` the upload has to begin anew.

    Raises:
        NewerRecord: A newer version wrote it.
    """
    record = read(row)
    job.attachment = Attachment.model_validate(record.attachment) if record.attachment else None
    job.stored, job.verified = record.stored, record.verified
    job.size, job.sha256 = record.size, record.sha256
    job.step, job.confirm_wanted, job.confirmed = record.step, record.confirm_wanted, record.confirmed
    job.error = failure_from_json(record.error) if record.error else None
    job.listed = frozenset(record.listed) if record.listed is not None else None
    job.look_alikes = tuple(record.look_alikes)
    if isinstance(job, CallerJob):
        job.upload_key, job.begun = upload_key, record.begun
    elif isinstance(job, FileJob):
        if record.identity is not None:
            job.identity = record.identity
        job.hashed = Counter(row.bytes_hashed)
        if upload_key is not None:
            # Rows of earlier versions have the quotes of storage's header.
            job.sent = SentParts(upload_key, record.begun, {part.number: bare_etag(part.etag) for part in parts})
        sent = sum(part.size for part in parts) if upload_key is not None else 0
        job.sent.progress = Counter(row.bytes_sent if job.elsewhere else sent)


def read(row: JobRow) -> JobRecord:
    """Return the record of a row.

    Raises:
        NewerRecord: A newer version wrote it.
    """
    record = JobRecord.model_validate_json(row.record)
    if record.format > FORMAT:
        raise NewerRecord(row.id)
    return record
