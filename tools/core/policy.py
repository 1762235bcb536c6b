"""Policy of tool calls: what the settings allow, whatever a caller asks for, and until when a call is answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from persistence.errors import StorageProblem
from tools.errors.exceptions import CallTimedOut, ProjectNotAllowed, ReadOnly, RetryHint
from tools.next_steps.after_success import StepContext


@dataclass(frozen=True)
class ToolPolicy:
    """Policy of a server or command: limits from the settings that arguments can only narrow.

    `projects` are bare UUIDs, `accounts` those of ACC accounts; none means all. `local_files` is false over HTTP, where
    no path means anything. With `asks` a person agrees before a file becomes visible. `downloads` is the folder that
    attachments are downloaded to; without one they are not.
    """

    local_files: bool
    read_only: bool = False
    projects: frozenset[str] = frozenset()
    max_wait_seconds: int = 45
    asks: bool = False
    accounts: frozenset[str] = frozenset()
    downloads: Path | None = None

    def check_writing(self) -> None:
        """Check that writing is allowed.

        Raises:
            ReadOnly: The settings forbid every change.
        """
        if self.read_only:
            raise ReadOnly(
                "This server only reads: nothing can be attached or confirmed.",
                "A person can restart it without SUBMITTAL_MCP_READ_ONLY.",
                "Run it without SUBMITTAL_MCP_READ_ONLY or --read-only.",
            )

    def allows(self, project_id: str) -> bool:
        """Whether a project may be worked with."""
        return not self.projects or project_id in self.projects

    def check_project(self, project_id: str) -> None:
        """Check that a project is allowed.

        Raises:
            ProjectNotAllowed: The project is not among those of the settings.
        """
        if not self.allows(project_id):
            raise ProjectNotAllowed(
                "This server's settings exclude that project.",
                "A person can add it to SUBMITTAL_MCP_PROJECTS.",
                "Add it to SUBMITTAL_MCP_PROJECTS.",
            )

    def allows_account(self, hub_id: str) -> bool:
        """Whether projects of an ACC account, which Data Management calls a hub, may be worked with."""
        return not self.accounts or hub_id.removeprefix("b.") in self.accounts

    @property
    def step_context(self) -> StepContext:
        """The capabilities that next steps depend on."""
        return StepContext(self.local_files, self.read_only, self.max_wait_seconds, self.asks)


GRACE_SECONDS: Final = 5.0
"""How long after the longest wait a call is answered at the latest."""


_ANSWER_SECONDS: Final = 0.5
"""How long before its end a call stops what may still be under way, so as to say so itself."""


class CallDeadline:
    """Counts from its creation, and is paused while the user is asked something."""

    def __init__(self, wait_seconds: float) -> None:
        self._waits_until = anyio.current_time() + wait_seconds
        self.scope = anyio.CancelScope(deadline=self._waits_until + GRACE_SECONDS)
        self.seconds = wait_seconds + GRACE_SECONDS

    @property
    def wait_seconds_left(self) -> float:
        """Seconds for which the call may still wait for a change."""
        return max(0.0, self._waits_until - anyio.current_time())

    @property
    def seconds_left(self) -> float:
        """Seconds until the call is ended, less those that an answer takes."""
        return max(0.0, self.scope.deadline - anyio.current_time() - _ANSWER_SECONDS)

    def error(self) -> CallTimedOut:
        """Return what a call is answered that was not done in time."""
        return CallTimedOut(
            f"Autodesk did not answer within {self.seconds:.0f} seconds.",
            "Call {tool} again in a minute: it looks first at what was done already, and repeats nothing of it.",
            "Run the same command again in a minute.",
            again=RetryHint(),
        )

    def not_opened(self) -> StorageProblem:
        """Return what a call is answered whose own database and keys were not there in time."""
        return StorageProblem(
            f"this server's database and keys did not open within {self.seconds:.0f} seconds; "
            "see that the database answers, and that no program waits for a password of the keyring"
        )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the deadline while a person is asked."""
        began, self.scope.deadline = anyio.current_time(), float("inf")
        try:
            yield
        finally:
            self._waits_until += anyio.current_time() - began
            self.scope.deadline = self._waits_until + GRACE_SECONDS
