"""Next steps after an error: a pure function of the failed call.

The same rules as for `tools.next_steps.after_success` hold, and one more: where only a person can help there is no
step, so that no call is repeated that cannot succeed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tools.core.arguments import callable_arguments
from tools.core.results import NextStep
from tools.errors.codes import Code
from tools.errors.exceptions import RetryHint
from tools.next_steps.after_success import AttachmentStatus, StepContext, after_attachment, step


@dataclass(frozen=True)
class FailedCall:
    """A failed call: `tool` and `arguments` as the caller chose them, and what ended it.

    `again` says how the same call could go on. `uploading` is an attachment (its id) whose bytes are on their way,
    `status` is set when what failed is not the call but the attachment it looked at.
    """

    code: Code
    tool: str
    arguments: Mapping[str, Any]
    again: RetryHint | None = None
    uploading: str | None = None
    status: AttachmentStatus | None = None

    @property
    def place(self) -> dict[str, Any] | None:
        """The submittal that the call was about, as the caller named it."""
        names = ("project", "submittal")
        return (
            {name: self.arguments[name] for name in names} if all(self.arguments.get(name) for name in names) else None
        )


def after_failure(failure: FailedCall, context: StepContext) -> list[NextStep]:
    """Return the next steps after a failed call."""
    if failure.status is not None:
        # Looking again would move nothing: what stopped is gone on with from where the attachment stands.
        return after_attachment(failure.status, context)
    if failure.again is not None and "file_path" in failure.again.needs:
        return _another_file(failure, failure.again, context)
    if failure.again is not None:
        return [_again(failure, failure.again, context), *_more_candidates(failure, failure.again)]
    match failure.code:
        case "project_not_found" | "project_not_allowed" | "project_not_supported":
            return [step("find_projects", {}, "List the projects this person can see.")]
        case "not_signed_in" | "reauthorization_required" if failure.tool != "sign_in":
            return [step("sign_in", {}, "Sign in, then repeat the call.")]
        case "submittal_not_found" if failure.arguments.get("project"):
            return [step("find_submittals", {"project": failure.arguments["project"]}, "Look for the submittal.")]
        case _:
            return _at_place(failure, context, failure.place) if failure.place else []


def _at_place(failure: FailedCall, context: StepContext, place: dict[str, Any]) -> list[NextStep]:
    match failure.code:
        case "processing_failed" | "upload_expired" if not context.read_only:
            return [step("add_submittal_attachment", place | {context.source: None}, "Attach the file again.")]
        case "upload_incomplete" if failure.uploading is not None:
            arguments = place | {"attachment_id": failure.uploading, "wait_seconds": context.patience}
            return [step("get_attachment_status", arguments, "The bytes are on their way: wait for them.")]
        case "attachment_not_found":
            return [step("get_attachment_status", place, "List the attachments there are.")]
        case _:
            return []


def _another_file(failure: FailedCall, again: RetryHint, context: StepContext) -> list[NextStep]:
    """Repeat the call with another file from where this server takes files; after another tool's call, attach one."""
    if failure.tool == "add_submittal_attachment":
        needs = [context.source if name == "file_path" else name for name in again.needs]
        return [_again(failure, replace(again, needs=needs), context)]
    if failure.place is None or context.read_only:
        return []
    return [step("add_submittal_attachment", failure.place | {context.source: None}, "Attach another file.")]


def _more_candidates(failure: FailedCall, again: RetryHint) -> list[NextStep]:
    """Return how to see all submittals that words fit, of which an error names a few."""
    if failure.code != "ambiguous_reference" or list(again.needs) != ["submittal"]:
        return []
    arguments = {"project": failure.arguments["project"], "query": failure.arguments["submittal"]}
    return [step("find_submittals", arguments, "List all submittals that these words fit.")]


def _again(failure: FailedCall, again: RetryHint, context: StepContext) -> NextStep:
    """Repeat the call with what has to be different, and without what does not go with that.

    What the caller then chooses is checked before it is carried out.
    """
    from tools.core.registry import definitions

    without = {*again.without, *(["check_only"] if again.needs else [])}
    changed = {name: value for name, value in failure.arguments.items() if name not in without}
    changed = {name: value for name, value in {**changed, **again.arguments}.items() if name not in again.needs}
    [model] = [one.arguments for one in definitions(local_files=context.local_files) if one.name == failure.tool]
    arguments, needs = callable_arguments(model, changed, again.needs)
    same = not needs and arguments == failure.arguments
    reason = "The same call again." if same else "The same call, with what was wrong changed."
    return step(failure.tool, {**arguments, **dict.fromkeys(needs)}, reason)
