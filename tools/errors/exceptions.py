"""Errors that tools raise: our own sentences, and how to retry the call.

::

    ToolError                    base: code, message, hint
    ├── InvalidArguments         TooManyCalls
    ├── ReadOnly
    ├── ProjectNotFound          ProjectNotAllowed            ProjectNotSupported
    ├── SubmittalNotFound        SubmittalClosed              NotPermitted
    ├── AmbiguousReference       TaskRequired                 InvalidCategory
    ├── ConfirmationRequired     ConfirmationDeclined         FileVersionNotFound
    ├── TransitionNotPermitted   PersonNotFound               DownloadNotAllowed       DownloadTooLarge
    └── UpstreamRejected         ProcessingFailedRepeatedly   ProcessingTimeout      after ACC refused or failed
        CallTimedOut
        MoveUncertain

`BackgroundFailure` carries what ended an attachment's way in the background. What `transfers`, `auth` and `acc` raise
is put into the same words by `tools.errors.description`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from tools.core.results import Candidate
from tools.errors.codes import Code
from tools.next_steps.after_success import AttachmentStatus

MAX_CANDIDATES = 5


@dataclass(frozen=True)
class RetryHint:
    """How to retry the call: override `arguments`, drop `without`, ask the user for `needs`."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    without: Sequence[str] = ()
    needs: Sequence[str] = ()


class ToolError(Exception):
    """Base of errors that a user or an agent can act on. `message` names the fault, `hint` the agent's remedy.

    `shell_hint` is the same for a person at a shell. `{tool}` in `hint` stands for the tool that was called.
    `candidates` are what an argument could mean, five at most; `again` is None where the same call cannot help.
    `http_status` is what ACC answered, where it was asked.
    """

    code: ClassVar[Code]
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        hint: str,
        shell_hint: str,
        *,
        candidates: Sequence[Candidate] = (),
        again: RetryHint | None = None,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.shell_hint = shell_hint
        self.candidates = list(candidates)[:MAX_CANDIDATES]
        self.again = again
        self.http_status = http_status

    def after(self, happened: str, http_status: int | None) -> Self:
        """Return the same error with `happened` in front of its message, as the cause of ACC's rejection."""
        return type(self)(
            f"{happened} {self.message}",
            self.hint,
            self.shell_hint,
            candidates=self.candidates,
            again=self.again,
            http_status=http_status,
        )


class InvalidArguments(ToolError):
    """An argument is missing, unknown, of the wrong kind, or does not go with another."""

    code = "invalid_arguments"


class TooManyCalls(ToolError):
    """Too many tool calls of one person in a minute; `retry_after_seconds` says when the next one is."""

    code = "rate_limited"
    retryable = True
    retry_after_seconds: float | None = None


class ReadOnly(ToolError):
    """The server's settings forbid every change."""

    code = "read_only"


class ProjectNotFound(ToolError):
    """No project of that id or name that this person can see."""

    code = "project_not_found"


class ProjectNotAllowed(ToolError):
    """The server's settings exclude this project."""

    code = "project_not_allowed"


class ProjectNotSupported(ToolError):
    """A BIM 360 project: the Submittals API does not serve those."""

    code = "project_not_supported"


class SubmittalNotFound(ToolError):
    """No submittal of that id, number or title that this person can see."""

    code = "submittal_not_found"


class AmbiguousReference(ToolError):
    """The words fit several things; the candidates are named."""

    code = "ambiguous_reference"


class SubmittalClosed(ToolError):
    """The submittal is closed or void: ACC takes no attachment."""

    code = "submittal_closed"


class NotPermitted(ToolError):
    """ACC does not let this person do this here and now."""

    code = "permission_denied"


class TaskRequired(ToolError):
    """In review an attachment belongs to a review task, and it is not clear to which."""

    code = "task_required"


class InvalidCategory(ToolError):
    """ACC does not offer this category in the submittal's present state."""

    code = "invalid_category"


class TransitionNotPermitted(ToolError):
    """The submittal cannot go there from where it is, or not by this person."""

    code = "transition_not_permitted"


class PersonNotFound(ToolError):
    """Neither the submittal nor the project's list of members has a person of that name."""

    code = "person_not_found"


class DownloadNotAllowed(ToolError):
    """There is no folder to download to, or it cannot be used."""

    code = "download_not_allowed"


class DownloadTooLarge(ToolError):
    """The attachments have more bytes together than may be downloaded."""

    code = "file_too_large"


class ConfirmationRequired(ToolError):
    """A person has to agree first, and could not be asked, or saw something else."""

    code = "confirmation_required"


class ConfirmationDeclined(ToolError):
    """The person was asked, and did not agree."""

    code = "confirmation_declined"


class FileVersionNotFound(ToolError):
    """The project's Files tool has no such version or folder."""

    code = "file_not_found"


class UpstreamRejected(ToolError):
    """ACC rejected what it permitted a moment ago."""

    code = "upstream_rejected"


class ProcessingFailedRepeatedly(ToolError):
    """ACC failed on the same file more than once."""

    code = "processing_failed"


class CallTimedOut(ToolError):
    """ACC answered too slowly for a call, which ends before its client gives up on it."""

    code = "upstream_unavailable"
    retryable = True


class MoveUncertain(ToolError):
    """The answer to a move was lost, and whether it was made could not be seen."""

    code = "upstream_unavailable"
    retryable = True


class ProcessingTimeout(ToolError):
    """ACC has not made a version of a confirmed file within the time after which a person has to look."""

    code = "upstream_unavailable"


@dataclass(eq=False)
class BackgroundFailure(Exception):
    """A failure in the background, and the attachment's status."""

    cause: Exception
    status: AttachmentStatus
