"""Upload of one part: read, counted, compared with the first pass, and PUT to storage."""

import hashlib
import threading
from collections.abc import Iterator
from typing import Final

from acc.errors import AccError, StorageUnavailable
from acc.models.storage import SignedUrl
from acc.object_storage import OPERATION, PartStored, part_answer, part_request
from transfers.errors import FileChanged
from transfers.files.local_file import ByteCounter, LocalFile, chunks
from transfers.upload.connections import AbortableClient
from transfers.upload.part_plan import FilePart

MAX_ANSWER_BYTES: Final = 8192
"""As much of storage's answer as is read: an error's XML is shorter, a good answer has no body (fact sheet 8)."""


class VerifiedPartStream:
    """The bytes of one part for one attempt, counted and compared with the first pass.

    The last chunk is held back until the digest of the whole part is known to be right: what changed on the way is cut
    off before storage has all of it.
    """

    def __init__(
        self, file: LocalFile, part: FilePart, sha256: str, progress: ByteCounter, stop: threading.Event
    ) -> None:
        self.part = part
        self.counted = 0
        self._file = file
        self._sha256 = sha256
        self._progress = progress
        self._stop = stop

    def __iter__(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        last = self.part.offset + self.part.length
        for offset, length in chunks(self.part):
            if self._stop.is_set():
                raise InterruptedError
            data = self._file.read(length, offset)
            digest.update(data)
            if offset + length == last and digest.hexdigest() != self._sha256:
                raise FileChanged(self._file.given)
            yield data
            self.counted += length
            self._progress.add(length)

    def rollback(self) -> None:
        """Uncount what a failed attempt had sent."""
        self._progress.add(-self.counted)
        self.counted = 0


def put_part(line: AbortableClient, url: SignedUrl, body: VerifiedPartStream) -> PartStored | AccError:
    """Send one part from a worker thread; what storage or the network says against it is returned, not raised.

    Raises:
        FileChanged: The file is no longer the one that was hashed.
        FileUnreadable: It can no longer be read.
        InterruptedError: The upload was called off.
    """
    answer: PartStored | AccError | None = None
    try:
        answer = _exchange(line, url, body)
        if isinstance(answer, PartStored) and body.counted != body.part.length:
            # Taken before it was all there: whoever said so was not storage.
            answer = StorageUnavailable(OPERATION, sent=True)
    finally:
        if not isinstance(answer, PartStored):
            body.rollback()
    return answer


def _exchange(line: AbortableClient, url: SignedUrl, body: VerifiedPartStream) -> PartStored | AccError:

    from acc.transport import is_nested, network_errors, storage_error_from_transport

    request = part_request(url, body.part.length)
    try:
        with line.client.stream(
            request.method,
            request.url.value,
            content=body,
            headers=dict(request.headers),
            follow_redirects=False,
            extensions={"trace": line.watch},
        ) as response:
            content = b"" if is_nested(response) else next(response.iter_bytes(MAX_ANSWER_BYTES), b"")
    except network_errors() as error:
        return storage_error_from_transport(OPERATION, error)
    return part_answer(response.status_code, response.headers, content)
