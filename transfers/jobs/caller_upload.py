"""An attachment whose bytes the caller sends: reserve, hand out a signed URL, and complete once they are there."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import anyio

from acc.errors import AccError, NotFound, PartsRejected, RequestRejected
from acc.models.files import SignedUrl, UploadUrls
from transfers.attachments import stored_bytes
from transfers.errors import UploadExpired
from transfers.idempotency import AttachmentIdentity
from transfers.jobs.base import Job, JobStepContext
from transfers.upload.signed_urls import lifetime

if TYPE_CHECKING:
    from acc.client import AccClient


URL_MINUTES: Final = 60
"""The longest life that object storage signs (fact sheet 8)."""

MAX_BYTES: Final = 5 * 1024**3
"""S3's largest single PUT."""

PLACEHOLDER: Final = "FILE"
"""Stands where the path belongs, once in each command."""


@dataclass(frozen=True, repr=False)
class CallerUpload:
    """Upload instructions for the caller: one request, or one of the commands."""

    method: str
    url: str
    headers: dict[str, str]
    command: str
    command_windows: str
    expires_at: datetime
    max_bytes: int


def caller_upload(url: SignedUrl, now: datetime) -> CallerUpload:
    """Write out how to PUT a file to a signed `url`.

    Quotes, backquotes, `$`, brackets and blanks are percent-encoded, so that the URL stays one word in any shell and
    in curl, whatever storage signed.
    """
    safe = quote(url.value, safe="%:/?#@!&()*+,;=-._~")
    # A signature may spell the placeholder; encoded, the same URL does not.
    word = safe.replace(PLACEHOLDER, "".join(f"%{ord(letter):02X}" for letter in PLACEHOLDER))
    return CallerUpload(
        method="PUT",
        url=safe,
        headers={},
        command=f"curl --fail --show-error --upload-file {PLACEHOLDER} '{word}'",
        command_windows=f'curl.exe --fail --show-error --upload-file {PLACEHOLDER} "{word}"',
        expires_at=now + timedelta(seconds=lifetime(url)),
        max_bytes=MAX_BYTES,
    )


@dataclass(eq=False)
class CallerUploadJob(Job):
    """Job whose bytes the caller sends: a fresh URL for the open upload, `upload_key`, is signed on each request.

    `begun` is when its first URL was signed, in seconds since 1970.
    """

    kind = "caller_upload"

    upload_key: str | None = None
    begun: float | None = None
    _turn: anyio.Lock = field(default_factory=anyio.Lock, repr=False)
    """One at a time to storage: two calls that sign at once must not begin two uploads."""

    @property
    def may_be_confirmed(self) -> bool:
        """Whether a run can lead to a confirmation: only storage knows whether the caller has sent the bytes."""
        return self.attachment is not None

    def request(self) -> AttachmentIdentity:
        """Return what makes this request the same as another while the upload is open."""
        return self.destination.request(self.name, "caller")

    async def run_steps(self, context: JobStepContext) -> None:
        """Reserve; once a confirmation is wanted and the bytes have arrived, complete, confirm and follow."""
        await self.reserve(context)
        if await self._complete(context):
            await self.confirm(context)
            await self.await_processing(context)

    async def _complete(self, context: JobStepContext) -> bool:
        if not (self.confirm_wanted and await self.complete(context.acc)):
            return False
        await context.keep(self)
        return True

    async def sign(self, acc: "AccClient", now: datetime) -> CallerUpload | None:
        """Return where and how to send the bytes: one PUT; None once they are completed.

        A new `upload_key` is the caller's to write down.

        Raises:
            AccError: Object storage would not sign. The attachment stays reserved.
        """
        async with self._turn:
            if self.stored or self.uploaded:
                return None
            self.step = "send"
            answer = await self._signed(acc)
            if answer is None:
                return None
            if self.upload_key is None:
                self.begun = now.timestamp()
            self.upload_key = answer.upload_key
            return caller_upload(answer.urls[0], now)

    async def _signed(self, acc: "AccClient") -> UploadUrls | None:
        if self.upload_key is not None:
            try:
                return await self._ask(acc)
            except (RequestRejected, NotFound):
                # Completed by another process, or past its 24 hours: then a new upload of the same attachment begins.
                if await self._arrived(acc):
                    return None
                self.upload_key = None
        return await self._ask(acc)

    async def is_upload_expired(self, acc: "AccClient") -> bool:
        """Whether storage knows the upload no more and has no bytes of it; only asking for a URL tells (fact sheet 8).

        Raises:
            AccError: Object storage is away, or refused for another reason.
        """
        if self.stored or self.uploaded or self.upload_key is None:
            return False
        try:
            await self._ask(acc)
        except (RequestRejected, NotFound):
            return await stored_bytes(acc, self.reserved) is None
        return False

    async def _ask(self, acc: "AccClient") -> UploadUrls:
        return await acc.storage.upload_urls(
            self.location, first_part=1, parts=1, minutes=URL_MINUTES, upload_key=self.upload_key
        )

    async def complete(self, acc: "AccClient") -> bool:
        """Complete the upload, unless that is done; false while the bytes have not arrived.

        Raises:
            UploadExpired: Storage no longer knows the upload, and has no bytes of it.
            AccError: Storage refused or is away.
        """
        async with self._turn:
            self.step = "complete"
            if self.stored or self.upload_key is None:
                return self.stored or await self._arrived(acc)
            try:
                done = await acc.storage.complete(self.location, upload_key=self.upload_key)
            except AccError as error:
                if await self._arrived(acc):
                    return True
                if isinstance(error, PartsRejected):
                    return False
                if isinstance(error, (RequestRejected, NotFound)):
                    raise UploadExpired(self.reserved.id, by_caller=True) from error
                raise
            self.stored, self.size = True, done.size
            return True

    async def _arrived(self, acc: "AccClient") -> bool:
        """Take storage's own word on the object, where an answer was lost or another process completed it."""
        found = await stored_bytes(acc, self.reserved)
        if found is not None:
            self.stored, self.size = True, found.size
        return self.stored
