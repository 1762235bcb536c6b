"""Describes what `acc`, `auth`, `transfers` and tools raise: picks the row of the catalogue and fills its slots.

Only fixed sentences with typed slots reach the agent; what Autodesk said stays in the log.
"""

import errno
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from acc import errors as acc
from acc import operations
from acc.operations import ApiOperation
from auth import errors as auth
from persistence.errors import DescriptorsExhausted, StorageProblem, no_descriptors_left
from tools.core.results import Candidate, ErrorBody
from tools.core.text_sanitizer import clean
from tools.errors.catalog import ROWS, ErrorRow, Variant
from tools.errors.codes import Code
from tools.errors.exceptions import MAX_CANDIDATES, BackgroundFailure, RetryHint, ToolError, TooManyCalls
from tools.next_steps.after_success import AttachmentStatus
from transfers import errors as transfers

RATE_LIMIT_SECONDS: Final = 60.0
"""Autodesk's limits count requests in a minute (fact sheet 11); said where an answer names no other time."""

MAX_FOLDERS: Final = 5
"""Allowed folders that a hint names; who has more knows them."""

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?")

_NAME_FAULTS: Final = {
    "blank": "it is blank",
    "space_at_the_ends": "it begins or ends with a blank",
    "too_long": "it is longer than 255 characters",
    "forbidden_character": "it has one of / ? * \\ < > | : or a control character, which ACC refuses",
    "unseen_character": "it has an invisible character, which can make it look like another name",
}


@dataclass(frozen=True)
class ErrorDescription:
    """A failure as answered, and what decides on the steps after it (`tools.next_steps.after_error.FailedCall`)."""

    row: ErrorRow
    http_status: int | None = None
    retry_after_seconds: float | None = None
    candidates: list[Candidate] = field(default_factory=list)
    failed_step: str | None = None
    uploading: str | None = None
    status: AttachmentStatus | None = None

    @property
    def code(self) -> Code:
        """The code of the row."""
        return self.row.code

    def body(self, tool: str = "the tool") -> ErrorBody:
        """Return the error body of a result; `tool` is the tool to call again."""
        return ErrorBody(
            code=self.row.code,
            message=self.row.message,
            hint=self.row.agent_hint.replace("{tool}", tool),
            shell_hint=self.row.shell_hint,
            failed_step=self.failed_step,
            retryable=self.row.retryable,
            retry_after_seconds=self.retry_after_seconds,
            http_status=self.http_status,
            candidates=self.candidates,
        )


def describe_error(error: Exception) -> ErrorDescription | None:
    """Return the description of an error; None for a bug of ours, which no caller can act on."""
    if isinstance(error, BackgroundFailure):
        ended = describe_error(error.cause)
        return replace(ended, status=error.status) if ended is not None else None
    if isinstance(error, transfers.JobStopped):
        stopped = describe_error(error.cause)
        return _with_job(stopped, error) if stopped is not None else None
    if isinstance(error, ToolError):
        row = ErrorRow(error.code, error.message, error.hint, error.shell_hint, error.again, retryable=error.retryable)
        if isinstance(error, TooManyCalls):
            return ErrorDescription(row, retry_after_seconds=error.retry_after_seconds)
        return ErrorDescription(row, error.http_status, candidates=error.candidates)
    found = _row(error)
    if found is None:
        return describe_error(DescriptorsExhausted()) if no_descriptors_left(error) else None
    upstream = error if isinstance(error, acc.AccError) else None
    return ErrorDescription(
        _filled(found, error),
        http_status=upstream.http_status if upstream else None,
        retry_after_seconds=_retry_after(upstream) if upstream else None,
        candidates=_candidates(error),
        uploading=error.attachment if isinstance(error, transfers.UploadIncomplete) and error.uploading else None,
    )


def _row(error: Exception) -> ErrorRow | None:
    variant = _variant(error)
    return next((ROWS[kind, variant] for kind in type(error).__mro__ if (kind, variant) in ROWS), None)


def _variant(error: Exception) -> Variant:
    match error:
        case transfers.FileNotAllowed() | transfers.FolderUnavailable():
            return error.why
        case transfers.StrictRefusal() if error.concerns_name:
            return "name"
        case transfers.FileUnreadable() if error.reason == os.strerror(errno.ENAMETOOLONG):
            return "too_long"
        case transfers.UploadIncomplete() if error.uploading:
            return "uploading"
        case transfers.UploadExpired() if error.by_caller:
            return "by_caller"
        case auth.SignInFailed() if error.error in ("invalid_client", "unauthorized_client"):
            return "app"
        # A 404 names no thing; which one is missing is known from what was asked.
        case acc.NotFound() if error.operation.startswith(("dm.folder", "dm.topFolders")):
            return "folder"
        case acc.NotFound() if error.operation.startswith("oss."):
            return "upload"
        case _:
            return ""


def _filled(row: ErrorRow, error: Exception) -> ErrorRow:
    slots = {"tool": "{tool}", **_slots(error)}
    again = RetryHint({"name": clean(error.suggestion)}) if isinstance(error, transfers.InvalidName) else row.again
    return replace(
        row,
        message=row.message.format(**slots),
        agent_hint=row.agent_hint.format(**slots),
        shell_hint=row.shell_hint.format(**slots),
        again=again,
    )


def _slots(error: Exception) -> dict[str, Any]:
    match error:
        case transfers.FolderUnavailable():
            return {"path": _path(error), "allowed": _allowed(error.folders), "count": _count(error.near)}
        case transfers.FileProblem():
            return _file_slots(error)
        case transfers.InvalidName():
            return {"fault": _NAME_FAULTS[error.why]}
        case acc.MissingScope():
            known = [one for one in vars(operations).values() if isinstance(one, ApiOperation)]
            return {"scope": next((one.scope for one in known if one.name == error.operation), "data:read")}
        case acc.UntrustedStorageHost():
            return {"host": _host(error)}
        case auth.UserNotSignedIn():
            known_people = ", ".join(clean(one, 100) for one in error.known[:MAX_FOLDERS])
            return {"email": clean(error.email, 100), "known": known_people or "no one is"}
        case StorageProblem():
            return {"problem": clean(str(error), 480)}
        case _:
            return {}


def _file_slots(error: transfers.FileProblem) -> dict[str, Any]:
    match error:
        case transfers.FileTooLarge():
            return {"size": error.size, "limit": error.limit}
        case transfers.FileTypeNotAllowed():
            return {"path": _path(error), "types": ", ".join(error.allowed)}
        case transfers.FileMissing() | transfers.FileNotAllowed():
            return {"path": _path(error), "allowed": _allowed(error.folders)}
        case transfers.FileAmbiguous():
            return {"path": _path(error), "count": _count(error.matches)}
        case transfers.StrictRefusal():
            return {"path": _path(error), "warning": error.text}
        case _:
            return {"path": _path(error)}


def _host(error: acc.UntrustedStorageHost) -> str:
    # The name came with an answer: only what can be a host's name is said.
    return error.host if _HOST.fullmatch(error.host) else "a host without a plain name"


def _path(error: transfers.FileProblem | transfers.FolderUnavailable) -> str:
    return repr(clean(error.path, 300))


def _count(meant: Sequence[str]) -> str:
    return "" if len(meant) <= MAX_CANDIDATES else f" The candidates are the first {MAX_CANDIDATES} of {len(meant)}."


def _allowed(folders: tuple[str, ...]) -> str:
    shown = [repr(clean(folder, 300)) for folder in folders[:MAX_FOLDERS]]
    more = [f"{len(folders) - len(shown)} more"] if len(folders) > len(shown) else []
    return f" Allowed: {', '.join([*shown, *more])}." if shown else ""


def _with_job(cause: ErrorDescription, stopped: transfers.JobStopped) -> ErrorDescription:
    """Describe what a stopped job left in ACC, and how to finish it."""
    message = cause.row.message
    if stopped.attachment_id and cause.code not in ("processing_failed", "upload_incomplete"):
        message += f" The attachment {clean(stopped.attachment_id)} {_left(cause.code, stopped.step)}"
    return replace(cause, row=replace(cause.row, message=message), failed_step=stopped.step)


def _left(code: Code, step: str) -> str:
    if step == "confirm":
        return "has its bytes in storage and is not confirmed yet; confirm_attachment finishes it."
    if code == "file_changed":
        # What tells attachments apart is the file's content (docs/reliability.md).
        return "stays reserved in ACC without its bytes; a file that is another now becomes a new attachment."
    return "is reserved in ACC without all its bytes; repeating the call that began it goes on."


def _retry_after(error: acc.AccError) -> float | None:
    if error.retry_after_seconds is None and isinstance(error, acc.RateLimited):
        return RATE_LIMIT_SECONDS
    return error.retry_after_seconds


def _candidates(error: Exception) -> list[Candidate]:
    match error:
        case transfers.AttachmentMissing():
            return [Candidate(id=id_, name=name) for id_, name in error.near]
        case transfers.FileAmbiguous():
            meant: Sequence[str] = error.matches
        case transfers.FileMissing() | transfers.FileNotAllowed() | transfers.FolderUnavailable():
            meant = error.near
        case transfers.InvalidName():
            meant = [clean(error.suggestion)]
        case _:
            meant = []
    return [Candidate(id=one, name=one) for one in meant[:MAX_CANDIDATES]]
