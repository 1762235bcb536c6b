"""Looking up what people refer to, in as few requests as the API allows; nothing is guessed silently."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar

from acc.client import AccClient
from acc.errors import AppNotProvisioned, Forbidden, NotFound, RequestRejected
from acc.models import Item, SubmittalsUser
from tools.core.policy import ToolPolicy
from tools.core.presenters import REVIEW, ReviewTask, candidate, number, review_task
from tools.core.results import Candidate
from tools.core.ttl_cache import TtlCache
from tools.errors.exceptions import (
    AmbiguousReference,
    InvalidArguments,
    ProjectNotFound,
    ProjectNotSupported,
    RetryHint,
    SubmittalNotFound,
)
from tools.lookup.member_names import MemberNames
from tools.lookup.projects import ProjectListCache, ProjectSummary
from tools.lookup.references import (
    NotAReference,
    ParsedReference,
    match_quality,
    normalize,
    project_reference,
    search_terms,
    submittal_reference,
)
from transfers.concurrency import task_group

T = TypeVar("T")

SEARCHED: Final = 500
"""Rows looked through for a number that ACC's own search does not find."""


class ReferenceResolver:
    """Finds projects, submittals, people and tasks for one person."""

    def __init__(self, acc: AccClient, policy: ToolPolicy) -> None:
        self._acc = acc
        self._policy = policy
        self._people = TtlCache[SubmittalsUser]()
        self._items = TtlCache[str]()
        self.project_lists = ProjectListCache(acc, policy)
        self.member_names = MemberNames(acc)

    async def me(self, project_id: str) -> SubmittalsUser:
        """Return who the person is in a project: the id that ACC's rows carry.

        Raises:
            AccError: ACC refused or is away.
        """
        owner = await self._acc.owner_key()
        known = self._people.get(owner, project_id)
        return known or self._people.keep(await self._acc.submittals.me(project_id), owner, project_id)

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
        item_id = reference.id or await self._item_by_words(project.id, reference.words)
        try:
            return await self._acc.submittals.item(project.id, item_id)
        except NotFound:
            raise _no_submittal() from None

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
        return item if match_quality(words, number(item), item.title) == "exact" else None

    async def review_tasks(self, project_id: str, item: Item) -> list[ReviewTask]:
        """Return every task of a submittal in review, in the order of its steps; none in another state.

        Raises:
            AccError: ACC refused or is away.
        """
        if item.state_id != REVIEW:
            return []
        found: list[ReviewTask] = []
        for step in await self._acc.submittals.steps(project_id, item.id):
            tasks = step.tasks
            if step.status == "in-progress" and not any(task.raw_permitted_actions for task in tasks):
                tasks = await self._acc.submittals.tasks(project_id, item.id, step.id)
            found += [review_task(task, step.step_number) for task in tasks]
        return found

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
        found = [project for project in found if self._policy.allows(project.id)] or found
        if not found:
            raise _no_project(not_provisioned=listed.not_provisioned)
        if len(found) > 1:
            raise AmbiguousReference(
                f"{len(found)} projects fit these words.",
                "Call {tool} again with the id of one of the candidates.",
                "Write the id of one of the candidates.",
                candidates=[Candidate(id=project.id, name=project.name) for project in found],
                again=RetryHint(needs=["project"]),
            )
        return found[0]

    async def _item_by_words(self, project_id: str, words: str) -> str:
        """Return the id of the submittal that is called so, else of the only one that is called nearly so."""
        near: dict[str, Item] = {}
        for query in _searches(words) if normalize(words) else ():
            exact: dict[str, Item] = {}
            seen = 0
            async for item in self._acc.submittals.all_items(project_id, **query):
                kind = match_quality(words, number(item), item.title)
                if kind == "exact":
                    exact[item.id] = item
                elif kind == "near":
                    near[item.id] = item
                seen += 1
                # Numbers are unique in a project, so the one that is written so ends the search.
                if seen == SEARCHED or number(item).casefold() == words.casefold():
                    break
            if exact:
                owner = await self._acc.owner_key()
                return self._items.keep(_single_match(exact, words).id, owner, project_id, words)
            # ACC searches by parts: what is called exactly so would have come with what is called nearly so.
            if near:
                break
        if not near:
            raise _no_submittal()
        return _single_match(near, words).id


def _searches(words: str) -> Iterator[dict[str, Any]]:
    """Yield ways to list the rows that may be meant, cheapest first; void items are listed only when asked for."""
    for term in search_terms(words):
        yield {"search": term}
    for term in search_terms(words):
        yield {"search": term, "filters": {"stateId": "void"}}
    if any(letter.isdigit() for letter in words):
        yield {"sort": "identifier desc"}


def _single_match(found: dict[str, Item], words: str) -> Item:
    """Return the one that is meant; of several the one that is written so, to the letter."""
    items = sorted(found.values(), key=lambda item: (number(item), item.id))
    literal = [item for item in items if words.casefold() in (number(item).casefold(), item.title.casefold())]
    if len(items) == 1 or len(literal) == 1:
        return (literal or items)[0]
    raise AmbiguousReference(
        f"{len(items)} submittals fit these words.",
        "Call {tool} again with the id of one of the candidates, or with more of the number or title.",
        "Write the id of one of the candidates.",
        candidates=[candidate(item) for item in items],
        again=RetryHint(needs=["submittal"]),
    )


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


def _no_project(*, not_provisioned: bool) -> Exception:
    if not_provisioned:
        return AppNotProvisioned("dm.hubs", http_status=200)
    return ProjectNotFound(
        "No project of that id or name, or this person may not see it.",
        "List the projects with find_projects; the person must be a member of the project with access to Submittals.",
        "Check its name; the person must be a member of it with access to Submittals.",
    )


def _no_submittal() -> SubmittalNotFound:
    return SubmittalNotFound(
        "No submittal of that id, number or title in this project, or this person may not see it.",
        "Look for it with find_submittals, or ask the person for its number. Only a submittals manager sees drafts.",
        "Check its number or title; drafts are shown to managers only.",
    )
