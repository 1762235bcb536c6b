"""Signed uploads to Autodesk's object storage: asking for URLs, completing, and looking whether bytes are there.

Sending the bytes themselves is `acc.parts`. Everything raises `acc.errors.AccError`.
"""

import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from acc import operations as op
from acc.errors import NotFound, UnexpectedAnswer, UntrustedStorageHost
from acc.ids import ObjectLocation
from acc.models import CompletedObject, DownloadLink, SignedUrl, UploadUrls
from acc.requests import body, build, parameters

if TYPE_CHECKING:
    # At run time this would load httpx for everybody who only names the class.
    from acc.connection import Connection

_log = logging.getLogger(__name__)


class ObjectStorage:
    """Object storage as one person sees it. `extra_hosts` are storage hosts beside the documented ones."""

    def __init__(self, connection: "Connection", *, extra_hosts: Collection[str] = ()) -> None:
        self._connection = connection
        self._extra_hosts = frozenset(extra_hosts)

    async def upload_urls(
        self,
        location: ObjectLocation,
        *,
        first_part: int,
        parts: int,
        minutes: int | None = None,
        upload_key: str | None = None,
    ) -> UploadUrls:
        """URLs for `parts` parts (at most 25) from number `first_part` (from 1) on, valid for `minutes` (1 to 60).

        Without an `upload_key` a new upload begins; with one, the same parts get fresh URLs. Ask shortly before use:
        without `minutes` they live for two.

        Raises:
            UntrustedStorageHost: a URL points somewhere that is not known as Autodesk's storage.
            UnexpectedAnswer: there are not as many URLs as parts.
        """
        answer = await self._connection.send(
            build(
                op.UPLOAD_URLS,
                _places(location),
                query=parameters(parts=parts, firstPart=first_part, minutesExpiration=minutes, uploadKey=upload_key),
            )
        )
        if len(answer.urls) != parts:
            raise UnexpectedAnswer(op.UPLOAD_URLS.name, problem=f"{len(answer.urls)} URLs for {parts} parts")
        for url in answer.urls:
            self._check(url)
        return answer

    async def complete(
        self,
        location: ObjectLocation,
        *,
        upload_key: str,
        size: int | None = None,
        etags: Sequence[str] | None = None,
    ) -> CompletedObject:
        """Make one object of the parts sent; within 24 hours of the start, or they are discarded.

        `size` in bytes and the parts' `etags` in order, bare (`acc.parts.bare_etag`), let storage verify what it has.
        What a second completion is answered is not known: after an error with `sent`, `download_link` tells whether the
        first one worked.

        Raises:
            PartsRejected: parts are missing, too small or not the ones described.
        """
        return await self._connection.send(
            build(
                op.UPLOAD_COMPLETE,
                _places(location),
                json=body(uploadKey=upload_key, size=size, eTags=None if etags is None else list(etags)),
            )
        )

    async def download_link(self, location: ObjectLocation, *, minutes: int | None = None) -> DownloadLink | None:
        """A link to an object's bytes, which proves that they are there; None while it has no completed bytes."""
        try:
            return await self._connection.send(
                build(
                    op.DOWNLOAD_LINK,
                    _places(location),
                    query=parameters(minutesExpiration=minutes),
                )
            )
        except NotFound:
            return None

    def _check(self, url: SignedUrl) -> None:
        if not self._connection.hosts.storage_host_allowed(url.value, self._extra_hosts):
            _log.warning("refused an upload URL: its host %r is not known as Autodesk's storage", url.host)
            raise UntrustedStorageHost(op.UPLOAD_URLS.name, host=url.host)


def _places(location: ObjectLocation) -> dict[str, str]:
    return {"bucket_key": location.bucket_key, "object_key": location.object_key}
