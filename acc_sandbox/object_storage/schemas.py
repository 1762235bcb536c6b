"""Response schemas of object storage (fact sheet 8)."""

from __future__ import annotations

from typing import Any

from acc_sandbox.http.schemas import (
    COUNT,
    SECOND_STAMP,
    TEXT,
    URL,
    ObjectSchema,
    by_name,
    choice,
    either,
    maybe,
    several,
    text_like,
)

SIGNED_UPLOAD = ObjectSchema(
    "SignedUpload",
    {"uploadKey": TEXT, "uploadExpiration": SECOND_STAMP, "urlExpiration": SECOND_STAMP, "urls": several(URL)},
)
_OBJECT: dict[str, Any] = {
    "bucketKey": TEXT,
    "objectId": text_like("^urn:adsk.objects:os.object:"),
    "objectKey": TEXT,
    "size": COUNT,
    "contentType": TEXT,
    "location": URL,
}
STORED_OBJECT = ObjectSchema("StoredObject", _OBJECT)
OBJECT_DETAILS = ObjectSchema("ObjectDetails", {**_OBJECT, "sha1": text_like("^[0-9a-f]{40}$")})
_SIZES = ObjectSchema("Sizes", {"expected": COUNT, "detected": COUNT})
_PART = ObjectSchema(
    "Part",
    {
        "part": {"type": "integer", "minimum": 1},
        "status": choice("Pending", "Unexpected", "TooSmall", "Unexpected+TooSmall", "Ok"),
        "size": maybe(COUNT),
        "eTag": maybe(TEXT),
    },
)
INVALID_PARTS = ObjectSchema(
    "MissingOrInvalidParts",
    {
        "uploadKey": TEXT,
        "status": choice("error"),
        "reason": choice("MissingOrInvalidParts"),
        "size": _SIZES,
        "parts": several(_PART),
    },
)
_FAILED = ObjectSchema("Failed", {"status": choice("error"), "reason": TEXT})
_PARAMETERS = ObjectSchema("DownloadParameters", {"content-type": TEXT, "content-disposition": TEXT})
SIGNED_DOWNLOAD = ObjectSchema(
    "SignedDownload",
    {
        "status": choice("complete", "chunked", "fallback"),
        "url": URL,
        "urls": by_name(URL),
        "params": _PARAMETERS,
        "size": COUNT,
        "sha1": text_like("^[0-9a-f]{40}$"),
    },
    optional=("url", "urls"),
)
"""`urls` by byte range while a chunked upload is being assembled, `url` otherwise."""


def _batch(name: str, one: Any) -> ObjectSchema:
    return ObjectSchema(name, {"results": by_name(one)})


UPLOAD_BATCH = _batch("SignedUploadBatch", either(SIGNED_UPLOAD, _FAILED))
COMPLETION_BATCH = _batch(
    "CompletionBatch",
    either(ObjectSchema("CompletedObject", {"status": choice("completed"), **_OBJECT}), INVALID_PARTS, _FAILED),
)
DOWNLOAD_BATCH = _batch("SignedDownloadBatch", either(SIGNED_DOWNLOAD, _FAILED))
