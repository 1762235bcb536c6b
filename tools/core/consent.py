"""Asking the person before a file becomes visible in ACC, where `SUBMITTAL_MCP_CONFIRM` is `ask`.

What the person is shown is looked up anew after they agreed: only what they saw is done. How they are shown it is up to
whoever made the call: a form of their chat client (`server.mcp.consent_elicitation`), or a question in a terminal.
"""

from collections.abc import Awaitable, Callable

from tools.core.context import Services, ToolCall
from tools.core.ports import ConsentSummary
from tools.errors.exceptions import ConfirmationDeclined, ConfirmationRequired, RetryHint


async def require_consent(desk: Services, call: ToolCall, look: Callable[[], Awaitable[ConsentSummary | None]]) -> None:
    """Return once the person has agreed to what `look` finds, or where nobody has to be asked.

    `look` returns None when there is nothing to make visible.

    Raises:
        ConfirmationRequired: There is no way to ask them, or it is no longer what they were shown.
        ConfirmationDeclined: They did not agree.
    """
    if not desk.policy.asks:
        return
    showing = await look()
    if showing is None:
        return
    if call.asker is None:
        raise cannot_ask()
    if not await call.asker.agrees(showing):
        raise ConfirmationDeclined(
            "The person did not agree: nothing was made visible. What is uploaded stays as it is.",
            "Ask the person what should be different, before you call add_submittal_attachment or confirm_attachment.",
            "Run the same command again to be asked again.",
        )
    if await look() != showing:
        raise changed()


def cannot_ask() -> ConfirmationRequired:
    """Return what a call is refused with when the person cannot be asked."""
    return ConfirmationRequired(
        "A person has to agree before a file becomes visible, and this chat client cannot ask them. "
        "What is uploaded stays as it is.",
        "The person can use a client that shows forms (elicitation), attach the file in a terminal, or restart the "
        "server with SUBMITTAL_MCP_CONFIRM=off.",
        "Run the command in a terminal, where it can ask, or with SUBMITTAL_MCP_CONFIRM=off.",
    )


def changed() -> ConfirmationRequired:
    """Return what a call is refused with when what the person saw is no longer what there is."""
    return ConfirmationRequired(
        "Something changed since the person was shown it: nothing was made visible.",
        "Call {tool} again: the person is shown what there is now.",
        "Run the same command again: it shows what there is now.",
        again=RetryHint(),
    )
