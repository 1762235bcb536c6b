"""Context of a tool call: the services of the signed-in user, the call itself, and the definition of a tool."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from tools.core.arguments import ToolArguments
from tools.core.cursors import CursorSigner, InvalidCursor
from tools.core.policy import CallDeadline, ToolPolicy
from tools.core.ports import ConsentPrompt, ProgressCallback, SignInPage
from tools.core.results import ToolResult
from tools.errors.exceptions import InvalidArguments, RetryHint
from transfers.files.pasted_text import unwrap

if TYPE_CHECKING:
    from acc.client import AccClient
    from tools.core.request_quota import CallQuota
    from tools.lookup.resolver import ReferenceResolver
    from transfers.manager import TransferManager

A = TypeVar("A", bound=ToolArguments)

REPORT_SECONDS: Final = 5.0
"""Interval of progress reports."""


@dataclass
class Services:
    """Services for one signed-in user, shared by all tool calls of a server.

    `sign_in_page` is None where no user signs in: with a given token, or for a service account. `quota` is None for
    commands, and where calls were counted before they came here. `file_runs` are runs of many files that are under way,
    which `tools.attach_files` alone looks into.
    """

    policy: ToolPolicy
    acc: "AccClient"
    transfers: "TransferManager"
    resolver: "ReferenceResolver"
    sign_in_page: SignInPage | None = None
    cursors: CursorSigner = field(default_factory=CursorSigner)
    quota: "CallQuota | None" = None
    file_runs: dict[str, object] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def acc_now(self) -> datetime:
        """Return the time by ACC's clock, to compare ACC's times with: this machine's may be wrong, or be set."""
        return self.acc.connection.server_clock.now()


class ServicesProvider(Protocol):
    """Opens `Services` on first use."""

    async def services(self) -> Services:
        """Return the services; the first call opens them."""


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool: name, arguments as the client sent them, and how to report progress.

    `every` is the interval of progress reports in seconds. `consent_prompt` asks the user, where a client can show a
    form. With `accepts_task` the client takes a task for an answer (`tools.attachments.tasks`).
    """

    tool: str
    arguments: dict[str, Any]
    report: ProgressCallback
    every: float = REPORT_SECONDS
    consent_prompt: ConsentPrompt | None = None
    accepts_task: bool = False
    deadline: CallDeadline | None = None

    def cursor_arguments(self) -> dict[str, Any]:
        """Return the arguments that a cursor is bound to: all but the cursor itself and the page size."""
        return {name: value for name, value in self.arguments.items() if name not in ("cursor", "limit")}

    def position(self, services: Services, person_id: str, cursor: str | None) -> int:
        """Return the offset that a cursor stands for; 0 without a cursor.

        Raises:
            InvalidArguments: The cursor does not belong to this list.
        """
        if cursor is None:
            return 0
        try:
            return services.cursors.read(unwrap(cursor), person_id, self.tool, self.cursor_arguments())
        except InvalidCursor:
            raise InvalidArguments(
                "'cursor' does not belong to this list.",
                "Repeat the call without it, and take next_cursor from its answer with the other arguments unchanged.",
                "Begin the list again.",
                again=RetryHint(without=["cursor"]),
            ) from None

    def next_cursor(self, services: Services, person_id: str, position: int | None) -> str | None:
        """Return a cursor for `position`, or None at the end."""
        if position is None:
            return None
        return services.cursors.make(person_id, self.tool, self.cursor_arguments(), position)


@dataclass(frozen=True)
class ToolDefinition(Generic[A]):
    """Definition of a tool, free of MCP: name and texts, argument and result models, and the function to run.

    `destructive`: what it does may not be undone. `saves_files`: it writes files on the server's machine.
    """

    name: str
    title: str
    description: str
    search_hint: str
    arguments: type[A]
    results: tuple[type[ToolResult], ...]
    writes: bool
    idempotent: bool
    run: Callable[[Services, ToolCall, A], Awaitable[ToolResult]]
    destructive: bool = False
    saves_files: bool = False
