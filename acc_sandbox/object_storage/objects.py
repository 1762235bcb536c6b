"""Objects of the storage service: whose they are, where their bytes lie, and downloading them (fact sheet 8)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from acc_sandbox.data_management.hubs import is_bucket
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.validation import BodySchema, FieldValidator, list_of, read_json, text
from acc_sandbox.object_storage.schemas import DOWNLOAD_BATCH, OBJECT_DETAILS, SIGNED_DOWNLOAD
from acc_sandbox.state.clock import parse_stamp, stamp
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import membership
from acc_sandbox.submittals.processing import OBJECT_URN

BLOCK = 256 * 1024
"""Bytes read or written at a time."""
BUCKET_PATH = "/oss/v2/buckets/{bucketKey}/objects"
OBJECT_PATH = f"{BUCKET_PATH}/{{objectKey}}"
DOWNLOADS = "/signed-url-downloads/"
_CHOSEN = ("content-type", "content-disposition", "cache-control")
"""Response headers that a request for a download may choose."""


def known_object(call: RequestContext, object_key: str) -> str:
    """The URN of an object that was reserved for the caller's eyes.

    Raises `RefusedError`: 404 for a bucket or object that was never reserved, 403 for one of a project of others.
    """
    bucket = call.path["bucketKey"]
    if not is_bucket(call.sandbox, bucket):
        raise RefusedError(404, "Bucket not found")
    urn = f"{OBJECT_URN}{bucket}/{object_key}"
    project_id = call.sandbox.store.value(
        "SELECT projectId FROM attachments WHERE uploadUrn = ?"
        " UNION SELECT projectId FROM versions WHERE storageUrn = ?",
        urn,
        urn,
    )
    project = call.sandbox.store.row("SELECT * FROM projects WHERE id = ?", project_id)
    if project is None or _has_lapsed(call, urn):
        raise RefusedError(404, "Object not found")
    if membership(call.sandbox, project, call.person) is None:
        raise RefusedError(403, "Only the bucket owner may access this object")
    return urn


def _has_lapsed(call: RequestContext, urn: str) -> bool:
    """Whether an object was reserved too long ago, and never uploaded."""
    hours = call.sandbox.switches.reservation_hours
    if not hours or call.sandbox.store.row("SELECT id FROM objects WHERE id = ?", urn) is not None:
        return False
    reserved = call.sandbox.store.value("SELECT createdAt FROM attachments WHERE uploadUrn = ?", urn)
    return reserved is not None and reserved <= stamp(call.now - timedelta(hours=hours))


async def download(call: RequestContext) -> Response:
    """GET …/signeds3download: a signed URL, or several while a chunked upload is being assembled."""
    minutes = call.query.number("minutesExpiration", 2, 1, 60)
    call.query.flag("useCdn", default=False)
    fallback = call.query.flag("public-resource-fallback", default=False)
    urn = known_object(call, call.path["objectKey"])
    return await _signed_download(call, urn, minutes=minutes, fallback=fallback)


async def batch_download(call: RequestContext) -> Response:
    """POST …/batchsigneds3download: the same for up to 25 objects, each with its own success or reason."""
    minutes = call.query.number("minutesExpiration", 2, 1, 60)
    results: dict[str, object] = {}
    for request in read_requests(call, _ONE):
        key = request["objectKey"]
        try:
            urn = known_object(call, key)
            results[key] = (await _signed_download(call, urn, minutes=minutes, fallback=False)).body
        except RefusedError as refused:
            results[key] = {"status": "error", "reason": refused.reason}
    return Response({"results": results})


async def get_details(call: RequestContext) -> Response:
    """GET …/objects/:objectKey/details: what is known of an object that was completed."""
    urn = known_object(call, call.path["objectKey"])
    stored = await _stored(call, urn)
    bucket, _, key = urn.removeprefix(OBJECT_URN).partition("/")
    found = {name: stored[name] for name in ("sha1", "size", "contentType")}
    location = f"{call.base_url}/oss/v2/buckets/{bucket}/objects/{key}"
    return Response({"bucketKey": bucket, "objectId": urn, "objectKey": key, **found, "location": location})


def read_object(call: RequestContext) -> Any:
    """The JSON of a body, whose Content-Type must be application/json exactly (fact sheet 8)."""
    if call.headers.get("content-type") != "application/json":
        raise RefusedError(400, "The Content-Type header must be application/json")
    return read_json(call.content)


def read_requests(call: RequestContext, one: BodySchema) -> list[Row]:
    """The `requests` of a batch: 1 to 25 objects, each with the fields of `one` (fact sheet 8)."""
    requests: list[Row] = call.validate_body(BATCH, read_object(call))["requests"]
    if not 1 <= len(requests) <= 25:  # the documented batch size
        raise RefusedError(400, "A batch holds from 1 to 25 requests")
    return [call.validate_body(one, request) for request in requests]


def blob_paths(call: RequestContext, stored: Row) -> list[Path]:
    """The files that make up an object, in order."""
    return [call.sandbox.blob(blob["name"]) for blob in stored["blobs"]]


def sha1_of(paths: Iterable[Path]) -> str:
    """SHA-1 over files one after the other."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


@lru_cache(maxsize=1000)
def sha256_of(paths: tuple[Path, ...]) -> str:
    """SHA-256 over files one after the other; the files of objects never change, so it is computed once."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


async def _stored(call: RequestContext, urn: str) -> Row:
    """A completed object with its SHA-1; `RefusedError` (404) for another."""
    store = call.sandbox.store
    stored = store.row("SELECT * FROM objects WHERE id = ?", urn)
    if stored is None:
        raise RefusedError(404, "Object not found")
    if stored["sha1"] is None:
        # A large object is read once, beside the event loop, on the first request.
        digest = await asyncio.to_thread(sha1_of, blob_paths(call, stored))
        store.run("UPDATE objects SET sha1 = ? WHERE id = ? AND sha1 IS NULL", digest, urn)
        stored["sha1"] = digest
    return stored


async def _signed_download(call: RequestContext, urn: str, *, minutes: int, fallback: bool) -> Response:
    stored = await _stored(call, urn)
    if _has_not_changed(call, stored):
        return Response(status=304)
    kept = {"content-type": stored["contentType"], "content-disposition": "", **(stored["headers"] or {})}
    given = {name: call.query.text(f"response-{name}") for name in _CHOSEN}
    shown = kept | {name: value for name, value in given.items() if value}
    wanted = {f"response-{name}": value for name, value in shown.items()}
    answer = {
        "params": {name: shown[name] for name in ("content-type", "content-disposition")},
        "size": stored["size"],
        "sha1": stored["sha1"],
    }
    if stamp(call.now) >= stored["assembledAt"]:
        return Response({"status": "complete", "url": _url(call, urn, wanted, minutes), **answer})
    if fallback:
        return Response({"status": "fallback", "url": _url(call, urn, wanted, minutes), **answer})
    urls, start = {}, 0
    for number, blob in enumerate(stored["blobs"], start=1):
        urls[f"{start}-{start + blob['size'] - 1}"] = _url(call, urn, {"partNumber": str(number)}, minutes)
        start += blob["size"]
    return Response({"status": "chunked", "urls": urls, **answer})


def _has_not_changed(call: RequestContext, stored: Row) -> bool:
    """What If-None-Match and If-Modified-Since ask; the first wins where both are there, as everywhere in HTTP."""
    if "if-none-match" in call.headers:
        return bool(call.headers["if-none-match"].strip('"') == stored["sha1"])
    try:
        since = parsedate_to_datetime(call.headers.get("if-modified-since", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return parse_stamp(stored["assembledAt"]).replace(microsecond=0) <= since


def _url(call: RequestContext, urn: str, query: dict[str, str], minutes: int) -> str:
    path = DOWNLOADS + quote(urn.removeprefix(OBJECT_URN))
    given = {name: value for name, value in query.items() if value}
    return call.sandbox.signer.sign("GET", call.storage_url, path, given, now=call.now, seconds=minutes * 60)


def _object(name: str, value: object) -> Row:
    if not isinstance(value, dict):
        raise RefusedError(400, f'"{name}" must be an object')
    return value


_REQUESTS = list_of(
    FieldValidator(_object, {"type": "object", "properties": {"objectKey": text.schema}, "required": ["objectKey"]})
)
BATCH = BodySchema({"requests": _REQUESTS}, ("requests",))
_ONE = BodySchema({"objectKey": text}, ("objectKey",))
_DOWNLOAD_QUERY = (
    *("minutesExpiration", "useCdn", "public-resource-fallback"),
    *(f"response-{name}" for name in _CHOSEN),
)

OPERATIONS = (
    ApiOperation(
        "oss.objects.details",
        "GET",
        f"{OBJECT_PATH}/details",
        get_details,
        "oss",
        ("data:read",),
        answers={200: OBJECT_DETAILS},
    ),
    ApiOperation(
        "oss.signeds3download",
        "GET",
        f"{OBJECT_PATH}/signeds3download",
        download,
        "oss",
        ("data:read",),
        query=_DOWNLOAD_QUERY,
        answers={200: SIGNED_DOWNLOAD, 304: None},
    ),
    ApiOperation(
        "oss.batchsigneds3download",
        "POST",
        f"{BUCKET_PATH}/batchsigneds3download",
        batch_download,
        "oss",
        ("data:read",),
        query=("minutesExpiration",),
        fields=BATCH,
        answers={200: DOWNLOAD_BATCH},
    ),
)
