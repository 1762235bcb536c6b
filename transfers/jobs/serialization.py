"""Serialize jobs and their errors to JSON, so that another process can resume a job after its last finished step.

A record holds no secret: a person's id and never a token, an upload key only sealed, no signed URL. Of errors only our
own are written, field by field. Nothing is pickled: an exception of a library can hold a request, and with it a bearer
token or a signed URL.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from acc import errors as acc_errors
from acc.errors import AccError, ErrorDetails, PartsRejected, UnexpectedAnswer, UntrustedStorageHost
from acc.models.files import PartsReport
from acc.models.submittals import Attachment
from acc.object_storage import bare_etag
from auth import errors as auth_errors
from auth.errors import AuthError
from persistence.errors import StorageProblem
from transfers import errors as transfer_errors
from transfers.attachments import ListedBefore
from transfers.concurrency import ByteCounter
from transfers.errors import TransferError
from transfers.files.local_file import FileStamp
from transfers.idempotency import AttachTarget
from transfers.jobs.base import Job
from transfers.jobs.caller_upload import CallerUploadJob
from transfers.jobs.linked_file import LinkedFileJob
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.rows import FOLLOWING, OPEN, JobRow, StoredPart
from transfers.upload.part_plan import PartPlan, UploadState

KINDS: Final[dict[str, type[AccError | AuthError | TransferError]]] = {
    "acc_error": AccError,
    "unauthorized": acc_errors.Unauthorized,
    "forbidden": acc_errors.Forbidden,
    "missing_scope": acc_errors.MissingScope,
    "api_not_granted": acc_errors.ApiNotGranted,
    "app_not_provisioned": acc_errors.AppNotProvisioned,
    "not_found": acc_errors.NotFound,
    "rejected": acc_errors.RequestRejected,
    "parts_rejected": acc_errors.PartsRejected,
    "rate_limited": acc_errors.RateLimited,
    "unavailable": acc_errors.ServiceUnavailable,
    "proxy_failure": acc_errors.ProxyFailure,
    "network_page": acc_errors.NetworkPage,
    "untrusted_certificate": acc_errors.UntrustedCertificate,
    "unexpected_answer": acc_errors.UnexpectedAnswer,
    "untrusted_storage_host": acc_errors.UntrustedStorageHost,
    "storage_error": acc_errors.StorageError,
    "storage_expired": acc_errors.StorageExpired,
    "storage_refused": acc_errors.StorageRefused,
    "storage_upload_gone": acc_errors.StorageUploadGone,
    "storage_unavailable": acc_errors.StorageUnavailable,
    "storage_throttled": acc_errors.StorageThrottled,
    "auth_error": AuthError,
    "not_signed_in": auth_errors.NotSignedIn,
    "user_not_signed_in": auth_errors.UserNotSignedIn,
    "reauthorization_required": auth_errors.ReauthorizationRequired,
    "service_account_refused": auth_errors.ServiceAccountRefused,
    "private_key_unusable": auth_errors.PrivateKeyUnusable,
    "sign_in_timed_out": auth_errors.SignInTimedOut,
    "callback_port_taken": auth_errors.CallbackPortTaken,
    "sign_in_failed": auth_errors.SignInFailed,
    "sign_in_unavailable": auth_errors.SignInUnavailable,
    "sign_in_intercepted": auth_errors.SignInIntercepted,
    "transfer_error": TransferError,
    "job_stopped": transfer_errors.JobStopped,
    "file_problem": transfer_errors.FileProblem,
    "file_missing": transfer_errors.FileMissing,
    "file_not_allowed": transfer_errors.FileNotAllowed,
    "file_type_not_allowed": transfer_errors.FileTypeNotAllowed,
    "file_empty": transfer_errors.FileEmpty,
    "strict_refusal": transfer_errors.StrictRefusal,
    "file_too_large": transfer_errors.FileTooLarge,
    "file_changed": transfer_errors.FileChanged,
    "file_unreadable": transfer_errors.FileUnreadable,
    "file_ambiguous": transfer_errors.FileAmbiguous,
    "folder_unavailable": transfer_errors.FolderUnavailable,
    "invalid_name": transfer_errors.InvalidName,
    "attachment_problem": transfer_errors.AttachmentProblem,
    "upload_incomplete": transfer_errors.UploadIncomplete,
    "upload_expired": transfer_errors.UploadExpired,
    "processing_failed": transfer_errors.ProcessingFailed,
    "attachment_missing": transfer_errors.AttachmentMissing,
    "not_your_attachment": transfer_errors.NotYourAttachment,
    "person_mismatch": transfer_errors.PersonMismatch,
    "idempotency_conflict": transfer_errors.IdempotencyConflict,
    "not_agreed": transfer_errors.ConsentMissing,
    "storage_stalled": transfer_errors.StorageStalled,
}
"""What an error is called in a row, where it outlives the names of classes.

Rows of the version that knew no kinds have the names that the classes had then: the same words, as `kind_of_row` says.
"""

_KIND_OF: Final[dict[type[BaseException], str]] = {error: kind for kind, error in KINDS.items()}
_STORAGE_PROBLEM: Final = "storage_problem"
_FACTS: Final = (
    "http_status",
    "upstream_request_id",
    "upstream_code",
    "upstream_message",
    "retry_after_seconds",
    "sent",
)


class InternalJobError(Exception):
    """An internal error that ended a run; the log of that process names it."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"a job ended with {kind}")
        self.kind = kind


def failure_to_json(error: BaseException) -> dict[str, Any]:
    """Return what is kept of an error; of one that is not ours, its class alone."""
    found: dict[str, Any] = {"kind": _KIND_OF.get(type(error), type(error).__name__)}
    if isinstance(error, AccError):
        found |= {"operation": error.operation, **{name: getattr(error, name) for name in _FACTS}}
        found |= {name: getattr(error, name) for name in ("problem", "host") if hasattr(error, name)}
        if isinstance(error, PartsRejected):
            found["report"] = error.report.model_dump(mode="json", by_alias=True)
    elif isinstance(error, (TransferError, AuthError)) and is_dataclass(error):
        found["fields"] = asdict(error)
    elif isinstance(error, StorageProblem):
        found |= {"kind": _STORAGE_PROBLEM, "sentence": str(error)}
    return found


def failure_from_json(found: dict[str, Any]) -> Exception:
    """Return the error again; one that this version does not know, or none of ours, as an `InternalJobError`."""
    known = KINDS.get(kind_of_row(found))
    try:
        if known is not None and issubclass(known, AccError):
            return _acc_error(known, found)
        if known is not None:
            return _dataclass_error(known, found.get("fields", {}))
    except (LookupError, TypeError, ValueError):
        return InternalJobError(kind_of_row(found))  # damaged, or with fields that only another version knows
    if "sentence" in found:
        return StorageProblem(found["sentence"])
    return InternalJobError(kind_of_row(found))


def kind_of_row(found: dict[str, Any]) -> str:
    """Return the kind of an error that was written down by this version or the one before."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(found.get("kind"))).lower()


def _dataclass_error(kind: type[Exception], fields: dict[str, Any]) -> Exception:
    # JSON knows no tuples, and these classes no lists.
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})


def _acc_error(kind: type[AccError], found: dict[str, Any]) -> AccError:
    operation = found["operation"]
    facts: ErrorDetails = {name: found[name] for name in _FACTS if name in found}  # type: ignore[assignment]  # its very keys
    if issubclass(kind, PartsRejected):
        return kind(operation, report=PartsReport.model_validate(found["report"]), **facts)
    if issubclass(kind, UnexpectedAnswer):
        return kind(operation, problem=found["problem"], **facts)
    if issubclass(kind, UntrustedStorageHost):
        return kind(operation, host=found["host"])
    return kind(operation, **facts)


RECORDS: Final = 32
"""Records that are kept as they were read last."""

FORMAT: Final = 2
"""Counted up when a record could no longer be read by the version before. A process leaves a newer one's jobs alone.

2 are jobs sent ahead of their digest: the version before would take the parts in storage for those of the file now.
"""


_CLASS_NAMES: Final = {
    "FileJob": LocalFileJob.kind,
    "LinkJob": LinkedFileJob.kind,
    "CallerJob": CallerUploadJob.kind,
}
"""Kinds as written by versions before explicit kinds."""


class UnreadableJob(StorageProblem):
    """A job record cannot be read: a newer version wrote it, or it was damaged."""

    def __init__(self, row: JobRow, *, newer: bool) -> None:
        why = (
            "was written by a newer version of this program; use that version"
            if newer
            else f"is damaged; `submittal-mcp jobs cancel {row.id}` sets it aside, and the file can be attached again"
        )
        super().__init__(f"what the database holds of job {row.id}, {row.name!r}, {why}")
        self.newer = newer


class JobRecord(BaseModel):
    """Stored record of a job. Times are seconds since 1970; `content` identifies what it attaches, once known."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int = 1
    kind: Annotated[str, BeforeValidator(lambda kind: _CLASS_NAMES.get(kind, kind))]
    destination: dict[str, Any]
    submittal: str = ""
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
    listed_since: datetime | None = None
    look_alikes: list[str] = []
    same_as: str | None = None
    path: str | None = None
    identity: tuple[int, int, int, int] | None = None
    changed_ns: int = 0
    seed: int | None = None
    upload_key: str | None = None
    begun: float | None = None
    version_urn: str | None = None

    @property
    def target(self) -> AttachTarget:
        """Target of the job.

        Raises:
            TypeError: That is damaged.
        """
        return AttachTarget(**self.destination, submittal=self.submittal)


def record_of(job: Job, seal: Callable[[str], str]) -> JobRecord:
    """Return what is to be written down of a job; `seal` hides its upload key."""
    common = JobRecord(
        kind=job.kind,
        # The version before knows no `submittal` of a target.
        destination={name: value for name, value in vars(job.destination).items() if name != "submittal"},
        submittal=job.destination.submittal,
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
        listed=sorted(job.listed.ids) if job.listed is not None else None,
        listed_since=job.listed.since if job.listed is not None else None,
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
                "seed": job.seed,
                "format": 1 if job.seed is None else 2,
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
    record = read_record(row)
    try:
        where = record.target
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
    """Bring a job to where its row says it is; without its `upload_key` the upload has to start again.

    Raises:
        UnreadableJob: It was damaged, or a newer version wrote it.
    """
    record = read_record(row)
    try:
        job.attachment = Attachment.model_validate(record.attachment) if record.attachment else None
    except ValidationError as damage:
        raise UnreadableJob(row, newer=False) from damage
    job.error = failure_from_json(record.error) if record.error else None
    job.created = row.created
    job.stored, job.verified = record.stored, record.verified
    job.size, job.sha256 = record.size, record.sha256
    job.step, job.confirm_wanted, job.confirmed = record.step, record.confirm_wanted, record.confirmed
    job.following = row.status == FOLLOWING
    listed, since = record.listed, record.listed_since
    job.listed = ListedBefore(frozenset(listed), since) if listed is not None else None
    job.look_alikes = tuple(record.look_alikes)
    if isinstance(job, CallerUploadJob):
        job.upload_key, job.begun = upload_key, record.begun
    elif isinstance(job, LocalFileJob):
        if record.identity is not None:
            job.identity = FileStamp(*record.identity, record.changed_ns)
        job.hashed, job.seed = ByteCounter(row.bytes_hashed), record.seed
        if not all(_fits(part, job.plan) for part in parts):
            upload_key, parts = None, ()  # cut by a version that cut otherwise: another upload begins
            job.sent = UploadState()
        if upload_key is not None:
            job.sent = UploadState(
                upload_key,
                record.begun,
                # Rows of earlier versions have the quotes of storage's header.
                etags={part.number: bare_etag(part.etag) for part in parts},
                digests={part.number: part.digest for part in parts},
            )
        sent = sum(part.size for part in parts)
        if job.stored:
            sent = job.identity.size
        job.sent.progress = ByteCounter(row.bytes_sent if job.elsewhere else sent)


def _fits(part: StoredPart, plan: PartPlan) -> bool:
    return part.number <= plan.count and part.size == plan.part(part.number).length


def beside_others(record: str) -> str:
    """Return the record of a job that hashes its file first, in place of one of a job that is sent ahead."""
    first = {"seed": None, "format": 1}
    return JobRecord.model_validate_json(record).model_copy(update=first).model_dump_json(exclude_defaults=True)


def require_readable(row: JobRow) -> JobRecord:
    """Return the record of a row after making sure that a job can be made of all of it.

    Raises:
        UnreadableJob: It was damaged, or a newer version wrote it.
    """
    restore(job_of(row), row, None, ())
    return read_record(row)


def read_record(row: JobRow) -> JobRecord:
    """Return the record of a row.

    Raises:
        UnreadableJob: It was damaged, or a newer version wrote it.
    """
    try:
        record = _parsed(row.record)
    except ValidationError as damage:
        raise UnreadableJob(row, newer=False) from damage
    if record is None:
        raise UnreadableJob(row, newer=True)
    return record


@lru_cache(maxsize=RECORDS)
def _parsed(record: str) -> JobRecord | None:
    """Return a record, or None of one that a newer version wrote; a step of a job asks for the same several times."""
    if _FormatVersion.model_validate_json(record).format > FORMAT:
        return None
    return JobRecord.model_validate_json(record)


class _FormatVersion(BaseModel):
    """The part of a record that every version can read."""

    format: int = 1
