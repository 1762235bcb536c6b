"""Every effect, planned in a YAML file and over the control API: the same words, the same mishap, on the nth call."""

from __future__ import annotations

import threading

import httpx
import pytest
import yaml

from acc_sandbox.faults.effects import EFFECTS
from acc_sandbox.faults.plan import read_fault_plan

PATIENCE = 120.0


@pytest.fixture(params=["yaml", "control"])
def plan(request, box, anonymous, tmp_path):
    """Plans a fault and gives back the one that is planned."""

    def by_file(fault):
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump([fault]), "utf-8")
        [read], _ = read_fault_plan(path)
        return box.faults.add(read)

    def by_control(fault):
        assert anonymous.post("/sandbox/faults", json=fault).status_code == 201
        return box.faults.all()[-1]

    return {"yaml": by_file, "control": by_control}[request.param]


@pytest.fixture
def item(box):
    return box.item("051200-3")


@pytest.fixture
def signed(manager, item):
    return manager.signed_urls(manager.attach(item).json()["uploadUrn"]).json()


def refuse(box, manager, item, signed, plan):
    plan(
        {
            "operation": "attachments.create",
            "effect": "refuse",
            "status": 429,
            "body": {"a": 1},
            "headers": {"Retry-After": "7"},
        }
    )
    before = box.attachments(item)
    answer = manager.attach(item)
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (429, {"a": 1}, "7")
    assert box.attachments(item) == before
    assert manager.attach(item).status_code == 201


def reset(box, manager, item, signed, plan):
    plan({"operation": "attachments.create", "effect": "reset", "nth": 2})
    assert manager.attach(item).status_code == 201
    before = box.attachments(item)
    with pytest.raises(httpx.TransportError):
        manager.attach(item)
    assert box.attachments(item) == before
    assert manager.attach(item).status_code == 201


def reset_after(box, manager, item, signed, plan):
    plan({"operation": "storage.put", "effect": "reset_after", "size": 65_536})
    with pytest.raises(httpx.TransportError):
        manager.put(signed["urls"][0], bytes(5_000_000))
    assert manager.put(signed["urls"][0], b"again").status_code == 200


def stall(box, manager, item, signed, plan):
    fault = plan({"operation": "storage.put", "effect": "stall", "size": 1})
    answers = []
    thread = threading.Thread(target=lambda: answers.append(manager.put(signed["urls"][0], b"xyz").status_code))
    thread.start()
    assert fault.reached.wait(PATIENCE)
    assert manager("POST", "/sandbox/faults/release", headers={"Authorization": ""}).status_code == 204
    thread.join(PATIENCE)
    assert answers == [200]


def slow(box, manager, item, signed, plan):
    fault = plan({"operation": "specs.list", "effect": "slow", "bytes_per_second": 50_000})
    answer = manager.submittals("GET", "/specs")
    assert fault.reached.is_set()
    assert answer.elapsed.total_seconds() >= len(answer.content) / 50_000


def lose_answer(box, manager, item, signed, plan):
    plan({"operation": "attachments.create", "effect": "lose_answer", "times": 2})
    before = len(box.attachments(item))
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            manager.attach(item)
    assert len(box.attachments(item)) == before + 2
    assert manager.attach(item).status_code == 201


def expire(box, manager, item, signed, plan):
    plan({"operation": "storage.put", "effect": "expire"})
    assert "Request has expired" in manager.put(signed["urls"][0], b"x").text
    assert manager.put(signed["urls"][0], b"x").status_code == 200
    plan({"operation": "items.get", "effect": "expire", "times": None})
    for _ in range(3):
        assert manager.submittals("GET", f"/items/{item.id}").json()["errorCode"] == "AUTH-006"
    assert manager.submittals("GET", "/items").status_code == 200


WAYS = {one.__name__: one for one in (refuse, reset, reset_after, stall, slow, lose_answer, expire)}


def test_every_effect_is_in_the_table():
    assert set(WAYS) == set(EFFECTS)


@pytest.mark.parametrize("effect", WAYS)
def test_an_effect_is_the_same_from_a_file_and_over_the_controls(box, manager, item, signed, plan, effect):
    WAYS[effect](box, manager, item, signed, plan)
