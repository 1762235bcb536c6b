"""Attaching a local file: hash, reserve, send the parts, complete the upload, and confirm when asked for."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from acc.errors import AccError, NotFound, PartsRejected, RequestRejected, StorageUploadGone
from acc.models.storage import UploadUrls
from persistence.errors import StorageProblem
from transfers.attachments import find_row, stored_bytes
from transfers.audit_log import AuditEntry
from transfers.concurrency import ByteCounter, background_task, run_cancellable_in_thread
from transfers.errors import AttachmentMissing, FileChanged, FileProblem
from transfers.files.local_file import FileDigests, FileStamp, LocalFile
from transfers.idempotency import AttachmentIdentity
from transfers.jobs.base import Job, JobStepContext
from transfers.jobs.rows import StoredPart
from transfers.upload.parts import PartPlan, UploadState, plan_parts
from transfers.upload.signed_urls import SignedUrlCache
from transfers.upload.uploader import MultipartUpload

REMEMBERED_BYTES: Final = 8 * 1024 * 1024
"""From this size on it is remembered what a file hashed to: a smaller one is read again sooner than looked up."""

URL_MINUTES: Final = 10
"""Asked for, not relied on: the URL itself says how long it lives (fact sheet 8, the trap)."""


@dataclass(eq=False)
class LocalFileJob(Job):
    """`path` is the file's own, `identity` the file as it was when last known whole."""

    kind = "local_file"

    path: str = field(kw_only=True)
    identity: FileStamp = field(kw_only=True)
    hashed: ByteCounter = field(default_factory=ByteCounter)
    digests: FileDigests | None = None
    sent: UploadState = field(default_factory=UploadState)
    step: str = "hash"
    _file: LocalFile | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.size = self.identity.size

    @property
    def bytes_done(self) -> tuple[int, int]:
        """How many bytes were hashed, and how many are in storage or on their way there."""
        return self.hashed.value, self.sent.progress.value

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

    @property
    def may_be_other_bytes(self) -> bool:
        """Whether a file with this job's stamp may hold other bytes than the job has read."""
        read = self.sha256 is not None and not self.running
        return read and (isinstance(self.error, FileChanged) or not self.identity.is_settled(self.created))

    def expired(self, now: float) -> bool:
        """Whether storage has discarded what was sent; see `Job.expired`."""
        return not (self.running or self.stored or self.uploaded) and self.sent.too_old(now)

    @property
    def plan(self) -> PartPlan:
        """How the file is cut."""
        return plan_parts(self.identity.size)

    @property
    def known(self) -> FileDigests:
        """The digests, for the steps that come after hashing."""
        if self.digests is None:
            raise RuntimeError("the step before this one hashes the file")
        return self.digests

    @property
    def entry(self) -> AuditEntry:
        """What the audit log says of it."""
        return replace(super().entry, path=self.path, bytes_sent=self.sent.progress.value)

    def request(self) -> AttachmentIdentity:
        """Return what makes this request the same as another; see `Job.request`."""
        return self.destination.request(self.name, f"sha256:{self.sha256}")

    async def prepare(self, context: JobStepContext) -> None:
        """Read the file once: digests of the whole and of each part; see `Job.prepare`."""
        if self.digests is not None or self.stored or self.uploaded:
            return
        self.step, self.hashed = "hash", ByteCounter()
        path, size = Path(self.path), self.plan.part_size
        remembered = self.identity.size >= REMEMBERED_BYTES
        digests = await context.repository.digests(path, self.identity, size) if remembered else None
        if digests is None:
            began = context.clock()
            digests = await run_cancellable_in_thread(partial(self._hash, context), context.readers)
            if remembered:
                await context.repository.keep_digests(path, self.identity, size, digests, began)
        if self.sha256 is not None and self.sha256 != digests.whole:
            raise FileChanged(self.path)
        self.digests, self.sha256 = digests, digests.whole
        # Found out now, nothing is left half done at ACC.
        await context.audit.check()
        context.reached("hashed")

    async def run_steps(self, context: JobStepContext) -> None:
        """Do the steps that are left; see `Job.run_steps`."""
        try:
            if self.attachment is not None and self.sent.upload_key is None:
                await self._look_what_arrived(context)
            await self.reserve(context)
            if self._has_parts:
                await self._bring(context)
            else:
                async with self._kept_when_it_fails(context):
                    await self._bring(context)
            self._close()
            await self.await_processing(context)
        except FileChanged:
            # What it was known to hash to may be what was wrong: the next run reads it.
            self.digests = None
            await context.repository.drop_digests(Path(self.path), self.identity)
            raise
        finally:
            self._close()

    async def _bring(self, context: JobStepContext) -> None:
        """Bring the bytes to storage, and make them visible when asked for."""
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
            with anyio.CancelScope(shield=True), suppress(StorageProblem):  # the failure itself is what is told
                await self._keep_all(context)
            raise

    async def _look_what_arrived(self, context: JobStepContext) -> None:
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

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def merge(self, later: Job) -> None:
        """Take over a later wish to confirm, and the later path: the file may have been moved since."""
        super().merge(later)
        if isinstance(later, LocalFileJob):
            self.path = later.path

    def _hash(self, context: JobStepContext, stop: threading.Event) -> FileDigests:
        with context.open_file(self.path) as file:
            if file.size != self.identity.size:
                raise FileChanged(file.given)
            digests = file.digests(self.plan, self.hashed, stop)
            self.identity = self._checked(context, file, digests, stop)
            return digests

    def _checked(
        self, context: JobStepContext, file: LocalFile, digests: FileDigests, stop: threading.Event
    ) -> FileStamp:
        """Return the stamp of a file that has just been read or sent; one that looks changed is hashed once more.

        It may have been touched, or replaced by the same bytes; and on some network drives times and inodes differ from
        look to look. The bytes decide.

        Raises:
            FileChanged: They are others, or it is gone.
        """
        try:
            file.check_unchanged()
        except FileChanged:
            try:
                with context.open_file(file.given) as again:
                    if again.size != file.size or again.digests(self.plan, ByteCounter(), stop) != digests:
                        raise
                    return again.identity
            except FileProblem as gone:
                raise FileChanged(file.given) from gone
        return file.identity

    async def _plan(self, context: JobStepContext) -> bool:
        """Return whether an upload was begun before that may still be gone on with."""
        if self.sent.too_old(context.clock()):
            await self._begin_anew(context)
        return self.sent.upload_key is not None

    async def digests_of(self, context: JobStepContext, file: LocalFile) -> FileDigests:
        """Return what `file` hashes to now.

        Raises:
            FileChanged: It changed while it was read.
            FileUnreadable: The operating system refused.
        """
        size = self.plan.part_size
        known = await context.repository.digests(file.path, file.identity, size)
        if known is not None:
            return known

        def read(stop: threading.Event) -> tuple[FileDigests, FileStamp]:
            digests = file.digests(self.plan, ByteCounter(), stop)
            return digests, self._checked(context, file, digests, stop)

        began = context.clock()
        digests, stamp = await run_cancellable_in_thread(read, context.readers)
        await context.repository.keep_digests(file.path, stamp, size, digests, began)
        return digests

    async def _begin_anew(self, context: JobStepContext) -> None:
        self.sent = UploadState()
        await context.write(lambda tables, attempt: tables.forget_parts(self.id, attempt))
        await context.keep(self)

    async def _opened(self, context: JobStepContext) -> LocalFile:
        """Return the file, opened once a run, and read again if it was touched, moved or rewritten: the bytes decide.

        Raises:
            FileChanged: They are others than at the first pass.
        """
        if self._file is None:
            self._file = await anyio.to_thread.run_sync(context.open_file, self.path)
        file = self._file
        if file.identity != self.identity:
            self.step = "hash"
            if file.size != self.identity.size:
                raise FileChanged(file.given)
            again = await self.digests_of(context, file)
            if again.whole != self.sha256:
                raise FileChanged(file.given)
            self.identity = file.identity
        return file

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
        file = await self._opened(context)
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
            digests=self.known,
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
        finally:
            if self._has_parts:
                with anyio.CancelScope(shield=True):
                    await self._keep_news(context)
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
            await self._keep_news(context)
            context.reached("part kept")

    async def _keep_news(self, context: JobStepContext) -> None:
        news, self.sent.news, self.sent.more = self.sent.news, [], anyio.Event()
        if news:
            rows = [
                StoredPart(part.number, part.length, self.sent.etags[part.number], self.known.parts[part.number - 1])
                for part in news
            ]
            await context.write(lambda tables, attempt: tables.keep_parts(self.id, attempt, rows))

    async def _complete(self, context: JobStepContext) -> None:
        if self.stored or self.uploaded:
            return
        file = await self._opened(context)
        self.step = "complete"
        try:
            await anyio.to_thread.run_sync(file.check_unchanged)
        except FileChanged:
            await run_cancellable_in_thread(partial(self._checked, context, file, self.known), context.readers)
        try:
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
