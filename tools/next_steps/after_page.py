"""Next steps after a page of a list: the next page, or a narrower search. Pure functions of the call.

These steps come after those for the rows, so that who only takes the first step of each answer does not leaf through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tools.core.results import NextStep
from tools.next_steps.after_success import step

NARROWING: Final[Mapping[str, Sequence[str]]] = {
    "find_projects": ("query",),
    "find_submittals": ("query", "state", "attachable", "in_my_court"),
    "find_project_files": ("query", "folder"),
}
"""The arguments by which each finder's list becomes shorter."""


@dataclass(frozen=True)
class PageInfo:
    """A page of a list: the `tool` and `arguments` that gave it, and the `cursor` of the next one; None at the end.

    `complete` is false where a search stopped at a limit, and no cursor goes on.
    """

    tool: str
    arguments: Mapping[str, Any]
    cursor: str | None
    complete: bool = True

    @property
    def whole(self) -> bool:
        """Whether the list has no rows but those of this page."""
        return self.complete and self.cursor is None and "cursor" not in self.arguments


def after_page(page: PageInfo, *, empty: bool = False) -> list[NextStep]:
    """Return how to get the next page of a list and how to shorten it; of an `empty` one, what else to ask.

    Only the caller can supply other words: a step without them would lead to unwanted rows.
    """
    if empty and page.whole and "query" in page.arguments:
        reason = "Nothing fits: try a single word of the name or title, or a number."
        others = step(page.tool, _without(page, "query", "limit") | {"query": None}, reason)
        # A person has few projects, so that all of them help more than other words; a register can be long.
        return [step(page.tool, {}, "List all projects."), others] if page.tool == "find_projects" else [others]
    steps = []
    if page.cursor is not None:
        reason = "Nothing so far; this looks further." if empty else "The next page."
        steps.append(step(page.tool, {**page.arguments, "cursor": page.cursor}, reason))
    if not page.complete:
        steps.append(_in_a_folder(page))
    elif page.cursor is not None and (page.tool in NARROWING or "submittal" in page.arguments):
        steps.append(_narrowed(page))
    return steps


def _narrowed(page: PageInfo) -> NextStep:
    given = _without(page, "cursor", "limit")
    if page.tool not in NARROWING:
        place = {name: given[name] for name in ("project", "submittal")}
        return step("get_attachment_status", place | {"attachment_id": None}, "One attachment of the list.")
    ways = [name for name in NARROWING[page.tool] if name not in given]
    needed = ways[0] if ways else "query"
    if "query" in given:
        ways.append("a longer query")
    return step(page.tool, given | {needed: None}, f"Too long a list? Narrow it by {' or '.join(ways)}.")


def _in_a_folder(page: PageInfo) -> NextStep:
    reason = "Not all folders were looked into: name the one to search in, best by its URN or URL."
    return step(page.tool, _without(page, "cursor", "limit") | {"folder": None}, reason)


def _without(page: PageInfo, *names: str) -> dict[str, Any]:
    return {name: value for name, value in page.arguments.items() if name not in names}
