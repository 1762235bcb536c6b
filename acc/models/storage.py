"""Answers of object storage: signed URLs, completed objects, parts it will not take (fact sheet 8)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import PlainSerializer, PlainValidator

from acc.models.base import AccModel, Listed, SafeInteger, Timestamp


def url_expires_at(url: str) -> datetime | None:
    """When the signature of a URL ends, from its own `X-Amz-Date` and `X-Amz-Expires`; None if it does not say.

    The `urlExpiration` beside the URLs is only approximate: in the tutorial's sample it is eight minutes too late.
    """
    try:
        query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
        signed_at = datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return signed_at + timedelta(seconds=int(query["x-amz-expires"]))
    except (KeyError, ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class SignedUrl:
    """A presigned URL: its holder may write or read an object until it expires, so it is never logged.

    `value` is the URL; text and repr show its host alone.
    """

    value: str = field(repr=False)

    @property
    def expires_at(self) -> datetime | None:
        """When the signature ends; None if the URL does not say."""
        return url_expires_at(self.value)

    @property
    def host(self) -> str:
        """Host and port that the URL names, or nothing where it cannot be read."""
        try:
            return urlsplit(self.value).netloc.rpartition("@")[2][:255]
        except ValueError:
            return ""

    def __str__(self) -> str:
        return f"{self.host}/…"

    def __repr__(self) -> str:
        return f"SignedUrl({str(self)!r})"


def _signed_url(value: Any) -> SignedUrl:
    if isinstance(value, SignedUrl):
        return value
    if not isinstance(value, str):
        raise ValueError("not a URL")  # noqa: TRY004  # pydantic turns a ValueError, not a TypeError, into its own
    return SignedUrl(value)


_Url = Annotated[SignedUrl, PlainValidator(_signed_url), PlainSerializer(str)]


class _SecretAnswer(AccModel):
    """An answer with secrets in it: its repr names no value."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "secret", True


class UploadUrls(_SecretAnswer):
    """URLs to put parts to: `urls[i]` is for part `first_part + i` of the request.

    The same `upload_key` asks for fresh ones and completes the upload, within 24 hours of its start.
    """

    upload_key: str
    urls: list[_Url]
    upload_expiration: Timestamp = None
    url_expiration: Timestamp = None


class DownloadLink(_SecretAnswer):
    """Evidence that an object's bytes arrived. `status` is `complete`, `chunked` (being assembled) or `fallback`."""

    status: str | None = None
    url: _Url | None = None
    urls: dict[str, _Url] | None = None
    size: SafeInteger | None = None
    sha1: str | None = None


class CompletedObject(AccModel):
    """An object whose upload is completed; `size` in bytes."""

    bucket_key: str | None = None
    object_key: str | None = None
    object_id: str | None = None
    size: SafeInteger | None = None
    content_type: str | None = None
    location: str | None = None
    sha1: str | None = None


class PartSizes(AccModel):
    """Bytes of the whole object, as announced and as found."""

    expected: SafeInteger | None = None
    detected: SafeInteger | None = None


class PartState(AccModel):
    """One part as storage sees it: `Ok`, `Pending`, `TooSmall`, `Unexpected` or `Unexpected+TooSmall`."""

    part: SafeInteger
    status: str | None = None
    size: SafeInteger | None = None
    e_tag: str | None = None


class PartsReport(AccModel):
    """Why an upload cannot be completed."""

    reason: str | None = None
    size: PartSizes | None = None
    parts: Listed[PartState]
