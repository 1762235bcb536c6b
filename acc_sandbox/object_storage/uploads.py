"""Signed uploads: URLs for parts, and the completion that makes an object of them (fact sheet 8)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from acc_sandbox.http.errors import GatewayRefusedError, RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.schemas import either
from acc_sandbox.http.validation import (
    LARGEST_NUMBER,
    BodySchema,
    FieldValidator,
    filled_text,
    list_of,
    number,
    read_json,
    text,
)
from acc_sandbox.object_storage.objects import BATCH, BUCKET_PATH, OBJECT_PATH, known_object, read_object, read_requests
from acc_sandbox.object_storage.schemas import (
    COMPLETION_BATCH,
    INVALID_PARTS,
    SIGNED_UPLOAD,
    STORED_OBJECT,
    UPLOAD_BATCH,
)
from acc_sandbox.state.clock import second_stamp, stamp
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.processing import OBJECT_URN

MOST_URLS = 25
MOST_PARTS = 10_000
SMALLEST_PART = 5 * 1024 * 1024
"""Of every part but the last, judged at completion."""
WINDOW = timedelta(hours=24)
"""From the first URL to the completion; what was sent is discarded afterwards."""
LARGEST_METADATA = 100
"""Bytes of `x-ads-user-defined-metadata`, less one."""
LARGEST_OBJECT = 5 * 1024**4


def upload_urls(call: RequestContext) -> Response:
    """GET …/signeds3upload: up to 25 URLs, of a new upload or (with `uploadKey`) of one that is going on."""
    call.query.flag("useAcceleration", default=True)
    urn = known_object(call, call.path["objectKey"])
    return Response(
        _sign_parts(
            call,
            urn,
            parts=call.query.number("parts", 1, 1, MOST_URLS),
            first=call.query.number("firstPart", 1, 1, MOST_PARTS),
            minutes=call.query.number("minutesExpiration", 2, 1, 60),
            upload_key=call.query.text("uploadKey") if "uploadKey" in call.query else None,
        )
    )


def complete(call: RequestContext) -> Response:
    """POST …/signeds3upload: make the parts an object; with size or eTags they are verified."""
    body = call.validate_body(_COMPLETION, read_object(call))
    urn = known_object(call, call.path["objectKey"])
    return Response(_complete(call, urn, body))


def batch_urls(call: RequestContext) -> Response:
    """POST …/batchsigneds3upload."""
    call.query.flag("useAcceleration", default=True)
    minutes = call.query.number("minutesExpiration", 2, 1, 60)

    def sign(urn: str, request: Row) -> dict[str, Any]:
        parts, first = request.get("parts", 1), request.get("firstPart", 1)
        if not (1 <= parts <= MOST_URLS and 1 <= first <= MOST_PARTS):
            raise RefusedError(400, f'"parts" must be from 1 to {MOST_URLS}, "firstPart" from 1 to {MOST_PARTS}')
        upload_key = request.get("uploadKey")
        return _sign_parts(call, urn, parts=parts, first=first, minutes=minutes, upload_key=upload_key)

    return _batch(call, _SIGNING, sign)


def batch_complete(call: RequestContext) -> Response:
    """POST …/batchcompleteupload."""
    return _batch(call, _COMPLETING, lambda urn, one: {"status": "completed", **_complete(call, urn, one)})


def _batch(call: RequestContext, fields: BodySchema, carry_out: Callable[[str, Row], dict[str, Any]]) -> Response:
    results: dict[str, Any] = {}
    for request in read_requests(call, fields):
        key = request["objectKey"]
        try:
            with call.sandbox.store.savepoint():
                results[key] = carry_out(known_object(call, key), request)
        except GatewayRefusedError:
            raise
        except RefusedError as refused:
            results[key] = refused.body or {"status": "error", "reason": refused.reason}
    return Response({"results": results})


def _sign_parts(
    call: RequestContext, urn: str, *, parts: int, first: int, minutes: int, upload_key: str | None
) -> dict[str, Any]:
    if first + parts - 1 > MOST_PARTS:
        raise RefusedError(400, f"An upload has at most {MOST_PARTS} parts")
    upload = _new_upload(call, urn) if upload_key is None else _open_upload(call, urn, upload_key)
    last = first + parts - 1
    if last > upload["partCount"]:
        call.sandbox.store.update("uploads", upload["id"], {"partCount": last})
    started = datetime.fromisoformat(upload["startedAt"])
    overstated = timedelta(minutes=minutes, seconds=call.sandbox.switches.url_expiration_overstated)
    return {
        "uploadKey": upload["id"],
        # The sample's upload of the 9th expires at midnight, three days on; the text says 24 hours.
        "uploadExpiration": second_stamp(datetime.combine(started.date() + timedelta(days=3), time(), UTC)),
        "urlExpiration": second_stamp(call.now + overstated),
        "urls": [_part_url(call, upload, part, minutes) for part in range(first, last + 1)],
    }


def _part_url(call: RequestContext, upload: Row, part: int, minutes: int) -> str:
    query = {"partNumber": str(part), "uploadId": upload["path"].rpartition("/")[2].replace("-", "")}
    return call.sandbox.signer.sign("PUT", call.storage_url, upload["path"], query, now=call.now, seconds=minutes * 60)


def _new_upload(call: RequestContext, urn: str) -> Row:
    row = {
        "id": f"AQICAH{secrets.token_urlsafe(36)}",
        "objectId": urn,
        "path": _new_path(urn),
        "partCount": 0,
        "startedAt": call.moment,
        "expiresAt": stamp(call.now + WINDOW),
        "completedAt": None,
        "answer": None,
    }
    call.sandbox.store.insert("uploads", row)
    return row


def _new_path(urn: str) -> str:
    """Where the parts go, as recorded: `/xx/xx/xx/xx/bucket/<bucketKey>/signed-url-uploads/<guid>` (fact sheet 8)."""
    start, bucket = secrets.token_hex(4), urn.removeprefix(OBJECT_URN).partition("/")[0]
    pairs = "/".join(start[place : place + 2] for place in range(0, 8, 2))
    return f"/{pairs}/bucket/{bucket}/signed-url-uploads/{uuid.uuid4()}"


def _open_upload(call: RequestContext, urn: str, upload_key: str) -> Row:
    upload = call.sandbox.store.row("SELECT * FROM uploads WHERE id = ? AND objectId = ?", upload_key, urn)
    if upload is None or upload["completedAt"] is not None or upload["expiresAt"] <= call.moment:
        raise RefusedError(400, "The upload key is invalid or has expired")
    return upload


def _complete(call: RequestContext, urn: str, body: Row) -> dict[str, Any]:
    upload_key, size, etags = body["uploadKey"], body.get("size"), body.get("eTags")
    store = call.sandbox.store
    done = store.row("SELECT * FROM uploads WHERE id = ? AND objectId = ?", upload_key, urn)
    if done is not None and done["completedAt"] is not None and call.sandbox.switches.complete_twice == "repeat":
        answer: dict[str, Any] = done["answer"]
        return answer
    upload = _open_upload(call, urn, upload_key)
    parts = store.rows("SELECT * FROM parts WHERE uploadId = ? ORDER BY number", upload["id"])
    _verify(call, upload, parts, size, etags)
    _check_metadata(call)
    content_type = call.headers.get("x-ads-meta-content-type", "application/octet-stream")
    assembly = call.sandbox.switches.assembly_delay if len(parts) > 1 else 0
    store.run("DELETE FROM objects WHERE id = ?", urn)
    store.insert(
        "objects",
        {
            "id": urn,
            "size": sum(part["size"] for part in parts),
            "contentType": content_type,
            "headers": _kept_headers(call),
            "sha1": None,
            "blobs": [{"name": part["blob"], "size": part["size"]} for part in parts],
            "assembledAt": stamp(call.now + timedelta(seconds=assembly)),
        },
    )
    bucket, _, key = urn.removeprefix(OBJECT_URN).partition("/")
    answer = {
        "bucketKey": bucket,
        "objectId": urn,
        "objectKey": key,
        "size": sum(part["size"] for part in parts),
        "contentType": content_type,
        "location": f"{call.base_url}/oss/v2/buckets/{bucket}/objects/{key}",
    }
    store.update("uploads", upload["id"], {"completedAt": call.moment, "answer": answer})
    return answer


def _kept_headers(call: RequestContext) -> dict[str, str]:
    """Headers that a download of the object will carry, as the completion asked."""
    names = ("content-disposition", "content-encoding", "cache-control")
    given = {name: call.headers.get(f"x-ads-meta-{name}") for name in names}
    return {name: value for name, value in given.items() if value}


def _check_metadata(call: RequestContext) -> None:
    metadata = call.headers.get("x-ads-user-defined-metadata")
    if metadata is None:
        return
    read_json(metadata.encode("latin-1", "replace"))
    if len(metadata) >= LARGEST_METADATA:
        raise RefusedError(400, f"x-ads-user-defined-metadata must be shorter than {LARGEST_METADATA} bytes")


def _verify(call: RequestContext, upload: Row, parts: list[Row], size: int | None, etags: list[str] | None) -> None:
    """Raise `RefusedError` with the documented body when the parts cannot become the object."""
    by_number = {part["number"]: part for part in parts}
    last = max(by_number, default=0)
    expected_last = max(last, len(etags or []))
    detected = sum(part["size"] for part in parts)
    if size is not None and detected < size:
        # URLs that were asked for and never used are what is missing.
        expected_last = max(expected_last, upload["partCount"])
    if etags is not None and call.sandbox.switches.quoted_etags == "accept":
        etags = [one.removeprefix('"').removesuffix('"') for one in etags]
    rows = [_verdict(one, by_number.get(one), last, etags) for one in range(1, expected_last + 1)]
    good = bool(parts) and all(row["status"] == "Ok" for row in rows)
    if good and size in (None, detected):
        return
    body = {
        "uploadKey": upload["id"],
        "status": "error",
        "reason": "MissingOrInvalidParts",
        "size": {"expected": detected if size is None else size, "detected": detected},
        "parts": rows,
    }
    raise RefusedError(call.sandbox.switches.invalid_parts_status, "MissingOrInvalidParts", body=body)


def _verdict(part_number: int, part: Row | None, last: int, etags: list[str] | None) -> dict[str, Any]:
    if part is None:
        return {"part": part_number, "status": "Pending", "size": None, "eTag": None}
    unexpected = etags is not None and etags[part_number - 1 : part_number] != [part["eTag"]]
    too_small = part["size"] < SMALLEST_PART and part_number < last
    found = [word for word, true in (("Unexpected", unexpected), ("TooSmall", too_small)) if true]
    return {
        "part": part_number,
        "status": "+".join(found) or "Ok",
        "size": part["size"],
        "eTag": part["eTag"],
    }


def _size(name: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and LARGEST_NUMBER < value <= LARGEST_OBJECT:
        return value
    size: int = number(name, value)
    return size


_SIZE = FieldValidator(_size, {"type": "integer", "minimum": 0, "maximum": LARGEST_OBJECT})


_WRITE = ("data:write", "data:create")
_COMPLETION = BodySchema({"uploadKey": filled_text, "size": _SIZE, "eTags": list_of(text)}, ("uploadKey",))
_COMPLETING = BodySchema({"objectKey": text, **_COMPLETION.checks}, ("objectKey", "uploadKey"))
"""One object of a batch; so is the next."""
_SIGNING = BodySchema(
    {"objectKey": text, "firstPart": number, "parts": number, "uploadKey": filled_text}, ("objectKey",)
)
OPERATIONS = (
    ApiOperation(
        "oss.signeds3upload.get",
        "GET",
        f"{OBJECT_PATH}/signeds3upload",
        upload_urls,
        "oss",
        _WRITE,
        query=("parts", "firstPart", "uploadKey", "minutesExpiration", "useAcceleration"),
        answers={200: SIGNED_UPLOAD},
    ),
    ApiOperation(
        "oss.signeds3upload.complete",
        "POST",
        f"{OBJECT_PATH}/signeds3upload",
        complete,
        "oss",
        _WRITE,
        fields=_COMPLETION,
        answers={200: either(STORED_OBJECT, INVALID_PARTS), 400: INVALID_PARTS},
    ),
    ApiOperation(
        "oss.batchsigneds3upload",
        "POST",
        f"{BUCKET_PATH}/batchsigneds3upload",
        batch_urls,
        "oss",
        _WRITE,
        query=("minutesExpiration", "useAcceleration"),
        fields=BATCH,
        answers={200: UPLOAD_BATCH},
    ),
    ApiOperation(
        "oss.batchcompleteupload",
        "POST",
        f"{BUCKET_PATH}/batchcompleteupload",
        batch_complete,
        "oss",
        _WRITE,
        fields=BATCH,
        answers={200: COMPLETION_BATCH},
    ),
)
