"""Identifiers of Autodesk's services in the forms that each service wants, and those inside an access token.

The same project is a bare UUID to Submittals and `b.<UUID>` to Data Management (fact sheet 0 and 9); a file is a
lineage URN, each of its versions a version URN; the bytes behind an attachment are an object URN. A token names its
user, app and scopes (fact sheet 10).
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VERSION_URN = re.compile(r"urn:adsk\.\w+:fs\.file:vf\.[^?\s]+\?version=[0-9]{1,9}")
_OBJECT_PREFIX = "urn:adsk.objects:os.object:"


class InvalidId(ValueError):
    """A value that cannot be the identifier it is used as; nothing was sent."""

    def __init__(self, kind: str, value: str) -> None:
        super().__init__(f"not a {kind}: {value[:100]!r}")
        self.kind = kind
        self.value = value


def submittals_project_id(project_id: str) -> str:
    """The bare UUID that Submittals wants, from either form of a project id.

    Raises:
        InvalidId: it is neither a UUID nor `b.` and a UUID.
    """
    bare = project_id.strip().lower().removeprefix("b.")
    if not _UUID.fullmatch(bare):
        raise InvalidId("project id", project_id)
    return bare


def data_management_project_id(project_id: str) -> str:
    """The `b.<UUID>` that Data Management wants, from either form of a project id.

    Raises:
        InvalidId: it is neither a UUID nor `b.` and a UUID.
    """
    return f"b.{submittals_project_id(project_id)}"


def path_segment(value: str, *, plain: str = "") -> str:
    """Percent-encode `value` so that it stays one segment of a path, whatever it holds.

    `plain` names characters that may stand as they are (a colon in the URNs of Data Management). Dot segments and
    the empty string are refused, for encoding them would not help: servers decode before they normalise.

    Raises:
        InvalidId: the value is empty, `.`, `..`, or text that UTF-8 cannot write.
    """
    if value in {"", ".", ".."}:
        raise InvalidId("path segment", value)
    try:
        return quote(value, safe=plain)
    except UnicodeEncodeError:
        raise InvalidId("path segment", value) from None


@dataclass(frozen=True)
class ObjectLocation:
    """Where the bytes of an attachment live in object storage: a bucket and an object in it (fact sheet 8)."""

    bucket_key: str
    object_key: str

    @classmethod
    def parse(cls, upload_urn: str) -> "ObjectLocation":
        """Take an `uploadUrn` apart: `urn:adsk.objects:os.object:<bucket>/<object>`.

        Raises:
            InvalidId: it is not such a URN with exactly one bucket and one object.
        """
        bucket_key, _, object_key = upload_urn.removeprefix(_OBJECT_PREFIX).partition("/")
        if not upload_urn.startswith(_OBJECT_PREFIX) or not bucket_key or not object_key or "/" in object_key:
            raise InvalidId("storage object URN", upload_urn)
        return cls(bucket_key, object_key)


def version_urn(text: str) -> str:
    """Return a text that is the URN of one version of a file, such as `urn:adsk.wipprod:fs.file:vf.X?version=2`.

    Raises:
        InvalidId: it is not (a lineage URN has no version and is not one).
    """
    if _VERSION_URN.fullmatch(text) is None:
        raise InvalidId("file version URN", text)
    return text


def unverified_claims(token: str) -> dict[str, Any]:
    """Return the claims of a token; none where it cannot be read.

    The signature is not checked, for nothing is allowed because of a claim: Autodesk checks it.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
