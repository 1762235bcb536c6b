"""Every operation of Autodesk's APIs that this package sends, and its requests, as data (fact sheet 1, 8, 9 and 10).

One line tells the name, method, path, scope and what a good answer holds. `{name}` in a path is one segment, encoded
whole; `{name:urn}` leaves colons as they are, which is how Data Management's own documents write URNs. A version URN
holds a question mark and is encoded whole. `tests/wire` compares each with an example of its request, byte for byte.
Nothing here sends anything.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

from acc.hosts import AutodeskHosts
from acc.ids import path_segment
from acc.models.base import ResultPage
from acc.models.files import (
    CompletedObject,
    DownloadLink,
    FileItem,
    FileVersion,
    Folder,
    ProjectMember,
    ResourceDocument,
    ResourceListing,
    UploadUrls,
    UserInfo,
)
from acc.models.submittals import Attachment, Item, ItemType, ReviewResponse, Spec, Step, SubmittalsUser, Task

T = TypeVar("T")

_PLACEHOLDER = re.compile(r"\{(?P<name>\w+)(?P<urn>:urn)?\}")


@dataclass(frozen=True)
class ApiOperation(Generic[T]):
    """Something Autodesk can be asked to do.

    Attributes:
        scope: OAuth scopes it needs, space-separated; empty for none that is documented.
        answer: what a good answer parses into.
        idempotent: whether carrying it out twice leaves the same as once, so that it may be repeated after a doubt.
        host: which of `acc.hosts.AutodeskHosts` serves it.
    """

    name: str
    method: Literal["GET", "POST", "PATCH"]
    path: str
    scope: str
    answer: type[T]
    idempotent: bool = False
    host: Literal["api", "profile"] = "api"

    def path_for(self, ids: Mapping[str, str]) -> str:
        """The path with its placeholders filled and encoded.

        Raises:
            InvalidId: an id cannot be part of a path.
            KeyError: a placeholder has no id.
        """
        return _PLACEHOLDER.sub(lambda m: path_segment(ids[m["name"]], plain=":" if m["urn"] else ""), self.path)


def _get(name: str, path: str, answer: type[T], scope: str = "data:read") -> ApiOperation[T]:
    return ApiOperation(name, "GET", path, scope, answer, idempotent=True)


def _post(
    name: str, path: str, answer: type[T], *, scope: str = "data:write", repeats: bool = False
) -> ApiOperation[T]:
    return ApiOperation(name, "POST", path, scope, answer, idempotent=repeats)


def _patch(name: str, path: str, answer: type[T]) -> ApiOperation[T]:
    return ApiOperation(name, "PATCH", path, "data:write", answer, idempotent=True)


_PROJECT = "/construction/submittals/v2/projects/{project_id}"
_ITEM = f"{_PROJECT}/items/{{item_id}}"
_STEP = f"{_ITEM}/steps/{{step_id}}"
_TASK = f"{_STEP}/tasks/{{task_id}}"

ITEMS_LIST = _get("submittals.items.list", f"{_PROJECT}/items", ResultPage[Item])
ITEMS_GET = _get("submittals.items.get", _ITEM, Item)
ITEMS_TRANSITION = _post("submittals.items.transition", f"{_ITEM}:transition", Item)
ATTACHMENTS_LIST = _get("submittals.attachments.list", f"{_ITEM}/attachments", ResultPage[Attachment])
ATTACHMENTS_CREATE = _post("submittals.attachments.create", f"{_ITEM}/attachments", Attachment)
ATTACHMENTS_CONFIRM = _patch("submittals.attachments.confirm", f"{_ITEM}/attachments/{{attachment_id}}", Attachment)
STEPS_LIST = _get("submittals.steps.list", f"{_ITEM}/steps", ResultPage[Step])
TASKS_LIST = _get("submittals.tasks.list", f"{_STEP}/tasks", ResultPage[Task])
TASKS_CLOSE = _post("submittals.tasks.close", f"{_TASK}:close", Task)
ITEM_TYPES_LIST = _get("submittals.item-types.list", f"{_PROJECT}/item-types", ResultPage[ItemType])
RESPONSES_LIST = _get("submittals.responses.list", f"{_PROJECT}/responses", ResultPage[ReviewResponse])
SPECS_LIST = _get("submittals.specs.list", f"{_PROJECT}/specs", ResultPage[Spec])
USERS_ME = _get("submittals.users.me", f"{_PROJECT}/users/me", SubmittalsUser)

_OBJECT = "/oss/v2/buckets/{bucket_key}/objects/{object_key}"
# The documented scopes of both calls (fact sheet 8).
_UPLOAD = "data:write data:create"

UPLOAD_URLS = _get("oss.signeds3upload.get", f"{_OBJECT}/signeds3upload", UploadUrls, _UPLOAD)
UPLOAD_COMPLETE = _post(
    "oss.signeds3upload.complete", f"{_OBJECT}/signeds3upload", CompletedObject, scope=_UPLOAD, repeats=True
)
DOWNLOAD_LINK = _get("oss.signeds3download", f"{_OBJECT}/signeds3download", DownloadLink)

_DM_PROJECT = "/data/v1/projects/{project_id}"
_DM_FOLDER = f"{_DM_PROJECT}/folders/{{folder_id:urn}}"
_DM_ITEM = f"{_DM_PROJECT}/items/{{item_id:urn}}"

HUBS = _get("dm.hubs", "/project/v1/hubs", ResourceListing)
PROJECTS = _get("dm.projects", "/project/v1/hubs/{hub_id}/projects", ResourceListing)
TOP_FOLDERS = _get("dm.topFolders", "/project/v1/hubs/{hub_id}/projects/{project_id}/topFolders", ResourceListing)
FOLDER = _get("dm.folder", _DM_FOLDER, ResourceDocument[Folder])
FOLDER_CONTENTS = _get("dm.folderContents", f"{_DM_FOLDER}/contents", ResourceListing)
FILE_ITEM = _get("dm.item", _DM_ITEM, ResourceDocument[FileItem])
FILE_VERSION = _get("dm.version", f"{_DM_PROJECT}/versions/{{version_urn}}", ResourceDocument[FileVersion])

PROJECT_MEMBERS = _get(
    "admin.users.list", "/construction/admin/v1/projects/{project_id}/users", ResultPage[ProjectMember], "account:read"
)

# No scope is documented for it with a three-legged token; user-profile:read is asked for at sign-in (fact sheet 10).
USERINFO: ApiOperation[UserInfo] = ApiOperation(
    "auth.userinfo", "GET", "/userinfo", "user-profile:read", UserInfo, idempotent=True, host="profile"
)


Query = tuple[tuple[str, str], ...]
"""Query parameters in order; a name may occur twice."""


@dataclass(frozen=True)
class ApiRequest(Generic[T]):
    """One request of an operation, without its bearer token. `url_path` is percent-encoded already."""

    operation: ApiOperation[T]
    url_path: str
    query: Query = ()
    json: Mapping[str, Any] | None = None

    @property
    def method(self) -> str:
        """HTTP method."""
        return self.operation.method

    @property
    def headers(self) -> dict[str, str]:
        """Headers but for the bearer. Completing an upload wants exactly this content type (fact sheet 8)."""
        return {} if self.json is None else {"Content-Type": "application/json"}

    def url(self, hosts: AutodeskHosts) -> str:
        """The whole address at these hosts."""
        base = hosts.profile if self.operation.host == "profile" else hosts.api
        query = f"?{urlencode(self.query, quote_via=quote)}" if self.query else ""
        return f"{base}{self.url_path}{query}"


def build(
    operation: ApiOperation[T],
    ids: Mapping[str, str] | None = None,
    *,
    query: Iterable[tuple[str, str]] = (),
    json: Mapping[str, Any] | None = None,
) -> ApiRequest[T]:
    """Build a request of `operation`; `ids` fill the placeholders of its path.

    Raises:
        InvalidId: an id cannot be part of a path.
    """
    return ApiRequest(operation, operation.path_for(ids or {}), tuple(query), json)


Value = str | int | bool | Iterable[str]
"""A query value; several become one, separated by commas (fact sheet 2.3)."""


def query_parameters(**values: Value | None) -> list[tuple[str, str]]:
    """Query parameters under their own names, in order, leaving out those that are None."""
    return [(name, _text(value)) for name, value in values.items() if value is not None]


def filter_parameters(values: Mapping[str, Value | None]) -> list[tuple[str, str]]:
    """Query parameters `filter[name]`, in order, leaving out those that are None."""
    return [(f"filter[{name}]", _text(value)) for name, value in values.items() if value is not None]


def body(**values: Any) -> dict[str, Any]:
    """A JSON body without the fields that are None: Submittals takes an absent field, not a null one."""
    return {name: value for name, value in values.items() if value is not None}


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    return ",".join(value)
