"""Attaching a local file: hash, reserve, send the parts, complete the upload, and confirm when asked for.

A large file is sent ahead of its whole digest (`seed` is set then): it is read, reserved and sent at the same time.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from transfers.concurrency import ByteCounter, background_task, run_cancellable_in_thread
from transfers.errors import FileChanged, FileProblem
from transfers.files.local_file import FileDigests, FilePass, FileStamp, LocalFile, hash_file, new_seed
from transfers.idempotency import AttachmentIdentity
from transfers.jobs.base import Job, JobStepContext
from transfers.jobs.file_upload import FileUploadJob
from transfers.upload.read_ahead import ReadAhead

REMEMBERED_BYTES: Final = 8 * 1024 * 1024
"""From this size on it is remembered what a file hashed to: a smaller one is read again sooner than looked up."""


@dataclass(eq=False)
class LocalFileJob(FileUploadJob):
    """Job of a local file, which is hashed, and sent under the digest of its bytes.

    `seed` is what parts are hashed with while they are sent ahead of the digest of the whole, which is not known yet.
    """

    kind = "local_file"

    hashed: ByteCounter = field(default_factory=ByteCounter)
    digests: FileDigests | None = None
    seed: int | None = None
    step: str = "hash"
    _file: LocalFile | None = field(default=None, repr=False)
    _reading: ReadAhead | None = field(default=None, repr=False)
    _identified: anyio.Event = field(default_factory=anyio.Event, repr=False)

    @property
    def bytes_done(self) -> tuple[int, int]:
        """Bytes that were hashed, and bytes that are in storage or on their way there."""
        return self.hashed.value, self.sent.progress.value

    @property
    def runs_ahead(self) -> bool:
        """Whether its parts are sent before it is known what they are parts of."""
        return self.seed is not None

    @property
    def may_be_other_bytes(self) -> bool:
        """Whether a file with this job's stamp may hold other bytes than the job has read."""
        read = self.sha256 is not None and not self.running
        return read and (isinstance(self.error, FileChanged) or not self.identity.is_settled(self.created))

    @property
    def known(self) -> FileDigests:
        """The digests, for the steps that come after hashing."""
        if self.digests is None:
            raise RuntimeError("the step before this one hashes the file")
        return self.digests

    def request(self) -> AttachmentIdentity:
        """Return what makes this request the same as another; see `Job.request`."""
        return self.destination.request(self.name, f"sha256:{self.sha256}")

    async def plan_run(self, context: JobStepContext) -> None:
        """Decide to send a large file ahead of its digest where none is known; see `Job.plan_run`.

        Not where a change could leave the file with the same stamp: a file system without times of change, or one that
        has been changed just now.
        """
        stamp = self.identity
        if stamp.size < context.read_ahead.from_bytes or self.key is not None or self.for_worker:
            return
        if not stamp.changed_ns or not stamp.is_settled(context.clock()):
            return
        path, size = Path(self.path), self.plan.part_size
        if await context.repository.digests(lambda cache: cache.find(path, stamp, size)) is None:
            self.seed = new_seed()

    async def prepare(self, context: JobStepContext) -> None:
        """Read the file once: digests of the whole and of each part; see `Job.prepare`.

        A job that runs ahead reads while it sends, unless another one of the same item and name has come meanwhile.
        """
        if self.digests is not None or self.stored or self.uploaded:
            return
        self.step, self.hashed = "hash", ByteCounter()
        # Found out now, nothing is left half done at ACC.
        await context.audit.check()
        if self.seed is not None and not self.for_worker and not await self._has_rivals(context):
            return
        digests = await self._digests(context)
        if self.sha256 is not None and self.sha256 != digests.whole:
            raise FileChanged(self.path)
        self.digests, self.sha256 = digests, digests.whole
        if self.seed is not None:
            self.seed = None
            await context.keep(self)  # before it waits for another job that runs ahead, and that one for it
        context.reached("hashed")

    async def _has_rivals(self, context: JobStepContext) -> bool:
        return await context.repository.ask(
            lambda tables: tables.has_rivals(self.id, self.destination.item_id, self.name)
        )

    async def _digests(self, context: JobStepContext) -> FileDigests:
        """Return what the file hashes to: as remembered, or read now; parts that storage has are compared.

        Raises:
            FileChanged: A part in storage is of other bytes, or the file changed while it was read.
        """
        path, size = Path(self.path), self.plan.part_size
        remembered = self.identity.size >= REMEMBERED_BYTES
        unproven = self.sent.digests if self.seed is not None else {}
        if remembered and not unproven:
            known = await context.repository.digests(lambda cache: cache.find(path, self.identity, size))
            if known is not None:
                return known
        began = context.clock()
        digests = await run_cancellable_in_thread(partial(self._hash, context), context.readers)
        if any(digests.parts[number - 1] != digest for number, digest in unproven.items()):
            raise FileChanged(self.path)
        if remembered:
            await context.repository.digests(lambda cache: cache.keep(path, self.identity, size, digests, began))
        return digests

    async def run_steps(self, context: JobStepContext) -> None:
        """Do the steps that are left; see `Job.run_steps`."""
        try:
            async with self._read_ahead(context):
                if self.attachment is not None and self.sent.upload_key is None:
                    await self.look_what_arrived(context)
                await self.reserve(context)
                await self.bring(context)
            self._close()
            await self.await_processing(context)
        except FileChanged:
            # What it was known to hash to may be what was wrong: the next run reads it.
            self.digests = None
            await context.repository.digests(lambda cache: cache.drop(Path(self.path), self.identity))
            raise
        finally:
            self._close()

    @asynccontextmanager
    async def _read_ahead(self, context: JobStepContext) -> AsyncIterator[None]:
        """Read the file beside the block, if it is sent ahead of its digest, and write down what it turned out to be.

        Raises:
            FileChanged, FileUnreadable: It cannot be read to its end, or is another than before.
            FingerprintTaken: Another job attaches the very same.
        """
        if self.seed is None or self.stored or self.uploaded:
            yield
            return
        file = await self.opened(context)
        room = max(context.read_ahead.room_bytes, int(context.slots.total_tokens) * self.plan.part_size)
        reading = FilePass(file, self.seed, self.hashed)
        self._reading = ReadAhead(file, self.plan, reading, self.sent, context.readers, room)
        self._identified = anyio.Event()
        try:
            async with background_task(partial(self._identify, context, file, self._reading)):
                yield
                await self._identified.wait()
        finally:
            self._reading = None

    async def _identify(self, context: JobStepContext, file: LocalFile, reading: ReadAhead) -> None:
        began = context.clock()
        digests = await reading.run()
        self.digests, self.sha256, self.seed = digests, digests.whole, None
        await context.identify(self)
        try:
            await anyio.to_thread.run_sync(file.check_unchanged)
        except FileChanged:
            pass  # the last look before the completion reads it again
        else:
            stamp, size = file.identity, self.plan.part_size
            await context.repository.digests(lambda cache: cache.keep(file.path, stamp, size, digests, began))
        context.reached("identified")
        self._identified.set()

    @property
    def part_seed(self) -> int:
        """Seed with which the parts are hashed."""
        return self.known.seed if self.seed is None else self.seed

    async def prove(self, context: JobStepContext, file: LocalFile) -> None:
        """Take the last look before the completion; see `FileUploadJob.prove`."""
        if self._reading is not None:
            await self._identified.wait()
        try:
            await anyio.to_thread.run_sync(file.check_unchanged)
        except FileChanged:
            await run_cancellable_in_thread(partial(self._checked, context, file, self.known), context.readers)

    async def digest(self, number: int) -> str:
        """Return the digest of a part, counted from 1, once it has been read."""
        if self.digests is None and self._reading is not None:
            return await self._reading.digest(number)
        return self.known.parts[number - 1]

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
            digests = hash_file(file, self.plan, self.hashed, stop, self.seed)
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
                    if (
                        again.size != file.size
                        or hash_file(again, self.plan, ByteCounter(), stop, digests.seed) != digests
                    ):
                        raise
                    return again.identity
            except FileProblem as gone:
                raise FileChanged(file.given) from gone
        return file.identity

    async def digests_of(self, context: JobStepContext, file: LocalFile) -> FileDigests:
        """Return what `file` hashes to now.

        Raises:
            FileChanged: It changed while it was read.
            FileUnreadable: The operating system refused.
        """
        size, remembered = self.plan.part_size, file.size >= REMEMBERED_BYTES
        if remembered:
            known = await context.repository.digests(lambda cache: cache.find(file.path, file.identity, size))
            if known is not None:
                return known

        def read(stop: threading.Event) -> tuple[FileDigests, FileStamp]:
            digests = hash_file(file, self.plan, ByteCounter(), stop)
            return digests, self._checked(context, file, digests, stop)

        began = context.clock()
        digests, stamp = await run_cancellable_in_thread(read, context.readers)
        if remembered:
            await context.repository.digests(lambda cache: cache.keep(file.path, stamp, size, digests, began))
        return digests

    async def has_its_bytes(self, context: JobStepContext) -> bool:
        """Whether the file is the one that this job has read, or is to read.

        Raises:
            FileProblem: It may not or cannot be read.
        """
        with await anyio.to_thread.run_sync(context.open_file, self.path) as file:
            if file.identity == self.identity and not self.may_be_other_bytes:
                return True
            if self.sha256 is None:
                # Nothing is promised of its bytes yet, so what changed beside them (its mode, its links) is no matter.
                return file.stamp[:4] == self.identity[:4]
            if file.size != self.identity.size:
                return False
            return (await self.digests_of(context, file)).whole == self.sha256

    async def opened(self, context: JobStepContext) -> LocalFile:
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
            if self.seed is None and (await self.digests_of(context, file)).whole != self.sha256:
                raise FileChanged(file.given)
            self.identity = file.identity  # of one that is sent ahead, the bytes decide as they are read
        return file
