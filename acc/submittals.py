"""Submittals v2, as far as attaching a file needs it (fact sheet 1 to 5).

`project_id` may be given in either form, with `b.` or without. Everything raises `acc.errors.AccError`, or
`acc.ids.InvalidId` for an id that cannot be one.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar

from acc import operations as op
from acc.ids import submittals_project_id
from acc.models.base import ResultPage
from acc.models.submittals import Attachment, Item, ItemType, ReviewResponse, Spec, Step, SubmittalsUser, Task
from acc.operations import Value, body, build, filter_parameters, query_parameters
from acc.pagination import PAGE_LIMIT, rows

if TYPE_CHECKING:
    # At run time this would load httpx for a module that only names the class.
    from acc.connection import AccConnection

T = TypeVar("T")

_DATA_MANAGEMENT_URN = "2"
"""The only `urnTypeId` there is (fact sheet 3.1)."""

SEARCH_CHARACTERS: Final = 200
"""Characters of a text that ACC is asked for, which finds parts of texts; a longer address is refused on its way."""


@dataclass(frozen=True, kw_only=True)
class ItemTransition:
    """Body of a transition: the state to go to, and what goes with it (fact sheet 2.6, 6).

    A manager and a subcontractor are (id, user type). `copies` are ids of attachments to take along.
    """

    state_id: str
    manager: tuple[str, str] | None = None
    manager_due_date: date | None = None
    subcontractor: tuple[str, str] | None = None
    submitter_due_date: date | None = None
    mail_note: str | None = None
    step_due_date: date | None = None
    response_id: str | None = None
    response_comment: str | None = None
    copies: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """The body, in the order of the documented examples."""
        return body(
            stateId=self.state_id,
            **_party("manager", self.manager),
            managerDueDate=_day(self.manager_due_date),
            **_party("subcontractor", self.subcontractor),
            submitterDueDate=_day(self.submitter_due_date),
            mailNote=self.mail_note,
            stepDueDate=_day(self.step_due_date),
            responseId=self.response_id,
            responseComment=self.response_comment,
            duplicateAttachments=list(self.copies) or None,
        )


def _party(name: str, who: tuple[str, str] | None) -> dict[str, str]:
    return {} if who is None else {name: who[0], f"{name}Type": who[1]}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


class SubmittalsService:
    """The Submittals service as one person sees it."""

    def __init__(self, connection: "AccConnection") -> None:
        self._connection = connection

    async def me(self, project_id: str) -> SubmittalsUser:
        """The asking person in this project: Autodesk id, roles, and what they may do there."""
        return await self._ask(op.USERS_ME, project_id)

    async def item(self, project_id: str, item_id: str) -> Item:
        """One item, with what the person may do with it now."""
        return await self._ask(op.ITEMS_GET, project_id, item_id=item_id)

    async def items(
        self,
        project_id: str,
        *,
        search: str | None = None,
        filters: Mapping[str, Value | None] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> ResultPage[Item]:
        """A page of items. `filters` by field name, for example `{"stateId": ["sbc-1", "rev"]}`; see fact sheet 2.3.

        Items in draft are listed to managers only, void ones only when filtered for. `sort`: "title asc" and the like.
        """
        query = [
            *query_parameters(search=search and search[:SEARCH_CHARACTERS], limit=limit, offset=offset),
            *filter_parameters(filters or {}),
            *query_parameters(sort=sort),
        ]
        return await self._ask(op.ITEMS_LIST, project_id, query=query)

    async def all_items(
        self,
        project_id: str,
        *,
        search: str | None = None,
        filters: Mapping[str, Value | None] | None = None,
        sort: str | None = None,
    ) -> AsyncIterator[Item]:
        """Every item that `items` would list, page by page."""

        async def fetch(offset: int) -> ResultPage[Item]:
            return await self.items(
                project_id, search=search, filters=filters, sort=sort, limit=PAGE_LIMIT, offset=offset
            )

        async for item in rows(op.ITEMS_LIST.name, fetch, key=lambda item: item.id):
            yield item

    async def item_types(self, project_id: str) -> list[ItemType]:
        """Every kind of submittal in a project."""

        async def fetch(offset: int) -> ResultPage[ItemType]:
            return await self._ask(op.ITEM_TYPES_LIST, project_id, query=_offset_query(offset))

        return [one async for one in rows(op.ITEM_TYPES_LIST.name, fetch, key=lambda one: one.id)]

    async def responses(self, project_id: str) -> list[ReviewResponse]:
        """Every answer that a reviewer can give in a project."""

        async def fetch(offset: int) -> ResultPage[ReviewResponse]:
            return await self._ask(op.RESPONSES_LIST, project_id, query=_offset_query(offset))

        return [one async for one in rows(op.RESPONSES_LIST.name, fetch, key=lambda one: one.id)]

    async def specs(self, project_id: str) -> list[Spec]:
        """Every section of a project's specification."""

        async def fetch(offset: int) -> ResultPage[Spec]:
            return await self._ask(op.SPECS_LIST, project_id, query=query_parameters(limit=PAGE_LIMIT, offset=offset))

        return [one async for one in rows(op.SPECS_LIST.name, fetch, key=lambda one: one.id)]

    async def steps(self, project_id: str, item_id: str) -> list[Step]:
        """Every review step of an item, its tasks inside."""

        async def fetch(offset: int) -> ResultPage[Step]:
            return await self._ask(op.STEPS_LIST, project_id, item_id=item_id, query=_offset_query(offset))

        return [step async for step in rows(op.STEPS_LIST.name, fetch, key=lambda step: step.id)]

    async def tasks(self, project_id: str, item_id: str, step_id: str) -> list[Task]:
        """Every task of a review step."""

        async def fetch(offset: int) -> ResultPage[Task]:
            return await self._ask(
                op.TASKS_LIST, project_id, item_id=item_id, step_id=step_id, query=_offset_query(offset)
            )

        return [task async for task in rows(op.TASKS_LIST.name, fetch, key=lambda task: task.id)]

    async def attachments(
        self,
        project_id: str,
        item_id: str,
        *,
        category_ids: Sequence[str] | None = None,
        revision: int | None = None,
        is_file_uploaded: bool | None = None,
        sort: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> ResultPage[Attachment]:
        """A page of an item's attachments, of all its revisions unless one is asked for.

        ACC filters by these three only: there is none for a name, an id, a task or a processing state (fact sheet 3.2).
        """
        chosen = {"isFileUploaded": is_file_uploaded, "categoryId": category_ids, "revision": revision}
        query = [
            *query_parameters(limit=limit, offset=offset),
            *filter_parameters(chosen),
            *query_parameters(sort=sort),
        ]
        return await self._ask(op.ATTACHMENTS_LIST, project_id, item_id=item_id, query=query)

    async def all_attachments(
        self,
        project_id: str,
        item_id: str,
        *,
        category_ids: Sequence[str] | None = None,
        revision: int | None = None,
        is_file_uploaded: bool | None = None,
        sort: str | None = None,
    ) -> AsyncIterator[Attachment]:
        """Every attachment that `attachments` would list, page by page."""

        async def fetch(offset: int) -> ResultPage[Attachment]:
            return await self.attachments(
                project_id,
                item_id,
                category_ids=category_ids,
                revision=revision,
                is_file_uploaded=is_file_uploaded,
                sort=sort,
                limit=PAGE_LIMIT,
                offset=offset,
            )

        async for attachment in rows(op.ATTACHMENTS_LIST.name, fetch, key=lambda attachment: attachment.id):
            yield attachment

    async def create_attachment(
        self,
        project_id: str,
        item_id: str,
        *,
        name: str,
        category_id: str | None = None,
        task_id: str | None = None,
        urn: str | None = None,
    ) -> Attachment:
        """Reserve an attachment to upload to, or with `urn` link that version of a Files-tool file.

        ACC chooses the category where none is given. An item in review needs a `task_id`; whose, ACC decides.
        There is no idempotency key: after an error with `sent` the attachment may exist, so list before repeating.
        """
        content = body(
            name=name,
            urnTypeId=_DATA_MANAGEMENT_URN,
            categoryId=category_id,
            taskId=task_id,
            urn=urn,
            # Sending false is not allowed; leaving it out means false (fact sheet 3.3).
            isFileUploaded=True if urn is not None else None,
        )
        return await self._ask(op.ATTACHMENTS_CREATE, project_id, item_id=item_id, json=content)

    async def confirm_attachment(self, project_id: str, item_id: str, attachment_id: str) -> Attachment:
        """Confirm the upload, so that ACC processes the file. Look for the bytes first.

        It is repeated after a doubtful answer, although what ACC does with a second confirmation is not known.
        """
        return await self._ask(
            op.ATTACHMENTS_CONFIRM,
            project_id,
            item_id=item_id,
            attachment_id=attachment_id,
            json={"isFileUploaded": True},
        )

    async def transition(self, project_id: str, item_id: str, change: ItemTransition) -> Item:
        """Take an item to another state, and return it as it is there.

        After an error with `sent` it may be there: read it before repeating.
        """
        return await self._ask(op.ITEMS_TRANSITION, project_id, item_id=item_id, json=change.json())

    async def close_task(
        self,
        project_id: str,
        item_id: str,
        step_id: str,
        task_id: str,
        *,
        response_id: str,
        comment: str | None = None,
        copies: Sequence[str] = (),
    ) -> Task:
        """Answer a review task. The last required one of the last step takes the item to `mgr-2` (fact sheet 4).

        After an error with `sent` it may be answered: read it before repeating.
        """
        content = body(responseId=response_id, responseComment=comment, duplicateAttachments=list(copies) or None)
        return await self._ask(
            op.TASKS_CLOSE, project_id, item_id=item_id, step_id=step_id, task_id=task_id, json=content
        )

    async def _ask(
        self,
        operation: op.ApiOperation[T],
        project_id: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        json: Mapping[str, Any] | None = None,
        **ids: str,
    ) -> T:
        places = {"project_id": submittals_project_id(project_id), **ids}
        return await self._connection.send(build(operation, places, query=query, json=json))


def _offset_query(offset: int) -> list[tuple[str, str]]:
    """An offset only where one is needed: no query is documented for steps and tasks."""
    return query_parameters(offset=offset or None)
