"""People: who a token belongs to (fact sheet 10), and the members of a project (fact sheet 9b)."""

from pydantic import ConfigDict

from acc.models.base import AccModel, Identifier, TextField


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
