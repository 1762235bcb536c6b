"""Tasks: a handle for a call that continues in the background, for clients that accept one.

A task is nothing of its own. Its id names the durable job, or the attachment that ACC is still processing, and its
status is read from there each time it is asked for: by any process, for as long as that is known.
"""

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from tools.core.results import ToolResult

if TYPE_CHECKING:
    from transfers.jobs.base import Job

ANSWER_SECONDS: Final = 1.0
"""A call that ends within this is answered, task or no task: most small files are sent by then."""

_JOB: Final = re.compile(r"job\.(\d{1,12})\.([01])([01]?)\.([0-9a-f]{32})")
_UUID: Final = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_ATTACHMENT: Final = re.compile(rf"attachment\.(\d{{1,12}})\.{_UUID}\.{_UUID}\.{_UUID}")


class NoSuchTask(ValueError):
    """Not a task id of ours, or not a task of this person."""


@dataclass(frozen=True)
class JobTask:
    """A call that waits for a job; `joined` when another call had begun it. `began` is in seconds since 1970.

    `waits`: it also waits until ACC has processed what the job confirmed.
    """

    began: int
    joined: bool
    waits: bool
    job_id: str

    poll_ms = 1000
    """The job is looked up in our own database."""

    @property
    def id(self) -> str:
        """The id of the task."""
        return f"job.{self.began}.{int(self.joined)}{int(self.waits)}.{self.job_id}"


@dataclass(frozen=True)
class AttachmentTask:
    """A call that waits for ACC to process an attachment."""

    began: int
    project_id: str
    submittal_id: str
    attachment_id: str

    poll_ms = 5000
    """Each look is a request to ACC, which allows 600 a minute."""

    @property
    def id(self) -> str:
        """The id of the task."""
        return f"attachment.{self.began}.{self.project_id}.{self.submittal_id}.{self.attachment_id}"

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `get_attachment_status` that look once."""
        return {"project": self.project_id, "submittal": self.submittal_id, "attachment_id": self.attachment_id}


Task = JobTask | AttachmentTask


def read_task(text: str) -> Task:
    """Return the task that an id names.

    Raises:
        NoSuchTask: It names none.
    """
    if job := _JOB.fullmatch(text):
        return JobTask(int(job[1]), job[2] == "1", job[3] == "1", job[4])
    if attachment := _ATTACHMENT.fullmatch(text):
        return AttachmentTask(int(attachment[1]), attachment[2], attachment[3], attachment[4])
    raise NoSuchTask


class DeferredResult(ToolResult):
    """A task instead of a result: the call continues in the background. `message` is its progress."""

    task_id: str
    message: str

    @classmethod
    def job(cls, job: "Job", *, joined: bool, waits: bool) -> Self:
        """Return the task of a running job."""
        return cls(task_id=JobTask(int(time.time()), joined, waits, job.id).id, message=progress_text(job))

    @classmethod
    def attachment(cls, project_id: str, submittal_id: str, attachment_id: str, state: str) -> Self:
        """Return the task of an attachment that ACC is processing."""
        task = AttachmentTask(int(time.time()), project_id, submittal_id, attachment_id)
        return cls(task_id=task.id, message=state)


def progress_text(job: "Job") -> str:
    """Return a job's progress in a few words."""
    from transfers.jobs.local_file import LocalFileJob

    if not isinstance(job, LocalFileJob) or job.state not in ("preparing", "uploading"):
        return job.state
    hashed, sent = job.bytes_done
    return f"{job.state}: {hashed if job.attachment is None else sent} of {job.size} bytes"
