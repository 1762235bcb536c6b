"""The fault plan: refused, cut, lost, stalled requests, and what the log says of them."""

from __future__ import annotations

import threading

import httpx
import pytest

import acc_sandbox
from acc_sandbox import Fault, LoseAnswer, Refuse, Reset, ResetAfter, Stall

PATIENCE = 120


@pytest.fixture
def item(box):
    return box.item("051200-3")


def test_a_refused_call_changes_nothing_and_the_next_one_is_handled(box, manager, item):
    before = box.attachments(item)
    box.faults.add(Fault("attachments.create", Refuse(503, {"reason": "busy"}, {"Retry-After": "7"})))
    answer = manager.attach(item)
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (503, {"reason": "busy"}, "7")
    assert box.attachments(item) == before
    assert manager.attach(item).status_code == 201


@pytest.mark.parametrize(("body", "content"), [(None, b""), ("<html>", b"<html>"), ([1], b"[1]")])
def test_a_refusal_may_have_any_body(box, manager, item, body, content):
    box.faults.add(Fault("*", Refuse(502, body)))
    assert manager.attach(item).content == content


def test_faults_strike_the_nth_call_as_often_as_planned(box, manager):
    box.faults.add(Fault("users.me", Refuse(500), nth=2, times=2))
    seen = [manager.submittals("GET", "/users/me").status_code for _ in range(5)]
    assert seen == [200, 500, 500, 200, 200]
    box.faults.add(Fault("users.me", Refuse(500), times=None))
    assert {manager.submittals("GET", "/users/me").status_code for _ in range(3)} == {500}
    box.faults.clear()
    assert manager.submittals("GET", "/users/me").status_code == 200


def test_a_reset_connection_leaves_no_trace_in_the_state(box, manager, item):
    before = box.attachments(item)
    fault = box.faults.add(Fault("attachments.create", Reset()))
    with pytest.raises(httpx.TransportError):
        manager.attach(item)
    assert fault.reached.is_set()
    assert box.attachments(item) == before
    assert box.requests.last("attachments.create").status is None


def test_a_lost_answer_has_changed_the_state_all_the_same(box, manager, item):
    before = len(box.attachments(item))
    box.faults.add(Fault("attachments.create", LoseAnswer()))
    with pytest.raises(httpx.TransportError):
        manager.attach(item)
    assert len(box.attachments(item)) == before + 1
    assert box.requests.last("attachments.create").notes == ["fault: LoseAnswer"]


def test_a_part_is_cut_after_so_many_bytes(box, manager, item):
    urn = manager.attach(item).json()["uploadUrn"]
    signed = manager.signed_urls(urn).json()
    fault = box.faults.add(Fault("storage.put", ResetAfter(100_000)))
    with pytest.raises(httpx.TransportError):
        manager.put(signed["urls"][0], bytes(5_000_000))
    assert fault.reached.is_set()
    assert manager.complete(urn, uploadKey=signed["uploadKey"]).json()["reason"] == "MissingOrInvalidParts"
    assert manager.put(signed["urls"][0], b"again").status_code == 200


@pytest.mark.parametrize("size", [0, 10])
def test_a_stalled_request_goes_on_when_it_is_released(box, manager, item, size):
    urn = manager.attach(item).json()["uploadUrn"]
    url = manager.signed_urls(urn).json()["urls"][0]
    fault = box.faults.add(Fault("storage.put", Stall(size)))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(manager.put(url, b"x" * 1000).status_code))
    thread.start()
    assert fault.reached.wait(PATIENCE)
    assert box.requests.last("storage.put").status is None
    assert manager.submittals("GET", "/users/me").status_code == 200
    box.faults.release()
    thread.join(PATIENCE)
    assert answers == [200]


def test_a_sandbox_stops_while_a_request_is_stalled():
    answers = []

    def ask(url):
        with httpx.Client(verify=False) as client:
            try:
                client.get(url, timeout=PATIENCE)
            except httpx.TransportError as error:
                answers.append(type(error))

    with acc_sandbox.running() as box:
        fault = box.faults.add(Fault("auth.keys", Stall()))
        thread = threading.Thread(target=ask, args=(f"{box.base_url}/authentication/v2/keys",))
        thread.start()
        assert fault.reached.wait(PATIENCE)
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_the_log_names_operations_and_people_and_keeps_no_secret(box, caller, anonymous):
    caller("steel").submittals("GET", "/items", params={"search": "beam"})
    anonymous.get("/nowhere")
    anonymous.get("/authentication/v2/authorize", params={"code": "secret-code", "state": "secret-state"})
    first, unknown, page = box.requests.all()
    assert (first.operation, first.method, first.status, first.person) == ("items.list", "GET", 200, "steel")
    assert first.query == "search=beam"
    assert (unknown.operation, unknown.status, unknown.person) == ("unknown", 404, None)
    assert page.query == "code=***&state=***"
    assert box.token() not in repr(box.requests.all())
    assert "secret" not in repr(box.requests.all())
    assert (box.requests.count("items.list"), box.requests.count(), len(list(box.requests))) == (1, 3, 3)
    box.requests.clear()
    assert len(box.requests) == 0
