"""Next steps after a check or a run of many files: pure functions of what the answer says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tools.core.results import NextStep
from tools.next_steps.after_success import StepContext, after_uncertain_create, after_visible, step

_RUN_ARGUMENTS: Final = ("plan", "check_only", "wait_seconds")
_SOURCES: Final = ("folder", "files", "file_urns")


@dataclass(frozen=True)
class FilesStanding:
    """Where many files stand: the call's `arguments`, the `plan` of a check, and how many rows are how far.

    `nameable` were left out for want of a submittal, `tasks_needed` for want of a review task, `waiting` go on by
    themselves, `again` failed for now, `unconfirmed` are stored and invisible; `more` files were beyond what one call
    takes. `onward` are the words by which each submittal (id) that got a file can move on now, `look_alikes` what lost
    answers may have made beside the files, by submittal.
    """

    arguments: Mapping[str, Any]
    plan: str | None = None
    planned: int = 0
    nameable: int = 0
    tasks_needed: int = 0
    waiting: int = 0
    again: int = 0
    changed: int = 0
    unconfirmed: int = 0
    more: int = 0
    onward: Mapping[str, Sequence[str]] = field(default_factory=dict)
    look_alikes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def after_many_files(standing: FilesStanding, context: StepContext) -> list[NextStep]:
    """Return what can be done after a check or a run of many files; once reviewers can open all, only to move on."""
    given = {name: value for name, value in standing.arguments.items() if name not in _RUN_ARGUMENTS}
    run = {**standing.arguments, "check_only": False, "wait_seconds": context.patience}
    steps: list[NextStep] = []
    if standing.plan is not None:
        reason = f"Attach the planned files ({standing.planned}); no other row runs."
        steps.append(step("attach_files", {**run, "plan": standing.plan}, reason))
    if standing.waiting:
        steps.append(step("attach_files", run, "Some are under way: this waits for them and repeats nothing."))
    elif standing.again:
        steps.append(step("attach_files", run, "Some failed for now: this goes on where they stopped."))
    if standing.unconfirmed and not standing.waiting:
        steps.append(step("attach_files", {**run, "confirm": True}, "Make the stored files visible to reviewers."))
    if standing.changed:
        steps.append(step("attach_files", given, "Some changed since the check: check again."))
    if standing.nameable:
        source = "files" if context.local_files else "file_urns"
        place = {"project": given["project"], "submittal": None, source: None}
        steps.append(step("attach_files", place, "Ask which submittal the files left out go to."))
    if standing.tasks_needed:
        one = {"project": given["project"], "submittal": given.get("submittal"), context.source: None, "task_id": None}
        reason = "Where task_required: ask which of the person's review tasks a file is for, and attach it by itself."
        steps.append(step("add_submittal_attachment", one, reason))
    if standing.more:
        part = {name: value for name, value in given.items() if name not in _SOURCES}
        source = next(name for name in _SOURCES if name in given)
        steps.append(step("attach_files", part | {source: None}, "The other files: name a part, such as Steel/*.pdf."))
    for submittal_id, twins in standing.look_alikes.items():
        steps += after_uncertain_create(given["project"], submittal_id, twins)
    return [*steps, *after_visible(given["project"], standing.onward, context)]
