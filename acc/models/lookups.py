"""The lists a project's submittals choose from: types, responses, specs, packages, and who manages (fact sheet 5)."""

from pydantic import Field

from acc.models.base import AccModel, Flag, Identifier, Listed, Moment, SafeInteger, Text
from acc.models.permissions import Permitted
from acc.models.submittals import Step, Watcher


class Choice(AccModel):
    """One value of an enumeration, for example id "2", key "for_review", value "For Review"."""

    id: Identifier
    key: str | None = None
    value: Text = ""


class _Recorded(AccModel):
    """Who made and last changed a row."""

    created_at: Moment = None
    created_by: str | None = None
    updated_at: Moment = None
    updated_by: str | None = None


class ItemType(Choice, _Recorded):
    """A kind of submittal, for example "Shop Drawing"."""

    is_active: Flag = False
    is_in_use: Flag = False


class ReviewResponse(ItemType):
    """An answer a reviewer can give. Read `is_approval`; which category means what differs between samples."""

    category_id: str | None = None
    is_approval: Flag = False


class Spec(_Recorded):
    """A section of the specification, for example 033100 "Structural Concrete"."""

    id: Identifier
    identifier: str | None = None
    title: Text = ""


class Package(Permitted, _Recorded):
    """Items that are submitted together."""

    id: Identifier
    identifier: SafeInteger | str | None = None
    title: Text = ""
    description: Text = ""
    spec_id: str | None = None
    spec_identifier: str | None = None


class Template(_Recorded):
    """A review workflow to start an item with."""

    id: Identifier
    name: Text = ""
    steps: Listed[Step]
    watchers: Listed[Watcher]


class ManagerMapping(_Recorded):
    """A person, company or role that manages submittals; `autodesk_id` is a member group id for the latter two."""

    id: Identifier
    user_type: str | None = None
    autodesk_id: str | None = None
    submittals_role: str | None = None


class CustomIdentifiers(AccModel):
    """The last number given and the next one free."""

    previous_custom_identifier: str | None = None
    next_custom_identifier: str | None = None


class Metadata(AccModel):
    """A project's settings and the values of its enumerations."""

    id: str | None = None
    submittal_roles: Listed[Choice]
    user_types: Listed[Choice]
    statuses: Listed[Choice]
    item_types: Listed[ItemType]
    responses: Listed[ReviewResponse]
    attachment_categories: Listed[Choice]
    attachment_urn_types: Listed[Choice]
    is_manager_mapping_defined: Flag = False
    no_items_in_project: Flag = False
    custom_identifier_sequence_type: str | None = Field(default=None)
    """ "1" one sequence for the project, "2" one for each spec."""
