"""What ended a run, as JSON: so that it is the same answer in another process, and a week later.

Only our own errors are written, field by field. Nothing is pickled: an exception of a library can hold a request, and
with it a bearer token or a signed URL.
"""

import re
from dataclasses import asdict, is_dataclass
from typing import Any, Final

from acc import errors as acc_errors
from acc.errors import AccError, ErrorDetails, PartsRejected, UnexpectedAnswer, UntrustedStorageHost
from acc.models.storage import PartsReport
from auth import errors as auth_errors
from auth.errors import AuthError
from persistence.errors import StorageProblem
from transfers import errors as transfer_errors
from transfers.errors import TransferError

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
    "file_too_large": transfer_errors.FileTooLarge,
    "file_changed": transfer_errors.FileChanged,
    "file_unreadable": transfer_errors.FileUnreadable,
    "file_ambiguous": transfer_errors.FileAmbiguous,
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
    """A run ended by an error that nobody outside can do anything about; the log of that process says which."""

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
