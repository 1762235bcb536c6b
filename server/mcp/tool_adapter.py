"""A tool as the SDK registers it: strict arguments in, compact JSON and structured content out, errors as answers.

The SDK's own tool reads Python signatures, ignores unknown arguments and indents its JSON; this one is told its models.
"""

import json
import uuid
from typing import Any, Self, TypeGuard

import anyio
from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import INTERNAL_ERROR, CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import Field

from auth.errors import CallbackPortTaken
from auth.storage_errors import StorageProblem
from server.mcp import icons
from server.mcp.consent_elicitation import ElicitationConsentPrompt, ElicitationPending
from server.mcp.pending_elicitations import PendingElicitations
from server.mcp.progress import BEAT_SECONDS, ProgressReporter
from server.mcp.schemas import input_schema, output_schema
from server.mcp.sign_in_elicitation import ask_to_sign_in, wait_for_sign_in
from tools.calling import carried_out, refusal
from tools.catalogue import definitions
from tools.definition import Definition
from tools.desk import Call, Door
from tools.policy import Policy
from tools.results import ErrorResult, Result
from tools.tasks import DeferredResult, client_supports_tasks


class ToolAdapter(Tool):
    """A `Definition` as the SDK calls it."""

    definition: Any
    """A `Definition`; typed so, because pydantic would look into a dataclass and rebuild it."""

    beat_seconds: float = BEAT_SECONDS
    """How often a call that takes its time says that it goes on, where there is no other news of it."""

    questions: Any = Field(default_factory=PendingElicitations)
    """The `PendingElicitations` that clients have been given about calls of this tool."""

    @classmethod
    def of(cls, definition: Definition[Any]) -> Self:
        """Return the tool for a definition."""
        return cls(
            fn=definition.run,
            name=definition.name,
            title=definition.title,
            description=definition.description,
            parameters=input_schema(definition.arguments),
            fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=output_schema(*definition.results)),
            is_async=True,
            annotations=ToolAnnotations(
                title=definition.title,
                read_only_hint=not definition.writes,
                destructive_hint=False,  # nothing here ever destroys, and everything reaches out to ACC
                idempotent_hint=definition.idempotent,
                open_world_hint=True,
            ),
            icons=icons.ATTACH if definition.writes else icons.LOOK,
            definition=definition,
        )

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002  # the SDK's signature
        """Answer one call of the protocol, with a task where it goes on and the client takes one; see `answer`."""
        answer = await self.answer(arguments, context, defers=client_supports_tasks(context))
        if isinstance(answer, DeferredResult):
            return answer.created()
        return answer if isinstance(answer, InputRequiredResult) else tool_result(answer)

    async def answer(
        self, arguments: dict[str, Any], context: Context[Any, Any], *, defers: bool = False
    ) -> Result | InputRequiredResult:
        """Answer one call: what it found, why it failed, or what the person has to be asked first.

        With `defers` a call that goes on is answered `DeferredResult`.

        Raises:
            MCPError: A fault of ours: the log has it under the id that the message names.
        """
        import structlog

        call_id = uuid.uuid4().hex[:12]
        with structlog.contextvars.bound_contextvars(call_id=call_id, tool=self.name):
            log = structlog.get_logger(__name__)
            try:
                progress = ProgressReporter(context.report_progress, self.beat_seconds)
                async with progress.heartbeat():
                    answer = await self._answer(arguments, context, progress, defers=defers)
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
        self, arguments: dict[str, Any], context: Context[Any, Any], progress: ProgressReporter, *, defers: bool
    ) -> Result | InputRequiredResult:
        door: Door = context.request_context.lifespan_context
        desk = await door.opened()
        await wait_for_sign_in(desk, context)
        given = {name: value for name, value in arguments.items() if value is not None}
        form = ElicitationConsentPrompt(self.questions, context, self.name, given)
        call = Call(self.name, given, progress.tell, asker=form, defers=defers)
        call, answer = await carried_out(self.definition, desk, call, arguments)
        page = desk.sign_in_page
        if page is None or not _needs_a_person(answer):
            return answer
        if await page.wait(desk.policy.max_wait_seconds, opened_only=True):
            call, answer = await carried_out(self.definition, desk, call, arguments)
        if not _needs_a_person(answer):
            return answer
        try:
            return await ask_to_sign_in(page, answer.error, call, context)
        except (StorageProblem, CallbackPortTaken) as problem:
            return refusal(problem, desk, call) or answer


def _needs_a_person(answer: Result) -> TypeGuard[ErrorResult]:
    return isinstance(answer, ErrorResult) and answer.error.code in ("not_signed_in", "reauthorization_required")


def compact(answer: Result) -> str:
    """Return an answer as the compact JSON that is served of it."""
    return json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))


def tool_result(answer: Result) -> CallToolResult:
    """Give the same object twice: structured, and as the compact JSON that many clients show the model alone."""
    return CallToolResult(
        content=[TextContent(type="text", text=compact(answer))],
        structured_content=answer.model_dump(mode="json"),
        is_error=isinstance(answer, ErrorResult),
    )


def build_tools(policy: Policy) -> list[ToolAdapter]:
    """Return the tools to register, hidden ones included: calling one of those by name answers why it is off."""
    return [ToolAdapter.of(definition) for definition in definitions(local_files=policy.local_files)]


def is_visible(tool: ToolAdapter, policy: Policy) -> bool:
    """Whether a client is shown the tool; the same decision refuses the call in `tools.calling`."""
    return not (tool.definition.writes and policy.read_only)
