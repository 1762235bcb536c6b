"""Models of Autodesk's answers; one module for each service or subject."""

from acc.models.base import AccModel
from acc.models.files import (
    FileItem,
    FileVersion,
    Folder,
    FolderContents,
    Hub,
    JsonApiResource,
    ListingWarning,
    Project,
    ResourceDocument,
    ResourceListing,
)
from acc.models.lookups import (
    ItemType,
    LookupChoice,
    ReviewResponse,
    Spec,
    SubmittalPackage,
)
from acc.models.paging import Pagination, ResultPage
from acc.models.people import ProjectMember, UserInfo
from acc.models.permissions import PermittedAction, Transition
from acc.models.storage import (
    CompletedObject,
    DownloadLink,
    PartsReport,
    PartState,
    SignedUrl,
    UploadUrls,
)
from acc.models.submittals import (
    AsyncJob,
    AsyncState,
    Attachment,
    AttachmentCategory,
    Item,
    ItemState,
    ItemWatcher,
    Step,
    SubmittalsUser,
    Task,
    UserType,
)

__all__ = [
    "AccModel",
    "AsyncJob",
    "AsyncState",
    "Attachment",
    "AttachmentCategory",
    "CompletedObject",
    "DownloadLink",
    "FileItem",
    "FileVersion",
    "Folder",
    "FolderContents",
    "Hub",
    "Item",
    "ItemState",
    "ItemType",
    "ItemWatcher",
    "JsonApiResource",
    "ListingWarning",
    "LookupChoice",
    "Pagination",
    "PartState",
    "PartsReport",
    "PermittedAction",
    "Project",
    "ProjectMember",
    "ResourceDocument",
    "ResourceListing",
    "ResultPage",
    "ReviewResponse",
    "SignedUrl",
    "Spec",
    "Step",
    "SubmittalPackage",
    "SubmittalsUser",
    "Task",
    "Transition",
    "UploadUrls",
    "UserInfo",
    "UserType",
]
