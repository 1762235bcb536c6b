"""Upload of a file by a job: sign, send the missing parts, complete; what is done is written down."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import anyio

from acc.errors import AccError, NotFound, PartsRejected, RequestRejected, StorageUploadGone
from acc.models.files import UploadUrls
from persistence.errors import StorageProblem
from transfers.attachments import find_row, stored_bytes
from transfers.audit_log import AuditEntry
from transfers.concurrency import ByteCounter, background_task, task_group
from transfers.errors import AttachmentMissing
from transfers.files.local_file import FileStamp, LocalFile
from transfers.jobs.base import Job, JobStepContext
from transfers.jobs.rows import StoredPart
from transfers.upload.part_plan import PartPlan, UploadState, plan_parts
from transfers.upload.signed_urls import SignedUrlCache
from transfers.upload.uploader import MultipartUpload

KEEP_SECONDS: Final = 0.05
"""How often it is written down at most which parts storage has."""

URL_MINUTES: Final = 10
"""Asked for, not relied on: the URL itself says how long it lives (fact sheet 8, the trap)."""


@dataclass(eq=False)
class FileUploadJob(Job):
    """Base of jobs that upload a file: its own `path`, and its `identity` when it was last known whole."""

    path: str = field(kw_only=True)
    identity: FileStamp = field(kw_only=True)
    sent: UploadState = field(default_factory=UploadState)

    def __post_init__(self) -> None:
        self.size = self.identity.size

    @property
    def sending(self) -> bool:
        """Whether the bytes are on their way now."""
        return self.running and not self.stored

    @property
    def progress(self) -> ByteCounter:
        """The bytes that are in storage or on their way there."""
        return self.sent.progress

    @property
    def has_pending_work(self) -> bool:
        """Whether a run would do anything."""
        return not (self.stored or self.uploaded) or super().has_pending_work

    @property
    def may_be_confirmed(self) -> bool:
        """Whether a run can lead to a confirmation without sending any byte."""
        return self.stored or (self.attachment is not None and not self.sent.missing(self.plan))

    def expired(self, now: float) -> bool:
        """Whether storage has discarded what was sent; see `Job.expired`."""
        return not (self.running or self.stored or self.uploaded) and self.sent.too_old(now)

    @property
    def plan(self) -> PartPlan:
        """Plan of the parts."""
        return plan_parts(self.identity.size)

    @property
    def entry(self) -> AuditEntry:
        """Entry of the audit log."""
        return replace(super().entry, path=self.path, bytes_sent=self.sent.progress.value)

    @property
    @abstractmethod
    def part_seed(self) -> int:
        """Seed with which the parts are hashed."""

    @abstractmethod
    async def digest(self, number: int) -> str:
        """Return the digest of a part, counted from 1, once it is known."""

    @abstractmethod
    async def opened(self, context: JobStepContext) -> LocalFile:
        """Return the file, opened once a run.

        Raises:
            FileProblem: It may not or cannot be read, or is another than before.
        """

    @abstractmethod
    async def prove(self, context: JobStepContext, file: LocalFile) -> None:
        """Wait until the digest of the whole is known and written down, and take the last look at the file.

        Raises:
            FileChanged: It is not the one that was sent.
        """

    async def bring(self, context: JobStepContext) -> None:
        """Bring the bytes to storage, and make them visible when asked for.

        Raises:
            FileProblem: They cannot be read, or are others than those that were hashed.
            StorageStalled, AccError: Storage or ACC refused or is away.
        """
        if self._has_parts:
            await self._bring(context)
        else:
            async with self._kept_when_it_fails(context):
                await self._bring(context)

    async def _bring(self, context: JobStepContext) -> None:
        resumed = await self._plan(context)
        try:
            await self._upload(context)
        except (StorageUploadGone, RequestRejected, NotFound) as error:
            if not resumed and not isinstance(error, StorageUploadGone):
                raise
            # Storage discards an upload after 24 hours; how it then answers is not documented. Begin a new one of
            # the same attachment, whose first word is final.
            await self._begin_anew(context)
            await self._upload(context)
        await self.confirm(context)

    @asynccontextmanager
    async def _kept_when_it_fails(self, context: JobStepContext) -> AsyncIterator[None]:
        """Write down, should the block fail or be cancelled, what was not worth a write as long as all went well."""
        try:
            yield
        except (Exception, anyio.get_cancelled_exc_class()):
            with anyio.CancelScope(shield=True), suppress(StorageProblem):  # the failure itself is what is reported
                await self._keep_all(context)
            raise

    async def look_what_arrived(self, context: JobStepContext) -> None:
        """Ask ACC and storage how far the run before came, where that was killed before it was written down."""
        if self.stored or self.uploaded:
            return
        where = self.destination
        with suppress(AttachmentMissing):  # what comes next finds that out, as of any other job
            self.attachment = await find_row(context.acc, where.project_id, where.item_id, self.reserved.id)
        if self.uploaded:
            self.confirmed = context.clock()
            return
        found = await stored_bytes(context.acc, self.reserved)
        self.stored = self.verified = found is not None and found.size in (None, self.identity.size)

    async def _plan(self, context: JobStepContext) -> bool:
        """Return whether an upload was begun before that may still be gone on with."""
        if self.sent.too_old(context.clock()):
            await self._begin_anew(context)
        return self.sent.upload_key is not None

    async def _begin_anew(self, context: JobStepContext) -> None:
        self.sent.restart()
        await context.write(lambda tables, attempt: tables.forget_parts(self.id, attempt))
        await context.keep(self)

    async def _upload(self, context: JobStepContext) -> None:
        await self._send(context)
        try:
            await self._complete(context)
        except PartsRejected as rejected:
            # Storage names the parts it lacks: send those once more, then its word is final.
            bad = {part.part for part in rejected.report.parts if part.status != "Ok"}
            await self._drop(context, bad)
            await self._send(context)
            await self._complete(context)

    async def _drop(self, context: JobStepContext, bad: set[int]) -> None:
        dropped = [part for part in self.plan if part.number in bad or not bad]
        numbers = [part.number for part in dropped]
        await context.write(lambda tables, attempt: tables.forget_parts(self.id, attempt, numbers))
        for part in dropped:
            self.sent.drop(part)

    async def _send(self, context: JobStepContext) -> None:
        if self.stored or self.uploaded or not self.sent.missing(self.plan):
            return
        file = await self.opened(context)
        self.step = "send"

        async def sign(first: int, count: int, key: str | None) -> UploadUrls:
            answer = await context.acc.storage.upload_urls(
                self.location, first_part=first, parts=count, minutes=URL_MINUTES, upload_key=key
            )
            if answer.upload_key != self.sent.upload_key:
                self.sent.upload_key, self.sent.begun = answer.upload_key, context.clock()
                if self._has_parts:
                    # Written down before any part is sent: a process that takes over goes on with this very upload.
                    await context.keep(self)
                context.reached("signed")
            return answer

        parallel = int(context.slots.total_tokens)
        sending = MultipartUpload(
            file=file,
            plan=self.plan,
            digest=self.digest,
            seed=self.part_seed,
            lines=context.lines,
            urls=SignedUrlCache(sign, self.plan, parallel, self.sent, context.clock),
            sent=self.sent,
            slots=context.slots,
            sleep=context.sleep,
            clock=context.clock,
        )
        try:
            async with (
                context.audit.record("sending", lambda: self.entry),
                background_task(partial(self._keep_parts, context)) if self._has_parts else nullcontext(),
            ):
                await sending.run()
        except BaseException:
            if self._has_parts:
                with anyio.CancelScope(shield=True):
                    await self._keep_news(context)
            raise
        context.reached("sent")

    @property
    def _has_parts(self) -> bool:
        """Whether what storage takes is worth a write for each step: of a file that is one part, only the end is.

        See `_kept_when_it_fails`; where the process dies, that part is sent again, or its object found.
        """
        return self.plan.count > 1

    async def _keep_all(self, context: JobStepContext) -> None:
        await context.keep(self)
        await self._keep_news(context)

    async def _keep_parts(self, context: JobStepContext) -> None:
        """Write down parts as they are taken: many at once while the disk is slower than the network."""
        while True:
            await self.sent.more.wait()
            ahead = self.runs_ahead
            await self._keep_news(context)
            context.reached("part kept ahead" if ahead else "part kept")
            await anyio.sleep(KEEP_SECONDS)

    async def _keep_news(self, context: JobStepContext) -> None:
        news, self.sent.news, self.sent.more = self.sent.news, [], anyio.Event()
        # A part that was dropped since is not there.
        rows = [
            StoredPart(part.number, part.length, self.sent.etags[part.number], self.sent.digests[part.number])
            for part in news
            if part.number in self.sent.etags
        ]
        if not rows:
            return
        try:
            await context.write(lambda tables, attempt: tables.keep_parts(self.id, attempt, rows))
        except BaseException:
            self.sent.news = news + self.sent.news  # cancelled, perhaps before it was written
            raise

    async def _complete(self, context: JobStepContext) -> None:
        if self.stored or self.uploaded:
            return
        file = await self.opened(context)
        self.step = "complete"
        await self.prove(context, file)
        try:
            async with task_group() as beside:
                if self._has_parts:
                    beside.start_soon(self._keep_news, context)
                await context.acc.storage.complete(
                    self.location,
                    upload_key=self.sent.upload_key or "",
                    size=self.identity.size,
                    etags=self.sent.in_order(self.plan),
                )
        except AccError:
            # An answer may have been lost after the object was made, and what a second completion answers is not
            # documented. Storage's own word on the object decides.
            await self._keep_all(context)
            found = await stored_bytes(context.acc, self.reserved)
            if found is None or found.size not in (None, self.identity.size):
                raise
        context.reached("completed")
        self.stored = self.verified = True
        if self._has_parts:
            await context.keep(self)
        context.reached("stored")
