"""What a tool itself finds wrong: our own sentences, and how the same call could go on.

::

    ToolProblem                    base: code, message, hint
    ├── InvalidArguments
    ├── ReadOnly
    ├── ProjectNotFound            ProjectNotAllowed      ProjectNotSupported
    ├── SubmittalNotFound          SubmittalClosed        NotPermitted
    ├── AmbiguousReference         TaskRequired           InvalidCategory
    ├── ConfirmationRequired       ConfirmationDeclined
    └── NotInFiles

What `transfers`, `auth` and `acc` raise is put into the same words by `tools.explaining`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tools.codes import Code
from tools.results import Candidate

MAX_CANDIDATES = 5


@dataclass(frozen=True)
class Again:
    """How the same call could go on: with `arguments` in place of its own, `without` some, and with what it `needs`."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    without: Sequence[str] = ()
    needs: Sequence[str] = ()


class ToolProblem(Exception):
    """Something that a person or an agent can act on. `message` says what is wrong, `hint` what to do.

    `candidates` are what an argument could mean, five at most; `again` is None where the same call cannot help.
    """

    code: ClassVar[Code]

    def __init__(
        self, message: str, hint: str, *, candidates: Sequence[Candidate] = (), again: Again | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.candidates = list(candidates)[:MAX_CANDIDATES]
        self.again = again


class InvalidArguments(ToolProblem):
    """An argument is missing, unknown, of the wrong kind, or does not go with another."""

    code = "invalid_arguments"


class ReadOnly(ToolProblem):
    """The server was told to change nothing."""

    code = "read_only"


class ProjectNotFound(ToolProblem):
    """No project of that id or name that this person can see."""

    code = "project_not_found"


class ProjectNotAllowed(ToolProblem):
    """The server was told to leave this project alone."""

    code = "project_not_allowed"


class ProjectNotSupported(ToolProblem):
    """A BIM 360 project: the Submittals API does not serve those."""

    code = "project_not_supported"


class SubmittalNotFound(ToolProblem):
    """No submittal of that id, number or title that this person can see."""

    code = "submittal_not_found"


class AmbiguousReference(ToolProblem):
    """The words fit several; the candidates are named."""

    code = "ambiguous_reference"


class SubmittalClosed(ToolProblem):
    """The submittal is closed or void: ACC takes no attachment."""

    code = "submittal_closed"


class NotPermitted(ToolProblem):
    """ACC does not let this person do this here and now."""

    code = "permission_denied"


class TaskRequired(ToolProblem):
    """In review an attachment belongs to a review task, and it is not clear to which."""

    code = "task_required"


class InvalidCategory(ToolProblem):
    """ACC does not offer this category in the submittal's present state."""

    code = "invalid_category"


class ConfirmationRequired(ToolProblem):
    """A person has to agree first, and could not be asked, or saw something else."""

    code = "confirmation_required"


class ConfirmationDeclined(ToolProblem):
    """The person was asked, and did not agree."""

    code = "confirmation_declined"


class NotInFiles(ToolProblem):
    """The project's Files tool has no such version or folder."""

    code = "file_not_found"
