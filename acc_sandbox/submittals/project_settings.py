"""A project's Submittals settings: metadata, manager mappings, the numbering sequence and its job (fact sheet 5)."""

from __future__ import annotations

import uuid
from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.pagination import HUNDRED, ListDefinition, SqlCondition, find_page, page_answer
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.validation import BodySchema, filled_text, one_of, user_type
from acc_sandbox.state.clock import stamp
from acc_sandbox.state.people import known_id
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.state.switches import Switches, switch_choices
from acc_sandbox.submittals.access import admin_only, is_known, submittals_member
from acc_sandbox.submittals.lookups import every_item_type, every_response
from acc_sandbox.submittals.schemas import JOB, MAPPING, METADATA, page_shape

_MAPPINGS = ListDefinition(
    "mappings",
    HUNDRED,
    {name: name for name in ("id", "createdAt", "updatedAt")},
    default_sort="createdAt asc",
    filters={"filter[autodeskId]": "autodeskId IN ({marks})"},
)
_NEW_MAPPING = BodySchema(
    {"userType": user_type, "autodeskId": filled_text, "submittalsRole": one_of("1")},
    ("userType", "autodeskId", "submittalsRole"),
)
_NEW_SEQUENCE = BodySchema({"sequenceType": one_of("2")}, ("sequenceType",))


def _choices(**choices: str) -> list[dict[str, str]]:
    """`{"id", "key", "value"}` rows; a keyword `k1_manager` is id 1, key manager."""
    return [
        {"id": name[1:].partition("_")[0], "key": name.partition("_")[2], "value": value}
        for name, value in choices.items()
    ]


_FIXED: dict[str, Any] = {
    "submittalRoles": _choices(k1_manager="Manager", k2_user="User", k4_admin="Admin"),
    "adminMappingsSubmittalRoles": _choices(k1_manager="Manager"),
    "userTypes": _choices(k1_user="User", k2_company="Company", k3_role="Role"),
    "statuses": _choices(
        k1_required="Required", k2_open="Open", k3_closed="Closed", k4_void="Void", k5_empty="Empty", k6_draft="Draft"
    ),
    "attachmentCategories": _choices(
        k1_submission="Submission",
        k2_for_review="For Review",
        k3_review_response="Review Response",
        k4_final_response="Final Response",
        k5_previous_submission="Previous Submission",
        k6_previous_for_review="Previous For Review",
        k7_previous_review_response="Previous Review Response",
        k8_previous_final_response="Previous Final Response",
    ),
    "attachmentTypes": _choices(k2_photo="Photo"),
    "attachmentUrnTypes": _choices(k2_dm="DM"),
}


def metadata(call: RequestContext) -> Response:
    """GET /metadata: everything that an id in Submittals may mean."""
    member = submittals_member(call)
    store, project = call.sandbox.store, member.project
    mapping = store.row("SELECT * FROM mappings WHERE projectId = ? ORDER BY createdAt", project["id"])
    oldest = store.value("SELECT MIN(createdAt) FROM items WHERE projectId = ?", project["id"])
    by_whom = store.value("SELECT createdBy FROM specs WHERE projectId = ?", project["id"])
    return Response(
        METADATA.of(
            _FIXED,
            id=known_id(f"metadata/{project['id']}"),
            itemTypes=every_item_type(call, member),
            responses=every_response(call, member),
            responseCategories=_response_categories(call.sandbox.switches),
            isManagerMappingDefined=mapping is not None,
            noPackagesInProject=not store.value(
                "SELECT EXISTS (SELECT 1 FROM packages WHERE projectId = ?)", project["id"]
            ),
            noItemsInProject=oldest is None,
            defaultValues={
                "watchers": [],
                "manager": None,
                "reviewTime": project["reviewTime"],
                "updatedAt": oldest or stamp(call.now),
                "updatedBy": by_whom,
            },
            customIdentifierSequenceType=project["sequenceType"],
        )
    )


def _response_categories(switches: Switches) -> list[dict[str, Any]]:
    second, third = ("Revise and resubmit", "Rejected")
    if switches.response_categories == "tutorial":
        second, third = third, second
    return [
        {"id": "1", "value": "Approved", "isApproval": True},
        {"id": "2", "value": second, "isApproval": False},
        {"id": "3", "value": third, "isApproval": False},
    ]


def list_mappings(call: RequestContext) -> Response:
    """GET /settings/mappings."""
    member = submittals_member(call)
    page = find_page(call, _MAPPINGS, [SqlCondition("projectId = ?", (member.project_id,))])
    return page_answer(call, page, [_mapping_json(row) for row in page.rows])


def create_mapping(call: RequestContext) -> Response:
    """POST /settings/mappings: make a person, company or role a Submittals manager; admins only."""
    member = submittals_member(call)
    admin_only(member)
    body = call.read_body(_NEW_MAPPING)
    store = call.sandbox.store
    if not is_known(call.sandbox, member, body["autodeskId"], body["userType"]):
        raise RefusedError(400, '"autodeskId" is not a member of this project')
    if store.row(
        "SELECT id FROM mappings WHERE projectId = ? AND autodeskId = ? AND userType = ?",
        member.project_id,
        body["autodeskId"],
        body["userType"],
    ):
        raise call.conflict("The mapping exists already")
    who = member.person.autodesk_id
    row = {"id": str(uuid.uuid4()), "projectId": member.project_id, **body}
    row |= {"createdAt": call.moment, "createdBy": who, "updatedAt": call.moment, "updatedBy": who}
    store.insert("mappings", row)
    return Response(_mapping_json(row), 201)


def delete_mapping(call: RequestContext) -> Response:
    """DELETE /settings/mappings/:mappingId; admins only."""
    member = submittals_member(call)
    admin_only(member)
    deleted = call.sandbox.store.run(
        "DELETE FROM mappings WHERE id = ? AND projectId = ?", call.path["mappingId"].lower(), member.project_id
    )
    if not deleted:
        raise RefusedError(404, "The mapping was not found")
    return Response(status=call.sandbox.switches.delete_mapping_status)


def change_sequence_type(call: RequestContext) -> Response:
    """POST /settings/custom-identifier:change-sequence-type: from global to spec numbering, one way, admins only."""
    member = submittals_member(call)
    admin_only(member)
    call.read_body(_NEW_SEQUENCE)
    if member.project["sequenceType"] == "2":
        raise RefusedError(400, "The project numbers its items by spec already")
    job: Row = {
        "id": str(uuid.uuid4()),
        "projectId": member.project_id,
        "resultsPayload": {},
        "asyncState": "1",
        "createdAt": call.moment,
        "updatedAt": call.moment,
        "startedAt": None,
    }
    call.sandbox.store.insert("async_jobs", job)
    call.sandbox.schedule("job.started", job["id"], call.sandbox.switches.urn_delay / 2)
    call.sandbox.schedule("job.finished", job["id"], call.sandbox.switches.urn_delay)
    return Response(JOB.of(job), call.sandbox.switches.change_sequence_status)


def get_async_job(call: RequestContext) -> Response:
    """GET /async-jobs/:asyncJobId."""
    member = submittals_member(call)
    job = call.sandbox.store.row(
        "SELECT * FROM async_jobs WHERE id = ? AND projectId = ?", call.path["asyncJobId"].lower(), member.project_id
    )
    if job is None:
        raise RefusedError(404, "The job was not found")
    return Response(JOB.of(job))


def start_job(sandbox: SandboxState, job_id: str, moment: str) -> None:
    """Timer: the job has started."""
    sandbox.store.update("async_jobs", job_id, {"asyncState": "2", "startedAt": moment, "updatedAt": moment})


def finish_job(sandbox: SandboxState, job_id: str, moment: str) -> None:
    """Timer: the project numbers by spec from now on."""
    sandbox.store.update("async_jobs", job_id, {"asyncState": "3", "updatedAt": moment})
    project_id = sandbox.store.value("SELECT projectId FROM async_jobs WHERE id = ?", job_id)
    sandbox.store.update("projects", project_id, {"sequenceType": "2"})


def _mapping_json(row: Row) -> dict[str, Any]:
    return MAPPING.of(row, oxygenId=row["autodeskId"])


_PATH = f"{SUBMITTALS}/settings"
OPERATIONS = (
    ApiOperation(
        "metadata.get",
        "GET",
        f"{SUBMITTALS}/metadata",
        metadata,
        "submittals",
        ("data:read",),
        answers={200: METADATA},
    ),
    ApiOperation(
        "mappings.list",
        "GET",
        f"{_PATH}/mappings",
        list_mappings,
        "submittals",
        ("data:read",),
        query=_MAPPINGS.parameters(),
        answers={200: page_shape(MAPPING)},
    ),
    ApiOperation(
        "mappings.create",
        "POST",
        f"{_PATH}/mappings",
        create_mapping,
        "submittals",
        ("data:write",),
        fields=_NEW_MAPPING,
        answers={201: MAPPING},
    ),
    ApiOperation(
        "mappings.delete",
        "DELETE",
        f"{_PATH}/mappings/{{mappingId}}",
        delete_mapping,
        "submittals",
        ("data:write",),
        answers=dict.fromkeys(switch_choices("delete_mapping_status")),
    ),
    ApiOperation(
        "change-sequence-type",
        "POST",
        f"{_PATH}/custom-identifier:change-sequence-type",
        change_sequence_type,
        "submittals",
        ("data:write",),
        fields=_NEW_SEQUENCE,
        answers=dict.fromkeys(switch_choices("change_sequence_status"), JOB),
    ),
    ApiOperation(
        "async-jobs.get",
        "GET",
        f"{SUBMITTALS}/async-jobs/{{asyncJobId}}",
        get_async_job,
        "submittals",
        ("data:read",),
        answers={200: JOB},
    ),
)
