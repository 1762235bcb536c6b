"""One part of a file on its way to storage: the request for it, and what storage's answer means. Pure functions.

Storage is S3: it answers in XML, knows nothing of bearer tokens, and refuses a request that carries one beside the
signature in its URL (fact sheet 8).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from acc.errors import (
    ErrorDetails,
    NetworkPage,
    StorageError,
    StorageExpired,
    StorageRefused,
    StorageThrottled,
    StorageUnavailable,
    StorageUploadGone,
)
from acc.headers import lower_names, retry_after_seconds, upstream_request_id
from acc.models import SignedUrl
from acc.redaction import clean
from acc.responses import is_web_page

OPERATION = "s3.put"

_ELEMENT = re.compile(r"<(?P<name>Code|Message|RequestId)>(?P<text>[^<]{0,500})</")
_EXPIRED_CODES = frozenset({"ExpiredToken", "TokenRefreshRequired"})
# S3 says these with a 4xx, but the next attempt may well succeed.
_PASSING_CODES = frozenset({"RequestTimeout", "OperationAborted", "IncompleteBody"})
_THROTTLING_CODES = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})


@dataclass(frozen=True)
class PartRequest:
    """How to send one part: exactly these headers, and no others that name a person."""

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
    """What storage's answer to a part means; takes any status, headers and bytes.

    A 200 without an ETag is not storage's, and a web page with one is not either.
    """
    if 200 <= status < 300 and is_web_page(headers, body):
        return NetworkPage(OPERATION, problem="HTML instead of an ETag", http_status=status, sent=True)
    etag = bare_etag(lower_names(headers).get("etag", ""))
    if 200 <= status < 300:
        return PartStored(etag) if etag else StorageUnavailable(OPERATION, http_status=status, sent=True)
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
    return _kind(status, code, message)(OPERATION, **facts)


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
