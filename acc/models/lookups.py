"""The lists a project's submittals choose from: types, responses, specs and packages (fact sheet 5)."""

from acc.models.base import AccModel, BoolField, Identifier, SafeInteger, TextField, Timestamp
from acc.models.permissions import PermittedObject


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


class SubmittalPackage(PermittedObject, _RecordedRow):
    """Items that are submitted together."""

    id: Identifier
    identifier: SafeInteger | str | None = None
    title: TextField = ""
    description: TextField = ""
    spec_id: str | None = None
    spec_identifier: str | None = None
