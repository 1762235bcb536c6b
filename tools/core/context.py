"""What every tool call works with: the person's way to ACC, the transfers under way, and what the settings allow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from tools.core.cursors import Cursors, InvalidCursor
from tools.core.policy import Policy
from tools.core.ports import ConsentPrompt, Report, SignInPage
from tools.errors.exceptions import InvalidArguments, RetryHint

if TYPE_CHECKING:
    from acc.client import AccClient
    from tools.lookup.resolver import ReferenceResolver
    from transfers.manager import TransferManager

REPORT_SECONDS: Final = 5.0
"""How often a waiting assistant is told how far its call is."""


@dataclass
class Services:
    """One person's desk at one ACC; it lives as long as the server. Services are made when first needed.

    `sign_in_page` is there where a person can sign in: not with a ready token, nor for a service account.
    """

    policy: Policy
    acc: "AccClient"
    transfers: "TransferManager"
    finder: "ReferenceResolver"
    sign_in_page: SignInPage | None = None
    cursors: Cursors = field(default_factory=Cursors)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class ServicesProvider(Protocol):
    """What leads to the desk; a server has it from its start, long before anything is opened."""

    async def opened(self) -> Services:
        """Return the desk, opening it for the first call."""


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool: its name, the arguments its caller chose, and a way to tell whoever waits how far it is.

    `every` is how often they are told, in seconds. `asker` is the way to the person behind it, where there is one.
    `defers`: its client takes a task for an answer (`tools.attachments.tasks`).
    """

    tool: str
    arguments: dict[str, Any]
    report: Report
    every: float = REPORT_SECONDS
    asker: ConsentPrompt | None = None
    defers: bool = False

    def cursor_arguments(self) -> dict[str, Any]:
        """Return what a cursor is bound to: the arguments but the cursor itself and the size of a page."""
        return {name: value for name, value in self.arguments.items() if name not in ("cursor", "limit")}

    def position(self, desk: Services, person_id: str, cursor: str | None) -> int:
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
                "Begin the list again.",
                again=RetryHint(without=["cursor"]),
            ) from None

    def next_cursor(self, desk: Services, person_id: str, position: int | None) -> str | None:
        """Return a cursor for `position`, or None at the end."""
        if position is None:
            return None
        return desk.cursors.make(person_id, self.tool, self.cursor_arguments(), position)
