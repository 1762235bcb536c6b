"""Arguments of `move_submittal`."""

from typing import Annotated

from pydantic import Field

from tools.core.arguments import OptionalText, Project, Submittal, ToolArguments


class MoveArguments(ToolArguments):
    """The submittal, where it goes, and what goes with it."""

    project: Project
    submittal: Submittal
    to: Annotated[
        OptionalText,
        Field(description="submit, review, return, close, reopen, void, or a transition's id"),
    ] = None
    response: Annotated[
        OptionalText, Field(description="As in ACC (Approved). With to=close: the submittal's; without to: your task's")
    ] = None
    task_id: Annotated[OptionalText, Field(description="Which of your review tasks")] = None
    comment: Annotated[OptionalText, Field(description="Of the response; else a note in the mail")] = None
    due_date: Annotated[OptionalText, Field(description="When the next one is due, 2026-12-31")] = None
    to_person: Annotated[OptionalText, Field(description="Who gets it: name, id or me")] = None
    copy_attachments: Annotated[
        list[str] | None, Field(description="Files to take along to the next stage: names, ids, or all")
    ] = None
    check_only: Annotated[bool, Field(description="true: only say what would happen; false: do it")] = True
