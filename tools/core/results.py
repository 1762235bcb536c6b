"""Result models of the tools, as pydantic models.

What is ours is snake_case; `permittedActions` is ACC's own and keeps its name and shape. Times are RFC 3339 in UTC.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from tools.core.text_sanitizer import clean, clean_json
from tools.errors.codes import Code
from transfers.categories_and_states import AttachmentState, Category, WarningCode


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(_utc, when_used="json")]
UntrustedText = Annotated[str, AfterValidator(clean)]
"""Text that came from Autodesk, ids included; cleaned when a result is made of it."""

PermittedActions = Annotated[list[dict[str, Any]], AfterValidator(clean_json)]
Incomplete = Annotated[bool, Field(default=False, exclude_if=lambda incomplete: not incomplete)]
"""Whether ACC sent something that is no object among the actions; not part of an answer where it did not."""


CreatorName = Annotated[UntrustedText | None, Field(exclude_if=lambda name: name is None)]
"""Name of the person who made an attachment, where ACC gives names; only `get_attachment_status` asks for it."""


class ToolResult(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, json_schema_serialization_defaults_required=True
    )


class NextStep(ToolResult):
    """A tool call that is possible now; as it stands, unless `needs` names arguments that only the caller can give.

    `arguments` are taken from cleaned fields of a result, or are the caller's own, which must come back unchanged.
    """

    tool: str
    arguments: dict[str, Any]
    needs: list[str] = []
    reason: str


class Progress(ToolResult):
    """Bytes done of a transfer (or, while preparing, of hashing)."""

    bytes_done: int
    bytes_total: int


class AttachmentView(ToolResult):
    """An attachment; `id` is null only while `preparing`. `web_url` is its submittal's page in ACC."""

    id: UntrustedText | None
    project_id: str
    submittal_id: UntrustedText
    name: UntrustedText
    state: AttachmentState
    category: Category
    task_id: UntrustedText | None
    revision: int | None
    size_bytes: int | None
    sha256: str | None
    verified: bool
    version_urn: UntrustedText | None
    urn_version: int | None
    async_state: UntrustedText | None
    duplicated_from: UntrustedText | None
    created_at: Time | None
    created_by: UntrustedText | None
    created_by_name: CreatorName = None
    updated_at: Time | None
    updated_by: UntrustedText | None
    progress: Progress | None
    web_url: UntrustedText | None
    permittedActions: PermittedActions  # noqa: N815  # ACC's name
    permitted_actions_incomplete: Incomplete


class AttachmentRow(ToolResult):
    """An attachment in a list: what tells it from others; `get_attachment_status` with its id has the rest of it.

    Of its `permittedActions` there are the ids, as of the submittal's. Only in a list over all submittals it tells
    where it is, and `id` is null while it is `preparing`.
    """

    id: UntrustedText | None
    name: UntrustedText
    state: AttachmentState
    category: Category
    revision: int | None
    size_bytes: int | None
    progress: Progress | None
    created_at: Time | None
    permittedActions: PermittedActions  # noqa: N815  # ACC's name
    permitted_actions_incomplete: Incomplete
    project_id: Annotated[UntrustedText | None, Field(exclude_if=lambda left_out: left_out is None)] = None
    submittal_id: Annotated[UntrustedText | None, Field(exclude_if=lambda left_out: left_out is None)] = None


class Upload(ToolResult):
    """Upload instructions for the caller; FILE in a command stands for the path.

    `command` is for the caller's system; where that is not known it is for a POSIX shell, and `command_windows` for
    the shells of Windows.
    """

    method: str
    url: Annotated[str, Field(repr=False)]
    headers: dict[str, str]
    command: Annotated[str, Field(repr=False)]
    command_windows: Annotated[str | None, Field(repr=False)]
    expires_at: Time
    max_bytes: int


class AttachmentWarning(ToolResult):
    """A remark about a file or its name that stopped nothing."""

    code: WarningCode
    text: UntrustedText


class AttachmentResult(ToolResult):
    """Result of the three attachment tools about one attachment."""

    attachment: AttachmentView
    already_attached: bool = False
    upload: Upload | None = None
    warnings: list[AttachmentWarning] = []
    next_steps: list[NextStep]


class AttachmentsResult(ToolResult):
    """A page of a submittal's attachments, or of this person's unfinished ones anywhere, newest first."""

    attachments: list[AttachmentRow]
    next_cursor: str | None
    next_steps: list[NextStep]


class ProjectRow(ToolResult):
    """A project; `supported` is false for BIM 360, which the Submittals API does not serve."""

    id: str
    name: UntrustedText
    account: UntrustedText
    type: UntrustedText
    supported: bool


class ProjectsResult(ToolResult):
    """A page of projects; `accounts_unavailable` of the person's accounts could not be listed.

    `hint` says what helps a person who has no project to work in; null where there is one.
    """

    projects: list[ProjectRow]
    accounts_unavailable: int
    hint: str | None
    next_cursor: str | None
    next_steps: list[NextStep]


class Party(ToolResult):
    """A person, company or role of ACC; `name` is null where ACC does not give it."""

    type: Literal["user", "company", "role"]
    id: UntrustedText
    name: UntrustedText | None


Court = Literal[True, False, "unknown"]
"""Whether the ball is in this person's court; a company's or a role's is "unknown", never guessed."""


class SubmittalRow(ToolResult):
    """A submittal as a list shows it; `project_id` and `project` (its name) only in a list over all projects."""

    id: UntrustedText
    number: UntrustedText
    title: UntrustedText
    state: UntrustedText | None
    state_text: str
    revision: int | None
    due_date: date | None
    court: UntrustedText | None
    with_whom: list[Party]
    in_my_court: Court
    can_attach: bool
    web_url: UntrustedText | None
    project_id: Annotated[UntrustedText | None, Field(exclude_if=lambda left_out: left_out is None)] = None
    project: Annotated[UntrustedText | None, Field(exclude_if=lambda left_out: left_out is None)] = None


class SubmittalsResult(ToolResult):
    """A page of submittals."""

    submittals: list[SubmittalRow]
    total: int | None
    next_cursor: str | None
    next_steps: list[NextStep]


class TaskRow(ToolResult):
    """An open review task that this person may close."""

    id: UntrustedText
    step: int | None
    required: bool
    due_date: date | None


class ReviewerRow(ToolResult):
    """A reviewer's part in a review step; without a response it is not answered yet."""

    reviewer: Party | None
    required: bool
    status: UntrustedText | None
    response: UntrustedText | None
    comment: UntrustedText | None
    responded_at: Time | None


class ReviewStepRow(ToolResult):
    """A round of review; its reviewers work side by side."""

    step: int | None
    status: UntrustedText | None
    due_date: date | None
    reviewers: list[ReviewerRow]


class TransitionRow(ToolResult):
    """A state that this person may move a submittal to, with what ACC wants to be given for it."""

    id: UntrustedText
    to: UntrustedText | None
    to_text: str
    mandatory_fields: list[UntrustedText]


class SubmittalDates(ToolResult):
    """When a submittal went where; null for what has not happened, or was not set."""

    sent_to_submitter: Time | None
    received_from_submitter: Time | None
    sent_to_review: Time | None
    received_from_review: Time | None
    published: Time | None
    required_on_job: date | None


class SubmittalView(ToolResult):
    """A submittal; `permittedActions` carries fields for `Attachment::create` only, the other ids alone."""

    id: UntrustedText
    project_id: str
    number: UntrustedText
    title: UntrustedText
    state: UntrustedText | None
    state_text: str
    revision: int | None
    spec: UntrustedText | None
    due_date: date | None
    court: UntrustedText | None
    with_whom: list[Party]
    in_my_court: Court
    contractor: Party | None
    response: UntrustedText | None
    response_comment: UntrustedText | None
    dates: SubmittalDates
    review_steps: list[ReviewStepRow]
    can_attach: bool
    attach_refusal: str | None
    allowed_categories: list[Category]
    my_tasks: list[TaskRow]
    transitions: list[TransitionRow]
    web_url: UntrustedText | None
    permittedActions: PermittedActions  # noqa: N815  # ACC's name
    permitted_actions_incomplete: Incomplete


class SubmittalResult(ToolResult):
    """A submittal with a page of its attachments, newest first."""

    submittal: SubmittalView
    attachments: list[AttachmentRow]
    next_cursor: str | None
    next_steps: list[NextStep]


class SubmittalSummary(ToolResult):
    """A submittal that is moved on: where it is, and what this person may do with it then.

    `permittedActions` are there once it was moved; before, `get_submittal` has them.
    """

    id: UntrustedText
    project_id: str
    number: UntrustedText
    title: UntrustedText
    state: UntrustedText | None
    state_text: str
    due_date: date | None
    my_tasks: list[TaskRow]
    transitions: list[TransitionRow]
    web_url: UntrustedText | None
    permittedActions: Annotated[  # noqa: N815  # ACC's name
        PermittedActions | None, Field(exclude_if=lambda left_out: left_out is None)
    ] = None
    permitted_actions_incomplete: Incomplete


class CopyRow(ToolResult):
    """An attachment that is taken along."""

    id: UntrustedText
    name: UntrustedText


class MoveView(ToolResult):
    """What a move does: a transition by its id and the state it leads to, or with `task_id` the answer to that task."""

    id: UntrustedText | None
    name: UntrustedText
    to_state: UntrustedText | None
    task_id: UntrustedText | None
    response: UntrustedText | None
    comment: UntrustedText | None
    due_date: date | None
    to_person: Party | None
    copies: list[CopyRow]


class MissingField(ToolResult):
    """A field that ACC demands: the argument that gives it, null where a person does that in ACC; `choices` by name."""

    argument: str | None
    field: UntrustedText
    choices: list[UntrustedText]


class MoveResult(ToolResult):
    """A move, as it would be or as it was `done`; `with_whom` has the ball then, null where that is not known."""

    submittal: SubmittalSummary
    transition: MoveView
    missing: list[MissingField]
    with_whom: list[Party] | None
    done: bool
    next_steps: list[NextStep]


class DownloadRow(ToolResult):
    """An attachment that was downloaded to `path`, or can be with its short-lived `url`; else the `reason` why not."""

    attachment_id: UntrustedText
    name: UntrustedText
    path: str | None
    url: Annotated[str | None, Field(repr=False)]
    expires_at: Time | None
    size_bytes: int | None
    sha256: str | None
    outcome: Literal["downloaded", "already_there", "link", "incomplete", "failed"]
    reason: str | None


class DownloadsResult(ToolResult):
    """Attachments of a submittal that were asked for, the folder they are in, and the manifest beside them."""

    files: list[DownloadRow]
    folder: str | None
    manifest: str | None
    next_steps: list[NextStep]


class FileRow(ToolResult):
    """A file of the Files tool; `version_urn` is what `file_urn` takes."""

    id: UntrustedText
    name: UntrustedText
    path: UntrustedText
    version_urn: UntrustedText
    version: int | None
    size_bytes: int | None
    modified_at: Time | None


class FilesResult(ToolResult):
    """Files found; `complete` is false when the search stopped at its limit of folders."""

    files: list[FileRow]
    complete: bool
    next_cursor: str | None
    next_steps: list[NextStep]


FileOutcome = Literal["planned", "attached", "already_attached", "changed", "left_out", "failed"]
"""`planned` until reviewers can be shown the file; `changed` since it was planned; `left_out` for its `reason`."""

ShortText = Annotated[UntrustedText | None, Field(default=None, exclude_if=lambda left_out: left_out is None)]
"""A field that an answer has only where there is something to say: these rows come by the hundred."""


class FileOutcomeRow(ToolResult):
    """A file of many: where it goes or went, by what that is known, and what became of it.

    `reason` begins with a word: of the match (none, several, uncertain, closed, not_permitted, name_taken, same_name),
    or an error code. Rows of a run name the submittal by its number alone.
    """

    file: UntrustedText
    submittal_id: ShortText = None
    number: ShortText = None
    title: ShortText = None
    matched_by: ShortText = None
    outcome: FileOutcome
    reason: ShortText = None
    attachment_id: ShortText = None
    state: ShortText = None


class ManyFilesResult(ToolResult):
    """What would become, or became, of many files; `plan` lets the planned ones run.

    `counts` are of the rows by outcome, and of what has no row: `more` files beyond those of one call, `ignored` hidden
    and temporary ones, `gone` ones that the plan had.
    """

    files: list[FileOutcomeRow]
    counts: dict[str, int]
    plan: Annotated[str | None, Field(exclude_if=lambda left_out: left_out is None)] = None
    next_steps: list[NextStep]


class Person(ToolResult):
    """The signed-in user; `id` is their Autodesk id."""

    id: UntrustedText
    name: UntrustedText
    email: UntrustedText | None


class SignInResult(ToolResult):
    """The signed-in user, and the base URL of Autodesk."""

    person: Person
    autodesk: str
    next_steps: list[NextStep]


class Candidate(ToolResult):
    """One of the things that an ambiguous argument could mean."""

    id: UntrustedText
    number: UntrustedText | None = None
    title: UntrustedText | None = None
    name: UntrustedText | None = None
    state: UntrustedText | None = None


class ErrorBody(ToolResult):
    """Why a call did not do what was asked, and what to do."""

    # As a plain text in the schema: 34 codes in each of nine schemas would cost the reader tokens.
    code: Annotated[Code, WithJsonSchema({"type": "string"})]
    message: str
    hint: str
    failed_step: str | None = None
    retryable: bool = False
    retry_after_seconds: float | None = None
    http_status: int | None = None
    candidates: list[Candidate] = []
    shell_hint: SkipJsonSchema[str] = Field(default="", exclude=True)
    """Hint for a user at a shell, where no tool can be called; never served."""


class ErrorResult(ToolResult):
    """Result of a failed call."""

    error: ErrorBody
    next_steps: list[NextStep]
