"""Over the whole table of what can be: every step can be taken, and none does more than was asked for."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.core.results import NextStep
from tools.errors.codes import CODES
from tools.next_steps.after_success import (
    MAX_STEPS,
    AttachmentStatus,
    StepContext,
    after_attachment,
    after_attachments,
    after_files,
    after_projects,
    after_sign_in,
    after_submittal,
    after_submittals,
    after_uncertain_create,
)
from transfers.categories_and_states import AttachmentState

PROJECT, SUBMITTAL, ATTACHMENT = "project-id", "submittal-id", "attachment-id"
HERE = StepContext(local_files=True, read_only=False, max_wait_seconds=45)

surroundings = st.builds(StepContext, st.booleans(), st.booleans(), st.integers(1, 600), st.booleans())
ids = st.lists(st.uuids().map(str), max_size=3)


@st.composite
def standings(draw: st.DrawFn) -> AttachmentStatus:
    state: AttachmentState = draw(st.sampled_from(get_args(AttachmentState)))
    call = {"project": PROJECT, "submittal": SUBMITTAL, "file_urn": "urn:adsk.wipprod:fs.file:vf.X?version=1"}
    return AttachmentStatus(
        PROJECT,
        SUBMITTAL,
        None if state == "preparing" else draw(st.sampled_from([ATTACHMENT, "another-id"])),
        state,
        mine=draw(st.booleans()),
        may_confirm=draw(st.booleans()),
        awaits_caller=draw(st.booleans()),
        overdue=draw(st.booleans()),
        problem=draw(st.sampled_from([None, *CODES])),
        call=call if state == "preparing" else None,
        may_attach=draw(st.booleans()),
        failures=draw(st.integers(0, 3)),
        content=draw(
            st.sampled_from([{}, {"file_path": "/d/a.pdf", "idempotency_key": "k"}, {"file_urn": call["file_urn"]}])
        ),
        manner=draw(st.sampled_from([{}, {"name": "a.pdf", "category": "final_response", "task_id": "t"}])),
    )


def check(steps: list[NextStep], served, around: StepContext) -> None:
    for step in steps:
        served[around.local_files].check(step)
        assert "upload_by_caller" not in {*step.arguments, *step.needs}
        if around.read_only:
            assert step.tool not in served[around.local_files].writing


@given(standings(), surroundings)
def test_every_step_after_an_attachment_can_be_taken(served, standing, around):
    if standing.state == "preparing" and around.read_only:
        return  # a server that only reads has begun nothing
    check(after_attachment(standing, around), served, around)


@given(st.lists(standings().filter(lambda one: one.state != "preparing"), max_size=20), surroundings)
def test_a_list_gives_few_steps_and_none_of_them_twice(served, found, around):
    steps = after_attachments(found, around)
    check(steps, served, around)
    assert len(steps) <= MAX_STEPS
    assert all(steps.count(step) == 1 for step in steps)
    assert {*(one.model_dump_json() for one in steps)} <= {
        one.model_dump_json() for standing in found for one in after_attachment(standing, around)
    }


@given(surroundings, ids, ids, ids, st.booleans())
def test_every_step_after_a_finder_can_be_taken(served, around, projects, submittals, tasks, may):
    urns = [f"urn:adsk.wipprod:fs.file:vf.{one}?version=1" for one in submittals]
    check(after_sign_in(), served, around)
    check(after_uncertain_create("p", "s", ["twin", "other twin"]), served, around)
    check(after_projects(projects, whole=may), served, around)
    check(after_submittals(PROJECT, dict.fromkeys(submittals, may), around, whole=may), served, around)
    check(after_submittal(PROJECT, SUBMITTAL, tasks, around, can_attach=may), served, around)
    check(after_files(PROJECT, urns, around, whole=may), served, around)


@given(standings(), surroundings)
def test_no_step_confirms_or_repeats_another_users_attachment(standing, around):
    theirs = AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, standing.state, mine=False, may_confirm=False)
    if standing.state != "preparing":
        assert {step.tool for step in after_attachment(theirs, around)} <= {"get_attachment_status"}


@pytest.mark.parametrize("overdue", [True, False])
@pytest.mark.parametrize("mine", [True, False])
def test_nothing_is_left_to_do_with_a_file_that_reviewers_can_open(overdue, mine):
    ready = AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "ready", mine=mine, overdue=overdue)
    assert after_attachment(ready, HERE) == []


def test_a_file_that_is_processing_is_waited_for():
    [step] = after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "processing"), HERE)
    assert step == NextStep(
        tool="get_attachment_status",
        arguments={"project": PROJECT, "submittal": SUBMITTAL, "attachment_id": ATTACHMENT, "wait_seconds": 30},
        reason="ACC is making a version of the file; this waits for it.",
    )


def test_no_call_waits_longer_than_the_settings_allow():
    around = StepContext(local_files=True, read_only=False, max_wait_seconds=5)
    [step] = after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "uploading"), around)
    assert step.arguments["wait_seconds"] == 5


def test_after_half_an_hour_of_processing_the_step_tells_what_a_person_can_do_instead_of_waiting():
    [step] = after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "processing", overdue=True), HERE)
    assert (step.arguments["wait_seconds"], "what a person can do" in step.reason) == (0, True)


def test_a_file_that_keeps_failing_is_not_attached_a_third_time():
    failed = AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "failed", problem="processing_failed", failures=1)
    assert [step.tool for step in after_attachment(failed, HERE)] == ["add_submittal_attachment"]
    assert after_attachment(replace(failed, failures=2), HERE) == []


def test_no_step_attaches_again_where_acc_takes_no_attachment():
    for state in ("reserved", "failed"):
        assert after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, state, may_attach=False), HERE) == []


def test_stored_bytes_that_cannot_be_confirmed_lead_to_the_call_that_tells_why():
    [step] = after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "uploaded", may_confirm=False), HERE)
    assert (step.tool, "tells why" in step.reason) == ("confirm_attachment", True)


def test_the_same_file_is_attached_again_in_the_way_it_was_as_far_as_that_is_known():
    manner = {"name": "Beams, rev. B.pdf", "category": "final_response", "task_id": "task"}
    known = AttachmentStatus(
        PROJECT, SUBMITTAL, ATTACHMENT, "failed", content={"file_path": "/d/beams.pdf"}, manner=manner
    )
    [step] = after_attachment(known, HERE)
    place = {"project": PROJECT, "submittal": SUBMITTAL}
    assert (step.arguments, step.needs) == ({**place, "file_path": "/d/beams.pdf", **manner}, [])
    over_http = StepContext(local_files=False, read_only=False, max_wait_seconds=45)
    [step] = after_attachment(known, over_http)
    assert (step.arguments, step.needs) == ({**place, **manner}, ["file_urn"])


def test_stored_bytes_are_to_be_confirmed():
    [step] = after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "uploaded"), HERE)
    assert (step.tool, step.arguments, step.needs) == (
        "confirm_attachment",
        {"project": PROJECT, "submittal": SUBMITTAL, "attachment_id": ATTACHMENT},
        [],
    )


def test_a_reservation_waits_for_the_callers_bytes():
    [step] = after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "reserved", awaits_caller=True), HERE)
    assert step.tool == "confirm_attachment"


@pytest.mark.parametrize(("local_files", "needs"), [(True, ["file_path"]), (False, ["file_urn"])])
def test_a_reservation_without_bytes_is_gone_on_with_by_the_same_file(local_files, needs):
    around = StepContext(local_files=local_files, read_only=False, max_wait_seconds=45)
    [step] = after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "reserved"), around)
    assert (step.tool, step.needs) == ("add_submittal_attachment", needs)


def test_a_background_failure_is_named_in_the_reason():
    failed = AttachmentStatus(PROJECT, SUBMITTAL, ATTACHMENT, "failed", problem="processing_failed")
    [step] = after_attachment(failed, HERE)
    assert step.reason == "processing_failed: ACC could not process these bytes: attach the file again."


def test_a_call_that_is_still_preparing_is_joined_by_the_same_call():
    call = {"project": "Riverside", "submittal": "051200-3", "file_path": "a.pdf"}
    [step] = after_attachment(AttachmentStatus(PROJECT, SUBMITTAL, None, "preparing", call=call), HERE)
    assert (step.tool, step.arguments, step.needs) == ("add_submittal_attachment", call, [])


AT_ONCE = {"project": PROJECT, "submittal": SUBMITTAL, "confirm": True, "wait_seconds": 30}


def test_the_only_submittal_found_is_attached_to_in_one_call():
    attach, look = after_submittals(PROJECT, {SUBMITTAL: True}, HERE, whole=True)
    assert (attach.tool, attach.arguments, attach.needs) == ("add_submittal_attachment", AT_ONCE, ["file_path"])
    assert (look.tool, look.needs) == ("get_submittal", [])


@pytest.mark.parametrize(
    ("found", "whole", "around"),
    [
        ({SUBMITTAL: False}, True, HERE),
        ({SUBMITTAL: True}, False, HERE),
        ({SUBMITTAL: True, "another": False}, True, HERE),
        ({SUBMITTAL: True}, True, replace(HERE, read_only=True)),
    ],
)
def test_nothing_is_attached_to_a_submittal_that_may_not_be_the_one_meant(found, whole, around):
    assert [step.tool for step in after_submittals(PROJECT, found, around, whole=whole)] == ["get_submittal"]


def test_where_a_person_is_asked_first_no_step_confirms_by_itself():
    [attach] = after_submittal(PROJECT, SUBMITTAL, [], replace(HERE, asks=True), can_attach=True)
    assert not {"confirm", "wait_seconds"} & set(attach.arguments)


def test_in_review_a_step_names_the_only_task_and_asks_for_one_of_several():
    [one] = after_submittal(PROJECT, SUBMITTAL, ["task-1"], HERE, can_attach=True)
    assert (one.arguments["task_id"], one.needs) == ("task-1", ["file_path"])
    [several] = after_submittal(PROJECT, SUBMITTAL, ["task-1", "task-2"], HERE, can_attach=True)
    assert several.needs == ["task_id", "file_path"]


def test_over_http_a_version_of_the_files_tool_is_found_first():
    around = StepContext(local_files=False, read_only=False, max_wait_seconds=45)
    attach, find = after_submittal(PROJECT, SUBMITTAL, [], around, can_attach=True)
    assert (attach.needs, find.tool, find.needs) == (["file_urn"], "find_project_files", ["query"])


@pytest.mark.parametrize(
    "steps",
    [
        after_projects([], whole=True),
        after_submittals(PROJECT, {}, HERE, whole=True),
        after_files(PROJECT, [], HERE, whole=True),
    ],
)
def test_an_empty_list_leads_nowhere(steps):
    assert steps == []


@pytest.mark.parametrize(
    ("found", "whole", "arguments", "needs"),
    [
        (["only"], True, {"project": "only"}, []),
        (["one"], False, {}, ["project"]),
        (["one", "two"], True, {}, ["project"]),
    ],
)
def test_the_only_hit_is_gone_on_with_and_of_several_the_caller_chooses(found, whole, arguments, needs):
    [step] = after_projects(found, whole=whole)
    assert (step.arguments, step.needs) == (arguments, needs)
