"""Hubs, projects, folders and files in JSON:API (fact sheet 9), users and project members (fact sheet 9b and 10).

Then the bytes of files: signed URLs, completed objects and parts that object storage will not take (fact sheet 8).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import ConfigDict, Field, PlainSerializer, PlainValidator, SerializeAsAny

from acc.models.base import AccModel, BoolField, Identifier, Listed, Rows, SafeInteger, TextField, Timestamp

R = TypeVar("R", bound="JsonApiResource")


class ResourceExtension(AccModel):
    """Kind of a hub, project, folder or file, for example `hubs:autodesk.bim360:Account`."""

    type: str | None = None
    version: str | None = None
    data: dict[str, Any] | None = None


class ResourceAttributes(AccModel):
    """Attributes that resources of every type can have."""

    name: str | None = None
    display_name: str | None = None
    region: str | None = None
    hidden: BoolField = False
    object_count: SafeInteger | None = None
    version_number: SafeInteger | None = None
    mime_type: str | None = None
    file_type: str | None = None
    storage_size: SafeInteger | None = None
    create_time: Timestamp = None
    create_user_id: str | None = None
    last_modified_time: Timestamp = None
    extension: ResourceExtension | None = None


class JsonApiResource(AccModel):
    """A JSON:API resource: `type`, `id`, and the rest as sent."""

    type: str
    id: Identifier
    attributes: ResourceAttributes = ResourceAttributes()
    relationships: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """What people call it; its id where it has no name."""
        return self.attributes.display_name or self.attributes.name or self.id

    @property
    def extension_data(self) -> dict[str, Any]:
        """`attributes.extension.data`, empty where there is none."""
        return (self.attributes.extension and self.attributes.extension.data) or {}

    def related_id(self, relationship: str) -> str | None:
        """The id at the other end of a to-one relationship."""
        end = (self.relationships or {}).get(relationship)
        data = end.get("data") if isinstance(end, dict) else None
        related = data.get("id") if isinstance(data, dict) else None
        return related if isinstance(related, str) else None


class Hub(JsonApiResource):
    """An account; `name` and `attributes.region` tell which."""


class Project(JsonApiResource):
    """A project; Submittals serves only those of ACC."""

    @property
    def project_type(self) -> str:
        """`ACC`, `BIM360`, another value as sent, or `unknown`."""
        value = self.extension_data.get("projectType")
        return value if isinstance(value, str) and value else "unknown"


class Folder(JsonApiResource):
    """A folder of the Files tool, or of what ACC's other tools keep in a project."""

    @property
    def name(self) -> str:
        """What people call it: `displayName` of folders is reserved (fact sheet 9)."""
        return self.attributes.name or self.id

    @property
    def parents(self) -> list[str]:
        """Names of the folders above, from the top down; named even where the person may not see those themselves."""
        rows = self.extension_data.get("folderParents")
        above = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        if above and above[-1].get("isRoot") is True:
            above.reverse()
        return [title for row in above if isinstance(title := row.get("title"), str) and title]

    @property
    def of_another_tool(self) -> bool:
        """Whether people do not see it in the Files tool; the attachments of every submittal lie in such a one."""
        return self.attributes.hidden or self.extension_data.get("folderType") in ("CONTAINER_VIRTUAL", "PROJECT_TB")


class FileItem(JsonApiResource):
    """A file over all its versions; `id` is its lineage URN."""

    @property
    def tip_id(self) -> str | None:
        """URN of its newest version."""
        return self.related_id("tip")


class FileVersion(JsonApiResource):
    """One version of a file; `id` is the version URN that an attachment links to."""

    @property
    def version_number(self) -> int | None:
        """Its number, from 1."""
        return self.attributes.version_number

    @property
    def size_bytes(self) -> int | None:
        """Size of its bytes."""
        return self.attributes.storage_size

    @property
    def modified_at(self) -> datetime | None:
        """Time of the last change, in UTC."""
        return self.attributes.last_modified_time


_CLASSES: dict[object, type[JsonApiResource]] = {
    "hubs": Hub,
    "projects": Project,
    "folders": Folder,
    "items": FileItem,
    "versions": FileVersion,
}


def _resource(value: Any) -> JsonApiResource:
    if isinstance(value, JsonApiResource):
        return value
    kind = value.get("type") if isinstance(value, dict) else None
    return _CLASSES.get(kind if isinstance(kind, str) else None, JsonApiResource).model_validate(value)


AnyResource = Annotated[SerializeAsAny[JsonApiResource], PlainValidator(_resource)]
"""A resource of the class that its `type` names; of `JsonApiResource` itself for a type that is not known."""


class ListingWarning(AccModel):
    """A failure reported beside a success, in part of what was asked. Its names are capitalised on the wire."""

    http_status_code: str | None = Field(default=None, alias="HttpStatusCode")
    error_code: str | None = Field(default=None, alias="ErrorCode")
    title: str | None = Field(default=None, alias="Title")
    detail: str | None = Field(default=None, alias="Detail")


class ListingMeta(AccModel):
    """Metadata beside the data of a listing."""

    warnings: Listed[ListingWarning]


class ResourceDocument(AccModel, Generic[R]):
    """One resource, and resources that go with it."""

    data: R
    included: Listed[AnyResource]


class ResourceListing(AccModel):
    """A page of resources. There is a next page exactly if `links.next` is there."""

    data: Rows[AnyResource]
    included: Listed[AnyResource]
    links: dict[str, Any] | None = None
    meta: ListingMeta | None = None

    @property
    def next_href(self) -> str | None:
        """Address of the next page; None on the last one. Both `{"href": …}` and a bare string are read."""
        link = (self.links or {}).get("next")
        href = link.get("href") if isinstance(link, dict) else link
        return href if isinstance(href, str) and href else None

    @property
    def hubs(self) -> list[Hub]:
        """The hubs among the rows."""
        return _of(Hub, self.data)

    @property
    def projects(self) -> list[Project]:
        """The projects among the rows."""
        return _of(Project, self.data)

    @property
    def folders(self) -> list[Folder]:
        """The folders among the rows."""
        return _of(Folder, self.data)

    @property
    def items(self) -> list[FileItem]:
        """The files: among the rows of a folder, beside the versions that a search finds."""
        return _of(FileItem, [*self.data, *self.included])

    @property
    def versions(self) -> list[FileVersion]:
        """The versions: rows of a search, beside the files of a folder."""
        return _of(FileVersion, [*self.data, *self.included])

    @property
    def app_not_provisioned(self) -> bool:
        """No rows and a 403 among the warnings: the sign of an app that the account has not admitted."""
        return not self.data and any(warning.http_status_code == "403" for warning in self.warnings)

    @property
    def warnings(self) -> list[ListingWarning]:
        """Warnings beside the rows, faults or not."""
        return self.meta.warnings if self.meta else []

    @property
    def faults(self) -> list[ListingWarning]:
        """Failures in part of the answer, for example the hubs of one region.

        A 403 beside rows is none: it tells a region in which the app has no account (fact sheet 9).
        """
        return [warning for warning in self.warnings if not self.data or warning.http_status_code != "403"]


FolderContents = ResourceListing
"""A folder's page: sub-folders and files as rows, the files' newest versions beside them."""


def _of(kind: type[R], resources: Iterable[JsonApiResource]) -> list[R]:
    return [resource for resource in resources if isinstance(resource, kind)]


class UserInfo(AccModel):
    """The signed-in person. `sub` is the Autodesk id, the same that Submittals puts into `createdBy` (inferred)."""

    # OpenID Connect spells its claims in snake_case.
    model_config = ConfigDict(alias_generator=None)

    sub: Identifier
    name: TextField = ""
    preferred_username: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    locale: str | None = None


class ProjectMember(AccModel):
    """A member of a project. `autodesk_id` is the id by which Submittals knows people; an invited one may have none."""

    id: str | None = None
    autodesk_id: str | None = None
    name: TextField = ""
    company_name: TextField = ""


def url_expires_at(url: str) -> datetime | None:
    """End of a URL's signature, from its own `X-Amz-Date` and `X-Amz-Expires`; None if it does not say.

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
        """Time at which the signature ends; None if the URL does not say."""
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
