"""Faults from a file, and the effects that only a plan of mishaps needs."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from acc_sandbox import DocumentError, Expire, Fault, Refuse, Reset, ResetAfter, Slow, Switches
from acc_sandbox.faults.effects import EFFECTS
from acc_sandbox.faults.plan import fault_json, parse_fault, read_fault_plan, set_switches
from acc_sandbox.http.app import OPERATION_NAMES, OPERATIONS

PLAN = {
    "faults": [
        {"operation": "attachments.create", "nth": 2, "effect": "lose_answer"},
        {"operation": "storage.put", "times": None, "effect": "reset_after", "size": 65536},
    ],
    "switches": {"b_prefix": "accept"},
}
YAML = """
faults:
  - {operation: attachments.create, nth: 2, effect: lose_answer}
  - operation: storage.put
    times: null
    effect: reset_after
    size: 65536
switches:
  b_prefix: accept
"""


@pytest.mark.parametrize(("name", "text"), [("plan.json", json.dumps(PLAN)), ("plan.yaml", YAML), ("plan.yml", YAML)])
def test_a_plan_reads_the_same_from_json_and_yaml(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    faults, switches = read_fault_plan(path)
    shown = [{key: value for key, value in fault_json(one).items() if key != "seen"} for one in faults]
    assert shown == [{"times": 1, **PLAN["faults"][0]}, {"nth": 1, **PLAN["faults"][1]}]
    assert switches == {"b_prefix": "accept"}


def test_a_bare_list_is_one_of_faults(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('[{"operation": "*", "effect": "reset"}]')
    faults, switches = read_fault_plan(path)
    assert ([one.effect for one in faults], switches) == ([Reset()], {})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("none.json", None),
        ("plan.json", "{"),
        ("plan.json", "[" * 50_000),
        ("plan.yaml", "faults: ["),
        ("plan.yaml", "!!python/object/apply:os.getcwd []"),
        ("plan.json", "3"),
        ("plan.json", '{"colour": []}'),
        ("plan.json", '{"faults": {}}'),
        ("plan.json", '{"switches": {"colour": 1}}'),
        ("plan.json", '{"faults": [{"operation": "*", "effect": "fall_over"}]}'),
        ("plan.json", '{"faults": [{"operation": "*", "effect": "reset", "size": 1}]}'),
        ("plan.json", '{"faults": [{"operation": "*", "effect": "reset_after"}]}'),
        ("plan.yaml", 'faults: [{operation: "*", effect: refuse, status: 700}]'),
        ("plan.yaml", 'faults: [{operation: "*", effect: slow, bytes_per_second: 0}]'),
        ("plan.yaml", 'faults: [{operation: "*", effect: reset, 3: 4}]'),
    ],
)
def test_a_plan_that_cannot_be_used_says_where(tmp_path, name, text):
    path = tmp_path / name
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(DocumentError, match=re.escape(str(path))):
        read_fault_plan(path)


def test_a_fault_of_an_unknown_operation_is_refused_from_python_too(box):
    with pytest.raises(ValueError, match=r"there is no operation 'attachment.create'; try attachments.create"):
        box.faults.add(Fault("attachment.create", Reset()))
    assert box.faults.all() == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: Refuse(99),
        lambda: Slow(0),
        lambda: ResetAfter(-1),
        lambda: Fault("*", Reset(), nth=0),
        lambda: Refuse("500"),
    ],
)
def test_a_value_that_a_plan_may_not_hold_is_refused_from_python_too(make):
    with pytest.raises(ValueError, match="Input should be"):
        make()


def test_every_effect_can_be_planned_and_shown():
    needed = {"refuse": {"status": 500}, "reset_after": {"size": 1}, "slow": {"bytes_per_second": 1}}
    for effect in EFFECTS:
        plan = {"operation": "*", "effect": effect, **needed.get(effect, {})}
        shown = fault_json(parse_fault(plan))
        assert shown.items() >= plan.items()


def test_the_sandboxs_own_operations_cannot_be_struck():
    own = {one.name for one in OPERATIONS if one.service in ("page", "control")}
    assert own
    assert not own & OPERATION_NAMES


def test_switch_values_may_be_words(box):
    set_switches(box.switches, {"attach_in_draft": "false", "invalid_parts_status": "200", "urn_delay": "1.5"})
    assert (box.switches.attach_in_draft, box.switches.invalid_parts_status, box.switches.urn_delay) == (
        False,
        200,
        1.5,
    )
    with pytest.raises(DocumentError):
        set_switches(Switches(), {"longest_name": "many"})


def test_an_expired_request_is_judged_as_if_its_time_were_over(box, manager):
    item = box.item("051200-3")
    urn = manager.attach(item).json()["uploadUrn"]
    url = manager.signed_urls(urn).json()["urls"][0]
    box.faults.add(Fault("storage.put", Expire()))
    expired = manager.put(url, b"x")
    assert (expired.status_code, "Request has expired" in expired.text) == (403, True)
    assert manager.put(url, b"x").status_code == 200
    box.faults.add(Fault("items.get", Expire()))
    refused = manager.submittals("GET", f"/items/{item.id}")
    assert (refused.status_code, refused.json()["errorCode"]) == (401, "AUTH-006")
    assert manager.submittals("GET", f"/items/{item.id}").status_code == 200


def test_an_expired_token_request_is_an_invalid_grant(box, anonymous):
    box.faults.add(Fault("auth.token", Expire()))
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": box.client_id}
    assert anonymous.post("/authentication/v2/token", data=form).json()["error"] == "invalid_grant"


def test_a_slow_connection_still_carries_everything(box, manager):
    fault = box.faults.add(Fault("specs.list", Slow(bytes_per_second=20_000)))
    answer = manager.submittals("GET", "/specs")
    assert fault.reached.is_set()
    assert len(answer.json()["results"]) == 8
    assert answer.elapsed.total_seconds() >= len(answer.content) / 20_000


def test_a_slow_part_arrives_whole(box, manager):
    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]
    box.faults.add(Fault("storage.put", Slow(bytes_per_second=1_000_000)))
    manager.upload(urn, b"x" * 100_000)
    assert box.object_bytes(urn) == b"x" * 100_000


def test_a_reset_client_sees_no_answer(box, manager):
    box.faults.add(Fault("specs.list", Reset()))
    with pytest.raises(httpx.TransportError):
        manager.submittals("GET", "/specs")
