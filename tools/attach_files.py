"""The tool `attach_files`: many files to one submittal, or each to the one that its name singles out."""

import json
from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import anyio
from pydantic import Field

from tools.core.arguments import LONGEST_WAIT_SECONDS, OptionalText, Project, ToolArguments
from tools.core.consent import require_consent
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import ManyFilesResult
from tools.errors.exceptions import InvalidArguments, RetryHint
from tools.next_steps.after_success import ManyFilesStatus, after_many_files
from transfers.categories_and_states import GivenCategory
from transfers.files.pasted_text import unwrap

if TYPE_CHECKING:
    from tools.attachments.file_plan import FileSelection
    from tools.attachments.file_run import BegunRun, FileRunRow
    from tools.core.ports import ManyFilesSummary
    from tools.lookup.projects import ProjectSummary

RETRYABLE: Final = frozenset({"storage_unavailable", "upstream_unavailable", "rate_limited"})
"""Codes of failures that the same call may get over."""

NAME_REASONS: Final = frozenset({"invalid_name", "name_taken", "same_name"})
"""Reasons against a file that another name in ACC would take away."""

_NOT_BOUND: Final = ("plan", "check_only", "confirm", "wait_seconds")
"""Arguments that a plan may run with in another way than it was checked."""


class _Targets(ToolArguments):
    """Arguments that say where the files go."""

    project: Project
    submittal: Annotated[OptionalText, Field(description="All files to this one. Left out: each by its own name")] = (
        None
    )


class _LocalSources(_Targets):
    """Arguments of local files, where the server can read the user's files."""

    folder: Annotated[
        OptionalText,
        Field(
            description='Allowed folder, "." or a folder in it: its files; "Steel/**" those below too, "Steel/*.pdf" '
            "by name. Give folder, files or file_urns"
        ),
    ] = None
    files: Annotated[list[str] | None, Field(description="Paths of local files")] = None


class ManyFilesArguments(_Targets):
    """Arguments over HTTP, where a path would mean nothing; exactly one of `sources` is given."""

    file_urns: Annotated[list[str] | None, Field(description="Files of ACC Docs to link: version URNs")] = None
    category: GivenCategory | None = None
    plan: Annotated[OptionalText, Field(description="plan of the check's answer: only what it showed runs")] = None
    check_only: Annotated[bool, Field(description="true: only tells where each file would go")] = True
    confirm: Annotated[bool, Field(description="false: upload only, invisible to reviewers")] = True
    wait_seconds: Annotated[int, Field(ge=0, le=LONGEST_WAIT_SECONDS)] = 0

    sources: ClassVar[tuple[str, ...]] = ("file_urns",)

    @property
    def given_sources(self) -> list[str]:
        """The arguments that name files: one, after `check`."""
        return [name for name in self.sources if getattr(self, name)]

    def check(self) -> None:
        """Refuse not exactly one source, and a run by names that no check has shown.

        Raises:
            InvalidArguments: Says which.
        """
        given = self.given_sources
        if len(given) != 1:
            local = "folder" in self.sources
            found = " and ".join(given) if given else "none"
            raise InvalidArguments(
                f"Exactly one of {', '.join(self.sources)} must be given; there is {found}.",
                'Call {tool} again with one of them; folder "." is the allowed folder.'
                if local
                else "Call {tool} again with file_urns from find_project_files. This server takes no files from a chat "
                "or a page here: bytes that you have go by add_submittal_attachment with upload_by_caller, one by one.",
                "Name a folder, or files.",
                again=RetryHint(without=given, needs=[self.sources[0]]),
            )
        if not self.check_only and not self.plan and not self.submittal:
            raise InvalidArguments(
                "'plan' is missing: files go by their names only as a check has shown.",
                "Call {tool} again with check_only=true, and then with the plan of its answer.",
                "Check first.",
                again=RetryHint(without=["check_only"]),
            )


class LocalManyFilesArguments(ManyFilesArguments, _LocalSources):
    """Arguments over stdio, with `folder` and `files`."""

    sources: ClassVar[tuple[str, ...]] = ("folder", "files", "file_urns")


async def attach_files(services: Services, call: ToolCall, arguments: ManyFilesArguments) -> ManyFilesResult:
    """Check where many files go, or attach those that a plan showed."""
    from tools.attachments.file_plan import plan_files
    from tools.attachments.file_run import BegunRun, FilesRun, held_against, plan_payload, preview

    [source] = arguments.given_sources
    project = await services.resolver.project(arguments.project)
    me = await services.resolver.me(project.id)
    bound = {name: value for name, value in call.arguments.items() if name not in _NOT_BOUND}
    owner = (me.id, json.dumps(bound, sort_keys=True))
    shown = await _shown(services, owner, arguments)
    key = json.dumps([*owner, arguments.plan, arguments.confirm])
    running = services.file_runs.get(key) if not arguments.check_only else None
    if isinstance(running, BegunRun):
        await running.run.wait(call, _deadline(services, call, arguments.wait_seconds))
        return _result(services, call, running.run.rows, running.selection, gone=running.gone)
    selection = await _selected(services, project, source, arguments)
    plan = await plan_files(services, project, selection, submittal=arguments.submittal, category=arguments.category)
    if arguments.check_only:
        payload = plan_payload(plan)
        sealed = await services.transfers.repository.sealed(payload, "plan", *owner) if payload else None
        return _result(services, call, [preview(row) for row in plan], selection, plan=sealed)
    rows, gone = held_against(plan, shown) if shown is not None else ([preview(row) for row in plan], 0)
    if any(row.outcome == "planned" for row in rows) and arguments.confirm:
        asked = partial(_summary, services, project, rows, arguments)
        await require_consent(services, call, asked, project_id=project.id, person_id=me.id)
    run = FilesRun(services, project, rows, confirm=arguments.confirm)
    begun = BegunRun(run, selection, gone)
    services.file_runs[key] = begun
    services.transfers.runner.in_background(partial(_carried_out, services, key, begun))
    await run.wait(call, _deadline(services, call, arguments.wait_seconds))
    return _result(services, call, run.rows, selection, gone=gone)


async def _carried_out(services: Services, key: str, begun: "BegunRun") -> None:
    """Carry a run out; the same call meanwhile waits for it, and afterwards looks again."""
    try:
        await begun.run.carry_out()
    finally:
        if services.file_runs.get(key) is begun:
            del services.file_runs[key]


async def _shown(services: Services, owner: tuple[str, str], arguments: ManyFilesArguments) -> bytes | None:
    """Return what the plan of a call showed; None without one. Its `owner` is a person and the arguments it binds.

    Raises:
        InvalidArguments: It is not of these arguments, or not this person's.
    """
    from persistence.encryption import NotSealed
    from persistence.errors import KeyMissing

    if arguments.check_only or not arguments.plan:
        return None
    try:
        return await services.transfers.repository.unsealed(unwrap(arguments.plan), "plan", *owner)
    except (NotSealed, KeyMissing):
        raise InvalidArguments(
            "'plan' does not belong to this call: it is of other arguments, of another person, or of a server with "
            "other keys.",
            "Call {tool} again with check_only=true, and take plan from its answer with the other arguments unchanged.",
            "Check again.",
            again=RetryHint(without=["plan", "check_only"]),
        ) from None


async def _selected(
    services: Services, project: "ProjectSummary", source: str, arguments: ManyFilesArguments
) -> "FileSelection":
    from tools.attachments.file_plan import select_folder, select_paths, select_versions

    if isinstance(arguments, LocalManyFilesArguments) and source == "folder":
        return await select_folder(services, arguments.folder or "")
    if isinstance(arguments, LocalManyFilesArguments) and source == "files":
        return await select_paths(services, arguments.files or [])
    return await select_versions(services, project, arguments.file_urns or [])


async def _summary(
    services: Services, project: "ProjectSummary", rows: "list[FileRunRow]", arguments: ManyFilesArguments
) -> "ManyFilesSummary | None":
    """Return what a run would make visible, as it is now; None where nothing is planned any more."""
    from tools.attachments.file_plan import plan_files, select_again
    from tools.attachments.file_run import consent_summary

    planned = [row.row for row in rows if row.outcome == "planned"]
    selection = await select_again(services, [row.file for row in planned])
    now = await plan_files(services, project, selection, submittal=arguments.submittal, category=arguments.category)
    return consent_summary(project, [row for row in now if row.planned])


def _deadline(services: Services, call: ToolCall, seconds: int) -> float:
    """Return until when a call waits, in the event loop's time."""
    longest = services.policy.max_wait_seconds
    left = call.deadline.wait_seconds_left if call.deadline is not None else longest
    return anyio.current_time() + min(seconds, longest, left)


def _result(
    services: Services,
    call: ToolCall,
    rows: "list[FileRunRow]",
    selection: "FileSelection",
    *,
    plan: str | None = None,
    gone: int = 0,
) -> ManyFilesResult:
    checked = call.arguments.get("check_only", True)
    beside = {"gone": gone, "more": selection.more, "ignored": selection.ignored}
    from tools.attachments.file_run import submittals_with_files
    from tools.moves.transition_plan import words_onward

    outcomes = Counter(row.outcome for row in rows)
    twins: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.look_alikes and row.row.item is not None:
            twins[row.row.item.id] += row.look_alikes
    status = ManyFilesStatus(
        call.arguments,
        plan,
        planned=outcomes["planned"] if checked else 0,
        nameable=sum(row.needs_submittal for row in rows) if checked else 0,
        names_needed=sum(row.reason in NAME_REASONS for row in rows) if checked else 0,
        tasks_needed=sum(row.reason == "task_required" for row in rows) if checked else 0,
        waiting=0 if checked else sum(row.is_under_way for row in rows),
        again=sum(row.outcome == "failed" and row.reason in RETRYABLE for row in rows),
        changed=outcomes["changed"] + gone,
        unconfirmed=sum(row.state == "uploaded" for row in rows),
        more=selection.more,
        onward={item.id: words_onward(item) for item in submittals_with_files(rows)},
        look_alikes=twins,
    )
    return ManyFilesResult(
        files=[row.shown(at_length=checked) for row in rows],
        counts={**outcomes, **{name: count for name, count in beside.items() if count}},
        plan=plan,
        next_steps=after_many_files(status, services.policy.step_context),
    )


def definition(*, local_files: bool) -> ToolDefinition[ManyFilesArguments]:
    """Return the tool: with `folder` and `files` where the server can read the person's files."""
    what = "Attach many files, or all files of a folder" if local_files else "Link many files of ACC Docs"
    say = '"attach these 14 PDFs to 051200-3" or "attach everything in this folder to the matching submittals"'
    say = say if local_files else '"link all shop drawings in Docs to 051200-3"'
    return ToolDefinition(
        name="attach_files",
        title="Attach many files at once",
        description=(
            f"{what} (bulk, batch): to one submittal, or each to the submittal whose number, spec "
            f"section or title its name singles out. For {say}. First answers a plan, a row a file, and never guesses; "
            "the next step attaches what the plan showed."
        ),
        search_hint="attach many multiple files folder batch bulk upload PDFs to submittals by number in the name",
        arguments=LocalManyFilesArguments if local_files else ManyFilesArguments,
        results=(ManyFilesResult,),
        writes=True,
        idempotent=True,
        run=attach_files,
    )
