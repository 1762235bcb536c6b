"""Policy: what the settings allow, whatever a caller asks for."""

from dataclasses import dataclass

from tools.errors.exceptions import ProjectNotAllowed, ReadOnly
from tools.next_steps.after_success import StepContext


@dataclass(frozen=True)
class ToolPolicy:
    """Policy of a server or command: limits from the settings that arguments can only narrow.

    `projects` are bare UUIDs, `accounts` those of ACC accounts; none means all. `local_files` is false over HTTP, where
    no path means anything. With `asks` a person agrees before a file becomes visible.
    """

    local_files: bool
    read_only: bool = False
    projects: frozenset[str] = frozenset()
    max_wait_seconds: int = 45
    asks: bool = False
    accounts: frozenset[str] = frozenset()

    def check_writing(self) -> None:
        """Check that writing is allowed.

        Raises:
            ReadOnly: The server was told to change nothing.
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
            ProjectNotAllowed: The project is not among those the server was told to work with.
        """
        if not self.allows(project_id):
            raise ProjectNotAllowed(
                "This server was told to leave that project alone.",
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
