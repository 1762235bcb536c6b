"""Signed uploads to Autodesk's object storage: the operations of the API, and the requests for single parts.

`ObjectStorage` asks for URLs, completes uploads and checks whether bytes arrived. `part_request` and `part_answer` are
pure: storage is S3, which answers in XML, knows nothing of bearer tokens, and refuses a request that carries one beside
the signature in its URL (fact sheet 8). Everything raises `acc.errors.AccError`.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acc import operations as op
from acc.errors import (
    ErrorDetails,
    NetworkPage,
    NotFound,
    StorageError,
    StorageExpired,
    StorageRefused,
    StorageThrottled,
    StorageUnavailable,
    StorageUploadGone,
    UnexpectedAnswer,
    UntrustedStorageHost,
)
from acc.ids import ObjectLocation
from acc.models.files import CompletedObject, DownloadLink, SignedUrl, UploadUrls
from acc.operations import body, build, query_parameters
from acc.responses import clean, is_web_page, lower_names, retry_after_seconds, upstream_request_id

if TYPE_CHECKING:
    from acc.connection import AccConnection

OPERATION = "s3.put"
DOWNLOAD = "s3.get"

_ELEMENT = re.compile(r"<(?P<name>Code|Message|RequestId)>(?P<text>[^<]{0,500})</")
_EXPIRED_CODES = frozenset({"ExpiredToken", "TokenRefreshRequired"})
# S3 says these with a 4xx, but the next attempt may well succeed.
_PASSING_CODES = frozenset({"RequestTimeout", "OperationAborted", "IncompleteBody"})
_THROTTLING_CODES = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})


@dataclass(frozen=True)
class PartRequest:
    """The request for one part: exactly these headers, and none that identifies a person."""

    method: str
    url: SignedUrl
    headers: Mapping[str, str]


@dataclass(frozen=True)
class PartStored:
    """Storage has the part. `etag` is its bare hash, as the completion takes it."""

    etag: str


def part_request(url: SignedUrl, size: int) -> PartRequest:
    """The request that puts `size` bytes to a signed URL. The length is explicit: S3 takes no chunked body."""
    return PartRequest("PUT", url, {"Content-Length": str(size)})


def bare_etag(value: str) -> str:
    """The hash in an ETag header, which storage quotes and a completion takes without quotes (fact sheet 8)."""
    return value.strip().removeprefix("W/").strip('"')


def part_answer(status: int, headers: Mapping[str, str], body: bytes) -> PartStored | StorageError | NetworkPage:
    """Interpret storage's answer to a part; takes any status, headers and bytes.

    A 200 without an ETag is not storage's, and a web page with one is not either.
    """
    if 200 <= status < 300 and is_web_page(headers, body):
        return NetworkPage(OPERATION, problem="HTML instead of an ETag", http_status=status, sent=True)
    etag = bare_etag(lower_names(headers).get("etag", ""))
    if 200 <= status < 300:
        return PartStored(etag) if etag else StorageUnavailable(OPERATION, http_status=status, sent=True)
    return _refusal(OPERATION, status, headers, body)


def download_error(status: int, headers: Mapping[str, str], body: bytes) -> StorageError | NetworkPage:
    """Interpret an answer of storage that holds no bytes of the object; takes any status, headers and bytes."""
    if is_web_page(headers, body):
        return NetworkPage(DOWNLOAD, problem="HTML instead of a file", http_status=status)
    if status < 400:
        return StorageUnavailable(DOWNLOAD, http_status=status)
    return _refusal(DOWNLOAD, status, headers, body)


def _refusal(operation: str, status: int, headers: Mapping[str, str], body: bytes) -> StorageError:
    found = {match["name"]: match["text"] for match in _ELEMENT.finditer(body[:8192].decode("utf-8", "replace"))}
    code = found.get("Code")
    message = found.get("Message", "")
    facts = ErrorDetails(
        http_status=status,
        upstream_request_id=upstream_request_id({"x-request-id": found.get("RequestId", ""), **headers}),
        upstream_code=code and clean(code),
        upstream_message=clean(message) or None,
        retry_after_seconds=retry_after_seconds(headers),
    )
    return _kind(status, code, message)(operation, **facts)


def _kind(status: int, code: str | None, message: str) -> type[StorageError]:
    if code in _EXPIRED_CODES or (status == 403 and "expired" in message.lower()):
        return StorageExpired
    if code == "NoSuchUpload":
        return StorageUploadGone
    if code in _THROTTLING_CODES or status == 429 or (status == 503 and code is None):
        return StorageThrottled
    if code in _PASSING_CODES or status == 408 or status >= 500:
        return StorageUnavailable
    return StorageRefused


_log = logging.getLogger(__name__)


class ObjectStorage:
    """Object storage as one person sees it. `extra_hosts` are storage hosts beside the documented ones."""

    def __init__(self, connection: "AccConnection", *, extra_hosts: Collection[str] = ()) -> None:
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
                query=query_parameters(
                    parts=parts, firstPart=first_part, minutesExpiration=minutes, uploadKey=upload_key
                ),
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

        `size` in bytes and the parts' `etags` in order, bare (`bare_etag`), let storage verify what it has.
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
                    query=query_parameters(minutesExpiration=minutes),
                )
            )
        except NotFound:
            return None

    def check_download(self, link: DownloadLink) -> None:
        """Check that every URL of a link points to Autodesk's storage.

        Raises:
            UntrustedStorageHost: One does not.
        """
        for url in filter(None, (link.url, *(link.urls or {}).values())):
            if not self._connection.hosts.download_host_allowed(url.value, self._extra_hosts):
                _log.warning("refused a download URL: its host %r is not known as Autodesk's storage", url.host)
                raise UntrustedStorageHost(op.DOWNLOAD_LINK.name, host=url.host)

    def _check(self, url: SignedUrl) -> None:
        if not self._connection.hosts.storage_host_allowed(url.value, self._extra_hosts):
            _log.warning("refused an upload URL: its host %r is not known as Autodesk's storage", url.host)
            raise UntrustedStorageHost(op.UPLOAD_URLS.name, host=url.host)


def _places(location: ObjectLocation) -> dict[str, str]:
    return {"bucket_key": location.bucket_key, "object_key": location.object_key}
