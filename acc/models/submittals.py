"""Submittal items: review steps, tasks, attachments, permitted actions and the lists of choices (fact sheet 2 to 5).

Enumerations stay strings, so that an unknown value is kept; the classes here name the known ones. Documented shapes of
permitted actions differ: `transitions` is a list of objects, `[""]` or null, `mandatoryFields` a list or a list of
lists. What we look into is read tolerantly; what is passed on stays as ACC sent it.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from acc.models.base import (
    AccModel,
    BoolField,
    Day,
    Flattened,
    Identifier,
    Listed,
    SafeInteger,
    SafeNumber,
    TextField,
    Timestamp,
)


class StateName(AccModel):
    """A workflow state as a transition names it, for example `sbc-1` and "SBC 1"."""

    id: TextField = ""
    name: TextField = ""


class Transition(AccModel):
    """One way out of the current state, for example `sbc-1::mgr-1`."""

    id: str
    name: TextField = ""
    state_from: StateName | None = None
    state_to: StateName | None = None
    transition_fields: Flattened[str]
    mandatory_fields: Flattened[str]
    action_id: str | None = None


class PermittedAction(AccModel):
    """One thing the person may do, for example `Attachment::create`, and with which fields.

    `fields` maps a field to its allowed values, where an empty list allows any. For `categoryId` the list holds only
    the values that override ACC's own choice: the default is not in it (fact sheet 3.5).
    """

    id: TextField = ""
    fields: dict[str, Any] = Field(default_factory=dict)
    mandatory_fields: Flattened[str]
    transitions: Flattened[Transition]

    def allowed_values(self, field: str) -> list[Any] | None:
        """The values the person may give this field; empty for any, None when the field may not be given."""
        values = self.fields.get(field)
        return values if isinstance(values, list) else None


class PermittedObject(AccModel):
    """Mixin of objects that carry permitted actions."""

    sent_actions: Any = Field(default=None, alias="permittedActions", repr=False)
    """`permittedActions` exactly as ACC sent it, whatever its shape."""

    @property
    def raw_permitted_actions(self) -> list[dict[str, Any]]:
        """The actions exactly as ACC sent them, to be passed on; without what is no object."""
        sent = self.sent_actions if isinstance(self.sent_actions, list) else []
        return [action for action in sent if isinstance(action, dict)]

    @property
    def permitted_actions_incomplete(self) -> bool:
        """Whether ACC sent something else among, or instead of, a list of objects."""
        sent = self.sent_actions
        return sent is not None and (not isinstance(sent, list) or len(sent) > len(self.raw_permitted_actions))

    def permitted(self, action_id: str) -> PermittedAction | None:
        """The action of this id, for example `Attachment::create`, or None if the person may not."""
        found = (action for action in self.raw_permitted_actions if action.get("id") == action_id)
        return next((PermittedAction.model_validate(action) for action in found), None)


class ItemState(StrEnum):
    """Known values of `Item.state_id` (fact sheet 6)."""

    DRAFT = "draft"
    SUBMIT = "sbc-1"
    PREPARE_FOR_REVIEW = "mgr-1"
    REVIEW = "rev"
    CLOSE_AND_DISTRIBUTE = "mgr-2"
    CLOSED = "sbc-2"
    VOID = "void"


class UserType(StrEnum):
    """Known values of every `…Type` beside a person, company or role (fact sheet 0)."""

    USER = "1"
    COMPANY = "2"
    ROLE = "3"


class AsyncState(StrEnum):
    """Known values of `async_state`. An attachment is `PENDING` before any upload, so that says nothing by itself."""

    PENDING = "1"
    STARTED = "2"
    SUCCESS = "3"
    FAILURE = "4"


class ItemWatcher(AccModel):
    """A follower of an item."""

    id: Identifier
    user_type: str | None = None


class RevisionFolder(AccModel):
    """The hidden folder that holds one revision's attachments; made about a second after the item."""

    revision: SafeInteger | None = None
    folder_urn: str | None = None
    folder_urn_created_at: Timestamp = None


class Item(PermittedObject):
    """A submittal item as the asking person sees it. `id` is its UUID, `custom_identifier…` what people see."""

    id: Identifier
    identifier: SafeInteger | str | None = None
    custom_identifier: str | None = None
    custom_identifier_human_readable: str | None = None
    type_id: str | None = None
    spec_id: str | None = None
    spec_identifier: str | None = None
    spec_title: str | None = None
    subsection: str | None = None
    title: TextField = ""
    description: TextField = ""
    priority: str | None = None
    revision: SafeInteger | None = None
    state_id: str | None = None
    status_id: str | None = None
    ball_in_court_users: Listed[str]
    ball_in_court_companies: Listed[str]
    ball_in_court_roles: Listed[str]
    ball_in_court_type: str | None = None
    manager: str | None = None
    manager_type: str | None = None
    subcontractor: str | None = None
    subcontractor_type: str | None = None
    watchers: Listed[ItemWatcher]
    due_date: Day = None
    required_on_job_date: Day = None
    lead_time: SafeNumber | None = None
    required_date: Day = None
    required_approval_date: Day = None
    submitter_due_date: Day = None
    sent_to_submitter: Timestamp = None
    received_from_submitter: Timestamp = None
    submitted_by: str | None = None
    manager_due_date: Day = None
    sent_to_review: Timestamp = None
    sent_to_review_by: str | None = None
    received_from_review: Timestamp = None
    published_date: Timestamp = None
    published_by: str | None = None
    response_id: str | None = None
    response_comment: str | None = None
    responded_at: Timestamp = None
    responded_by: str | None = None
    package_id: str | None = None
    package_identifier: str | None = None
    package_title: str | None = None
    package_spec_identifier: str | None = None
    folder_urn: str | None = None
    revisions_folders_urns: dict[str, RevisionFolder] | None = None
    created_at: Timestamp = None
    created_by: str | None = None
    updated_at: Timestamp = None
    updated_by: str | None = None

    @property
    def number(self) -> str:
        """The number that people see."""
        return self.custom_identifier_human_readable or self.custom_identifier or str(self.identifier or "")


class Attachment(PermittedObject):
    """A file of a submittal item, or the reservation for one.

    `upload_urn` names the object to upload to; `urn` and `urn_version` are there once ACC has processed the file.
    `category_id` is a number from 1 to 8 (fact sheet 3.1), `async_state` see `AsyncState`.
    """

    id: Identifier
    item_id: str | None = None
    task_id: str | None = None
    name: TextField = ""
    is_file_uploaded: BoolField = False
    async_state: str | None = None
    upload_urn: str | None = None
    urn: str | None = None
    urn_version: SafeInteger | None = None
    urn_type_id: str | None = None
    revision_folder_urn: str | None = None
    revision: SafeInteger | None = None
    category_id: str | None = None
    duplicated_from: str | None = None
    created_at: Timestamp = None
    created_by: str | None = None
    updated_at: Timestamp = None
    updated_by: str | None = None


class Task(PermittedObject):
    """One reviewer's part in a review step; `Task::close` among the actions makes it the asking person's own."""

    id: Identifier
    step_id: str | None = None
    status: str | None = None
    assigned_to: str | None = None
    assigned_to_type: str | None = None
    is_required: BoolField = False
    step_due_date: Day = None
    response_id: str | None = None
    response_comment: str | None = None
    responded_at: Timestamp = None
    responded_by: str | None = None
    started_at: Timestamp = None
    completed_at: Timestamp = None
    completed_by: str | None = None
    created_at: Timestamp = None
    created_by: str | None = None
    updated_at: Timestamp = None
    updated_by: str | None = None


class Step(PermittedObject):
    """One round of review: its tasks run side by side. `days_to_respond` is in days."""

    id: Identifier
    item_id: str | None = None
    status: str | None = None
    step_number: SafeNumber | None = None
    days_to_respond: SafeNumber | None = None
    due_date: Day = None
    started_at: Timestamp = None
    completed_at: Timestamp = None
    tasks: Listed[Task]
    created_at: Timestamp = None
    created_by: str | None = None
    updated_at: Timestamp = None
    updated_by: str | None = None


class SubmittalsUser(PermittedObject):
    """The asking person in one project. `roles`: "1" manager, "2" user, "4" administrator (fact sheet 5)."""

    id: Identifier
    roles: Listed[str]


class LookupChoice(AccModel):
    """One value of an enumeration, for example id "2", key "for_review", value "For Review"."""

    id: Identifier
    key: str | None = None
    value: TextField = ""


class _RecordedRow(AccModel):
    """Mixin of rows that tell who created and last updated them."""

    created_at: Timestamp = None
    created_by: str | None = None
    updated_at: Timestamp = None
    updated_by: str | None = None


class ItemType(LookupChoice, _RecordedRow):
    """A kind of submittal, for example "Shop Drawing"."""

    is_active: BoolField = False
    is_in_use: BoolField = False


class ReviewResponse(ItemType):
    """An answer a reviewer can give. Read `is_approval`; which category means what differs between samples."""

    category_id: str | None = None
    is_approval: BoolField = False


class Spec(_RecordedRow):
    """A section of the specification, for example 033100 "Structural Concrete"."""

    id: Identifier
    identifier: str | None = None
    title: TextField = ""
