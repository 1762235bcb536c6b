"""What object storage answers (fact sheet 8)."""

from __future__ import annotations

from typing import Any

from acc_sandbox.http.schemas import (
    COUNT,
    SECOND_STAMP,
    TEXT,
    URL,
    Shape,
    by_name,
    choice,
    either,
    maybe,
    several,
    text_like,
)

SIGNED_UPLOAD = Shape(
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
STORED_OBJECT = Shape("StoredObject", _OBJECT)
OBJECT_DETAILS = Shape("ObjectDetails", {**_OBJECT, "sha1": text_like("^[0-9a-f]{40}$")})
_SIZES = Shape("Sizes", {"expected": COUNT, "detected": COUNT})
_PART = Shape(
    "Part",
    {
        "part": {"type": "integer", "minimum": 1},
        "status": choice("Pending", "Unexpected", "TooSmall", "Unexpected+TooSmall", "Ok"),
        "size": maybe(COUNT),
        "eTag": maybe(TEXT),
    },
)
INVALID_PARTS = Shape(
    "MissingOrInvalidParts",
    {
        "uploadKey": TEXT,
        "status": choice("error"),
        "reason": choice("MissingOrInvalidParts"),
        "size": _SIZES,
        "parts": several(_PART),
    },
)
_FAILED = Shape("Failed", {"status": choice("error"), "reason": TEXT})
_PARAMETERS = Shape("DownloadParameters", {"content-type": TEXT, "content-disposition": TEXT})
SIGNED_DOWNLOAD = Shape(
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


def _batch(name: str, one: Any) -> Shape:
    return Shape(name, {"results": by_name(one)})


UPLOAD_BATCH = _batch("SignedUploadBatch", either(SIGNED_UPLOAD, _FAILED))
COMPLETION_BATCH = _batch(
    "CompletionBatch",
    either(Shape("CompletedObject", {"status": choice("completed"), **_OBJECT}), INVALID_PARTS, _FAILED),
)
DOWNLOAD_BATCH = _batch("SignedDownloadBatch", either(SIGNED_DOWNLOAD, _FAILED))
