"""After a failed call: a step that can help, or none where only a person can."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tools.core.registry import definitions
from tools.errors.codes import CODES
from tools.errors.exceptions import RetryHint
from tools.next_steps.after_error import FailedCall, after_failure
from tools.next_steps.after_success import AttachmentStatus, StepContext, after_attachment

HERE = StepContext(local_files=True, read_only=False, max_wait_seconds=45)
PLACE = {"project": "Riverside", "submittal": "051200-3"}

CALLS = {
    "add_submittal_attachment": {**PLACE, "file_urn": "urn:adsk.wipprod:fs.file:vf.X?version=1", "name": "a.pdf"},
    "confirm_attachment": {**PLACE, "attachment_id": "attachment-id"},
    "get_attachment_status": {**PLACE, "attachment_id": "attachment-id", "wait_seconds": 30},
    "find_projects": {"query": "river"},
    "find_submittals": {"project": "Riverside", "state": ["rev"]},
    "get_submittal": {**PLACE, "limit": 5},
    "attach_files": {
        "project": "Riverside",
        "submittal": "051200-3",
        "file_urns": ["urn:adsk.wipprod:fs.file:vf.a?version=1"],
    },
    "find_project_files": {"project": "Riverside", "query": "beam", "folder": "Shop Drawings"},
    "download_attachments": {**PLACE, "attachment_ids": ["a.pdf"]},
    "move_submittal": {**PLACE, "to": "review", "copy_attachments": ["all"]},
    "sign_in": {},
}


STANDING = {
    "project_id": st.just("project-id"),
    "submittal_id": st.just("submittal-id"),
    "attachment_id": st.just("attachment-id"),
    "state": st.sampled_from(["reserved", "uploaded", "failed"]),
    "problem": st.sampled_from(CODES),
    "content": st.sampled_from([{}, {"file_path": "/drawings/a.pdf"}, {"file_urn": "urn:x"}]),
    "manner": st.sampled_from([{}, {"name": "a.pdf", "category": "final_response", "task_id": "task"}]),
}


@st.composite
def failures(draw: st.DrawFn) -> FailedCall:
    tool = draw(st.sampled_from(sorted(CALLS)))
    names = sorted(CALLS[tool])
    some = st.lists(st.sampled_from(names), unique=True, max_size=2) if names else st.just([])
    return FailedCall(
        draw(st.sampled_from(CODES)),
        tool,
        CALLS[tool],
        draw(st.one_of(st.none(), st.builds(RetryHint, without=st.just([]), needs=some))),
        draw(st.sampled_from([None, "attachment-id"])),
        draw(st.one_of(st.none(), st.builds(AttachmentStatus, **STANDING))),
    )


@given(failures(), st.booleans(), st.booleans())
def test_every_step_after_a_failure_can_be_taken(served, failure, local_files, read_only):
    around = StepContext(local_files=local_files, read_only=read_only, max_wait_seconds=45)
    for step in after_failure(failure, around):
        served[local_files].check(step)
        assert "upload_by_caller" not in {*step.arguments, *step.needs}
        if read_only and failure.tool not in served[local_files].writing:
            assert step.tool not in served[local_files].writing


WAITED = FailedCall(
    "upload_incomplete", "get_attachment_status", CALLS["get_attachment_status"], uploading="attachment-id"
)


@given(failures())
@example(WAITED)
def test_a_call_is_repeated_unchanged_only_where_that_can_help(failure):
    waits = failure.code == "upload_incomplete" and failure.uploading is not None
    for step in after_failure(failure, HERE):
        if (step.tool, step.arguments) == (failure.tool, dict(failure.arguments)):
            assert failure.again is not None or failure.status is not None or waits


@pytest.mark.parametrize("tool", sorted(CALLS))
@pytest.mark.parametrize(
    "code",
    [
        "app_not_provisioned",
        "read_only",
        "upstream_rejected",
        "submittal_closed",
        "task_required",
        "permission_denied",
        "upload_incomplete",
    ],
)
def test_where_only_a_person_can_help_there_is_no_step(tool, code):
    assert after_failure(FailedCall(code, tool, CALLS[tool]), HERE) == []


def test_a_retry_keeps_the_valid_arguments_and_leaves_out_the_wrong_ones():
    failure = FailedCall("invalid_arguments", "find_submittals", {"project": "P", "stat": "x", "limit": 99})
    [step] = after_failure(
        FailedCall(
            failure.code, failure.tool, failure.arguments, RetryHint(without=["stat", "limit"], needs=["limit"])
        ),
        HERE,
    )
    assert (step.tool, step.arguments, step.needs) == ("find_submittals", {"project": "P"}, ["limit"])


def test_a_legal_name_is_proposed_in_the_same_call():
    call = CALLS["add_submittal_attachment"]
    failure = FailedCall("invalid_name", "add_submittal_attachment", call, RetryHint({"name": "a-b.pdf"}))
    [step] = after_failure(failure, HERE)
    assert step.arguments == {**call, "name": "a-b.pdf"}


@pytest.mark.parametrize(
    ("state", "tool"), [("reserved", "add_submittal_attachment"), ("uploaded", "confirm_attachment")]
)
def test_looking_again_at_a_job_that_stopped_would_move_nothing(state, tool):
    call = CALLS["get_attachment_status"]
    status = AttachmentStatus("project-id", "submittal-id", "attachment-id", state, problem="storage_unavailable")
    failure = FailedCall("storage_unavailable", "get_attachment_status", call, RetryHint(), status=status)
    [step] = after_failure(failure, HERE)
    assert step.tool == tool
    assert [step] == after_attachment(status, HERE)


@pytest.mark.parametrize(
    ("code", "tool", "next_tool"),
    [
        ("project_not_found", "get_submittal", "find_projects"),
        ("project_not_allowed", "get_submittal", "find_projects"),
        ("project_not_supported", "find_submittals", "find_projects"),
        ("submittal_not_found", "get_submittal", "find_submittals"),
        ("attachment_not_found", "confirm_attachment", "get_attachment_status"),
        ("upload_incomplete", "confirm_attachment", "get_attachment_status"),
        ("processing_failed", "get_attachment_status", "add_submittal_attachment"),
        ("upload_expired", "confirm_attachment", "add_submittal_attachment"),
        ("not_signed_in", "find_projects", "sign_in"),
        ("reauthorization_required", "confirm_attachment", "sign_in"),
    ],
)
def test_another_tool_helps_where_the_same_cannot(code, tool, next_tool):
    [step] = after_failure(FailedCall(code, tool, CALLS[tool], uploading="attachment-id"), HERE)
    assert step.tool == next_tool


def test_signing_in_never_leads_back_to_itself():
    assert after_failure(FailedCall("not_signed_in", "sign_in", {}), HERE) == []


def test_the_calls_of_this_table_name_every_tool():
    assert set(CALLS) == {one.name for one in definitions(local_files=True)}
