"""One attach job: what every kind of it has in common, from the first request to the confirmed attachment."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import anyio

from acc.errors import UnexpectedAnswer
from acc.ids import InvalidId, ObjectLocation
from acc.models.submittals import Attachment
from transfers.audit import Entry
from transfers.confirming import confirm_upload
from transfers.errors import ProcessingFailed
from transfers.fingerprint import AttachRequest
from transfers.job_rows import Robbed
from transfers.reservation import Doubt, Reservation, Reserved, WrittenDoubt
from transfers.resources import Resources
from transfers.state import AttachmentState, attachment_state

T = TypeVar("T")


class Step(Protocol):
    """Does a piece of work under a name, unless it is written down that it was done before."""

    async def __call__(self, name: str, work: Callable[[], Awaitable[T]], /) -> T:
        """Return what `work` returned, now or before; it is JSON."""


@dataclass(frozen=True)
class Destination:
    """Where an attachment goes, as resolved before anything is created; part of what makes a request the same.

    `category_id` is what is sent (None lets ACC choose), `category` the word for what it will be.
    """

    base_url: str
    person_id: str
    project_id: str
    item_id: str
    revision: int
    category: str
    category_id: str | None
    task_id: str | None

    def request(self, name: str, content: str) -> AttachRequest:
        """Return what tells an attachment called `name` from every other; `content` as in `AttachRequest`."""
        return AttachRequest(
            base_url=self.base_url,
            person_id=self.person_id,
            project_id=self.project_id,
            item_id=self.item_id,
            revision=self.revision,
            category=self.category,
            task_id=self.task_id,
            name=name,
            content=content,
        )

    def reservation(self, name: str, urn: str | None = None) -> Reservation:
        """Return what has to be created at ACC for an attachment called `name`."""
        return Reservation(self.project_id, self.item_id, name, self.person_id, self.category_id, self.task_id, urn)


@dataclass(eq=False)
class Job(ABC):
    """A request to attach something, carried out step by step; every step that is done is not done again.

    A run is one go at the steps that are left. `error` is what ended the last one; the next goes on from the `step`
    that failed. `confirm_wanted` is a wish of the run under way, not a standing order. `same_as` is the earlier job
    that this one turned out to repeat. `look_alikes` are rows that a doubtful POST may have made beside ours. `key` is
    the caller's idempotency key.
    """

    destination: Destination
    name: str
    key: str | None = None
    attachment: Attachment | None = None
    stored: bool = False
    size: int | None = None
    sha256: str | None = None
    verified: bool = False
    confirm_wanted: bool = False
    step: str = "reserve"
    error: Exception | None = None
    doubt: Doubt = field(default_factory=Doubt)
    look_alikes: tuple[str, ...] = ()
    finished: anyio.Event | None = None
    same_as: "Job | None" = None
    elsewhere: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def here(self) -> bool:
        """Whether a run is under way in this process."""
        return self.finished is not None and not self.finished.is_set()

    @property
    def running(self) -> bool:
        """Whether a run is under way, in this process or another."""
        return self.here or self.elsewhere

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
    def uploaded(self) -> bool:
        """Whether ACC has been told that the bytes are there."""
        return self.attachment is not None and self.attachment.is_file_uploaded

    @property
    def work_left(self) -> bool:
        """Whether a run would do anything."""
        return self.attachment is None or (self.confirm_wanted and not self.uploaded)

    @property
    def may_be_confirmed(self) -> bool:
        """Whether a run can lead to a confirmation without sending any byte."""
        return self.stored

    @property
    def reserved(self) -> Attachment:
        """The attachment, for the steps that come after its reservation."""
        if self.attachment is None:
            raise RuntimeError("the step before this one reserves the attachment")
        return self.attachment

    @property
    def location(self) -> ObjectLocation:
        """Where object storage keeps the bytes of the reserved attachment.

        Raises:
            UnexpectedAnswer: ACC named no such place.
        """
        try:
            return ObjectLocation.parse(self.reserved.upload_urn or "")
        except InvalidId:
            problem = "uploadUrn names no object in storage"
            raise UnexpectedAnswer("submittals.attachments.create", problem=problem, sent=True) from None

    @property
    def entry(self) -> Entry:
        """What the audit log says of it."""
        where = self.destination
        return Entry(
            autodesk=urlsplit(where.base_url).netloc,
            person_id=where.person_id,
            project_id=where.project_id,
            submittal_id=where.item_id,
            attachment_id=self.attachment.id if self.attachment else None,
            name=self.name,
            size_bytes=self.size,
            sha256=self.sha256,
        )

    @abstractmethod
    def request(self) -> AttachRequest:
        """Return what makes this request the same as another; only after `prepare`."""

    async def prepare(self, resources: Resources) -> None:  # noqa: B027  # most kinds have nothing to find out
        """Find out what is to be attached, before anything is created.

        Raises:
            TransferError: The file cannot be read, or changed.
        """

    @abstractmethod
    async def advance(self, resources: Resources, step: Step) -> None:
        """Do the steps that are left; what changes in this job is written down before its step ends.

        The same steps in the same order whatever is known of the job: what is done already is for each step to see.

        Raises:
            TransferError: Something a person can do something about.
            AccError: ACC or its storage refused or is away.
        """

    def joined_by(self, later: "Job") -> None:
        """Take over what a later request for the same attachment brings: its wish to confirm."""
        self.confirm_wanted |= later.confirm_wanted

    async def reserve(self, resources: Resources, urn: str | None = None) -> None:
        """Create the attachment, unless that is done."""
        if self.attachment is None:
            self.step = "reserve"
            doubt = WrittenDoubt(
                self.doubt.listed, write=partial(self._intend, resources), look=partial(self._rivals, resources)
            )
            try:
                await resources.reservations.make(
                    self.destination.reservation(self.name, urn), doubt, partial(self._made, resources)
                )
            finally:
                self.doubt = Doubt(doubt.listed)
            resources.reached("reserved")

    async def _made(self, resources: Resources, made: Reserved) -> None:
        resources.reached("posted")
        self.attachment, self.look_alikes = made.attachment, made.look_alikes
        await resources.keep(self)

    async def confirm(self, resources: Resources) -> None:
        """Tell ACC that the bytes are there, when asked for and not done."""
        if self.confirm_wanted and not self.uploaded:
            self.step = "confirm"
            where = self.destination
            async with resources.audit.around("confirming", lambda: self.entry):
                self.attachment = await confirm_upload(resources.acc, where.project_id, where.item_id, self.reserved.id)
            resources.reached("patched")
            await resources.keep(self)
            if self.state == "failed":
                raise ProcessingFailed(self.reserved.id)

    async def _intend(self, resources: Resources, listed: frozenset[str] | None) -> None:
        self.doubt = Doubt(listed)
        await resources.keep(self)
        if not await resources.ledger.lives():
            raise Robbed
        resources.reached("intended")

    async def _rivals(self, resources: Resources) -> tuple[set[str], int]:
        where = self.destination
        return await resources.ledger.ask(lambda store: store.rivals(self.id, where.item_id, self.name))
