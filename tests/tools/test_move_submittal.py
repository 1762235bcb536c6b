"""Moving a submittal on: first what would happen, then the move, once, and what became of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ElicitResult

from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from tests.support.constants import STEEL_BEAMS

pytestmark = pytest.mark.either_era

RIVERSIDE = {"project": "Riverside Medical Center"}
ERECTION = {**RIVERSIDE, "submittal": "051200-2"}
JOISTS = {**RIVERSIDE, "submittal": "052100-1"}
DECK = {**RIVERSIDE, "submittal": "053100-1"}
REBAR = {**RIVERSIDE, "submittal": "033100-2"}
MOVE = "move_submittal"


def names(parties: Any) -> list[Any]:
    return [one["name"] for one in parties]


def audited(folder: Path) -> list[dict[str, Any]]:
    log = folder / "data" / "audit.jsonl"
    lines = [json.loads(line) for line in log.read_bytes().splitlines()] if log.exists() else []
    return [line for line in lines if line["event"] in ("moving", "moved") or "to_state" in line]


async def test_a_check_says_who_gets_the_ball_and_changes_nothing_until_its_next_step(connect, box, tmp_path):
    async with connect("steel") as assistant:
        shown = await assistant.call(MOVE, **ERECTION, to="submit", comment="please review")
        assert box.requests.count("items.transition") == 0
        assert (shown["done"], shown["missing"], names(shown["with_whom"])) == (False, [], ["Project Manager"])
        assert shown["submittal"]["state"] == "sbc-1"
        assert "permittedActions" not in shown["submittal"]
        [step] = shown["next_steps"]
        assert (step["arguments"]["to"], step["arguments"]["check_only"]) == ("sbc-1::mgr-1", False)
        moved = await assistant.follow(step)
    assert (moved["done"], moved["submittal"]["state"], moved["transition"]) == (True, "mgr-1", shown["transition"])
    assert names(moved["with_whom"]) == ["Project Manager"]
    assert moved["submittal"]["permittedActions"]
    item = box.item("051200-2")
    assert item.state == "mgr-1"
    assert json.loads(box.requests.last("items.transition").body) == {
        "stateId": "mgr-1",
        "manager": box.person("manager").autodesk_id,
        "managerType": "1",
        "mailNote": "please review",
    }
    before, after = audited(tmp_path)
    assert (before["event"], after["event"], before["id"]) == ("moving", "moved", after["id"])
    assert (before["to_state"], before["submittal_id"]) == ("mgr-1", item.id)
    assert before["person_id"] == box.person("steel").autodesk_id


async def test_a_review_is_begun_with_files_taken_along_answered_and_closed(connect, box):
    async with connect() as manager, connect("engineer") as engineer:
        shown = await manager.call(MOVE, **STEEL_BEAMS, to="review", copy_attachments=["all"])
        assert [one["name"] for one in shown["transition"]["copies"]] == ["beam-schedule.pdf"]
        moved = await manager.follow(shown["next_steps"][0])
        assert (moved["submittal"]["state"], names(moved["with_whom"])) == ("rev", ["Project Manager"])
        [mine] = moved["submittal"]["my_tasks"]
        answering = next(step for step in moved["next_steps"] if step["needs"] == ["response"])
        assert answering["arguments"]["task_id"] == mine["id"]

        shown = await manager.call(MOVE, **STEEL_BEAMS, response="approved as noted", comment="see my marks")
        assert (shown["transition"]["task_id"], names(shown["with_whom"])) == (mine["id"], ["Structural Engineer"])
        moved = await manager.follow(shown["next_steps"][0])
        assert names(moved["with_whom"]) == ["Structural Engineer"]

        shown = await engineer.call(MOVE, **STEEL_BEAMS, response="approved", check_only=True)
        assert names(shown["with_whom"]) == ["Project Manager"]
        await engineer.follow(shown["next_steps"][0])
        assert box.item("051200-3").state == "mgr-2"

        shown = await manager.call(MOVE, **STEEL_BEAMS, to="close")
        [missing] = shown["missing"]
        assert (missing["argument"], missing["field"]) == ("response", "responseId")
        assert "Approved" in missing["choices"]
        shown = await manager.follow(shown["next_steps"][0], response="Approved")
        closed = await manager.follow(shown["next_steps"][0])
        assert (closed["submittal"]["state"], closed["with_whom"]) == ("sbc-2", [])
        reopened = await manager.call(MOVE, **STEEL_BEAMS, to="reopen", check_only=False)
    assert (reopened["submittal"]["state"], names(reopened["with_whom"])) == ("mgr-2", ["Project Manager"])
    copies = [row for row in box.attachments(box.item("051200-3")) if row["duplicatedFrom"]]
    assert [row["name"] for row in copies] == ["beam-schedule.pdf"]


async def test_a_submittal_is_returned_to_a_person_by_name_with_a_due_date(connect, box):
    async with connect() as assistant:
        moved = await assistant.call(
            MOVE,
            **STEEL_BEAMS,
            to="return",
            to_person="Concrete Subcontractor",
            due_date="2026-12-31",
            comment="a page is missing",
            check_only=False,
        )
    assert (moved["submittal"]["state"], moved["submittal"]["due_date"]) == ("sbc-1", "2026-12-31")
    assert names(moved["with_whom"]) == ["Concrete Subcontractor"]


@pytest.mark.parametrize(
    ("who", "place", "arguments", "code", "words"),
    [
        ("manager", STEEL_BEAMS, {}, "invalid_arguments", "Neither 'to' nor 'response'"),
        ("manager", STEEL_BEAMS, {"to": "nowhere"}, "transition_not_permitted", "It cannot go there"),
        ("manager", STEEL_BEAMS, {"to": "reopen"}, "transition_not_permitted", "It cannot go there"),
        (
            "manager",
            STEEL_BEAMS,
            {"to": "reopen", "check_only": False},
            "transition_not_permitted",
            "It cannot go there",
        ),
        ("manager", JOISTS, {"to": "review"}, "transition_not_permitted", "It is there already"),
        ("member", STEEL_BEAMS, {"to": "review"}, "transition_not_permitted", "no transition now"),
        ("engineer", DECK, {"to": "close", "response": "approved"}, "transition_not_permitted", "no transition"),
        ("manager", STEEL_BEAMS, {"response": "approved"}, "transition_not_permitted", "Only in review"),
        ("steel", DECK, {"response": "approved"}, "transition_not_permitted", "no open review task"),
        ("engineer", DECK, {"response": "approved", "task_id": "x"}, "transition_not_permitted", "or not that one"),
        ("engineer", DECK, {"response": "splendid"}, "invalid_arguments", "none of the project's"),
        ("engineer", DECK, {"response": "approved", "due_date": "2026-12-31"}, "invalid_arguments", "'due_date'"),
        ("manager", STEEL_BEAMS, {"to": "review", "task_id": "x"}, "invalid_arguments", "'task_id' does not go"),
        ("manager", STEEL_BEAMS, {"to": "review", "due_date": "soon"}, "invalid_arguments", "'due_date' must be"),
        ("manager", STEEL_BEAMS, {"to": "review", "to_person": "me"}, "invalid_arguments", "'to_person'"),
        ("manager", STEEL_BEAMS, {"to": "return", "to_person": "Roofer"}, "person_not_found", "No member"),
        ("manager", STEEL_BEAMS, {"to": "review", "copy_attachments": ["x.pdf"]}, "attachment_not_found", ""),
        ("manager", STEEL_BEAMS, {"to": "close", "check_only": False}, "invalid_arguments", "'response' must be"),
    ],
)
async def test_an_impossible_move_is_refused_before_anything_is_sent(connect, box, who, place, arguments, code, words):
    async with connect(who) as assistant:
        refusal = await assistant.refused(MOVE, **place, **arguments)
    assert refusal["error"]["code"] == code
    assert words in refusal["error"]["message"]
    assert not any("check_only" in step["arguments"] for step in refusal["next_steps"])  # a choice is checked first
    assert box.requests.count("items.transition") + box.requests.count("tasks.close") == 0


async def test_a_number_that_only_a_person_can_give_is_missing_without_a_step(connect, box):
    draft = {**RIVERSIDE, "submittal": "092900-Unspecified"}
    async with connect() as assistant:
        await assistant.call(MOVE, **draft, to="draft::sbc-1", due_date="2026-12-31", check_only=False)
        shown = await assistant.call(MOVE, **draft, to="close", response="approved")
        assert (shown["missing"], shown["next_steps"]) == (
            [{"argument": None, "field": "customIdentifier", "choices": []}],
            [],
        )
        refusal = await assistant.refused(MOVE, **draft, to="close", response="approved", check_only=False)
    assert refusal["error"]["code"] == "transition_not_permitted"
    assert "customIdentifier" in refusal["error"]["message"]


@pytest.mark.parametrize("times", [1, 2])
async def test_a_lost_answer_is_decided_by_where_the_submittal_is_and_the_post_not_repeated(connect, box, times):
    box.faults.add(Fault("items.transition", LoseAnswer()))
    async with connect() as assistant:
        moved = await assistant.call(MOVE, **STEEL_BEAMS, to="review", check_only=False)
        assert (moved["done"], moved["submittal"]["state"]) == (True, "rev")
        if times == 2:
            again = await assistant.refused(MOVE, **STEEL_BEAMS, to="review", check_only=False)
            assert again["error"]["code"] == "transition_not_permitted"
    assert box.requests.count("items.transition") == 1


@pytest.mark.parametrize("effect", [LoseAnswer(), Stall()], ids=["lost", "late"])
async def test_a_move_that_may_have_been_made_is_offered_again_by_ids_that_mean_no_further_move(connect, box, effect):
    """A second `return` would take it on from where the first one took it."""
    rebar = {"project": "Riverside Medical Center", "submittal": "033100-2"}
    box.faults.add(Fault("items.transition", effect))
    box.faults.add(Fault("items.get", Refuse(404), nth=2))
    async with connect(max_wait_seconds=1) as assistant:
        await assistant.call("sign_in")  # which opens what a move needs
        call = {**rebar, "to": "return", "due_date": "2026-12-31", "check_only": False}
        lost = await assistant.refused(MOVE, **call)
        assert "may have been made" in lost["error"]["message"]
        [step] = lost["next_steps"]
        assert (step["arguments"]["to"], step["arguments"]["check_only"]) == ("mgr-2::rev", False)
        box.faults.clear()
        await assistant.ask(step["tool"], **step["arguments"])
    assert box.item("033100-2").state == "rev"


async def test_a_lost_answer_to_a_task_is_decided_by_the_task(connect, box):
    box.faults.add(Fault("tasks.close", LoseAnswer()))
    async with connect("engineer") as assistant:
        moved = await assistant.call(MOVE, **DECK, response="rejected", check_only=False)
    assert (moved["done"], moved["submittal"]["state"]) == (True, "mgr-2")
    assert box.requests.count("tasks.close") == 1


@pytest.mark.parametrize("status", [500, 503])
async def test_a_move_that_acc_did_not_make_is_said_and_offered_again(connect, box, status):
    box.faults.add(Fault("items.transition", Refuse(status)))
    async with connect() as assistant:
        refusal = await assistant.refused(MOVE, **STEEL_BEAMS, to="review", check_only=False)
        assert (refusal["error"]["code"], refusal["error"]["retryable"]) == ("upstream_unavailable", True)
        assert box.requests.count("items.transition") == 1
        moved = await assistant.follow(refusal["next_steps"][0])
    assert moved["submittal"]["state"] == "rev"


async def test_a_move_whose_submittal_cannot_be_seen_afterwards_is_done_all_the_same(connect, box):
    async with connect("engineer") as assistant:
        shown = await assistant.call(MOVE, **DECK, response="approved")
        box.faults.add(Fault("items.get", Refuse(403), nth=2, times=None))
        moved = await assistant.follow(shown["next_steps"][0])
        box.faults.clear()
        assert (moved["done"], moved["submittal"]["state"], moved["with_whom"]) == (True, None, None)
        [step] = moved["next_steps"]
        assert (await assistant.follow(step))["submittal"]["state"] == "mgr-2"


async def test_a_transition_that_was_withdrawn_meanwhile_is_said_with_what_is_open_now(connect, box):
    item = box.item("051200-3")
    async with connect() as assistant, connect() as other:
        shown = await assistant.call(MOVE, **STEEL_BEAMS, to="review")
        await other.call(MOVE, **STEEL_BEAMS, to="void", check_only=False)
        refusal = await assistant.refused(shown["next_steps"][0]["tool"], **shown["next_steps"][0]["arguments"])
    assert refusal["error"]["code"] == "transition_not_permitted"
    assert "void" in refusal["error"]["message"]
    assert box.item("084413-1").state == "void"
    assert box.attachments(item)


@pytest.mark.parametrize("status", [400, 403])
async def test_a_transition_that_acc_refuses_between_look_and_move_is_explained(connect, box, status):
    box.faults.add(Fault("items.transition", Refuse(status, {"developerMessage": "IGNORE THIS"})))
    async with connect() as assistant:
        item = box.item("051200-3")
        gone = {"id": item.id, "stateId": "mgr-1", "title": "Beams", "permittedActions": []}
        box.faults.add(Fault("items.get", Refuse(200, gone), nth=2))
        refusal = await assistant.refused(
            MOVE, project=item.project_id, submittal=item.id, to="review", check_only=False
        )
    assert refusal["error"]["code"] == "transition_not_permitted"
    assert "ACC withdrew this transition." in refusal["error"]["message"]
    assert refusal["error"]["http_status"] == status
    assert "IGNORE" not in json.dumps(refusal)


async def test_a_refusal_without_a_change_is_answered_as_refused(connect, box):
    box.faults.add(Fault("items.transition", Refuse(400)))
    async with connect() as assistant:
        refusal = await assistant.refused(
            MOVE, **STEEL_BEAMS, to="return", to_person="Site Observer", due_date="2026-12-31", check_only=False
        )
    assert (refusal["error"]["code"], refusal["error"]["http_status"]) == ("upstream_rejected", 400)


@pytest.mark.parametrize(
    ("who", "place", "to"), [("manager", STEEL_BEAMS, {"to": "close"}), ("engineer", DECK, {})], ids=["close", "task"]
)
async def test_a_response_that_is_no_longer_active_is_refused_before_and_after_it_is_sent(connect, box, who, place, to):
    async with connect(who) as assistant:
        shown = await assistant.call(MOVE, **place, **to, response="Approved as noted")
        box.deactivate("Approved as noted")
        sent = await assistant.refused(MOVE, **shown["next_steps"][0]["arguments"])
        known = await assistant.refused(MOVE, **place, **to, response="Approved as noted")
        assert box.requests.count("items.transition") + box.requests.count("tasks.close") == 1
        for refusal in (sent, known):
            assert refusal["error"]["code"] == "invalid_arguments"
            assert "no longer active" in refusal["error"]["message"]
            assert "Approved as noted" not in {one["name"] for one in refusal["error"]["candidates"]}
        shown = await assistant.follow(known["next_steps"][0], response="Rejected")
        moved = await assistant.follow(shown["next_steps"][0])
    assert moved["done"]


async def test_read_only_and_other_projects_are_refused_and_nothing_is_sent(connect, box):
    async with connect(read_only=True) as assistant:
        refusal = await assistant.refused(MOVE, **STEEL_BEAMS, to="review")
    assert refusal["error"]["code"] == "read_only"
    async with connect(projects=(box.project("harbor").id,)) as assistant:
        refusal = await assistant.refused(MOVE, **STEEL_BEAMS, to="review")
    assert refusal["error"]["code"] == "project_not_allowed"
    assert box.requests.count("items.transition") == 0


async def test_where_a_person_is_asked_they_see_the_move_and_decide(connect, box):
    shown: list[str] = []
    action = "decline"

    async def answering(_: Any, question: Any) -> ElicitResult:
        shown.append(question.message)
        return ElicitResult(action=action, content={} if action == "accept" else None)

    async with connect(confirm="ask", answering=answering) as assistant:
        await assistant.call(MOVE, **STEEL_BEAMS, to="close", response="approved")
        assert shown == []
        call = {**STEEL_BEAMS, "to": "close", "response": "approved", "comment": "as marked", "check_only": False}
        refusal = await assistant.refused(MOVE, **call)
        assert refusal["error"]["code"] == "confirmation_declined"
        assert box.item("051200-3").state == "mgr-1"
        action = "accept"
        moved = await assistant.call(MOVE, **call)
    assert moved["submittal"]["state"] == "sbc-2"
    assert shown[-1] == (
        "Move this submittal on in Autodesk Construction Cloud?\n"
        "Move: Close and distribute (now with the manager, before review)\n"
        "Response: Approved\n"
        "Comment: as marked\n"
        "Then with: no one\n"
        "Project: Riverside Medical Center\n"
        "Submittal: 051200-3 Structural steel beam shop drawings"
    )


async def test_a_client_that_cannot_ask_moves_nothing_where_a_person_is_to_be_asked(connect, box):
    async with connect(confirm="ask") as assistant:
        refusal = await assistant.refused(MOVE, **STEEL_BEAMS, to="review", check_only=False)
    assert refusal["error"]["code"] == "confirmation_required"
    assert box.requests.count("items.transition") == 0


async def test_after_an_attach_a_submittal_can_be_sent_on_and_a_later_look_offers_nothing(connect, box, tmp_path):
    (tmp_path / "erection.pdf").write_bytes(b"erection")
    async with connect("steel", folders=(tmp_path,)) as assistant:
        call = {**ERECTION, "file_path": "erection.pdf", "confirm": True, "wait_seconds": 30}
        added = await assistant.call("add_submittal_attachment", **call)
        assert added["attachment"]["state"] == "ready"
        [step] = added["next_steps"]
        assert (step["tool"], step["needs"]) == (MOVE, ["to"])
        assert "to=submit" in step["reason"]
        shown = await assistant.follow(step, to="submit")
        assert shown["transition"]["to_state"] == "mgr-1"
        place = {**ERECTION, "attachment_id": added["attachment"]["id"]}
        assert (await assistant.call("get_attachment_status", **place))["next_steps"] == []
        assert (await assistant.call("add_submittal_attachment", **call))["next_steps"] == []


async def test_a_confirmed_attachment_lets_its_submittal_be_sent_for_review(connect, box, tmp_path):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    async with connect(folders=(tmp_path,)) as assistant:
        added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
        assert [step["tool"] for step in added["next_steps"]] == ["confirm_attachment"]
        confirmed = await assistant.follow(added["next_steps"][0])
        last = confirmed["next_steps"][-1]
        assert (last["tool"], last["needs"]) == (MOVE, ["to"])
        repeated = await assistant.follow(added["next_steps"][0])
    assert MOVE not in [step["tool"] for step in repeated["next_steps"]]


async def test_a_submittal_shows_its_transitions_and_the_steps_that_make_them(connect):
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", **JOISTS)
    assert [one["id"] for one in answer["submittal"]["transitions"]] == ["rev::mgr-1", "rev::sbc-2", "rev::void"]
    moves = [step["needs"] for step in answer["next_steps"] if step["tool"] == MOVE]
    assert moves == [["response"], ["to"]]
