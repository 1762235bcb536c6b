"""One attach job: what every kind of it has in common, from the first request to the confirmed attachment."""

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

import anyio

from acc.errors import AccError, UnexpectedAnswer
from acc.ids import InvalidId, ObjectLocation
from acc.models.submittals import Attachment
from auth.errors import AuthError
from persistence.errors import StorageProblem
from transfers.attachments import CreatedAttachment, ListedBefore, UncertainCreate, confirm_upload, has_same_name
from transfers.audit_log import AuditEntry
from transfers.categories_and_states import FOLLOW_SECONDS, AttachmentState, attachment_state, is_current
from transfers.errors import AttachmentMissing, ProcessingFailed
from transfers.files.document_check import SAME_NAME, refuse_strictly
from transfers.idempotency import AttachmentIdentity, AttachTarget
from transfers.jobs.rows import FOLLOWING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from acc.client import AccClient
    from transfers.attachments import AttachmentCreator, AttachmentWatch
    from transfers.audit_log import AuditLog
    from transfers.files.digest_cache import DigestCache
    from transfers.files.local_file import FilePolicy, LocalFile
    from transfers.jobs.tables import JobTables
    from transfers.upload.read_ahead import ReadAheadLimits
    from transfers.upload.uploader import AbortableClientPool

T = TypeVar("T")

FIRST_LOOK_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 60.0
"""ACC documents no time from confirmation to URN. A call that waits for it looks more often than the job (`tools`)."""


Point = Literal[
    "asked",  # written down; nothing has been read
    "hashed",  # the digests are known; nothing is at ACC; not of a job that runs ahead
    "intended",  # what ACC lists is written down, and the POST is next
    "posted",  # ACC has made the attachment; which one is not written down
    "reserved",
    "signed",  # an upload has begun
    "part kept",  # some parts are in storage, and written down
    "sent",  # all are; which the last ones are may not be written down
    "completed",  # storage has made the object; that is not written down
    "stored",  # that is written down, where the file has several parts
    "patched",  # ACC confirmed the bytes; that is not saved yet
    "followed",  # that is written down, and ACC makes a version of them
    "processed",  # ACC has made one, or will not; that is not written down
    "part kept ahead",  # some parts are in storage and written down, from before what they are parts of was known
    "identified",  # that is, and written down with the fingerprint
]


@dataclass(eq=False)
class Job(ABC):
    """A request to attach something, carried out step by step; every step that is done is not done again.

    A run is one go at the steps that are left. `error` is what ended the last one; the next goes on from the `step`
    that failed. `finished` is set once no call needs to wait for the run any more, though it may be `under_way` still,
    following what ACC makes of an attachment that was `confirmed` then (in seconds since 1970). `confirm_wanted` is a
    wish of the run under way, not a standing order; `agreed` says that it was made in this process, where the person is
    asked if they have to be, and is never written down. `same_as` is the earlier job that this one turned out to
    repeat. `listed` is what ACC listed before a doubtful POST (see `UncertainCreate`), `look_alikes` are rows that it
    may have made beside ours. `key` is the caller's idempotency key. A run `for_worker` ends as soon as it is known
    what is attached, and leaves the rest in the queue. It is `following` while its row says so, in whichever process.
    `attempt` is the number of the last one in this process. `same_name` says that ACC listed another attachment of this
    name when this process made ours.
    """

    kind: ClassVar[str]
    """What its row says it is; never changed, for rows outlive versions of the program."""

    destination: AttachTarget
    name: str
    key: str | None = None
    attachment: Attachment | None = None
    stored: bool = False
    size: int | None = None
    sha256: str | None = None
    verified: bool = False
    confirm_wanted: bool = False
    agreed: bool = False
    for_worker: bool = False
    following: bool = False
    confirmed: float | None = None
    step: str = "reserve"
    error: Exception | None = None
    listed: ListedBefore | None = None
    look_alikes: tuple[str, ...] = ()
    finished: anyio.Event | None = None
    under_way: bool = False
    same_as: "Job | None" = None
    elsewhere: bool = False
    attempt: int = 0
    same_name: bool = False
    created: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def begin(self) -> None:
        """Mark that a run is under way in this process."""
        self.finished, self.under_way = anyio.Event(), True

    def end(self) -> None:
        """Mark that the run is over."""
        self.under_way = False
        self.release_waiters()

    def release_waiters(self) -> None:
        """Release every call that waits for the run."""
        if self.finished is not None:
            self.finished.set()

    @property
    def runs_locally(self) -> bool:
        """Whether a run that a call may wait for is under way in this process."""
        return self.under_way and self.finished is not None and not self.finished.is_set()

    @property
    def running(self) -> bool:
        """Whether a run that a call may wait for is under way, in this process or another."""
        return self.runs_locally or self.elsewhere

    @property
    def state(self) -> AttachmentState:
        """The attachment's state as far as this process knows it."""
        if self.attachment is None:
            return "preparing"
        return attachment_state(self.attachment, sending=self.sending, stored=self.stored)

    @property
    def sending(self) -> bool:
        """Whether the bytes are on their way now."""
        return False

    @property
    def bytes_done(self) -> tuple[int, int]:
        """Bytes that were hashed, and bytes that are in storage or on their way there."""
        return 0, 0

    @property
    def uploaded(self) -> bool:
        """Whether ACC lists the file as uploaded, by `isFileUploaded`."""
        return self.attachment is not None and self.attachment.is_file_uploaded

    @property
    def runs_ahead(self) -> bool:
        """Whether its steps are done before it is known what tells it apart from another job."""
        return False

    @property
    def has_pending_work(self) -> bool:
        """Whether a run would do anything."""
        return self.attachment is None or (self.confirm_wanted and not self.uploaded)

    @property
    def may_be_confirmed(self) -> bool:
        """Whether a run can lead to a confirmation without sending any byte."""
        return self.stored

    def expired(self, now: float) -> bool:  # noqa: ARG002  # only some kinds have sent anything
        """Whether storage has discarded, by `now` (seconds since 1970), what was sent in a run that is over."""
        return False

    @property
    def reserved(self) -> Attachment:
        """The attachment, for the steps that come after its reservation."""
        if self.attachment is None:
            raise RuntimeError("the step before this one reserves the attachment")
        return self.attachment

    @property
    def location(self) -> ObjectLocation:
        """Location of the reserved attachment's bytes in object storage.

        Raises:
            UnexpectedAnswer: ACC named no such place.
        """
        try:
            return ObjectLocation.parse(self.reserved.upload_urn or "")
        except InvalidId:
            problem = "uploadUrn names no object in storage"
            raise UnexpectedAnswer("submittals.attachments.create", problem=problem, sent=True) from None

    @property
    def entry(self) -> AuditEntry:
        """Entry of the audit log."""
        where = self.destination
        return AuditEntry(
            autodesk=urlsplit(where.base_url).netloc,
            person_id=where.person_id,
            project_id=where.project_id,
            submittal_id=where.item_id,
            attachment_id=self.attachment.id if self.attachment else None,
            name=self.name,
            size_bytes=self.size,
            sha256=self.sha256,
        )

    async def is_still_valid(self, context: "JobStepContext") -> bool:
        """Whether the attachment still counts: ACC lists it in its revision, current and not failed.

        The job takes in what ACC says of it now.

        Raises:
            AccError: ACC could not be asked.
        """
        where, before = self.destination, self.attachment
        if before is None or self.running:
            return True
        rows = context.acc.submittals.all_attachments(where.project_id, where.item_id, revision=where.revision)
        async for row in rows:
            if row.id == before.id:
                if self.attachment is before:  # else a run has just brought newer news
                    self.attachment = row
                return is_current(row)
        return False

    @abstractmethod
    def request(self) -> AttachmentIdentity:
        """Return what makes this request the same as another; only after `prepare`."""

    async def plan_run(self, context: "JobStepContext") -> None:  # noqa: B027  # most kinds have nothing to decide
        """Decide, before it is written down, how a new job is to be run."""

    async def prepare(self, context: "JobStepContext") -> None:  # noqa: B027  # most kinds have nothing to find out
        """Find out what is to be attached, before anything is created.

        Raises:
            TransferError: The file cannot be read, or changed.
        """

    @abstractmethod
    async def run_steps(self, context: "JobStepContext") -> None:
        """Do the steps that are left; what changes in this job is written down before its step ends.

        The same steps in the same order whatever is known of the job: what is done already is for each step to see, and
        each is harmless to repeat.

        Raises:
            TransferError: Something a person can do something about.
            AccError: ACC or its storage refused or is away.
        """

    def merge(self, later: "Job") -> None:
        """Take over what a later request for the same attachment brings: its wish to confirm."""
        self.confirm_wanted |= later.confirm_wanted
        self.agreed |= later.agreed

    def may_confirm(self, context: "JobStepContext") -> bool:
        """Whether this process may make the attachment visible in ACC."""
        return self.agreed or not context.asks

    async def reserve(self, context: "JobStepContext", urn: str | None = None) -> None:
        """Create the attachment, unless that is done."""
        if self.attachment is None:
            self.step = "reserve"
            context.rules.check(self.name, self.size)  # they may have changed since another process began the job
            uncertain = UncertainCreate(
                self.listed,
                write=partial(self._persist_create_intent, context),
                look=partial(self._competing_jobs, context),
                review=partial(self._note_same_name, context),
            )
            try:
                await context.reservations.make(
                    context.acc, self.destination.reservation(self.name, urn), uncertain, partial(self._made, context)
                )
            finally:
                self.listed = uncertain.listed
            context.reached("reserved")

    def _note_same_name(self, context: "JobStepContext", rows: Sequence[Attachment]) -> None:
        self.same_name = has_same_name(rows, self.name, self.destination.revision)
        if self.same_name and context.rules.strict:
            refuse_strictly([SAME_NAME], self.name)

    async def _made(self, context: "JobStepContext", made: CreatedAttachment) -> None:
        context.reached("posted")
        self.attachment, self.look_alikes = made.attachment, made.look_alikes
        await context.keep(self)

    async def confirm(self, context: "JobStepContext") -> None:
        """Confirm the upload to ACC, when asked for and not done."""
        if self.confirm_wanted and not self.uploaded and self.may_confirm(context):
            self.step = "confirm"
            where = self.destination
            context.rules.check(self.name, self.size)
            async with context.audit.record("confirming", lambda: self.entry):
                self.attachment = await confirm_upload(context.acc, where.project_id, where.item_id, self.reserved.id)
            self.confirmed = context.clock()
            context.reached("patched")
            await self._keep_confirmed(context)

    async def await_processing(self, context: "JobStepContext") -> None:
        """Poll ACC's processing of the confirmed bytes, for half an hour at most, after releasing waiting calls.

        Raises:
            ProcessingFailed: No version of them.
        """
        if self.confirmed is None:
            return
        if self.state == "processing":
            if self.step != "follow":
                await self._keep_confirmed(context)
            self.release_waiters()
            context.reached("followed")
            await self._look_until(self.confirmed + FOLLOW_SECONDS, context)
        context.reached("processed")
        if self.state == "failed":
            raise ProcessingFailed(self.reserved.id)

    async def _keep_confirmed(self, context: "JobStepContext") -> None:
        if self.state == "processing":
            self.step, self.following = "follow", True
            await context.keep(self, status=FOLLOWING)

    async def _look_until(self, ends: float, context: "JobStepContext") -> None:
        place, this = (self.destination.project_id, self.destination.item_id), self.reserved.id
        pause, since = FIRST_LOOK_SECONDS, anyio.current_time()
        with context.watch.following(place, this):
            while self.state == "processing" and context.clock() < ends:
                await context.between_looks(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                try:
                    look = await context.watch.look(context.acc, place, this, since)
                    self.attachment, since = look.rows[this], look.at
                except AttachmentMissing:
                    return  # a user deleted it in ACC, and knows
                except (AccError, AuthError, StorageProblem) as reason:
                    context.log.info("look_failed", job=self.id, reason=type(reason).__name__)

    async def _persist_create_intent(self, context: "JobStepContext", listed: ListedBefore | None) -> None:
        self.listed = listed
        await context.keep(self)
        context.reached("intended")

    async def _competing_jobs(self, context: "JobStepContext") -> tuple[set[str], int]:
        where = self.destination
        return await context.repository.ask(lambda tables: tables.find_competing(self.id, where.item_id, self.name))


class JobStepStore(Protocol):
    """The part of `repository.JobRepository` that the steps of a job use."""

    async def ask(self, question: "Callable[[JobTables], T]") -> T:
        """Return what `question` finds out of the tables, or does to them."""

    async def digests(self, question: "Callable[[DigestCache], T]") -> T:
        """Return what `question` finds out of the cache of digests, or does to it."""


class JobStepContext(Protocol):
    """The part of `context.JobContext` that the steps of a job use.

    The repository makes jobs out of rows, so a job knows it, and the context that holds it, by these protocols only.
    """

    acc: "AccClient"
    asks: bool
    audit: "AuditLog"
    between_looks: Callable[[float], Awaitable[None]]
    clock: Callable[[], float]
    lines: "AbortableClientPool"
    log: "FilteringBoundLogger"
    read_ahead: "ReadAheadLimits"
    reached: Callable[[Point], None]
    readers: anyio.CapacityLimiter
    reservations: "AttachmentCreator"
    rules: "FilePolicy"
    sleep: Callable[[float], Awaitable[None]]
    slots: anyio.CapacityLimiter
    watch: "AttachmentWatch"

    @property
    def repository(self) -> JobStepStore:
        """The store of what outlives the process."""

    async def keep(self, job: Job, **values: Any) -> None:
        """Write down what is known of the job, and other `values` of its row."""

    async def identify(self, job: Job) -> None:
        """Write down what is known of the job together with the fingerprint of its request."""

    async def write(self, change: "Callable[[JobTables, int], None]") -> None:
        """Change what is written down beside the job's row."""

    def open_file(self, path: str) -> "LocalFile":
        """Open a local file that may be read; blocks."""
