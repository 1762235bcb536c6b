"""Puts what `acc`, `auth` and `transfers` raise into an agent's words: a code, our own sentences, a remedy.

Only fixed sentences with typed slots reach the agent; what Autodesk said stays in the log.
"""

from dataclasses import dataclass, replace
from typing import Final

from acc.errors import AccError, RateLimited
from tools.cleaner import clean
from tools.codes import Code
from tools.detailed_words import BY_DATA
from tools.errors import MAX_CANDIDATES, Again, Ended, ToolProblem
from tools.next_steps import Standing
from tools.results import Candidate, ErrorBody
from tools.words import FIXED, Words
from transfers.errors import FileAmbiguous, JobStopped, UploadIncomplete

RATE_LIMIT_SECONDS: Final = 60.0
"""Autodesk's limits count requests in a minute (fact sheet 11); said where an answer names no other time."""


@dataclass(frozen=True)
class Explained:
    """A failure as the agent is told of it, and what decides on the steps after it: see `tools.recovery.Failure`."""

    body: ErrorBody
    again: Again | None = None
    uploading: str | None = None
    standing: Standing | None = None


def explain(error: Exception) -> Explained | None:
    """Return what to tell the agent; None for a fault of ours, which nobody there can act on."""
    if isinstance(error, Ended):
        ended = explain(error.cause)
        return replace(ended, standing=error.standing) if ended is not None else None
    if isinstance(error, JobStopped):
        stopped = explain(error.cause)
        return _with_job(stopped, error) if stopped is not None else None
    if isinstance(error, ToolProblem):
        body = ErrorBody(
            code=error.code,
            message=error.message,
            hint=error.hint,
            http_status=error.http_status,
            candidates=error.candidates,
        )
        return Explained(body, error.again)
    words = _words(error)
    if words is None:
        return None
    upstream = error if isinstance(error, AccError) else None
    body = ErrorBody(
        code=words.code,
        message=words.message,
        hint=words.hint,
        retryable=words.retryable,
        retry_after_seconds=_retry_after(upstream) if upstream else None,
        http_status=upstream.http_status if upstream else None,
        candidates=_paths(error) if isinstance(error, FileAmbiguous) else [],
    )
    under_way = error.attachment if isinstance(error, UploadIncomplete) and error.uploading else None
    return Explained(body, words.again, under_way)


def _with_job(cause: Explained, stopped: JobStopped) -> Explained:
    """Say what a job that ended early has left in ACC, and what finishes it."""
    message = cause.body.message
    if stopped.attachment_id and cause.body.code not in ("processing_failed", "upload_incomplete"):
        message += f" The attachment {clean(stopped.attachment_id)} {_left(cause.body.code, stopped.step)}"
    body = cause.body.model_copy(update={"message": message, "failed_step": stopped.step})
    return replace(cause, body=body)


def _left(code: Code, step: str) -> str:
    if step == "confirm":
        return "has its bytes in storage and is not confirmed yet; confirm_attachment finishes it."
    if code == "file_changed":
        # What tells attachments apart is the file's content (docs/reliability.md).
        return "stays reserved in ACC without its bytes; a file that is another now becomes a new attachment."
    return "is reserved in ACC without all its bytes; repeating the call that began it goes on."


def _words(error: Exception) -> Words | None:
    kind = next((kind for kind in type(error).__mro__ if kind in FIXED or kind in BY_DATA), None)
    if kind is None:
        return None
    return FIXED[kind] if kind in FIXED else BY_DATA[kind](error)


def _retry_after(error: AccError) -> float | None:
    if error.retry_after_seconds is None and isinstance(error, RateLimited):
        return RATE_LIMIT_SECONDS
    return error.retry_after_seconds


def _paths(error: FileAmbiguous) -> list[Candidate]:
    return [Candidate(id=path, name=path) for path in error.matches[:MAX_CANDIDATES]]
