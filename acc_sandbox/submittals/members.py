"""The members of a project with their names, as ACC's administration lists them (fact sheet 9b)."""

from __future__ import annotations

from typing import Any

from acc_sandbox.http.errors import RefusedError, app_not_provisioned
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.pagination import PageSize, page_answer, slice_page
from acc_sandbox.http.schemas import FLAG, TEXT, UUID, ObjectSchema, choice, several, text_like
from acc_sandbox.state.people import Person, known_id
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import membership
from acc_sandbox.submittals.schemas import page_shape

_SIZE = PageSize(20, 200)
_ROLE = ObjectSchema("MemberRole", {"id": UUID, "name": TEXT})
_PRODUCT = ObjectSchema("MemberProduct", {"key": TEXT, "access": choice("administrator", "member", "none")})
MEMBER = ObjectSchema(
    "ProjectMember",
    {
        "id": UUID,
        "email": TEXT,
        "name": TEXT,
        "firstName": TEXT,
        "lastName": TEXT,
        "autodeskId": text_like("^[A-Z0-9]+$"),
        "companyId": UUID,
        "companyName": TEXT,
        "roleIds": several(UUID),
        "roles": several(_ROLE),
        "accessLevels": ObjectSchema("AccessLevels", {"accountAdmin": FLAG, "projectAdmin": FLAG, "executive": FLAG}),
        "status": choice("active", "pending"),
        "products": several(_PRODUCT),
    },
    optional=("companyId", "companyName"),
)


def list_members(call: RequestContext) -> Response:
    """GET /construction/admin/v1/projects/:projectId/users: who is in a project, by name; for BIM 360 projects too."""
    sandbox = call.sandbox
    if not sandbox.switches.provisioned:
        raise app_not_provisioned()
    project = sandbox.store.row("SELECT * FROM projects WHERE id = ?", call.path["projectId"].lower())
    if project is None:
        raise RefusedError(404, "The project was not found")
    _need_right(call, project)
    rows = sandbox.store.rows("SELECT * FROM members WHERE projectId = ?", project["id"])
    found = [(person, row) for row in rows if (person := sandbox.people.by_id(row["autodeskId"])) is not None]
    for parameter, of in {"filter[name]": "name", "filter[email]": "email"}.items():
        words = call.query.text(parameter).casefold()
        found = [one for one in found if words in getattr(one[0], of).casefold()]
    listed = [_member_json(call, person, row) for person, row in sorted(found, key=lambda one: one[0].name)]
    page = slice_page(call, listed, _SIZE)
    return page_answer(call, page, page.rows)


def _need_right(call: RequestContext, project: Row) -> None:
    """Refuse (403) strangers, and by a switch everybody but administrators; an application alone may read."""
    if call.bearer is None or call.bearer.person is None:
        return
    member = membership(call.sandbox, project, call.bearer.person)
    if member is None or not (member.administers or call.sandbox.switches.members_list_members):
        raise RefusedError(403, "You don't have permission to list the members of this project")


def _member_json(call: RequestContext, person: Person, row: Row) -> dict[str, Any]:
    people = call.sandbox.people
    first, _, last = person.name.partition(" ")
    companies, roles = ([one for one in person.groups if people.user_type_of(one) == kind] for kind in ("2", "3"))
    # Submittals' memberGroupId is not among them: which member holds it is unknown (fact sheet 9b).
    company = {"companyId": known_id(companies[0]), "companyName": people.name_of(companies[0])} if companies else {}
    admin = bool(row["isAdmin"])
    return MEMBER.of(
        {
            "id": known_id(person.autodesk_id),
            "email": person.email,
            "name": person.name,
            "firstName": first,
            "lastName": last,
            "autodeskId": person.autodesk_id,
            "roleIds": [known_id(one) for one in roles],
            "roles": [{"id": known_id(one), "name": people.name_of(one)} for one in roles],
            "accessLevels": {"accountAdmin": False, "projectAdmin": admin, "executive": False},
            "status": "active",
            "products": [{"key": "build", "access": "administrator" if admin else "member"}],
        },
        **company,
    )


OPERATIONS = (
    ApiOperation(
        "admin.users.list",
        "GET",
        "/construction/admin/v1/projects/{projectId}/users",
        list_members,
        "gateway",
        ("account:read",),
        "token",
        query=("limit", "offset", "filter[name]", "filter[email]"),
        answers={200: page_shape(MEMBER)},
    ),
)
