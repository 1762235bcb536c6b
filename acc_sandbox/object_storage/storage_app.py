"""The second port: signed URLs for parts and downloads, answering as S3 does, in XML (fact sheet 8)."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from acc_sandbox.object_storage.objects import BLOCK, DOWNLOADS
from acc_sandbox.object_storage.signed_urls import SignatureCheck
from acc_sandbox.state.clock import second_stamp, stamp
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.processing import OBJECT_URN

_LARGEST_PART = 5 * 1024**3


class StorageRefusedError(Exception):
    """A refusal of S3: an HTTP status, S3's code and message, and further elements of the XML."""

    def __init__(self, status: int, code: str, message: str, **more: str) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.message = message
        self.more = more


_CHOSEN_HEADERS = {
    "response-content-type": "Content-Type",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
    "response-cache-control": "Cache-Control",
}
"""What a signed download makes S3 answer."""
STORAGE_OPERATIONS = ("storage.put", "storage.get")
"""What the request log and the fault plan call requests to this port."""


def operation_name(scope: Scope) -> str:
    """Name of a request to this port in the request log and the fault plan."""
    return {"PUT": "storage.put", "GET": "storage.get", "HEAD": "storage.get"}.get(scope["method"], "unknown")


class StorageApplication:
    """The ASGI application of the storage port."""

    def __init__(self, sandbox: SandboxState) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except StorageRefusedError as refused:
            response = _refusal(refused)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        path = unquote(request.scope["raw_path"].decode("latin-1"))
        if "authorization" in request.headers:
            request.scope["state"]["request"].notes.append("a bearer token was sent to storage")
            if self._sandbox.switches.bearer_at_storage == "refuse":
                raise StorageRefusedError(400, "InvalidArgument", "Only one auth mechanism allowed")
        sent = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        pairs = dict(sent)
        if len(pairs) != len(sent):
            raise _wrong_signature()
        self._check_signature(request, pairs)
        # A signature is good for one method, so what is not an upload can only be a download.
        if request.method == "PUT":
            return await self._put(request, path, pairs)
        return self._get(request, path, pairs)

    def _check_signature(self, request: Request, query: dict[str, str]) -> None:
        now = self._sandbox.clock.now()
        raw_path = request.scope["raw_path"].decode("latin-1")
        host = request.headers.get("host", "")
        judged: SignatureCheck = self._sandbox.signer.judge(request.method, host, raw_path, query, now=now)
        if judged.verdict == "good" and request.scope["state"].get("expired"):
            judged = replace(judged, verdict="expired")
        if judged.verdict == "unsigned":
            raise StorageRefusedError(403, "AccessDenied", "Access Denied")
        if judged.verdict == "wrong":
            raise _wrong_signature()
        if judged.verdict == "expired":
            times = {"X-Amz-Expires": judged.lifetime, "Expires": judged.expires_at, "ServerTime": second_stamp(now)}
            raise StorageRefusedError(403, "AccessDenied", "Request has expired", **times)

    async def _put(self, request: Request, path: str, query: dict[str, str]) -> Response:
        upload = self._sandbox.store.row("SELECT * FROM uploads WHERE path = ?", path)
        if upload is None or not self._is_open(upload):
            raise StorageRefusedError(404, "NoSuchUpload", "The specified upload does not exist.")
        if self._sandbox.switches.chunked_at_storage == "refuse":
            _need_length(request)
        _refuse_too_large(int(request.headers.get("content-length", "0")))
        name = uuid.uuid4().hex
        target = self._sandbox.blob(name)
        try:
            etag, size = await _receive(request, target)
            self._keep_part(upload, int(query["partNumber"]), size, etag, name)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return Response(status_code=200, headers={"ETag": f'"{etag}"'})

    def _is_open(self, upload: Row) -> bool:
        return upload["completedAt"] is None and stamp(self._sandbox.clock.now()) < upload["expiresAt"]

    def _keep_part(self, upload: Row, number: int, size: int, etag: str, name: str) -> None:
        store = self._sandbox.store
        with store.transaction():
            # The upload may have been completed while the bytes were on their way.
            fresh = store.row("SELECT * FROM uploads WHERE id = ?", upload["id"])
            if fresh is None or not self._is_open(fresh):
                raise StorageRefusedError(404, "NoSuchUpload", "The specified upload does not exist.")
            before = store.value("SELECT blob FROM parts WHERE uploadId = ? AND number = ?", upload["id"], number)
            store.run("DELETE FROM parts WHERE uploadId = ? AND number = ?", upload["id"], number)
            part = {"uploadId": upload["id"], "number": number, "size": size, "eTag": etag, "blob": name}
            store.insert("parts", part)
        if before is not None:
            self._sandbox.blob(before).unlink(missing_ok=True)

    def _get(self, request: Request, path: str, query: dict[str, str]) -> Response:
        urn = OBJECT_URN + path.removeprefix(DOWNLOADS)
        stored = self._sandbox.store.row("SELECT * FROM objects WHERE id = ?", urn)
        if stored is None:
            raise StorageRefusedError(404, "NoSuchKey", "The specified key does not exist.")
        blobs = stored["blobs"]
        if "partNumber" in query:
            blobs = blobs[int(query["partNumber"]) - 1 :][:1]
        size = sum(blob["size"] for blob in blobs)
        headers: dict[str, str] = {
            "Accept-Ranges": "bytes",
            "ETag": f'"{stored["sha1"]}"',
            "Content-Type": stored["contentType"],
        }
        headers |= {header: query[name] for name, header in _CHOSEN_HEADERS.items() if query.get(name)}
        wanted = _byte_range(request.headers.get("range"), size)
        first, last = wanted or (0, size - 1)
        headers["Content-Length"] = str(last - first + 1)
        if wanted:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        files = [(self._sandbox.blob(blob["name"]), blob["size"]) for blob in blobs]
        body = _stretch(files, first, last + 1)
        return StreamingResponse(body, 206 if wanted else 200, {k: _header(v) for k, v in headers.items()})


def _wrong_signature() -> StorageRefusedError:
    message = "The request signature we calculated does not match the signature you provided."
    return StorageRefusedError(403, "SignatureDoesNotMatch", message)


async def _receive(request: Request, target: Path) -> tuple[str, int]:
    """Stream the body to disk; its MD5 and size. A body that ends early never gets to the end of this."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with target.open("wb") as file:
        async for block in request.stream():
            digest.update(block)
            size += file.write(block)
            _refuse_too_large(size)
    given = request.headers.get("content-md5")
    if given is not None and given != base64.b64encode(digest.digest()).decode():
        raise StorageRefusedError(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
    return digest.hexdigest(), size


def _need_length(request: Request) -> None:
    if "content-length" not in request.headers or "transfer-encoding" in request.headers:
        raise StorageRefusedError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def _refuse_too_large(size: int) -> None:
    if size > _LARGEST_PART:
        raise StorageRefusedError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")


def _byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range, or None for the whole; several ranges are served as the whole."""
    found = re.fullmatch(r"bytes=(\d{0,19})-(\d{0,19})", header or "")
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last or size), size - 1)
    if start >= size or end < start:
        raise StorageRefusedError(416, "InvalidRange", "The requested range is not satisfiable")
    return start, end


async def _stretch(files: list[tuple[Path, int]], start: int, end: int) -> AsyncIterator[bytes]:
    """The bytes from `start` up to `end` of files laid one after the other."""
    position = 0
    for path, size in files:
        low, high = max(start - position, 0), min(end - position, size)
        if low < high:
            with path.open("rb") as file:
                file.seek(low)
                left = high - low
                while left and (block := file.read(min(BLOCK, left))):
                    left -= len(block)
                    yield block
        position += size


def _refusal(refused: StorageRefusedError) -> Response:
    elements = {"Code": refused.code, "Message": refused.message, **refused.more}
    elements |= {"RequestId": uuid.uuid4().hex[:16].upper(), "HostId": "sandbox"}
    inside = "".join(f"<{name}>{escape(value, quote=False)}</{name}>" for name, value in elements.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'
    # S3 hangs up on a body that it does not want to read.
    return Response(body, refused.status, {"Connection": "close"}, media_type="application/xml")


def _header(value: str) -> str:
    return value.encode("latin-1", "replace").decode("latin-1")
