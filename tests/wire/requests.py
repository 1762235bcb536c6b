"""Every request that the client sends: the operation, how it is sent, and the example that shows it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from acc import operations as op
from acc.client import AccClient
from acc.errors import AccError, NotFound, PartsRejected
from acc.ids import ObjectLocation
from acc.operations import ApiOperation, build, filter_parameters, query_parameters
from acc.submittals import ItemTransition
from auth.oauth import OAuthApp

PROJECT = "2570d4e5-9aef-4b41-8e45-a454f2f3fd65"
HUB = "b.622cb5d1-581b-4a46-a6d9-4ebc68ea4051"
ITEM = "938eb16d-5603-4df9-adcd-00f75d48e145"
ATTACHMENT = "c14eabff-d79c-4429-9fa4-504a7aff7a37"
STEP = "6f0c3b52-0c3c-4b6c-9d51-0c1a4a2d7f11"
TASK = "1ab2ae43-fb33-4868-be85-03f4873915fc"
SPEC = "65bf7408-93f3-462e-84ab-17e5710c7536"
RESPONSE = "8d5a3a43-3f6b-4b05-9c3d-0f3f3f0d3c11"
PERSON = "MFEGJ9W5GGQL"
FOLDER = "urn:adsk.wipprod:fs.folder:co.lw7b0sXUQ-6hWRgf34hBuw"
LINEAGE = "urn:adsk.wipprod:dm.lineage:TQW6YsrTTFGrJVJKAaK_ew"
VERSION = "urn:adsk.wipprod:fs.file:vf.TQW6YsrTTFGrJVJKAaK_ew?version=1"
OBJECT = ObjectLocation("wip.dm.prod", "a9d330bc-411f-4aaf-874a-9844cc002d00.pdf")
UPLOAD_KEY = "AQICAHgdUabB…quo="

AT_PROJECT = {"project_id": PROJECT}
AT_ITEM = {"project_id": PROJECT, "item_id": ITEM}
AT_TASK = {**AT_ITEM, "step_id": STEP, "task_id": TASK}


@dataclass(frozen=True)
class AccRequest:
    """A request to one of Autodesk's services. `fails` is what its example's answer ends in."""

    operation: ApiOperation[Any]
    send: Callable[[AccClient], Awaitable[object]]
    fails: type[AccError] | None = None


def built(operation: ApiOperation[Any], ids: dict[str, str], **rest: Any) -> AccRequest:
    """A request of an operation that no method sends yet."""
    return AccRequest(operation, lambda acc: acc.connection.send(build(operation, ids, **rest)))


ACC_REQUESTS: dict[str, AccRequest] = {
    "submittals.items.list": AccRequest(
        op.ITEMS_LIST,
        lambda acc: acc.submittals.items(
            PROJECT, limit=20, offset=0, filters={"statusId": "2"}, sort="identifier desc"
        ),
    ),
    "submittals.items.list.search": AccRequest(
        op.ITEMS_LIST, lambda acc: acc.submittals.items(PROJECT, search="051200-3", limit=50, offset=0)
    ),
    "submittals.items.list.newest": AccRequest(
        op.ITEMS_LIST,
        lambda acc: acc.submittals.items(
            PROJECT,
            search="beam",
            limit=21,
            offset=0,
            filters={"stateId": ["sbc-1", "mgr-1", "rev", "mgr-2"]},
            sort="identifier desc,id desc",
        ),
    ),
    "submittals.items.list.my_court": AccRequest(
        op.ITEMS_LIST,
        lambda acc: acc.submittals.items(
            PROJECT,
            search="beam",
            limit=21,
            offset=0,
            filters={"stateId": "sbc-1", "ballInCourtUsers": PERSON},
            sort="identifier desc,id desc",
        ),
    ),
    "submittals.items.list.filtered": AccRequest(
        op.ITEMS_LIST,
        lambda acc: acc.submittals.items(
            PROJECT,
            search="beam",
            limit=50,
            offset=0,
            filters={
                "stateId": ["rev", "mgr-2"],
                "ballInCourtUsers": PERSON,
                "dueDate": "1970-01-01..2026-12-30",
                "specId": [SPEC],
                "responseId": [RESPONSE],
                "subcontractor": [PERSON],
            },
            sort="identifier desc,id desc",
        ),
    ),
    "submittals.items.get": AccRequest(op.ITEMS_GET, lambda acc: acc.submittals.item(PROJECT, ITEM)),
    "submittals.items.get.mgr1_permittedActions": AccRequest(
        op.ITEMS_GET, lambda acc: acc.submittals.item(f"b.{PROJECT}", ITEM)
    ),
    "submittals.items.get.rev_permittedActions": AccRequest(
        op.ITEMS_GET, lambda acc: acc.submittals.item(PROJECT, ITEM)
    ),
    "submittals.items.get.closed": AccRequest(op.ITEMS_GET, lambda acc: acc.submittals.item(PROJECT, ITEM)),
    "submittals.items.transition.mgr1": AccRequest(
        op.ITEMS_TRANSITION,
        lambda acc: acc.submittals.transition(
            PROJECT,
            ITEM,
            ItemTransition(state_id="mgr-1", manager=(PERSON, "1"), mail_note="please review", copies=(ATTACHMENT,)),
        ),
    ),
    "submittals.items.transition.mgr1.date": AccRequest(
        op.ITEMS_TRANSITION,
        lambda acc: acc.submittals.transition(
            PROJECT,
            ITEM,
            ItemTransition(
                state_id="mgr-1", manager=(PERSON, "1"), manager_due_date=date(2024, 11, 30), mail_note="please review"
            ),
        ),
    ),
    "submittals.items.transition.sbc1": AccRequest(
        op.ITEMS_TRANSITION,
        lambda acc: acc.submittals.transition(
            PROJECT,
            ITEM,
            ItemTransition(
                state_id="sbc-1",
                subcontractor=("20031002", "2"),
                submitter_due_date=date(2024, 11, 23),
                mail_note="a page is missing",
            ),
        ),
    ),
    "submittals.items.transition.rev": AccRequest(
        op.ITEMS_TRANSITION, lambda acc: acc.submittals.transition(PROJECT, ITEM, ItemTransition(state_id="rev"))
    ),
    "submittals.items.transition.rev.date": AccRequest(
        op.ITEMS_TRANSITION,
        lambda acc: acc.submittals.transition(
            PROJECT,
            ITEM,
            ItemTransition(
                state_id="rev", mail_note="please review", step_due_date=date(2024, 11, 30), copies=(ATTACHMENT,)
            ),
        ),
    ),
    "submittals.items.transition.close": AccRequest(
        op.ITEMS_TRANSITION,
        lambda acc: acc.submittals.transition(
            PROJECT,
            ITEM,
            ItemTransition(state_id="sbc-2", response_id=RESPONSE, response_comment="final response"),
        ),
    ),
    "submittals.items.transition.close.copies": AccRequest(
        op.ITEMS_TRANSITION,
        lambda acc: acc.submittals.transition(
            PROJECT,
            ITEM,
            ItemTransition(
                state_id="sbc-2", response_id=RESPONSE, response_comment="final response", copies=(ATTACHMENT,)
            ),
        ),
    ),
    "submittals.attachments.list": AccRequest(
        op.ATTACHMENTS_LIST,
        lambda acc: acc.submittals.attachments(
            PROJECT,
            ITEM,
            limit=20,
            offset=0,
            is_file_uploaded=True,
            category_ids=["1", "2"],
            revision=0,
            sort="createdAt desc",
        ),
    ),
    "submittals.attachments.list.whole": AccRequest(
        op.ATTACHMENTS_LIST, lambda acc: acc.submittals.attachments(PROJECT, ITEM, limit=50, offset=0)
    ),
    "submittals.attachments.list.any": AccRequest(
        op.ATTACHMENTS_LIST,
        lambda acc: acc.submittals.attachments(PROJECT, ITEM, is_file_uploaded=True, limit=1),
    ),
    "submittals.attachments.list.revision": AccRequest(
        op.ATTACHMENTS_LIST, lambda acc: acc.submittals.attachments(PROJECT, ITEM, revision=0, limit=50, offset=0)
    ),
    "submittals.attachments.list.newest": AccRequest(
        op.ATTACHMENTS_LIST,
        lambda acc: acc.submittals.attachments(
            PROJECT, ITEM, limit=20, offset=0, sort="revision desc,createdAt desc,id desc"
        ),
    ),
    "submittals.attachments.create.local": AccRequest(
        op.ATTACHMENTS_CREATE, lambda acc: acc.submittals.create_attachment(PROJECT, ITEM, name="sbc1-file1.pdf")
    ),
    "submittals.attachments.create.local_review_task": AccRequest(
        op.ATTACHMENTS_CREATE,
        lambda acc: acc.submittals.create_attachment(PROJECT, ITEM, name="markup.pdf", task_id=TASK),
    ),
    "submittals.attachments.create.local_override_category": AccRequest(
        op.ATTACHMENTS_CREATE,
        lambda acc: acc.submittals.create_attachment(PROJECT, ITEM, name="final.pdf", category_id="4"),
    ),
    "submittals.attachments.create.files_tool": AccRequest(
        op.ATTACHMENTS_CREATE,
        lambda acc: acc.submittals.create_attachment(PROJECT, ITEM, name="attachment-document.pdf", urn=VERSION),
    ),
    "submittals.attachments.create.files_tool_review_task": AccRequest(
        op.ATTACHMENTS_CREATE,
        lambda acc: acc.submittals.create_attachment(
            PROJECT, ITEM, name="attachment-document.pdf", category_id="4", task_id=TASK, urn=VERSION
        ),
    ),
    "submittals.attachments.patch": AccRequest(
        op.ATTACHMENTS_CONFIRM, lambda acc: acc.submittals.confirm_attachment(PROJECT, ITEM, ATTACHMENT)
    ),
    "submittals.attachments.poll.success": AccRequest(
        op.ATTACHMENTS_LIST, lambda acc: acc.submittals.attachments(PROJECT, ITEM)
    ),
    "submittals.attachments.poll.failure": AccRequest(
        op.ATTACHMENTS_LIST, lambda acc: acc.submittals.attachments(PROJECT, ITEM)
    ),
    "submittals.steps.list": AccRequest(op.STEPS_LIST, lambda acc: acc.submittals.steps(PROJECT, ITEM)),
    "submittals.tasks.list": AccRequest(op.TASKS_LIST, lambda acc: acc.submittals.tasks(PROJECT, ITEM, STEP)),
    "submittals.steps.list.second_page": built(op.STEPS_LIST, AT_ITEM, query=query_parameters(offset=100)),
    "submittals.tasks.list.second_page": built(
        op.TASKS_LIST, {**AT_ITEM, "step_id": STEP}, query=query_parameters(offset=100)
    ),
    "submittals.tasks.close": AccRequest(
        op.TASKS_CLOSE,
        lambda acc: acc.submittals.close_task(
            PROJECT,
            ITEM,
            STEP,
            TASK,
            response_id=RESPONSE,
            comment="reviewed and approved",
            copies=(ATTACHMENT,),
        ),
    ),
    "submittals.item-types": AccRequest(op.ITEM_TYPES_LIST, lambda acc: acc.submittals.item_types(PROJECT)),
    "submittals.responses": built(op.RESPONSES_LIST, AT_PROJECT),
    "submittals.specs": built(op.SPECS_LIST, AT_PROJECT, query=filter_parameters({"identifier": "033100"})),
    "submittals.specs.whole": AccRequest(op.SPECS_LIST, lambda acc: acc.submittals.specs(PROJECT)),
    "submittals.users.me": AccRequest(op.USERS_ME, lambda acc: acc.submittals.me(PROJECT)),
    "oss.signeds3upload.get": AccRequest(
        op.UPLOAD_URLS, lambda acc: acc.storage.upload_urls(OBJECT, first_part=1, parts=2, minutes=10)
    ),
    "oss.signeds3upload.get.refresh": AccRequest(
        op.UPLOAD_URLS, lambda acc: acc.storage.upload_urls(OBJECT, first_part=2, parts=1, upload_key=UPLOAD_KEY)
    ),
    "oss.signeds3upload.get.more": AccRequest(
        op.UPLOAD_URLS,
        lambda acc: acc.storage.upload_urls(OBJECT, first_part=26, parts=1, minutes=10, upload_key=UPLOAD_KEY),
    ),
    "oss.signeds3upload.complete": AccRequest(
        op.UPLOAD_COMPLETE,
        lambda acc: acc.storage.complete(
            OBJECT, upload_key=UPLOAD_KEY, size=4729968, etags=["c4ca4238a0b923820dcc509a6f75849b"]
        ),
    ),
    "oss.signeds3upload.complete.single_part": AccRequest(
        op.UPLOAD_COMPLETE, lambda acc: acc.storage.complete(OBJECT, upload_key=UPLOAD_KEY)
    ),
    "oss.signeds3upload.complete.bad_parts": AccRequest(
        op.UPLOAD_COMPLETE,
        lambda acc: acc.storage.complete(OBJECT, upload_key=UPLOAD_KEY, size=10485760),
        fails=PartsRejected,
    ),
    "oss.signeds3download": AccRequest(op.DOWNLOAD_LINK, lambda acc: acc.storage.download_link(OBJECT, minutes=10)),
    "oss.signeds3download.evidence": AccRequest(op.DOWNLOAD_LINK, lambda acc: acc.storage.download_link(OBJECT)),
    "dm.hubs": AccRequest(op.HUBS, lambda acc: acc.projects.hubs()),
    "dm.projects": AccRequest(op.PROJECTS, lambda acc: acc.projects.projects(HUB)),
    "dm.topFolders": AccRequest(op.TOP_FOLDERS, lambda acc: acc.files.top_folders(HUB, PROJECT)),
    "dm.folder": AccRequest(op.FOLDER, lambda acc: acc.files.folder(PROJECT, FOLDER)),
    "dm.folderContents": AccRequest(op.FOLDER_CONTENTS, lambda acc: acc.files.contents(PROJECT, FOLDER)),
    "dm.item": AccRequest(op.FILE_ITEM, lambda acc: acc.files.item(PROJECT, LINEAGE)),
    "dm.error": AccRequest(op.FILE_ITEM, lambda acc: acc.files.item(PROJECT, "unknown"), fails=NotFound),
    "dm.version": AccRequest(op.FILE_VERSION, lambda acc: acc.files.version(PROJECT, VERSION)),
    "admin.users.list": AccRequest(op.PROJECT_MEMBERS, lambda acc: acc.projects.members(PROJECT)),
    "auth.userinfo": AccRequest(op.USERINFO, lambda acc: acc.userinfo()),
}

SAID: dict[str, dict[str, str]] = {
    "oss.signeds3upload.get.refresh": {"<urlencoded uploadKey>": UPLOAD_KEY},
    "oss.signeds3upload.get.more": {"<urlencoded uploadKey>": UPLOAD_KEY},
    "auth.token.ssa_jwt": {"<RS256 JWT>": "HEADER.CLAIMS.SIGNATURE"},
}
"""What stands on the wire for what an example describes in words."""

PUBLIC = OAuthApp("CID", "…")
CONFIDENTIAL = OAuthApp("id", "…", secret="secret")
"""Their callback URL is what the examples write in its place."""


@dataclass(frozen=True)
class AuthRequest:
    """A request of signing in, renewing or signing out: a method of `TokenEndpoint`, called for one app."""

    app: OAuthApp
    method: str
    arguments: dict[str, Any]


AUTH_REQUESTS: dict[str, AuthRequest] = {
    "auth.token.code.confidential.pkce": AuthRequest(CONFIDENTIAL, "exchange_code", {"code": "CODE", "verifier": "CV"}),
    "auth.token.code.pkce_public": AuthRequest(PUBLIC, "exchange_code", {"code": "CODE", "verifier": "CV"}),
    "auth.token.refresh.public": AuthRequest(PUBLIC, "refresh", {"refresh_token": "RT"}),
    "auth.token.refresh.confidential": AuthRequest(CONFIDENTIAL, "refresh", {"refresh_token": "RT"}),
    "auth.token.ssa_jwt": AuthRequest(
        CONFIDENTIAL,
        "exchange_assertion",
        {"assertion": "HEADER.CLAIMS.SIGNATURE", "scopes": ("data:read", "data:write")},
    ),
    "auth.revoke.public": AuthRequest(PUBLIC, "revoke", {"token": "RT", "refresh": True}),
    "auth.revoke.confidential": AuthRequest(CONFIDENTIAL, "revoke", {"token": "AT", "refresh": False}),
    "auth.userinfo": AuthRequest(PUBLIC, "userinfo", {"access_token": "token-1"}),
}
