"""Every field that can hold foreign text is cleaned, in every answer."""

from datetime import UTC, datetime, timedelta, timezone
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import TypeAdapter

from tools.core import results
from tools.core.results import Time, ToolResult, UntrustedText
from tools.core.text_sanitizer import clean

HOSTILE = "beam\u202e\u200b\x00\U000e0041 drawings"

OURS = {
    ("NextStep", "tool"),
    ("NextStep", "reason"),
    ("NextStep", "needs"),
    ("AttachmentView", "project_id"),
    ("AttachmentView", "sha256"),
    ("AttachmentsResult", "next_cursor"),
    ("ProjectRow", "id"),
    ("ProjectsResult", "next_cursor"),
    ("SubmittalsResult", "next_cursor"),
    ("SubmittalView", "project_id"),
    # Sentences and words of ours.
    ("SubmittalView", "attach_refusal"),
    ("SubmittalView", "state_text"),
    ("SubmittalRow", "state_text"),
    ("TransitionRow", "to_text"),
    ("SubmittalSummary", "project_id"),
    ("SubmittalSummary", "state_text"),
    ("MissingField", "argument"),
    # Paths that `safe_name` has made safe, a signed URL, and a digest of what was written.
    ("DownloadRow", "path"),
    ("DownloadRow", "url"),
    ("DownloadRow", "sha256"),
    ("DownloadRow", "reason"),
    ("DownloadsResult", "folder"),
    ("DownloadsResult", "manifest"),
    ("ProjectsResult", "hint"),
    ("Party", "type"),
    ("SubmittalResult", "next_cursor"),
    ("FilesResult", "next_cursor"),
    # Sealed by us, and counts of ours.
    ("ManyFilesResult", "plan"),
    ("ManyFilesResult", "counts"),
    ("SignInResult", "autodesk"),
    ("ErrorBody", "message"),
    ("ErrorBody", "hint"),
    ("ErrorBody", "shell_hint"),
    ("ErrorBody", "failed_step"),
    # Percent-encoded where the commands are made, since a shell reads them.
    ("Upload", "method"),
    ("Upload", "url"),
    ("Upload", "headers"),
    ("Upload", "command"),
    ("Upload", "command_windows"),
    # The caller's own arguments, or ids from cleaned fields.
    ("NextStep", "arguments"),
    # Ids of ours and from cleaned fields; how far a job is, in our words.
    ("DeferredResult", "task_id"),
    ("DeferredResult", "message"),
}
"""Texts that we write ourselves (bare project ids were read as UUIDs); all others came from Autodesk."""

MODELS = sorted(ToolResult.__subclasses__(), key=lambda model: model.__name__)


def text_fields() -> list[Any]:
    return [
        pytest.param(model, name, id=f"{model.__name__}.{name}")
        for model in MODELS
        for name, field in model.model_fields.items()
        if holds_text(field.annotation) and (model.__name__, name) not in OURS
    ]


def holds_text(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType, Annotated, list, dict):
        return any(holds_text(one) for one in get_args(annotation))
    return annotation in (str, Any)


def field_type(model: type[ToolResult], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    return TypeAdapter(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)


@pytest.mark.parametrize(("model", "name"), text_fields())
def test_a_text_that_came_from_autodesk_is_cleaned(model, name):
    if name == "permittedActions":
        [cleaned] = field_type(model, name).validate_python([{HOSTILE: [HOSTILE]}])
        assert cleaned == {clean(HOSTILE): [clean(HOSTILE)]}
    elif get_origin(model.model_fields[name].annotation) is list:
        assert field_type(model, name).validate_python([HOSTILE]) == [clean(HOSTILE)]
    else:
        assert field_type(model, name).validate_python(HOSTILE) == clean(HOSTILE)


def test_the_list_of_our_own_texts_names_fields_that_exist():
    assert {(model.__name__, name) for model in MODELS for name in model.model_fields} >= OURS


def test_the_table_knows_a_field_that_is_not_cleaned():
    class Leaky(results.ToolResult):
        title: str | None

    assert holds_text(Leaky.model_fields["title"].annotation)
    assert field_type(Leaky, "title").validate_python(HOSTILE) == HOSTILE


def test_a_cleaned_text_is_capped():
    assert len(TypeAdapter(UntrustedText).validate_python("x" * 5000)) == 1000


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 21, 19, 30, 5, 123456, tzinfo=UTC),
        datetime(2026, 11, 21, 21, 30, 5, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_times_are_told_in_utc_with_a_z(moment):
    assert TypeAdapter(Time).dump_python(moment, mode="json") == "2026-11-21T19:30:05Z"
