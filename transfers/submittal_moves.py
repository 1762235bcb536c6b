"""The two POSTs that move a submittal on: a transition, and the answer to a review task.

Neither has an idempotency key, and neither is repeated blindly. After an answer that was lost, what ACC shows of the
item or the task decides whether it was carried out. Each is a pair of lines in the audit log.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from acc.errors import AccError
from acc.models.submittals import Item, Task
from acc.submittals import ItemTransition
from transfers.audit_log import MoveEntry
from transfers.jobs.context import JobContext

T = TypeVar("T")

_COMPLETED = "completed"


@dataclass(frozen=True)
class MoveTarget:
    """Target of a move: the submittal, and the person who moves it."""

    person_id: str
    project_id: str
    item_id: str


async def move_item(context: JobContext, target: MoveTarget, change: ItemTransition) -> Item:
    """Take a submittal to another state, and return it as it is there.

    Raises:
        AccError: ACC refused or is away; with `sent`, the submittal is still where it was.
        PersonMismatch: Another person is signed in now.
        StorageProblem: The audit log cannot be written.
    """
    acc = context.acting_as(target.project_id, target.person_id)
    entry = _entry(context, target, to_state=change.state_id, copies=change.copies)
    async with context.audit.record("moving", lambda: entry):
        return await _unless_done(
            lambda: acc.submittals.transition(target.project_id, target.item_id, change),
            lambda: acc.submittals.item(target.project_id, target.item_id),
            lambda item: item.state_id == change.state_id,
        )


async def answer_task(
    context: JobContext,
    target: MoveTarget,
    step_id: str,
    task: Task,
    *,
    response_id: str,
    comment: str | None,
    copies: Sequence[str],
) -> Task:
    """Answer a review task of a step, and return it as it is then.

    Raises:
        AccError: ACC refused or is away; with `sent`, the task is still open.
        PersonMismatch: Another person is signed in now.
        StorageProblem: The audit log cannot be written.
    """
    acc = context.acting_as(target.project_id, target.person_id)
    place = (target.project_id, target.item_id, step_id)
    entry = _entry(context, target, task_id=task.id, response_id=response_id, copies=copies)

    async def look() -> Task:
        rows = await acc.submittals.tasks(*place)
        return next((row for row in rows if row.id == task.id), task)

    async with context.audit.record("moving", lambda: entry):
        return await _unless_done(
            lambda: acc.submittals.close_task(*place, task.id, response_id=response_id, comment=comment, copies=copies),
            look,
            lambda found: (found.status, found.response_id) == (_COMPLETED, response_id),
        )


async def _unless_done(
    post: Callable[[], Awaitable[T]], look: Callable[[], Awaitable[T]], done: Callable[[T], bool]
) -> T:
    """Return what a POST answers; after a lost answer, what is there if it shows that the POST was carried out."""
    try:
        return await post()
    except AccError as lost:
        if not lost.sent:
            raise
        try:
            found = await look()
        except AccError:
            raise lost from None
        if not done(found):
            raise
        return found


def _entry(
    context: JobContext,
    target: MoveTarget,
    *,
    copies: Sequence[str],
    to_state: str | None = None,
    task_id: str | None = None,
    response_id: str | None = None,
) -> MoveEntry:
    return MoveEntry(
        autodesk=urlsplit(context.acc.hosts.api).netloc,
        person_id=target.person_id,
        project_id=target.project_id,
        submittal_id=target.item_id,
        to_state=to_state,
        task_id=task_id,
        response_id=response_id,
        copied=tuple(copies),
    )
