"""The tool `add_submittal_attachment`: reserve, send or link, and confirm when asked for."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

import anyio
from pydantic import Field

from tools.attachments.tasks import DeferredResult
from tools.core.arguments import OptionalText, Project, Submittal, ToolArguments, WaitSeconds
from tools.core.consent import require_consent
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import AttachmentResult
from tools.errors.exceptions import InvalidArguments, RetryHint
from transfers.categories_and_states import GivenCategory
from transfers.concurrency import gather_two

if TYPE_CHECKING:
    from acc.models.submittals import Item
    from tools.lookup.projects import ProjectSummary
    from transfers.errors import FileWarning
    from transfers.idempotency import AttachTarget
    from transfers.jobs.base import Job
    from transfers.jobs.runner import WaitOptions
    from transfers.manager import AttachResult


class _TargetArguments(ToolArguments):
    """Arguments that name the submittal."""

    project: Project
    submittal: Submittal


class _LocalFile(_TargetArguments):
    """Argument of a local file, where the server can read the user's files."""

    file_path: Annotated[
        OptionalText,
        Field(
            description="Local file in an allowed folder, which the server uploads. Give exactly one of file_path, "
            "file_urn, upload_by_caller"
        ),
    ] = None


class AttachArguments(_TargetArguments):
    """Arguments over HTTP, where a path would mean nothing; exactly one of `sources` is given."""

    file_urn: Annotated[
        OptionalText,
        Field(description="File of ACC Docs to link: version URN from find_project_files, or pasted URL; same project"),
    ] = None
    upload_by_caller: Annotated[
        bool, Field(description="true: answers a URL and a curl command by which you send the bytes; give name")
    ] = False
    name: Annotated[OptionalText, Field(description="Name in ACC; default: the file's own")] = None
    category: Annotated[
        GivenCategory | None,
        Field(
            description="Default: by state. Override only with submission (subcontractor made the item in mgr-1) or "
            "final_response (closing from a state other than mgr-2)"
        ),
    ] = None
    task_id: Annotated[
        OptionalText,
        Field(description="Review task, in state rev only; default: yours, else the only open one"),
    ] = None
    confirm: Annotated[
        bool,
        Field(
            description="true: also confirm, so that reviewers see the file. Else it stays invisible until "
            "confirm_attachment"
        ),
    ] = False
    wait_seconds: WaitSeconds = 0
    idempotency_key: Annotated[
        Annotated[str, Field(max_length=200)] | None,
        Field(description="Your own key: the same key never attaches twice; nor does the same file without one"),
    ] = None

    sources: ClassVar[tuple[str, ...]] = ("file_urn", "upload_by_caller")

    def check(self) -> None:
        """Refuse not exactly one source, and what does not go with it.

        Raises:
            InvalidArguments: Says which.
        """
        given = [name for name in self.sources if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) if given else "none"
            raise InvalidArguments(
                f"Exactly one of {', '.join(self.sources)} must be given; there is {found}.",
                f"Call {{tool}} again with one of them, for example {self.sources[0]}.",
                "Name one file.",
                again=RetryHint(without=given, needs=[self.sources[0]]),
            )
        if self.upload_by_caller and self.confirm:
            raise InvalidArguments(
                "'confirm' does not go with upload_by_caller: there are no bytes yet.",
                "Call {tool} again without confirm, send the bytes, then call confirm_attachment.",
                "Attach a local file to confirm it at once.",
                again=RetryHint(without=["confirm"]),
            )
        if self.upload_by_caller and not self.name:
            raise InvalidArguments(
                "'name' is missing: with upload_by_caller the server does not see the file.",
                "Give the name the attachment shall have, with its extension.",
                "Give the name the attachment shall have, with its extension.",
                again=RetryHint(needs=["name"]),
            )


class LocalArguments(AttachArguments, _LocalFile):
    """Arguments over stdio, with `file_path`."""

    sources: ClassVar[tuple[str, ...]] = ("file_path", *AttachArguments.sources)


class Destination(NamedTuple):
    """Where a file goes: a submittal as ACC showed it `at` a time of the event loop's, and the target of a job."""

    project: "ProjectSummary"
    item: "Item"
    target: "AttachTarget"
    at: float


async def add_submittal_attachment(
    services: Services, call: ToolCall, arguments: AttachArguments
) -> AttachmentResult | DeferredResult:
    """Attach a file to a submittal."""
    return await attach_to(await destination_of(services, arguments), services, call, arguments)


async def attach_to(
    destination: Destination, services: Services, call: ToolCall, arguments: AttachArguments
) -> AttachmentResult | DeferredResult:
    """Attach a file where it is known to go: several files of one submittal need one look at it."""
    from tools.attachments.following import followed_attachment
    from tools.attachments.rejection import explain_rejection
    from tools.attachments.status import FollowDeadline, attachment_result, warning_rows, with_onward_step
    from tools.next_steps.after_success import after_uncertain_create
    from transfers.errors import JobStopped

    deadline = FollowDeadline.after(arguments.wait_seconds, services, call)
    project, item, target, _ = destination
    try:
        outcome, warnings = await gather_two(
            _attach(services, call, target, arguments), _file_warnings(services, arguments)
        )
    except JobStopped as stopped:
        raise await explain_rejection(
            services, project, item, stopped, category=arguments.category, task_id=arguments.task_id
        ) from stopped
    answer = await attachment_result(services, call, outcome, item, waits=arguments.wait_seconds > 0)
    if not isinstance(answer, AttachmentResult):
        return answer
    if not answer.already_attached:
        answer = answer.model_copy(update={"warnings": warning_rows(warnings, outcome.job)})
    if answer.attachment.state == "processing" and arguments.wait_seconds:
        ended = await followed_attachment(services, call, project, item, outcome.job.reserved, deadline)
        if not isinstance(ended, AttachmentResult):
            return ended
        if ended.attachment.state != "processing":
            place, twins = outcome.job.destination, [] if outcome.existed else outcome.job.look_alikes
            steps = [*ended.next_steps, *after_uncertain_create(place.project_id, place.item_id, twins)]
            kept = {"already_attached": answer.already_attached, "warnings": answer.warnings, "next_steps": steps}
            answer = ended.model_copy(update=kept)
    # Ready at once (a linked file): the caller waited for nothing, and nothing is left to say.
    at_once = answer.attachment is not None and answer.attachment.state == "ready" and not arguments.wait_seconds
    return answer if answer.already_attached or at_once else with_onward_step(services, answer, item)


async def _attach(
    services: Services, call: ToolCall, target: "AttachTarget", arguments: AttachArguments
) -> "AttachResult":
    from tools.attachments.status import wait_options
    from tools.core.consent import link_consent_summary
    from tools.lookup.files import linked_version
    from transfers.files.names import attachment_name

    waiting = wait_options(services, call, services.policy.max_wait_seconds)
    key = arguments.idempotency_key
    if isinstance(arguments, LocalArguments) and arguments.file_path:
        at_once = arguments.confirm and not services.policy.asks
        outcome = await services.transfers.attach_file(
            target, arguments.file_path, arguments.name, key, waiting, confirm=at_once
        )
        if arguments.confirm and not at_once:
            await _confirm(services, call, outcome.job, waiting)
        return outcome
    if arguments.file_urn:
        version = await linked_version(services, target.project_id, arguments.file_urn)
        name = attachment_name(arguments.name, version.name)
        summary = partial(link_consent_summary, services, target, version.id, name)
        await require_consent(services, call, summary, project_id=target.project_id, person_id=target.person_id)
        return await services.transfers.link_version(target, version.id, name, key, waiting)
    return await services.transfers.reserve_for_caller(
        target, attachment_name(None, arguments.name or ""), key, waiting
    )


async def _file_warnings(services: Services, arguments: AttachArguments) -> "list[FileWarning]":
    from transfers.files.document_check import name_warnings
    from transfers.files.names import attachment_name

    if isinstance(arguments, LocalArguments) and arguments.file_path:
        return await services.transfers.file_warnings(arguments.file_path, arguments.name)
    if arguments.name is None:
        return []
    return name_warnings(attachment_name(None, arguments.name), arguments.name)


async def _confirm(services: Services, call: ToolCall, job: "Job", waiting: "WaitOptions") -> None:
    """Confirm what was uploaded once the person has agreed; what is on its way still waits for `confirm_attachment`."""
    from tools.core.consent import upload_consent_summary

    if job.running or not job.stored:
        return
    target = job.destination
    which = (target.project_id, target.item_id, job.reserved.id, target.person_id)
    summary = partial(upload_consent_summary, services, *which)
    await require_consent(services, call, summary, project_id=target.project_id, person_id=target.person_id)
    await services.transfers.confirm(*which, waiting)


async def destination_of(services: Services, arguments: AttachArguments) -> Destination:
    """Return where a call would attach, after all that can be known before anything is created.

    Raises:
        ToolError: An argument, a reference or one of ACC's rules stands against it.
        AccError: Autodesk refused or is away.
    """
    from tools.attachments.preconditions import attach_target

    at = anyio.current_time()
    project = await services.resolver.project(arguments.project)
    item, _ = await gather_two(
        services.resolver.submittal(project, arguments.submittal), services.resolver.me(project.id)
    )
    target = await attach_target(services, project, item, category=arguments.category, task_id=arguments.task_id)
    return Destination(project, item, target, at)


def definition(*, local_files: bool) -> ToolDefinition[AttachArguments]:
    """Return the tool: with `file_path` where the server can read the person's files."""
    how = "Attach, upload or link" if local_files else "Attach or link"
    say = '"upload the data sheet to the door submittal"' if local_files else '"link A-101 to the door submittal"'
    return ToolDefinition(
        name="add_submittal_attachment",
        title="Attach or upload a file to a submittal",
        description=(
            f"{how} a file (PDF, shop drawings, product data, photo) to a submittal in ACC / Forma, for review or as a "
            f'response. For "attach beams.pdf to submittal 051200-3" or {say}. Takes names as people say them, so no '
            "look-up is needed first; confirm=true makes the file visible in the same call, wait_seconds waits until "
            "reviewers can open it."
        ),
        search_hint=(
            "attach upload add file pdf document photo shop drawings to submittal for review, link docs file, ACC "
            "Autodesk Build Forma"
        ),
        arguments=LocalArguments if local_files else AttachArguments,
        results=(AttachmentResult,),
        writes=True,
        idempotent=True,
        run=add_submittal_attachment,
    )
