"""Who a token belongs to (fact sheet 10)."""

from pydantic import ConfigDict

from acc.models.base import AccModel, Identifier, Text


class UserInfo(AccModel):
    """The signed-in person. `sub` is the Autodesk id, the same that Submittals puts into `createdBy` (inferred)."""

    # OpenID Connect spells its claims in snake_case.
    model_config = ConfigDict(alias_generator=None)

    sub: Identifier
    name: Text = ""
    preferred_username: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    locale: str | None = None
