"""Rows of the submittal register as a coordinator exports it: every field, what is missing, what is overdue."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar, Final

from pydantic import BaseModel

from acc.models.submittals import Attachment, Item, ItemState
from tools.core.presenters import ProjectNames, state_text
from tools.core.results import Party, Time, UntrustedText
from tools.lookup.projects import ProjectSummary
from transfers.categories_and_states import attachment_state, category_word

ENDED: Final = (ItemState.CLOSED, ItemState.VOID)


class FoundRow(BaseModel):
    """Base of the rows that `find` prints; `summary` names the columns of a table on a terminal."""

    summary: ClassVar[tuple[str, ...]]


class FoundProject(FoundRow):
    """A project; `supported` is false for BIM 360, which the Submittals API does not serve."""

    summary = ("name", "account", "type", "supported", "id")

    name: UntrustedText
    account: UntrustedText
    type: UntrustedText
    supported: bool
    region: UntrustedText | None
    id: str

    @classmethod
    def of(cls, project: ProjectSummary) -> "FoundProject":
        """Return the row of a project."""
        return cls(
            name=project.name, account=project.hub_name, type=project.type, supported=project.supported,
            region=project.region, id=project.id,
        )  # fmt: skip


class FoundSubmittal(FoundRow):
    """A submittal; people are named where ACC names them, else their ids stand here.

    `days_overdue` counts from the due date of who has it. `files` is the number of uploaded attachments of all
    revisions, null where it was not asked for. `missing` are words of ours for what has to come yet.
    """

    summary = ("number", "title", "state", "with_whom", "due_date", "days_overdue", "files", "missing")

    project: UntrustedText
    number: UntrustedText
    title: UntrustedText
    spec: UntrustedText | None
    spec_title: UntrustedText | None
    subsection: UntrustedText | None
    revision: int | None
    type: UntrustedText | None
    priority: UntrustedText | None
    package: UntrustedText | None
    state: UntrustedText | None
    state_text: str
    with_whom: UntrustedText | None
    manager: UntrustedText | None
    contractor: UntrustedText | None
    due_date: date | None
    days_overdue: int | None
    missing: list[str]
    files: int | None
    submitter_due_date: date | None
    manager_due_date: date | None
    required_date: date | None
    required_approval_date: date | None
    required_on_job_date: date | None
    lead_time_days: int | float | None
    sent_to_submitter: Time | None
    received_from_submitter: Time | None
    sent_to_review: Time | None
    received_from_review: Time | None
    published: Time | None
    response: UntrustedText | None
    response_comment: UntrustedText | None
    responded_at: Time | None
    description: UntrustedText | None
    created_at: Time | None
    updated_at: Time | None
    can_attach: bool
    id: UntrustedText
    project_id: str
    web_url: UntrustedText | None


class FoundAttachment(FoundRow):
    """An attachment of a submittal; `state` is the attachment's, as the tools say it."""

    summary = ("number", "name", "state", "category", "revision", "created_at", "created_by")

    project: UntrustedText
    number: UntrustedText
    title: UntrustedText
    name: UntrustedText
    state: str
    category: str
    revision: int | None
    created_at: Time | None
    created_by: UntrustedText | None
    updated_at: Time | None
    version_urn: UntrustedText | None
    urn_version: int | None
    id: UntrustedText
    submittal_id: UntrustedText
    project_id: str
    web_url: UntrustedText | None


def found_submittal(
    item: Item,
    project: ProjectSummary,
    names: ProjectNames,
    types: Mapping[str, str],
    today: date,
    files: int | None,
    can_attach: bool,  # noqa: FBT001 - as ACC permits it
) -> FoundSubmittal:
    """Return the row of an item; `types` are the kinds of submittals by id."""
    package = " ".join(part for part in (item.package_identifier, item.package_title) if part)
    return FoundSubmittal(
        project=project.name,
        number=item.number,
        title=item.title,
        spec=item.spec_identifier,
        spec_title=item.spec_title,
        subsection=item.subsection,
        revision=item.revision,
        type=types.get(item.type_id or ""),
        priority=item.priority,
        package=package or None,
        state=item.state_id,
        state_text=state_text(item),
        with_whom=_words(names.with_whom(item)),
        manager=_words([names.party(item.manager_type, item.manager)]),
        contractor=_words([names.party(item.subcontractor_type, item.subcontractor)]),
        due_date=item.due_date,
        days_overdue=days_overdue(item, today),
        missing=missing(item, files),
        files=files,
        submitter_due_date=item.submitter_due_date,
        manager_due_date=item.manager_due_date,
        required_date=item.required_date,
        required_approval_date=item.required_approval_date,
        required_on_job_date=item.required_on_job_date,
        lead_time_days=item.lead_time,
        sent_to_submitter=item.sent_to_submitter,
        received_from_submitter=item.received_from_submitter,
        sent_to_review=item.sent_to_review,
        received_from_review=item.received_from_review,
        published=item.published_date,
        response=names.responses.get(item.response_id or ""),
        response_comment=item.response_comment or None,
        responded_at=item.responded_at,
        description=item.description or None,
        created_at=item.created_at,
        updated_at=item.updated_at,
        can_attach=can_attach,
        id=item.id,
        project_id=project.id,
        web_url=names.item_url(item),
    )


def found_attachment(row: Attachment, item: Item, project: ProjectSummary, names: ProjectNames) -> FoundAttachment:
    """Return the row of an attachment of `item`."""
    return FoundAttachment(
        project=project.name,
        number=item.number,
        title=item.title,
        name=row.name,
        state=attachment_state(row, sending=False, stored=False),
        category=category_word(row.category_id),
        revision=row.revision,
        created_at=row.created_at,
        created_by=names.people.get(row.created_by or "", row.created_by),
        updated_at=row.updated_at,
        version_urn=row.urn,
        urn_version=row.urn_version,
        id=row.id,
        submittal_id=item.id,
        project_id=project.id,
        web_url=names.item_url(item),
    )


def days_overdue(item: Item, today: date) -> int | None:
    """Return for how many days an open item has been due; None where it is not."""
    if item.state_id in ENDED or item.due_date is None or item.due_date >= today:
        return None
    return (today - item.due_date).days


def missing(item: Item, files: int | None) -> list[str]:
    """Return what has to come yet of an open item; a file only where they were counted."""
    if item.state_id in ENDED:
        return []
    begun = item.state_id != ItemState.DRAFT
    lacks = {
        "number": item.custom_identifier is None,
        "contractor": item.subcontractor is None,
        "due date": item.due_date is None and begun,
        "file": files == 0 and begun,
    }
    return [name for name, is_missing in lacks.items() if is_missing]


def _words(parties: Sequence[Party | None]) -> str | None:
    return "; ".join(party.name or f"{party.type} {party.id}" for party in parties if party) or None
