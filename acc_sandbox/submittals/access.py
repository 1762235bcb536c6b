"""Project membership and item roles, the basis of permitted actions."""

from __future__ import annotations

from dataclasses import dataclass

from acc_sandbox.http.errors import RefusedError, app_not_provisioned
from acc_sandbox.http.operation import RequestContext
from acc_sandbox.http.validation import is_uuid
from acc_sandbox.state.people import Person
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row


@dataclass(frozen=True)
class Membership:
    """A person in a Submittals project."""

    project: Row
    person: Person
    manages: bool
    """Mapped as a Submittals manager, in person or through a company or role."""
    administers: bool
    top_folders: list[str] | None
    """The highest folders of the Files tool that the person may see; None for all."""

    @property
    def project_id(self) -> str:
        """The project's UUID, without prefix."""
        return str(self.project["id"])

    @property
    def roles(self) -> list[str]:
        """`"1"` Manager, `"2"` User, `"4"` Admin (fact sheet 5)."""
        return ["1" if self.manages else "2", *(["4"] if self.administers else [])]


@dataclass(frozen=True)
class ItemRole:
    """Role of a person in one item."""

    manages: bool
    responsible: bool
    """The item's subcontractor, in person or through a company or role."""
    created: bool
    open_tasks: frozenset[str]
    """Ids of tasks in progress that the person may close."""


def names_person(person: Person, member: str | None, member_type: str | None) -> bool:
    """Whether an id of the given user type means this person."""
    if member is None:
        return False
    return member in person.groups if member_type in ("2", "3") else member == person.autodesk_id


def membership(sandbox: SandboxState, project: Row, person: Person) -> Membership | None:
    """The person's place in a project, or None for a person who is no member."""
    member = sandbox.store.row(
        "SELECT * FROM members WHERE projectId = ? AND autodeskId = ?", project["id"], person.autodesk_id
    )
    if member is None:
        return None
    mappings = sandbox.store.rows(
        "SELECT userType, autodeskId FROM mappings WHERE projectId = ? AND submittalsRole = '1'", project["id"]
    )
    manages = any(names_person(person, one["autodeskId"], one["userType"]) for one in mappings)
    administers = bool(member["isAdmin"])
    if administers and sandbox.switches.admins_act_as_managers:
        manages = True
    return Membership(project, person, manages, administers, member["topFolders"])


def submittals_member(call: RequestContext) -> Membership:
    """The caller's membership in the project of the path.

    Raises `RefusedError`: 404 for an unknown project (or one named with `b.`), 403 for a BIM 360 project, a stranger,
    or an app that is not provisioned.
    """
    person = call.person
    project_id = call.path["projectId"]
    if call.sandbox.switches.b_prefix == "accept":
        project_id = project_id.removeprefix("b.")
    if not is_uuid(project_id):
        raise RefusedError(404, "The project id must be a GUID")
    project = call.sandbox.store.row("SELECT * FROM projects WHERE id = ?", project_id.lower())
    if project is None:
        raise RefusedError(404, "The project was not found")
    if not call.sandbox.switches.provisioned:
        raise app_not_provisioned()
    if project["projectType"] != "ACC":
        raise RefusedError(call.sandbox.switches.bim_360_status, "Submittals are not available in this project")
    member = membership(call.sandbox, project, person)
    if member is None:
        raise RefusedError(403, "You do not have access to this project")
    return member


def admin_only(member: Membership) -> None:
    """Refuse (403) everybody but Submittals admins."""
    if not member.administers:
        raise RefusedError(403, "Only a Submittals administrator may do this")


def may_close(sandbox: SandboxState, member: Membership, task: Row) -> bool:
    """Whether the member may answer a task, leaving aside whether it is open."""
    if member.manages and sandbox.switches.managers_close_any_task:
        return True
    return names_person(member.person, task["assignedTo"], task["assignedToType"])


def is_known(sandbox: SandboxState, member: Membership, who: str, kind: str) -> bool:
    """Whether an id of a user type means a member of the member's project, or a company or role of the account."""
    if kind != "1":
        return sandbox.people.is_group(who, kind)
    row = sandbox.store.row("SELECT 1 FROM members WHERE projectId = ? AND autodeskId = ?", member.project_id, who)
    return row is not None


def item_role(sandbox: SandboxState, member: Membership, item: Row) -> ItemRole:
    """Role of the member in an item."""
    tasks = (
        sandbox.store.rows("SELECT * FROM tasks WHERE itemId = ? AND status = 'in-progress'", item["id"])
        if item["stateId"] == "rev"
        else []
    )
    return ItemRole(
        manages=member.manages,
        responsible=names_person(member.person, item["subcontractor"], item["subcontractorType"]),
        created=item["createdBy"] == member.person.autodesk_id,
        open_tasks=frozenset(task["id"] for task in tasks if may_close(sandbox, member, task)),
    )


def visible_item(call: RequestContext, member: Membership) -> Row:
    """The item of the path. Drafts are visible to managers only (fact sheet 2.3). Raises `RefusedError` (404)."""
    item_id = call.path["itemId"]
    item = call.sandbox.store.row(
        "SELECT * FROM item_rows WHERE id = ? AND projectId = ?", item_id.lower(), member.project_id
    )
    if item is None:
        raise RefusedError(404, "The submittal item was not found")
    if item["stateId"] == "draft" and not member.manages:
        raise RefusedError(call.sandbox.switches.hidden_draft_status, "The submittal item was not found")
    return item
