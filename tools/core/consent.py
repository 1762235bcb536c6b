"""Consent: the user agrees before something changes visibly in ACC, where `SUBMITTAL_MCP_CONFIRM` is `ask`.

The summary is read again after the user agreed, and only an unchanged one is carried out. The prompt depends on the
caller: a form of the chat client (`server.mcp.elicitation`), or a question in a terminal.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tools.core.context import Services, ToolCall
from tools.core.ports import ConsentQuestion, ConsentSummary
from tools.errors.exceptions import ConfirmationDeclined, ConfirmationRequired, RetryHint

if TYPE_CHECKING:
    from transfers.idempotency import AttachTarget


async def require_consent(
    services: Services,
    call: ToolCall,
    summarize: Callable[[], Awaitable[ConsentQuestion | None]],
    *,
    project_id: str,
    person_id: str,
) -> None:
    """Return once the user has agreed to the summary that `summarize` returns, or where no consent is needed.

    `summarize` returns None when nothing would change. Consent is `person_id`'s, who is signed in now: one person does
    not agree to what another one then does.

    Raises:
        ConfirmationRequired: There is no way to ask them, or it is no longer what they were shown.
        ConfirmationDeclined: They did not agree.
    """
    if not services.policy.asks:
        return
    summary = await summarize()
    if summary is None:
        return
    if call.consent_prompt is None:
        raise cannot_ask()
    if not await call.consent_prompt.ask(summary, person_id):
        raise ConfirmationDeclined(
            "The person did not agree: nothing was changed. What is uploaded stays as it is.",
            "Ask the person what should be different, before you call {tool} again.",
            "Run the same command again to be asked again.",
        )
    if (await services.resolver.me(project_id)).id != person_id or await summarize() != summary:
        raise changed()


def cannot_ask() -> ConfirmationRequired:
    """Return the error where the user cannot be asked."""
    return ConfirmationRequired(
        "A person has to agree first, and this chat client cannot ask them. What is uploaded stays as it is.",
        "The person can use a client that shows forms (elicitation), do it in a terminal or in ACC, or restart the "
        "server with SUBMITTAL_MCP_CONFIRM=off.",
        "Run the command in a terminal, where it can ask, or with SUBMITTAL_MCP_CONFIRM=off.",
    )


def changed() -> ConfirmationRequired:
    """Return the error where the summary changed after the user saw it."""
    return ConfirmationRequired(
        "Something changed since the person was shown it: nothing was done.",
        "Call {tool} again: the person is shown what there is now.",
        "Run the same command again: it shows what there is now.",
        again=RetryHint(),
    )


async def upload_consent_summary(
    services: Services, project_id: str, item_id: str, attachment_id: str, person_id: str
) -> ConsentSummary | None:
    """Return what confirming an attachment would make visible; None when it is visible already.

    Raises:
        TransferError: It cannot be confirmed; see `TransferManager.preview_confirmation`.
        ToolError, AccError: It cannot be looked up.
    """
    found = await services.transfers.preview_confirmation(project_id, item_id, attachment_id, person_id)
    if found is None:
        return None
    project, submittal = await _place(services, project_id, item_id)
    return ConsentSummary(
        name=found.name,
        size_bytes=found.size,
        sha256=found.sha256,
        origin="another program sent the bytes",
        project=project,
        submittal=submittal,
        place=(project_id, item_id, attachment_id),
    )


async def link_consent_summary(
    services: Services, target: "AttachTarget", version_urn: str, name: str
) -> ConsentSummary:
    """Return what linking a version of the Files tool as `name` would make visible.

    Raises:
        ToolError, AccError: It cannot be looked up.
    """
    version = await services.acc.files.version(target.project_id, version_urn)
    project, submittal = await _place(services, target.project_id, target.item_id)
    return ConsentSummary(
        name=name,
        size_bytes=version.size_bytes,
        sha256=None,
        origin=f"version {version.version_number} of {version.name} in the Files tool",
        project=project,
        submittal=submittal,
        place=(target.project_id, target.item_id, version_urn),
    )


async def _place(services: Services, project_id: str, item_id: str) -> tuple[str, str]:

    project = await services.resolver.project(project_id)
    item = await services.resolver.submittal(project, item_id)
    return project.name, f"{item.number} {item.title}".strip()
