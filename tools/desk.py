"""What every tool call works with: the person's way to ACC, the transfers under way, and what the settings allow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from tools.cursor import Cursors, InvalidCursor
from tools.errors import Again, InvalidArguments, ProjectNotAllowed, ReadOnly
from tools.next_steps import Surroundings
from tools.progress import Report
from tools.questions import Questions

if TYPE_CHECKING:
    from acc.client import Acc
    from tools.asking import SignInPage
    from tools.consent import Asker
    from tools.finding import Finder
    from tools.suggestions import Suggestions
    from transfers.attaching import Transfers

REPORT_SECONDS: Final = 5.0
"""How often a waiting assistant is told how far its call is."""


@dataclass(frozen=True)
class Policy:
    """What the settings allow, whatever a caller asks for: a caller's arguments can only narrow it.

    `projects` are bare UUIDs; none means all. `local_files` is false over HTTP, where no path means anything. With
    `asks` a person agrees before a file becomes visible.
    """

    local_files: bool
    read_only: bool = False
    projects: frozenset[str] = frozenset()
    max_wait_seconds: int = 45
    asks: bool = False

    def check_writing(self) -> None:
        """Let a writing tool go on.

        Raises:
            ReadOnly: The server was told to change nothing.
        """
        if self.read_only:
            raise ReadOnly(
                "This server only reads: nothing can be attached or confirmed.",
                "A person can restart it without SUBMITTAL_MCP_READ_ONLY (or --read-only).",
            )

    def allows(self, project_id: str) -> bool:
        """Whether a project may be worked with."""
        return not self.projects or project_id in self.projects

    def check_project(self, project_id: str) -> None:
        """Let a call on a project go on.

        Raises:
            ProjectNotAllowed: The project is not among those the server was told to work with.
        """
        if not self.allows(project_id):
            raise ProjectNotAllowed(
                "This server was told to leave that project alone.",
                "A person can add it to SUBMITTAL_MCP_PROJECTS.",
            )

    @property
    def surroundings(self) -> Surroundings:
        """The part of it that next steps depend on."""
        return Surroundings(self.local_files, self.read_only, self.max_wait_seconds)


@dataclass
class Desk:
    """One person's desk at one ACC; it lives as long as the server. Services are made when first needed.

    `sign_in_page` is there where a person can sign in: not with a ready token, nor for a service account.
    """

    policy: Policy
    acc: "Acc"
    transfers: "Transfers"
    finder: "Finder"
    sign_in_page: "SignInPage | None" = None
    cursors: Cursors = field(default_factory=Cursors)
    questions: Questions = field(default_factory=Questions)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @cached_property
    def suggestions(self) -> "Suggestions":
        """What this person may mean while they type."""
        from tools.suggestions import Suggestions

        return Suggestions(self.acc, self.finder, self.policy)


class Door(Protocol):
    """What leads to the desk; a server has it from its start, long before anything is opened."""

    async def opened(self) -> Desk:
        """Return the desk, opening it for the first call."""


@dataclass(frozen=True)
class Call:
    """One call of a tool: its name, the arguments its caller chose, and a way to tell whoever waits how far it is.

    `every` is how often they are told, in seconds. `asker` is the way to the person behind it, where there is one.
    `defers`: its client takes a task for an answer (`tools.tasks`).
    """

    tool: str
    arguments: dict[str, Any]
    report: Report
    every: float = REPORT_SECONDS
    asker: "Asker | None" = None
    defers: bool = False

    def cursor_arguments(self) -> dict[str, Any]:
        """Return what a cursor is bound to: the arguments but the cursor itself and the size of a page."""
        return {name: value for name, value in self.arguments.items() if name not in ("cursor", "limit")}

    def position(self, desk: Desk, person_id: str, cursor: str | None) -> int:
        """Return where a list goes on: 0 without a cursor.

        Raises:
            InvalidArguments: The cursor does not belong to this list.
        """
        if cursor is None:
            return 0
        try:
            return desk.cursors.read(cursor, person_id, self.tool, self.cursor_arguments())
        except InvalidCursor:
            raise InvalidArguments(
                "'cursor' does not belong to this list.",
                "Repeat the call without it, and take next_cursor from its answer with the other arguments unchanged.",
                again=Again(without=["cursor"]),
            ) from None

    def next_cursor(self, desk: Desk, person_id: str, position: int | None) -> str | None:
        """Return a cursor for `position`, or None at the end."""
        if position is None:
            return None
        return desk.cursors.make(person_id, self.tool, self.cursor_arguments(), position)
