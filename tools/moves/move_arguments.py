"""Arguments of `move_submittal`."""

from typing import Annotated

from pydantic import Field

from tools.core.arguments import OptionalText, Project, Submittal, ToolArguments
from tools.core.coercion import day_of
from tools.errors.exceptions import InvalidArguments, RetryHint


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

    def check(self) -> None:
        """Refuse a day that is none, neither a transition nor a response, and what goes with the other of them.

        Raises:
            InvalidArguments: Says which.
        """
        day_of("due_date", self.due_date)
        if not self.to and not self.response:
            raise InvalidArguments(
                "Neither 'to' nor 'response' is given.",
                "Call {tool} again with to, or with response to answer this person's review task.",
                "Say where the submittal is to go.",
                again=RetryHint(needs=["to"]),
            )
        wrong = ["task_id"] if self.to else ["due_date", "to_person"]
        wrong = [name for name in wrong if getattr(self, name)]
        if wrong and self.to:
            raise InvalidArguments(
                "'task_id' does not go with 'to': it names a review task that a response answers.",
                "Call {tool} again with one of them.",
                "Leave one of them out.",
                again=RetryHint(without=wrong),
            )
        if wrong:
            raise InvalidArguments(
                f"'{wrong[0]}' does not go with the answer to a review task.",
                f"Call {{tool}} again without {' and '.join(wrong)}.",
                f"Leave {' and '.join(wrong)} out.",
                again=RetryHint(without=wrong),
            )
