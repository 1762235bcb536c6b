"""Models of Autodesk's answers; one module for each service or subject."""

from acc.models.base import AccModel
from acc.models.files import (
    Document,
    FileItem,
    FileVersion,
    Folder,
    FolderContents,
    Hub,
    Listing,
    ListingWarning,
    Project,
    Resource,
)
from acc.models.lookups import (
    Choice,
    ItemType,
    Package,
    ReviewResponse,
    Spec,
)
from acc.models.paging import Page, Pagination
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
    Step,
    SubmittalsUser,
    Task,
    UserType,
    Watcher,
)

__all__ = [
    "AccModel",
    "AsyncJob",
    "AsyncState",
    "Attachment",
    "AttachmentCategory",
    "Choice",
    "CompletedObject",
    "Document",
    "DownloadLink",
    "FileItem",
    "FileVersion",
    "Folder",
    "FolderContents",
    "Hub",
    "Item",
    "ItemState",
    "ItemType",
    "Listing",
    "ListingWarning",
    "Package",
    "Page",
    "Pagination",
    "PartState",
    "PartsReport",
    "PermittedAction",
    "Project",
    "ProjectMember",
    "Resource",
    "ReviewResponse",
    "SignedUrl",
    "Spec",
    "Step",
    "SubmittalsUser",
    "Task",
    "Transition",
    "UploadUrls",
    "UserInfo",
    "UserType",
    "Watcher",
]
