"""A tool as the protocol has it: strict arguments in, compact JSON and structured content out, errors as answers."""

import json
import uuid
from dataclasses import replace
from typing import Any, Final, TypeGuard

import anyio
import mcp_types
from mcp import MCPError
from mcp_types import INTERNAL_ERROR, CallToolResult, InputRequiredResult, TextContent, ToolAnnotations

from auth.errors import CallbackPortTaken
from persistence.errors import StorageProblem
from server.mcp import icons
from server.mcp.client_request import BEAT_SECONDS, ClientRequest, ProgressReporter
from server.mcp.elicitation import (
    ElicitationConsentPrompt,
    ElicitationPending,
    ElicitationStates,
    ask_to_sign_in,
    wait_for_sign_in,
)
from server.mcp.schemas import input_schema, output_schema
from tools.attachments.tasks import DeferredResult
from tools.core.arguments import read_arguments
from tools.core.coercion import coerce_arguments
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.dispatch import dispatch, error_result
from tools.core.policy import CallDeadline, ToolPolicy
from tools.core.registry import definitions
from tools.core.results import ErrorResult, ToolResult
from tools.errors.exceptions import InvalidArguments

SEARCH_HINT: Final = "anthropic/searchHint"
"""The key of `_meta` under which Claude Code looks for words to search a tool by."""


class ToolAdapter:
    """Adapts a `ToolDefinition` to MCP: lists it, and answers its calls.

    `beat_seconds` is the heartbeat interval: how often a long call reports progress when nothing else is reported.
    """

    def __init__(
        self, definition: ToolDefinition[Any], policy: ToolPolicy, *, beat_seconds: float = BEAT_SECONDS
    ) -> None:
        self.definition = definition
        self._policy = policy
        self.name = definition.name
        self.input_schema = input_schema(definition.arguments)
        self.output_schema = output_schema(*definition.results)
        self._beat_seconds = beat_seconds
        self._elicitations = ElicitationStates()

    def listed(self) -> mcp_types.Tool:
        """Return the tool as a client is shown it."""
        one = self.definition
        return mcp_types.Tool(
            name=one.name,
            title=one.title,
            description=one.description,
            input_schema=self.input_schema,
            output_schema=self.output_schema,
            annotations=ToolAnnotations(
                title=one.title,
                read_only_hint=not (one.writes or one.saves_files),
                destructive_hint=one.destructive,
                idempotent_hint=one.idempotent,
                open_world_hint=True,  # everything reaches out to ACC
            ),
            icons=icons.ATTACH if one.writes else icons.LOOK,
            _meta={SEARCH_HINT: one.search_hint},
        )

    async def call(
        self, arguments: dict[str, Any], request: ClientRequest, *, defers: bool = False
    ) -> ToolResult | InputRequiredResult:
        """Answer one call: what it found, why it failed, or what the person has to be asked first.

        With `defers` a call that goes on is answered with a `DeferredResult`.

        Raises:
            MCPError: A fault of ours: the log has it under the id that the message names.
        """
        import structlog

        call_id = uuid.uuid4().hex[:12]
        with structlog.contextvars.bound_contextvars(call_id=call_id, tool=self.name):
            log = structlog.get_logger(__name__)
            try:
                progress = ProgressReporter(request.context.session.report_progress, self._beat_seconds)
                async with progress.heartbeat():
                    answer = await self._answer(arguments, request, progress, defers=defers)
            except ElicitationPending as asked:
                answer = asked.question
            except MCPError:
                raise
            except anyio.get_cancelled_exc_class():
                log.info("tool_cancelled")
                raise
            except Exception:  # the border: what is raised here, the SDK would tell the agent
                log.exception("tool_crashed")
                message = f"submittal-mcp failed; its log tells why under call_id {call_id}."
                raise MCPError(INTERNAL_ERROR, message) from None
            if isinstance(answer, InputRequiredResult):
                log.info("tool_asked")
                return answer
            if isinstance(answer, DeferredResult):
                log.info("tool_deferred", task=answer.task_id)
            elif isinstance(answer, ErrorResult):
                log.info("tool_refused", error_code=answer.error.code, step=answer.error.failed_step)
            else:
                log.info("tool_answered")
        return answer

    async def _answer(
        self, arguments: dict[str, Any], request: ClientRequest, progress: ProgressReporter, *, defers: bool
    ) -> ToolResult | InputRequiredResult:
        deadline = CallDeadline(self._policy.max_wait_seconds)
        given = coerce_arguments(self.definition.arguments, arguments)
        consent = ElicitationConsentPrompt(self._elicitations, request, self.name, given, deadline)
        call = ToolCall(self.name, given, progress.tell, consent_prompt=consent, accepts_task=defers, deadline=deadline)
        problem: Exception = deadline.not_opened()
        with deadline.scope:
            services = await request.context.lifespan_context.services()
            problem = deadline.error()
            await wait_for_sign_in(services, request, deadline)
            call, answer = await self._dispatched(services, call, arguments, deadline)
            page = services.sign_in_page
            if page is None or not _needs_a_person(answer):
                return answer
            try:
                return await ask_to_sign_in(page, answer.error, call, request)
            except (StorageProblem, CallbackPortTaken) as refused:
                return error_result(refused, self._policy, call) or answer
        try:
            # What is offered again is what would have been carried out.
            call = replace(call, arguments=read_arguments(self.definition.arguments, arguments).given())
        except InvalidArguments as wrong:
            problem = wrong
        late = error_result(problem, self._policy, call)
        if late is None:
            raise problem
        return late

    async def _dispatched(
        self, services: Services, call: ToolCall, arguments: dict[str, Any], deadline: CallDeadline
    ) -> tuple[ToolCall, ToolResult]:
        """Dispatch the call; once more where a person who opened the link has signed in meanwhile."""
        called, answer = await dispatch(self.definition, services, call, arguments)
        page = services.sign_in_page
        if page is None or not _needs_a_person(answer):
            return called, answer
        if await page.wait(deadline.wait_seconds_left, opened_only=True):
            return await dispatch(self.definition, services, called, arguments)
        return called, answer


def _needs_a_person(answer: ToolResult) -> TypeGuard[ErrorResult]:
    return isinstance(answer, ErrorResult) and answer.error.code in ("not_signed_in", "reauthorization_required")


def compact(answer: ToolResult) -> str:
    """Return an answer as the compact JSON that is served of it."""
    return json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))


def tool_result(answer: ToolResult) -> CallToolResult:
    """Give the same object twice: structured, and as the compact JSON that many clients show the model alone."""
    return CallToolResult(
        content=[TextContent(type="text", text=compact(answer))],
        structured_content=answer.model_dump(mode="json"),
        is_error=isinstance(answer, ErrorResult),
    )


def build_tools(policy: ToolPolicy) -> list[ToolAdapter]:
    """Return all tools, hidden ones included: calling one of those by name answers why it is off."""
    return [ToolAdapter(definition, policy) for definition in definitions(local_files=policy.local_files)]


def is_visible(tool: ToolAdapter, policy: ToolPolicy) -> bool:
    """Whether a client is shown the tool; the same decision refuses the call in `tools.core.dispatch`."""
    return not (tool.definition.writes and policy.read_only)
