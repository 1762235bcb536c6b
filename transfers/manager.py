"""`TransferManager`: attach a file, link a version, reserve for a caller's upload, confirm, inspect and cancel."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from acc.errors import AccError
from acc.models.submittals import Attachment
from persistence.errors import StorageProblem
from transfers.attachments import StoredObject, confirm_upload, find_row, stored_bytes
from transfers.audit_log import AuditEntry
from transfers.categories_and_states import attachment_state
from transfers.errors import FileWarning, JobStopped, NotYourAttachment, TransferError, UploadExpired, UploadIncomplete
from transfers.files.document_check import document_warnings, name_warnings, refuse_strictly
from transfers.files.folder_listing import FolderFiles
from transfers.files.local_file import FileStamp
from transfers.files.names import attachment_name
from transfers.idempotency import AttachTarget, request_digest
from transfers.jobs.base import Job
from transfers.jobs.caller_upload import CallerUpload, CallerUploadJob
from transfers.jobs.context import JobContext
from transfers.jobs.linked_file import LinkedFileJob
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.recovery import JobEligibility, OrphanedJobRecovery, QueueWorker
from transfers.jobs.rows import CANCELLED, REPLACED, JobRow
from transfers.jobs.runner import UNHURRIED, JobRunner, WaitOptions
from transfers.jobs.serialization import read_record

if TYPE_CHECKING:
    from acc.client import AccClient


@dataclass(frozen=True)
class AttachResult:
    """Result of an attach call: `existed` when the attachment was there before the call, so nothing was added."""

    job: Job
    existed: bool


@dataclass(frozen=True)
class LocalFileInfo:
    """A local file that may be attached: the name it would have in ACC, its own path, and what it is now.

    `identity` tells its bytes from others, `stamp` is the same for each look at a file that is left alone.
    """

    name: str
    path: str
    identity: FileStamp
    stamp: FileStamp


@dataclass(frozen=True)
class PendingConfirmation:
    """An attachment whose bytes are stored and not visible yet; `sha256` is known of those that we sent."""

    name: str
    size: int | None
    sha256: str | None


class TransferManager:
    """Facade of durable transfers for one person at one ACC; `running` closes the `context` too."""

    def __init__(self, context: JobContext) -> None:
        self.context = context
        self._acc = context.acc
        self.repository = context.repository
        self.runner = JobRunner(context)

    @asynccontextmanager
    async def running(
        self,
        takes_up: Callable[[str], bool] | None = None,
        *,
        files_at_once: int = 0,
        owns_repository: bool = True,
    ) -> AsyncIterator[None]:
        """Run jobs until the block ends; also those of dead processes in the projects that `takes_up` allows.

        With `files_at_once`, so many of the queue besides. Where people share the repository, none of their managers
        `owns_repository`.
        """
        try:
            async with self.runner.running(owns_repository=owns_repository) as group:
                if takes_up is not None:
                    eligibility = JobEligibility(self.context, takes_up)
                    group.start_soon(OrphanedJobRecovery(self.runner, self.context, eligibility).watch)
                    if files_at_once:
                        group.start_soon(QueueWorker(self.runner, self.context, eligibility).run, files_at_once)
                yield
        finally:
            self.context.close()

    async def attach_file(
        self, where: AttachTarget, path: str, name: str | None, key: str | None, patience: WaitOptions, *, confirm: bool
    ) -> AttachResult:
        """Send a local file and complete its upload; with `confirm`, go on to confirm: the person has agreed to that.

        Raises:
            TransferError: See `transfers.errors`.
            AccError: ACC or its storage refused or is away.
        """
        asked, job = await self._file_job(where, path, name, key, confirm=confirm)
        return await self._attach(asked, job, patience)

    async def enqueue(self, where: AttachTarget, path: str, name: str | None, *, confirm: bool) -> AttachResult:
        """Read a local file, and leave all else to a worker; what runs or is done stays as it is.

        Raises:
            TransferError: The file may not or cannot be read.
            JobStopped: It changed while it was read, or ACC could not be asked for an earlier attachment of it.
        """
        asked, made = await self._file_job(where, path, name, None, confirm=confirm)
        made.for_worker = True
        job = await self._joined(asked, made)
        existed = job is not made and job.attachment is not None
        if job is not made:
            if job.running:
                return AttachResult(job, existed)
            job.for_worker = True
            await self.runner.start(job)
        handed = await self.runner.wait(job, UNHURRIED)
        return AttachResult(handed, existed or (handed is not job and handed.attachment is not None))

    async def _file_job(
        self, where: AttachTarget, path: str, name: str | None, key: str | None, *, confirm: bool
    ) -> tuple[tuple[object, ...], LocalFileJob]:
        seen = await self.inspect(path, name)
        if self.context.rules.strict:
            refuse_strictly(await self.file_warnings(path, name), path)
        job = LocalFileJob(
            where,
            seen.name,
            key,
            confirm_wanted=confirm,
            agreed=confirm,
            path=seen.path,
            identity=seen.identity,
        )
        return (where, seen.name, key, seen.stamp), job

    async def inspect(self, path: str, name: str | None) -> LocalFileInfo:
        """Look at a local file as attaching it would, and send nothing; `name` is the wanted name.

        Raises:
            TransferError: It may not or cannot be read, or the name is none that ACC takes.
        """
        # In a thread: a folder may lie on a network drive that takes its time.
        return await anyio.to_thread.run_sync(self._see, path, name)

    async def has_bytes_of(self, job: LocalFileJob) -> bool:
        """Whether the file of a job has the bytes that the job has read; it may have to be read for that.

        Raises:
            TransferError: It may not or cannot be read.
        """
        return await job.has_its_bytes(self.context)

    async def list_folder(self, folder: str) -> FolderFiles:
        """List the files of an allowed folder; see `transfers.files.folder_listing`.

        Raises:
            FolderUnavailable: It may not be read, or is not there.
        """
        return await anyio.to_thread.run_sync(self.context.list_folder, folder)

    async def file_warnings(self, path: str, name: str | None) -> list[FileWarning]:
        """Return what reviewers would stumble over in a local file; takes `INSPECTION_SECONDS` at most.

        Raises:
            TransferError: It may not or cannot be read, or the name is none that ACC takes.
        """

        def check() -> list[FileWarning]:
            with self.context.open_file(path) as file:
                named = name_warnings(attachment_name(name, file.name), file.name if name is None else name)
                return [*document_warnings(file), *named]

        # A call that is no longer awaited ends by itself within its seconds.
        return await anyio.to_thread.run_sync(check, abandon_on_cancel=True)

    async def look_at_all(self, files: Sequence[tuple[str, str | None]]) -> list[LocalFileInfo | TransferError]:
        """Look at files one after the other, each with its wished name; what `look` raises stands in a file's place."""

        def see_all() -> list[LocalFileInfo | TransferError]:
            found: list[LocalFileInfo | TransferError] = []
            for path, name in files:
                try:
                    found.append(self._see(path, name))
                except TransferError as problem:
                    found.append(problem)
            return found

        # All in one turn of a thread, for a turn takes longer than most files do.
        return await anyio.to_thread.run_sync(see_all)

    async def link_version(
        self, where: AttachTarget, version_urn: str, name: str, key: str | None, patience: WaitOptions
    ) -> AttachResult:
        """Attach a version of the Files tool, which makes it visible: the person has agreed to that.

        Raises:
            FileTypeNotAllowed, StrictRefusal: Files that are called so may not be attached.
            JobStopped: ACC refused or is away, or the key was used for something else.
        """
        self._check_name(name)
        job = LinkedFileJob(where, name, key, agreed=True, version_urn=version_urn)
        return await self._attach((where, name, key, version_urn), job, patience)

    async def reserve_for_caller(
        self, where: AttachTarget, name: str, key: str | None, patience: WaitOptions
    ) -> AttachResult:
        """Reserve an attachment whose bytes the caller will send; the same one again while its upload is open.

        Raises:
            FileTypeNotAllowed: Files that are called so may not be attached.
            JobStopped: ACC refused or is away, or the key was used for something else.
        """
        self._check_name(name)
        return await self._attach((where, name, key, "caller"), CallerUploadJob(where, name, key), patience)

    async def sign(self, job: CallerUploadJob, now: datetime) -> CallerUpload | None:
        """Return where and how the caller sends the bytes; None once they are completed.

        Raises:
            JobStopped: Object storage would not sign. The attachment stays reserved.
        """
        async with self.runner.exclusive(job):
            try:
                signed = await job.sign(self._of(job), now)
            except AccError as error:
                raise JobStopped(error, job.step, job.reserved.id) from error
        largest = self.context.rules.max_bytes
        return replace(signed, max_bytes=min(signed.max_bytes, largest)) if signed is not None else None

    async def is_upload_expired(self, job: CallerUploadJob) -> bool:
        """Whether what the caller was to send, or has sent, can no longer be completed: storage has discarded it.

        Raises:
            AccError: Object storage refused or is away.
        """
        return await job.is_upload_expired(self._acc)

    async def confirm(
        self,
        project_id: str,
        item_id: str,
        attachment_id: str,
        person_id: str,
        patience: WaitOptions,
        *,
        seen: Attachment | None = None,
    ) -> Attachment:
        """Complete the storage upload if that is open, then tell ACC that the bytes are there. Harmless to repeat.

        This makes the file visible: the person has agreed to that. `seen` is the attachment's row if it was read just
        now.

        Raises:
            AttachmentMissing: The submittal has no such attachment.
            NotYourAttachment: Another user reserved it.
            UploadIncomplete: There is no evidence of bytes, or they are still on their way.
            FileProblem: What arrived is of a type or size that may not be attached.
            JobStopped: Its job could not be carried on.
            AccError: ACC refused or is away.
        """
        row = seen or await self.row(project_id, item_id, attachment_id)
        _check_owner(row, person_id)
        if row.is_file_uploaded:
            return row
        job = await self.job(attachment_id)
        if job is not None and job.may_be_confirmed:
            return await self._confirm_job(job, patience)
        size = await self._require_uploaded_bytes(row, job)
        self.context.rules.check(row.name, size)
        entry = AuditEntry(
            autodesk=urlsplit(self._acc.hosts.api).netloc,
            person_id=person_id,
            project_id=project_id,
            submittal_id=item_id,
            attachment_id=attachment_id,
            name=row.name,
            size_bytes=size,
        )
        async with self.context.audit.record("confirming", lambda: entry):
            acc = self.context.acting_as(project_id, person_id)
            return await confirm_upload(acc, project_id, item_id, attachment_id)

    async def preview_confirmation(
        self, project_id: str, item_id: str, attachment_id: str, person_id: str
    ) -> "PendingConfirmation | None":
        """Return what `confirm` would make visible; None when it is visible already.

        Completes a caller's upload, since only then storage tells how many bytes arrived.

        Raises:
            AttachmentMissing, NotYourAttachment, UploadIncomplete, JobStopped, AccError: As `confirm` does.
        """
        row = await self.row(project_id, item_id, attachment_id)
        _check_owner(row, person_id)
        if row.is_file_uploaded:
            return None
        job = await self.job(attachment_id)
        if isinstance(job, CallerUploadJob) and not job.running:
            await self._complete(job)
        if isinstance(job, LocalFileJob) and job.may_be_confirmed:
            return PendingConfirmation(row.name, job.size, job.sha256)
        size = job.size if job is not None and job.stored else await self._require_uploaded_bytes(row, job)
        self.context.rules.check(row.name, size)
        return PendingConfirmation(row.name, size, None)

    async def _complete(self, job: CallerUploadJob) -> None:
        async with self.runner.exclusive(job):
            try:
                await job.complete(self._of(job))
            except (AccError, UploadExpired) as error:
                raise JobStopped(error, job.step, job.reserved.id) from error

    def _of(self, job: Job) -> "AccClient":
        """Return the way to ACC of the person whose job it is."""
        return self.context.acting_as(job.destination.project_id, job.destination.person_id)

    async def _require_uploaded_bytes(self, row: Attachment, job: Job | None) -> int | None:
        if job is not None and job.sending:
            raise UploadIncomplete(row.id, uploading=True)
        found = await self.stored_bytes(row)
        if found is None:
            raise UploadIncomplete(row.id)
        return found.size

    async def row(self, project_id: str, item_id: str, attachment_id: str) -> Attachment:
        """Return ACC's row of one attachment; there is no request for one, so the list is walked.

        Raises:
            AttachmentMissing: The submittal has no such attachment.
            AccError: ACC refused or is away.
        """
        return await find_row(self._acc, project_id, item_id, attachment_id)

    @contextmanager
    def following(
        self, project_id: str, item_id: str, attachment_id: str
    ) -> Iterator[Callable[[], Awaitable[Attachment]]]:
        """Give a way to read ACC's row of one attachment again; one list serves all that are followed on an item.

        Raises:
            AttachmentMissing: The submittal has no such attachment, when it is read.
            AccError: ACC refused or is away, when it is read.
        """
        place, since = (project_id, item_id), anyio.current_time()

        async def read() -> Attachment:
            nonlocal since
            look = await self.context.watch.look(self._acc, place, attachment_id, since)
            since = look.at
            return look.rows[attachment_id]

        with self.context.watch.following(place, attachment_id):
            yield read

    async def stored_bytes(self, row: Attachment) -> StoredObject | None:
        """Return what storage has of an attachment, or None while its upload is not completed.

        Raises:
            AccError: Object storage refused or is away.
        """
        return await stored_bytes(self._acc, row)

    async def _confirm_job(self, job: Job, patience: WaitOptions) -> Attachment:
        job.confirm_wanted = job.agreed = True
        job = await self._run(job, patience, confirm=True)
        if not (job.running or job.stored or job.uploaded):
            raise UploadIncomplete(job.reserved.id)
        return job.reserved

    async def job(self, attachment_id: str) -> Job | None:
        """Return the job that made or is making an attachment, whichever process runs it."""
        return (await self.repository.find([attachment_id])).get(attachment_id)

    async def by_id(self, job_id: str) -> tuple[JobRow, Job] | None:
        """Return a job by its own id with its row, or in its place the earlier one that it turned out to repeat."""
        if not self.repository.may_hold_jobs:
            return None
        row = await self._resolve_replacement(await self.repository.row(job_id))
        return (row, await self.repository.load(row)) if row is not None else None

    async def take_in(self, job: Job, row: Attachment) -> None:
        """Take in that ACC has processed the file of a job that is still followed, so that no one waits for it."""
        if job.following and attachment_state(row, sending=False, stored=False) != "processing":
            job.attachment, job.following = row, False
            try:
                await self.repository.ask(lambda tables: tables.end_following(job.id))
            except StorageProblem as problem:
                # A caller that only asks for the state need not know that the disk is full.
                self.context.log.warning("job_not_written", job=job.id, problem=str(problem))

    async def cancel(self, job_id: str) -> None:
        """Stop a job, whichever process runs it; what it reserved stays in ACC."""
        await self.repository.request_cancel(job_id)

    async def _attach(self, asked: tuple[object, ...], made: Job, patience: WaitOptions) -> AttachResult:
        confirm = made.confirm_wanted
        job = await self._joined(asked, made)
        existed = job is not made and job.attachment is not None
        ended = await self._run(job, patience, confirm=confirm)
        return AttachResult(ended, existed or ended is not job)

    async def _run(self, job: Job, patience: WaitOptions, *, confirm: bool) -> Job:
        """Run a job, or wait for the process that does; returns the job that carries the attachment."""
        begun = await self.runner.start(job)
        ended = await self.runner.wait(job, patience)
        if not confirm or (begun and ended is job) or ended.running or ended.uploaded:
            return ended
        row = await self.repository.row(ended.id)
        if row is None or row.status == CANCELLED:
            return ended
        # Another run ended, and knew of no wish to confirm.
        ended.confirm_wanted = ended.agreed = True
        await self.runner.start(ended)
        return await self.runner.wait(ended, patience)

    async def _joined(self, asked: tuple[object, ...], made: Job) -> Job:
        """Return the job for what was asked: an earlier one that counts, else the one that was `made` for it."""
        words = request_digest(asked)
        job = await self.find_or_add(words, made)
        if job is not made and isinstance(job, LocalFileJob) and job.may_be_other_bytes:
            # Read again beside it; the same bytes turn out to be the same job, others are another attachment.
            words = request_digest((*asked, made.id))
            job = await self.find_or_add(words, made)
        if job is not made and not await self._is_reusable(job):
            await self.runner.forget(job)
            # Another call that found out at the same time may have been faster.
            job = await self.find_or_add(words, made)
        return job

    async def find_or_add(self, asked: str, made: Job) -> Job:
        """Return the job for what was `asked`: an earlier one, else the one `made`, written down and started."""
        while True:
            first = await self.runner.add(made, asked)
            if first.id == made.id:
                return made
            row = await self._resolve_replacement(first)
            if row is not None:
                known = await self.repository.load(row)
                known.merge(made)
                return known
            await self.repository.ask(lambda tables: tables.replace(first.id))  # noqa: B023  # awaited at once

    async def _resolve_replacement(self, row: JobRow | None) -> JobRow | None:
        """Return the row of the job that carries the same request now."""
        while row is not None and row.status == REPLACED:
            other = read_record(row).same_as
            row = await self.repository.row(other) if other else None
        return row

    async def _is_reusable(self, job: Job) -> bool:
        """Whether an earlier job answers the same request again: its attachment counts, a caller's upload is open."""
        counts = await job.is_still_valid(self.context)
        over = isinstance(job, CallerUploadJob) and job.key is None and (job.stored or job.uploaded)
        return counts and not over

    def _check_name(self, name: str) -> None:
        self.context.rules.check(name, None)
        if self.context.rules.strict:
            refuse_strictly(name_warnings(name, name), name)

    def _see(self, path: str, name: str | None) -> LocalFileInfo:
        with self.context.open_file(path) as file:
            return LocalFileInfo(attachment_name(name, file.name), str(file.path), file.identity, file.stamp)


def _check_owner(row: Attachment, person_id: str) -> None:
    if row.created_by != person_id:
        raise NotYourAttachment(row.id)
