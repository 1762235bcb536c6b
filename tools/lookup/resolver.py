"""Resolves references with as few requests as the API allows, and never guesses silently."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from acc.client import AccClient
from acc.errors import AppNotProvisioned, Forbidden, NotFound, RequestRejected
from acc.models.submittals import Item, ItemState, SubmittalsUser
from tools.core.policy import ToolPolicy
from tools.core.presenters import REVIEW, ProjectNames, ReviewTask, review_task
from tools.core.results import Candidate
from tools.errors.exceptions import (
    AmbiguousReference,
    InvalidArguments,
    ProjectNotFound,
    ProjectNotSupported,
    RetryHint,
)
from tools.lookup.projects import MemberNames, ProjectListCache, ProjectSummary, TtlCache
from tools.lookup.references import (
    NotAReference,
    ParsedReference,
    closest,
    match_quality,
    may_hold_number,
    normalize,
    project_reference,
    submittal_reference,
)
from tools.lookup.submittal_filters import SubmittalFilters
from tools.lookup.submittal_names import SubmittalNames, how_many, submittal_not_found
from transfers.concurrency import task_group

T = TypeVar("T")

_REVIEWED: Final = (ItemState.CLOSE_AND_DISTRIBUTE, ItemState.CLOSED)

ACC_SITES: Final = {"US": "https://acc.autodesk.com", "EMEA": "https://acc.autodesk.eu"}
"""ACC's own site by the region of an account (inferred)."""


class ReferenceResolver:
    """Finds projects, submittals, people and tasks for one person."""

    def __init__(self, acc: AccClient, policy: ToolPolicy) -> None:
        self._acc = acc
        self._policy = policy
        self._items = TtlCache[str]()
        self.project_lists = ProjectListCache(acc, policy)
        self.member_names = MemberNames(acc)
        self.filters = SubmittalFilters(acc, self.member_names)
        self._names = SubmittalNames(acc)
        self._known: dict[str, ProjectSummary] = {}

    async def me(self, project_id: str) -> SubmittalsUser:
        """Return who the person is in a project: the id that ACC's rows carry.

        Raises:
            AccError: ACC refused or is away.
        """
        return await self._acc.person(project_id)

    async def project(self, text: str) -> ProjectSummary:
        """Return the project that `text` refers to.

        Raises:
            ToolError: InvalidArguments, ProjectNotFound, ProjectNotAllowed, ProjectNotSupported, AmbiguousReference.
            AccError: Autodesk refused or is away.
        """
        reference = _read(project_reference, text, "project")
        project = (
            await self._project_by_id(reference.id) if reference.id else await self._project_by_name(reference.words)
        )
        self._policy.check_project(project.id)
        if not project.supported:
            raise ProjectNotSupported(
                "This is a BIM 360 project; its submittals are not served by the ACC Submittals API.",
                "Use an ACC (Forma) project; find_projects tells which are supported.",
                "Use an ACC (Forma) project.",
            )
        self._known[project.id] = project
        return project

    async def submittal(self, project: ProjectSummary, text: str) -> Item:
        """Return the submittal that `text` refers to, as it is now.

        Raises:
            ToolError: InvalidArguments, SubmittalNotFound, AmbiguousReference.
            AccError: ACC refused or is away.
        """
        reference = _submittal(project, text)
        known = None if reference.id else await self._known_item(project.id, reference.words)
        if known is not None:
            return known
        if reference.id is None:
            return await self._item_called(project.id, reference.words)
        try:
            return await self._acc.submittals.item(project.id, reference.id)
        except NotFound:
            raise submittal_not_found() from None

    async def _item_called(self, project_id: str, words: str) -> Item:
        """Return the submittal that words refer to, as it is now; a kept register may be older than its number."""
        for fresh in (False, True):
            item_id, is_exact = await self._names.find(project_id, words, fresh=fresh)
            if is_exact:
                self._items.keep(item_id, await self._acc.owner_key(), project_id, words)
            with suppress(NotFound):
                item = await self._acc.submittals.item(project_id, item_id)
                if fresh or not may_hold_number(words) or match_quality(words, item.number, item.title):
                    return item
        raise submittal_not_found()

    async def submittal_and(
        self, project: ProjectSummary, text: str, ask: Callable[[str], Awaitable[T]]
    ) -> tuple[Item, T]:
        """Return the submittal that `text` refers to, and what `ask` finds out of its id: at once if that is known.

        What is wrong with the submittal comes before what `ask` raises.

        Raises:
            ToolError, AccError: See `submittal`.
        """
        reference = _submittal(project, text)
        known = reference.id or self._items.get(await self._acc.owner_key(), project.id, reference.words)
        found: list[T] = []
        failed: list[Exception] = []

        async def ask_early(item_id: str) -> None:
            try:
                found.append(await ask(item_id))
            except Exception as problem:  # noqa: BLE001  # raised below, once the submittal is there
                failed.append(problem)

        async with task_group() as group:
            if known is not None:
                group.start_soon(ask_early, known)
            item = await self.submittal(project, text)
            if item.id != known:
                group.cancel_scope.cancel()
        if item.id != known:
            return item, await ask(item.id)
        for problem in failed:
            raise problem
        return item, found[0]

    async def _known_item(self, project_id: str, words: str) -> Item | None:
        """Return the submittal that these words resolved to lately, re-read, if they still match it."""
        item_id = self._items.get(await self._acc.owner_key(), project_id, words)
        if item_id is None:
            return None
        try:
            item = await self._acc.submittals.item(project_id, item_id)
        except NotFound:
            return None
        return item if match_quality(words, item.number, item.title) == "exact" else None

    def item_url(self, project_id: str, item_id: str) -> str | None:
        """Return the address of a submittal's page; None for a project that was not asked for here."""
        project = self._known.get(project_id)
        items = self._items_url(project) if project else None
        return f"{items}/{item_id}" if items else None

    async def past_review(self, project_id: str, item: Item) -> list[ReviewTask]:
        """Return the tasks of a review that a submittal has been through; none in review, or where ACC shows none.

        Raises:
            AccError: ACC is away.
        """
        if item.state_id == REVIEW or (item.state_id not in _REVIEWED and item.sent_to_review is None):
            return []
        try:
            return await self._tasks(project_id, item)
        except (Forbidden, NotFound, RequestRejected):
            return []

    async def review_tasks(self, project_id: str, item: Item) -> list[ReviewTask]:
        """Return every task of a submittal in review, in the order of its steps; none in another state.

        Raises:
            AccError: ACC refused or is away.
        """
        return await self._tasks(project_id, item) if item.state_id == REVIEW else []

    async def _tasks(self, project_id: str, item: Item) -> list[ReviewTask]:
        found: list[ReviewTask] = []
        for step in await self._acc.submittals.steps(project_id, item.id):
            tasks = step.tasks
            if step.status == "in-progress" and not any(task.raw_permitted_actions for task in tasks):
                tasks = await self._acc.submittals.tasks(project_id, item.id, step.id)
            found += [review_task(task, step) for task in tasks]
        return found

    async def member_names_for_me(self, project_id: str) -> Mapping[str, str]:
        """Return the names of a project's members by Autodesk id, as the signed-in person may see them.

        Raises:
            AccError: ACC refused or is away.
        """
        return await self.member_names.of_project(project_id, (await self.me(project_id)).id)

    async def names(self, project: ProjectSummary, person_id: str, *, responses: bool) -> ProjectNames:
        """Return what the ids in a project's rows stand for; those of `responses` only where they are wanted.

        Raises:
            AccError: ACC refused or is away.
        """
        people = await self.member_names.of_project(project.id, person_id)
        known = await self.filters.response_names(project.id) if responses else {}
        return ProjectNames(people, known, self._items_url(project))

    def _items_url(self, project: ProjectSummary) -> str | None:
        """Return where a person sees the project's items: in ACC by the hub's region (inferred), or in a sandbox."""
        if not self._acc.hosts.is_autodesk:
            return f"{self._acc.hosts.api}/projects/{project.id}/items"
        site = ACC_SITES.get(project.region or "")
        return f"{site}/build/submittals/projects/{project.id}/items" if site else None

    async def _project_by_id(self, project_id: str) -> ProjectSummary:
        self._policy.check_project(project_id)
        listed = await self.project_lists.get()
        found = [project for project in listed.projects if project.id == project_id]
        if found:
            return found[0]
        if self._policy.accounts:
            raise _no_project(not_provisioned=listed.not_provisioned)  # its account is unknown, so it is not allowed
        # The lists of some regions fail while the project itself answers.
        try:
            await self.me(project_id)
        except (Forbidden, NotFound, RequestRejected):
            raise _no_project(not_provisioned=listed.not_provisioned) from None
        return ProjectSummary(project_id, project_id, hub_id="", hub_name="", type="unknown")

    async def _project_by_name(self, words: str) -> ProjectSummary:
        listed = await self.project_lists.get()
        found = listed.named(words) if normalize(words) else []
        allowed = [project for project in found if self._policy.allows(project.id)]
        if found and not allowed:
            self._policy.check_project(found[0].id)  # refused, without a name that the caller did not bring
        found = allowed
        if not found:
            allowed = [project for project in listed.projects if self._policy.allows(project.id)]
            near = [allowed[place] for place in closest(words, [one.name for one in allowed])]
            raise _no_project(not_provisioned=listed.not_provisioned, near=near)
        if len(found) > 1:
            raise AmbiguousReference(
                f"{how_many(len(found), 'projects')} these words.",
                "Call {tool} again with the id of one of the candidates.",
                "Write the id of one of the candidates.",
                candidates=[Candidate(id=project.id, name=project.name) for project in found],
                again=RetryHint(needs=["project"]),
            )
        return found[0]


def _submittal(project: ProjectSummary, text: str) -> ParsedReference:
    reference = _read(submittal_reference, text, "submittal")
    if reference.project_id not in (None, project.id):
        raise InvalidArguments(
            "The submittal's URL belongs to another project.",
            "Give the URL's own project, or the submittal's number.",
            "Give the URL's own project, or the submittal's number.",
            again=RetryHint(needs=["project"]),
        )
    return reference


def _read(reader: Callable[[str], ParsedReference], text: str, argument: str) -> ParsedReference:
    try:
        return reader(text)
    except NotAReference:
        raise InvalidArguments(
            f"'{argument}' is a URL that names none: only ACC and Forma addresses of a {argument} are read.",
            f"Paste the address of the {argument}'s own page, or give its name, number or id.",
            f"Paste the address of the {argument}'s own page, or give its name, number or id.",
            again=RetryHint(needs=[argument]),
        ) from None


def _no_project(*, not_provisioned: bool, near: Sequence[ProjectSummary] = ()) -> Exception:
    if not_provisioned:
        return AppNotProvisioned("dm.hubs", http_status=200)
    return ProjectNotFound(
        "No project of that id or name, or this person may not see it.",
        f"{'The candidates are called nearly so; else list' if near else 'List'} the projects with find_projects; the "
        "person must be a member of the project with access to Submittals.",
        "Check its name; the person must be a member of it with access to Submittals.",
        candidates=[Candidate(id=project.id, name=project.name) for project in near],
    )
