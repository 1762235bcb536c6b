"""Errors of transfers, one class per thing a person can do something about.

::

    TransferError
    ├── JobStopped                  any of these, or an AccError, as what ended a job at a `step`
    ├── FileProblem                 the file named by the caller; `path` as the caller wrote it
    │   ├── FileMissing
    │   ├── FileNotAllowed          outside the folders, hidden, a link, a device; `why` says which
    │   ├── FileTypeNotAllowed
    │   ├── FileEmpty
    │   ├── FileTooLarge
    │   ├── FileChanged             another size, time or content than at the first reading
    │   ├── FileUnreadable
    │   └── FileAmbiguous           several files go by that relative path or bare name
    ├── FolderUnavailable           no folder whose files may be listed; `why` says which
    ├── InvalidName                 with a `suggestion` that ACC would take
    ├── AttachmentProblem           the `attachment` of that id
    │   ├── UploadIncomplete        no evidence that the bytes arrived
    │   ├── UploadExpired           the 24 hours of an upload are over
    │   ├── ProcessingFailed        ACC could not make a version of the file (asyncState 4)
    │   ├── AttachmentMissing
    │   └── NotYourAttachment
    ├── PersonMismatch              another user is signed in than the one whose request this is
    ├── IdempotencyConflict
    ├── ConsentMissing                   it would become visible, and the person has not been asked by this process
    └── StorageStalled              storage took no bytes within the limits of `sending`
"""

from dataclasses import dataclass
from typing import NamedTuple

from transfers.categories_and_states import WarningCode


class TransferError(Exception):
    """Base of everything that `transfers` raises on purpose."""


@dataclass(eq=False)
class JobStopped(TransferError):
    """A run of a job ended early; the same request goes on from its `step` (hash, reserve, send, complete, confirm).

    `attachment_id` is the attachment that exists at ACC by then, if any.
    """

    cause: Exception
    step: str
    attachment_id: str | None

    def __str__(self) -> str:
        return f"JobStopped at {self.step}: {self.cause}"


@dataclass(eq=False)
class FileProblem(TransferError):
    """A file that cannot be attached; `path` is what the caller wrote, and once the file was found, its whole path."""

    path: str

    def __str__(self) -> str:
        return f"{type(self).__name__}: {self.path!r}"


@dataclass(eq=False)
class FileMissing(FileProblem):
    """There is nothing at that path, in none of the allowed folders.

    `near` are paths there with close names.
    """

    folders: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(eq=False)
class FileNotAllowed(FileProblem):
    """The path may not be read.

    `why` is one of no_folders, outside, hidden, link, own_data, not_a_file, url, temporary, placeholder. `folders` are
    those that are allowed, where it lies outside; `near` are files in it, where it is a folder.
    """

    why: str = "outside"
    folders: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(eq=False)
class FileTypeNotAllowed(FileProblem):
    """The extension is not among `allowed` (lower case, no dot)."""

    allowed: tuple[str, ...] = ()


class FileWarning(NamedTuple):
    """A remark about a file or its name that stops nothing, unless `SUBMITTAL_MCP_STRICT_FILES` is on."""

    code: WarningCode
    text: str


@dataclass(eq=False)
class StrictRefusal(FileProblem):
    """A file that `SUBMITTAL_MCP_STRICT_FILES` refuses, for the warning of this `code` and `text`."""

    code: WarningCode
    text: str

    @property
    def concerns_name(self) -> bool:
        """Whether another name would do."""
        return self.code in ("same_name", "no_extension", "name_cleaned")


@dataclass(eq=False)
class FileEmpty(FileProblem):
    """The file has no bytes; storage takes none such."""


@dataclass(eq=False)
class FileTooLarge(FileProblem):
    """The file has more bytes than the limit."""

    size: int = 0
    limit: int = 0


@dataclass(eq=False)
class FileChanged(FileProblem):
    """The file is no longer what was hashed first; nothing of it was completed."""


@dataclass(eq=False)
class FileUnreadable(FileProblem):
    """The operating system refused to open or read the file.

    `reason` is the system's own short text.
    """

    reason: str = ""


@dataclass(eq=False)
class FileAmbiguous(FileProblem):
    """A relative path or a bare name that several files of the allowed folders have.

    `matches` are the whole paths.
    """

    matches: tuple[str, ...] = ()


@dataclass(eq=False)
class FolderUnavailable(TransferError):
    """A folder whose files cannot be listed.

    `path` is as the caller wrote it, `folders` are those that are allowed. `why` is one of no_folders, outside (hidden
    and links too), missing, not_a_folder, too_long, ambiguous. `near` are the folders that may be meant.
    """

    path: str
    why: str
    folders: tuple[str, ...] = ()
    near: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"FolderUnavailable: {self.path!r}"


@dataclass(eq=False)
class InvalidName(TransferError):
    """A name that ACC refuses (fact sheet 3.3), and one that it would take."""

    name: str
    why: str
    suggestion: str

    def __str__(self) -> str:
        return f"InvalidName: {self.why}"


@dataclass(eq=False)
class AttachmentProblem(TransferError):
    """A reserved attachment that cannot be continued; `attachment` is its id in ACC."""

    attachment: str

    def __str__(self) -> str:
        return f"{type(self).__name__}: {self.attachment}"


@dataclass(eq=False)
class UploadIncomplete(AttachmentProblem):
    """Nothing shows that the bytes have arrived.

    `uploading`: this process is sending them.
    """

    uploading: bool = False


@dataclass(eq=False)
class UploadExpired(AttachmentProblem):
    """Storage no longer has what was sent: an upload must be completed within 24 hours (fact sheet 8).

    The same request begins a new upload of the same attachment. `by_caller`: whose bytes the caller was to send.
    """

    by_caller: bool = False


@dataclass(eq=False)
class ProcessingFailed(AttachmentProblem):
    """ACC answered asyncState 4: no version was made of the uploaded bytes."""


@dataclass(eq=False)
class AttachmentMissing(AttachmentProblem):
    """The submittal has no such attachment; perhaps it was deleted in ACC.

    `near` are ids and names of close ones.
    """

    near: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False)
class NotYourAttachment(AttachmentProblem):
    """Another person reserved the attachment; only they may confirm it."""


@dataclass(eq=False)
class PersonMismatch(TransferError):
    """Another person is signed in now than the one whose request this is; nothing is sent in their name."""

    def __str__(self) -> str:
        return "PersonMismatch"


@dataclass(eq=False)
class IdempotencyConflict(TransferError):
    """The idempotency key was used before for another request."""

    key: str

    def __str__(self) -> str:
        return "IdempotencyConflict"


@dataclass(eq=False)
class ConsentMissing(TransferError):
    """The next step would make the file visible, which the person has not agreed to in this process.

    So it is with what another process began: the call is repeated, and the person is asked.
    """

    name: str

    def __str__(self) -> str:
        return "ConsentMissing"


@dataclass(eq=False)
class StorageStalled(TransferError):
    """A part could not be sent within its attempts, or before its upload grew too old.

    `causes` are the names of what ended each try.
    """

    part: int
    causes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"StorageStalled: part {self.part} after {', '.join(self.causes)}"
