"""Next steps after a result: pure functions from what is known to `next_steps`.

A step is valid against the named tool's schema as it stands, or names in `needs` what only the caller can supply. No
step proposes `upload_by_caller` by itself: a reservation cannot be deleted through ACC's public API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tools.core.results import NextStep
from tools.errors.codes import Code
from transfers.categories_and_states import AttachmentState

FOLLOW_WAIT_SECONDS: Final = 30
"""Longest wait that a next step asks for; the server may answer sooner."""

MAX_STEPS: Final = 5
"""Steps of a list; its rows say where the others stand."""

_STOPPING: Final = "A person stops it at a shell, with `jobs cancel` of this program."

_GO_ON: Final = "Bytes are missing: attach the same file to go on, or make a new attachment."
_BYTES_MISSING: Final[dict[Code | None, str]] = {
    "upload_expired": "Storage has discarded what was sent: attach the file again.",
    "file_changed": "Attach the file as it is now: where it is another, as a new attachment.",
}

MAX_FAILURES: Final = 2
"""Attachments of one file that ACC may fail to process; after that a person has to look at the file."""


@dataclass(frozen=True)
class StepContext:
    """Capabilities of the server that decide which steps are possible.

    `local_files`: files can be read here; `read_only`: writing is off; `asks`: a person agrees before a file becomes
    visible.
    """

    local_files: bool
    read_only: bool
    max_wait_seconds: int
    asks: bool = False

    @property
    def source(self) -> str:
        """The argument by which a caller names what to attach."""
        return "file_path" if self.local_files else "file_urn"

    @property
    def patience(self) -> int:
        """Seconds that a next step waits."""
        return min(FOLLOW_WAIT_SECONDS, self.max_wait_seconds)


@dataclass(frozen=True)
class AttachmentStatus:
    """An attachment and what is known of it.

    `mine`: this person reserved it; `may_confirm`: and ACC permits confirming it. `may_attach`: ACC lets this person
    attach to the submittal as it is now. `awaits_caller`: its bytes are to be sent by the caller. `overdue`: it is
    processing for so long that a person has to look. `problem` is the code of a failure in the background; `failures`:
    how often ACC has failed to process a file of this name. `call` are the arguments that repeat the call while it is
    `preparing`. `content` are those that name its content, as far as that is known here, and `manner` those that would
    attach it in the same way again.
    """

    project_id: str
    submittal_id: str
    attachment_id: str | None
    state: AttachmentState
    mine: bool = True
    may_confirm: bool = True
    may_attach: bool = True
    awaits_caller: bool = False
    overdue: bool = False
    problem: Code | None = None
    failures: int = 0
    call: Mapping[str, Any] | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    manner: Mapping[str, Any] = field(default_factory=dict)


def after_attachment(status: AttachmentStatus, context: StepContext) -> list[NextStep]:
    """Return the next steps of an attachment; none once it is ready."""
    match status.state:
        case "preparing":
            reason = f"The same call joins the running job. {_STOPPING}"
            return [step("add_submittal_attachment", status.call or {}, reason)]
        case "reserved" if status.awaits_caller:
            return _confirm(status, context, "Once the bytes were sent with upload.command: this completes them.")
        case "reserved":
            return _attach(status, context, _BYTES_MISSING.get(status.problem, _GO_ON))
        case "uploading":
            return [_follow(status, context, f"Bytes are on their way; this waits for them. {_STOPPING}")]
        case "uploaded":
            listed = "The bytes are stored; confirming makes the file visible in ACC."
            missing = "The bytes are stored, but ACC lists no way to confirm them now: this tells why."
            return _confirm(status, context, listed if status.may_confirm else missing)
        case "processing":
            usual = "ACC is making a version of the file; this waits for it."
            overdue = "Processing takes unusually long: this tells what a person can do."
            return [_follow(status, context, overdue if status.overdue else usual)]
        case "failed":
            return _attach(status, context, "ACC could not process these bytes: attach the file again.")
        case "ready":
            return []


def after_attachments(statuses: Sequence[AttachmentStatus], context: StepContext) -> list[NextStep]:
    """Return what can be done with a list of attachments, newest first; a few steps, none of them twice."""
    found: list[NextStep] = []
    for status in statuses:
        found += [one for one in after_attachment(status, context) if one not in found]
    return found[:MAX_STEPS]


def after_uncertain_create(project_id: str, submittal_id: str, look_alikes: Sequence[str]) -> list[NextStep]:
    """Return how to look at rows that a reservation whose answer was lost may have made beside the one in use."""
    reason = "An answer of ACC was lost: this may be an empty twin. Look at it; a person can delete it in ACC."
    place = {"project": project_id, "submittal": submittal_id}
    return [step("get_attachment_status", place | {"attachment_id": one}, reason) for one in look_alikes[:MAX_STEPS]]


def after_sign_in() -> list[NextStep]:
    """Return the next steps after signing in."""
    return [step("find_projects", {}, "Find the project.")]


def after_projects(projects: Sequence[str], *, whole: bool) -> list[NextStep]:
    """Return what can be done with the supported `projects` (ids) of a page, which is the `whole` list or not."""
    if not projects:
        return []
    return [
        step("find_submittals", _one_or_needed("project", projects, whole=whole), "Find the submittal in a project.")
    ]


def after_submittals(
    project_id: str, submittals: Mapping[str, bool], context: StepContext, *, whole: bool
) -> list[NextStep]:
    """Return what can be done with the `submittals` of a page, which is the `whole` list or not.

    They are ids, and whether this person may attach to each. Only the one row of a list is attached to: among several
    the caller may have meant another.
    """
    if not submittals:
        return []
    ids = list(submittals)
    arguments = {"project": project_id} | _one_or_needed("submittal", ids, whole=whole)
    only = whole and len(ids) == 1 and submittals[ids[0]]
    attach = _attach_steps(arguments, context) if only and not context.read_only else []
    return [*attach, step("get_submittal", arguments, "Look at it: state, who has it, attachments.")]


def after_submittals_everywhere(found: Sequence[tuple[str, str]], *, whole: bool) -> list[NextStep]:
    """Return what can be done with submittals of several projects, each as (project id, its own id)."""
    if not found:
        return []
    only = found[0] if whole and len(found) == 1 else (None, None)
    arguments = dict(zip(("project", "submittal"), only, strict=True))
    return [step("get_submittal", arguments, "Look at one of them, by its project_id and id.")]


def after_submittal(
    project_id: str, submittal_id: str, tasks: Sequence[str], context: StepContext, *, can_attach: bool
) -> list[NextStep]:
    """Return how to attach to a submittal, if this person may; in review for one of the `tasks`."""
    if not can_attach or context.read_only:
        return []
    arguments: dict[str, Any] = {"project": project_id, "submittal": submittal_id}
    if tasks:
        arguments |= _one_or_needed("task_id", tasks, whole=True)
    return _attach_steps(arguments, context)


def onward(
    project_id: str, submittal_id: str, my_tasks: Sequence[str], context: StepContext, *, can_move: bool
) -> list[NextStep]:
    """Return how this person may move a submittal on, or answer one of their tasks; how, is for the caller to say."""
    if context.read_only:
        return []
    place = {"project": project_id, "submittal": submittal_id}
    answer = {**place, **_one_or_needed("task_id", my_tasks, whole=True), "response": None}
    answers = [step("move_submittal", answer, "Answer this person's review task.")] if my_tasks else []
    moves = [step("move_submittal", {**place, "to": None}, "Move it on: see transitions.")] if can_move else []
    return [*answers, *moves]


def after_visible(project_id: str, onward: Mapping[str, Sequence[str]], context: StepContext) -> list[NextStep]:
    """Return how submittals move on once files were attached: `onward` are the words open to this person, by their ids.

    Where one goes is for the caller to say: the person has not asked for it yet. Of several the caller says which, too.
    """
    movable = {submittal_id: words for submittal_id, words in onward.items() if words}
    if not movable or context.read_only:
        return []
    words = " or ".join(dict.fromkeys(word for some in movable.values() for word in some))
    who = "The submittal" if len(movable) == 1 else "Submittals"
    place = {"project": project_id} | _one_or_needed("submittal", list(movable), whole=True)
    return [step("move_submittal", {**place, "to": None}, f"{who} can go on, if the person wants that: to={words}.")]


def after_move_check(call: Mapping[str, Any], missing: Sequence[str | None]) -> list[NextStep]:
    """Return how to make the move that was shown, by the `call` that repeats it; first what is `missing` is asked for.

    None among those is what no argument gives: then only a person can go on, in ACC.
    """
    needs: dict[str, Any] = {name: None for name in missing if name is not None}
    if len(needs) < len(set(missing)):
        return []
    if needs:
        return [step("move_submittal", {**call, **needs}, "Ask for what ACC demands, then check.")]
    return [step("move_submittal", {**call, "check_only": False}, "Do it, once the person agrees to what is shown.")]


def after_unseen_move(project_id: str, submittal_id: str) -> NextStep:
    """Return how to look at a submittal that was moved, and that ACC has not shown since."""
    place = {"project": project_id, "submittal": submittal_id}
    return step("get_submittal", place, "It was done, but ACC did not show the submittal since: look at it.")


def after_files(project_id: str, version_urns: Sequence[str], context: StepContext, *, whole: bool) -> list[NextStep]:
    """Return what can be done with a page of files found in the Files tool; it holds the `whole` list or not."""
    if not version_urns or context.read_only:
        return []
    arguments = {"project": project_id, "submittal": None} | _one_or_needed("file_urn", version_urns, whole=whole)
    one = step("add_submittal_attachment", arguments, "Link a version to a submittal.")
    many = {"project": project_id, "submittal": None, "file_urns": None}
    several = [step("attach_files", many, "Link several of them.")] if len(version_urns) > 1 else []
    return [one, *several]


def step(tool: str, arguments: Mapping[str, Any], reason: str) -> NextStep:
    """Make a step; an argument that is None is one that the caller has to supply."""
    return NextStep(
        tool=tool,
        arguments={name: value for name, value in arguments.items() if value is not None},
        needs=[name for name, value in arguments.items() if value is None],
        reason=reason,
    )


def _follow(status: AttachmentStatus, context: StepContext, reason: str) -> NextStep:
    arguments = {**_names(status), "wait_seconds": 0 if status.overdue else context.patience}
    return step("get_attachment_status", arguments, _with_problem(status, reason))


def _confirm(status: AttachmentStatus, context: StepContext, reason: str) -> list[NextStep]:
    if context.read_only or not status.mine:
        return []
    return [step("confirm_attachment", _names(status), _with_problem(status, reason))]


def _attach(status: AttachmentStatus, context: StepContext, reason: str) -> list[NextStep]:
    if context.read_only or not (status.mine and status.may_attach) or status.failures >= MAX_FAILURES:
        return []
    place = {"project": status.project_id, "submittal": status.submittal_id}
    known = status.content and (context.local_files or "file_path" not in status.content)
    content = status.content if known else {context.source: None}
    arguments = {**place, **content, **status.manner}
    return [step("add_submittal_attachment", arguments, _with_problem(status, reason))]


def _attach_steps(place: Mapping[str, Any], context: StepContext) -> list[NextStep]:
    """Return how to attach a file until reviewers can open it, in one call where no consent is needed."""
    if not context.local_files:
        attach = step("add_submittal_attachment", {**place, context.source: None}, "Link a version of the Files tool.")
        found = {"project": place["project"], "query": None}
        return [attach, step("find_project_files", found, "Find the version to link in the Files tool.")]
    at_once = {} if context.asks else {"confirm": True, "wait_seconds": context.patience}
    return [step("add_submittal_attachment", {**place, **at_once, context.source: None}, "Attach a file.")]


def _names(status: AttachmentStatus) -> dict[str, Any]:
    return {
        "project": status.project_id,
        "submittal": status.submittal_id,
        "attachment_id": status.attachment_id,
    }


def _with_problem(status: AttachmentStatus, reason: str) -> str:
    return f"{status.problem}: {reason}" if status.problem else reason


def _one_or_needed(name: str, values: Sequence[str], *, whole: bool) -> dict[str, Any]:
    return {name: values[0] if whole and len(values) == 1 else None}


_RUN_ARGUMENTS: Final = ("plan", "check_only", "wait_seconds")
_SOURCES: Final = ("folder", "files", "file_urns")


@dataclass(frozen=True)
class ManyFilesStatus:
    """Status of many files: the call's `arguments`, the `plan` of a check, and how many rows are how far.

    `nameable` were left out for want of a submittal, `names_needed` for their name, `tasks_needed` for want of a review
    task, `waiting` go on by themselves, `again` failed for now, `unconfirmed` are stored and invisible; `more` files
    were beyond what one call takes. `onward` are the words by which each submittal (id) that got a file can move on
    now, `look_alikes` what lost answers may have made beside the files, by submittal.
    """

    arguments: Mapping[str, Any]
    plan: str | None
    planned: int
    nameable: int
    names_needed: int
    tasks_needed: int
    waiting: int
    again: int
    changed: int
    unconfirmed: int
    more: int
    onward: Mapping[str, Sequence[str]]
    look_alikes: Mapping[str, Sequence[str]]


def after_many_files(status: ManyFilesStatus, context: StepContext) -> list[NextStep]:
    """Return what can be done after a check or a run of many files; once reviewers can open all, only to move on."""
    given = {name: value for name, value in status.arguments.items() if name not in _RUN_ARGUMENTS}
    run = {**status.arguments, "check_only": False, "wait_seconds": context.patience}
    steps: list[NextStep] = []
    if status.plan is not None:
        reason = f"Attach the planned files ({status.planned}); no other row runs."
        steps.append(step("attach_files", {**run, "plan": status.plan}, reason))
    if status.waiting:
        steps.append(step("attach_files", run, "Some are under way: this waits for them and repeats nothing."))
    elif status.again:
        steps.append(step("attach_files", run, "Some failed for now: this goes on where they stopped."))
    if status.unconfirmed and not status.waiting:
        steps.append(step("attach_files", {**run, "confirm": True}, "Make the stored files visible to reviewers."))
    if status.changed:
        steps.append(step("attach_files", given, "Some changed since the check: check again."))
    steps += _after_left_out(status, given, context)
    if status.more:
        part = {name: value for name, value in given.items() if name not in _SOURCES}
        source = next(name for name in _SOURCES if name in given)
        steps.append(step("attach_files", part | {source: None}, "The other files: name a part, such as Steel/*.pdf."))
    for submittal_id, twins in status.look_alikes.items():
        steps += after_uncertain_create(given["project"], submittal_id, twins)
    return [*steps, *after_visible(given["project"], status.onward, context)]


def _after_left_out(status: ManyFilesStatus, given: Mapping[str, Any], context: StepContext) -> list[NextStep]:
    """Return what can be done for the files that were left out."""
    steps: list[NextStep] = []
    if status.nameable:
        source = "files" if context.local_files else "file_urns"
        place = {"project": given["project"], "submittal": None, source: None}
        steps.append(step("attach_files", place, "Ask which submittal the files left out go to."))
    one = {"project": given["project"], "submittal": given.get("submittal"), context.source: None}
    if status.names_needed:
        reason = "Where invalid_name, name_taken or same_name: attach it by itself, under a name the person agrees to."
        steps.append(step("add_submittal_attachment", {**one, "name": None}, reason))
    if status.tasks_needed:
        reason = "Where task_required: ask which of the person's review tasks a file is for, and attach it by itself."
        steps.append(step("add_submittal_attachment", {**one, "task_id": None}, reason))
    return steps
