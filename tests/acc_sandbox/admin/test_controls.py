"""The controls: clock, faults, switches and log over HTTP, and who may use them."""

from __future__ import annotations

import socket

import httpx
import pytest

import acc_sandbox
from acc_sandbox import Fault, Reset


@pytest.fixture
def control(anonymous):
    def call(method, path, **more):
        return anonymous.request(method, f"/sandbox/{path}", **more)

    return call


def test_the_clock_moves_forward_only(box, control):
    before = box.clock.now()
    assert control("POST", "clock", json={"move": 90.5}).status_code == 200
    assert (box.clock.now() - before).total_seconds() == 90.5
    for body in ({}, {"move": -1}, {"move": "1"}, {"move": True}, {"move": 1e12}, {"move": 1, "x": 2}, []):
        answer = control("POST", "clock", json=body)
        assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_a_fault_is_planned_seen_and_forgotten(box, control, manager):
    fault = {"operation": "items.list", "effect": "refuse", "status": 503, "body": {"reason": "busy"}, "nth": 2}
    planned = control("POST", "faults", json=fault)
    assert planned.status_code == 201
    assert planned.json() == {**fault, "times": 1, "headers": {}, "seen": 0}
    assert [manager.submittals("GET", "/items").status_code for _ in range(3)] == [200, 503, 200]
    assert control("GET", "state").json()["faults"][0]["seen"] == 3
    assert control("DELETE", "faults").status_code == 204
    assert control("GET", "state").json()["faults"] == []


@pytest.mark.parametrize(
    "fault",
    [
        [],
        {},
        {"operation": "items.list"},
        {"operation": "items.lists", "effect": "reset"},
        {"operation": "page.home", "effect": "reset"},
        {"operation": "*", "effect": "explode"},
        {"operation": "*", "effect": "refuse"},
        {"operation": "*", "effect": "refuse", "status": 99},
        {"operation": "*", "effect": "refuse", "status": 503, "headers": {"x": 1}},
        {"operation": "*", "effect": "refuse", "status": 503, "headers": {"x": "a\r\nb: c"}},
        {"operation": "*", "effect": "reset", "nth": 0},
        {"operation": "*", "effect": "reset", "times": "all"},
        {"operation": "*", "effect": "reset", "size": 1},
        {"operation": "*", "effect": "reset_after"},
        {"operation": "*", "effect": "slow", "bytes_per_second": 0},
        {"operation": "*", "effect": "stall", "size": -1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(box, control, fault):
    assert control("POST", "faults", json=fault).status_code == 400
    assert box.faults.all() == []


def test_a_fault_on_everything_spares_the_controls(box, control, manager):
    box.faults.add(Fault("*", Reset(), times=None))
    with pytest.raises(httpx.TransportError):
        manager.submittals("GET", "/items")
    assert control("DELETE", "faults").status_code == 204
    assert manager.submittals("GET", "/items").status_code == 200


def test_switches_change_all_or_none(box, control):
    changed = control("PATCH", "switches", json={"b_prefix": "accept", "provisioned": False, "longest_name": 100})
    assert changed.status_code == 200
    assert (box.switches.b_prefix, box.switches.provisioned, box.switches.longest_name) == ("accept", False, 100)
    for body in ({"b_prefix": "maybe"}, {"longest_name": 5.5}, {"colour": 1}, {"urn_delay": -1}, {"provisioned": 1}):
        assert control("PATCH", "switches", json={"longest_name": 7} | body).status_code == 400
    assert box.switches.longest_name == 100


def test_the_log_shows_bodies_without_secrets(box, control, manager, anonymous):
    manager.submittals("POST", "/specs", json={"identifier": "099999", "title": "Paint"})
    form = {"grant_type": "refresh_token", "refresh_token": "very-secret-token", "client_id": box.client_id}
    anonymous.post("/authentication/v2/token", data=form)
    item = box.item("051200-3")
    made = manager.attach(item).json()
    manager.upload(made["uploadUrn"], b"the bytes themselves")
    text = control("GET", "requests").text
    assert "099999" in text
    assert "grant_type=refresh_token" in text
    upload = control("GET", "requests", params={"operation": "oss.signeds3upload.complete"}).json()["requests"]
    assert [one["status"] for one in upload] == [200]
    assert "***" in upload[0]["body"]
    for secret in ("very-secret-token", "the bytes themselves", manager.client.headers["authorization"][7:]):
        assert secret not in text
    signed = control("GET", "requests", params={"operation": "oss.signeds3upload.get"}).json()["requests"][0]["answer"]
    assert "X-Amz-Signature=***" in signed


def test_the_log_goes_on_after_a_number(box, control, manager):
    manager.submittals("GET", "/specs")
    last = control("GET", "requests").json()["requests"][-1]["number"]
    manager.submittals("GET", "/packages")
    later = control("GET", "requests", params={"after": last}).json()["requests"]
    assert [one["operation"] for one in later] == ["packages.list"]
    assert control("DELETE", "requests").status_code == 204
    assert box.requests.count() == 0


def test_a_token_from_the_controls_works(box, control, anonymous):
    token = control("POST", "token", json={"person": "steel", "scopes": "data:read"}).json()["access_token"]
    me = anonymous.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["name"] == "Steel Subcontractor"
    for body in ({"person": "nobody"}, {"person": "steel", "scopes": "all"}):
        assert control("POST", "token", json=body).status_code == 400


def test_an_invitation_opens_a_project(box, control, caller):
    outsider = caller("outsider")
    assert outsider.submittals("GET", "/users/me").status_code == 403
    body = {"email": box.person("outsider").email, "project": "riverside", "manager": True}
    assert control("POST", "invitations", json=body).status_code == 204
    assert outsider.submittals("GET", "/users/me").json()["roles"] == ["1"]
    assert control("POST", "invitations", json=body).status_code == 204
    assert control("POST", "invitations", json=body | {"email": "nobody@example.com"}).status_code == 404
    assert control("POST", "invitations", json=body | {"project": "none"}).status_code == 404


def test_callbacks_are_registered_and_signing_in_can_be_automatic(box, control):
    answer = control("POST", "callbacks", json={"url": "http://localhost:1/x", "auto_approve": True})
    assert "http://localhost:1/x" in answer.json()["callback_urls"]
    assert box.auto_approve is True


def test_a_page_of_another_site_cannot_use_the_controls(control):
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ):
        assert control("POST", "clock", json={"move": 1}, headers=headers).status_code == 403


def everywhere(**more):
    return acc_sandbox.running(host="0.0.0.0", **more)


def test_beyond_loopback_the_controls_are_off_without_a_token():
    with everywhere() as box, httpx.Client(base_url=box.base_url, verify=False) as client:
        assert client.get("/").status_code == 200
        assert client.get("/requests").status_code == 403
        assert client.get("/controls").status_code == 403
        for headers in ({}, {"Authorization": "Bearer None"}):
            assert client.get("/sandbox/state", headers=headers).status_code == 403


def test_a_control_token_opens_them():
    with everywhere(control_token="open sesame") as box, httpx.Client(base_url=box.base_url, verify=False) as client:
        assert client.get("/sandbox/state").status_code == 403
        assert client.get("/sandbox/state", headers={"Authorization": "Bearer close"}).status_code == 403
        assert client.get("/sandbox/state", headers={"Authorization": "Bearer open sesame"}).status_code == 200
        assert 'type="password"' in client.get("/controls").text
        assert client.post("/controls/token", data={"token": "guess"}).status_code == 403
        entered = client.post("/controls/token", data={"token": "open sesame"})
        assert (entered.status_code, entered.headers["location"]) == (303, "/controls")
        assert "HttpOnly; SameSite=Strict" in entered.headers["set-cookie"]
        client.cookies.update(entered.cookies)
        assert client.get("/controls").status_code == 200


def test_signed_urls_name_the_host_that_the_client_used():
    with everywhere() as box:
        item = box.item("051200-3")
        port = httpx.URL(box.base_url).port
        headers = {"Authorization": f"Bearer {box.token()}"}
        with httpx.Client(base_url=f"http://localhost:{port}", headers=headers, verify=False) as client:
            path = f"/construction/submittals/v2/projects/{item.project_id}/items/{item.id}/attachments"
            urn = client.post(path, json={"name": "a.pdf", "urnTypeId": "2"}).json()["uploadUrn"]
            bucket, key = urn.removeprefix("urn:adsk.objects:os.object:").split("/")
            signed = client.get(f"/oss/v2/buckets/{bucket}/objects/{key}/signeds3upload").json()["urls"][0]
        assert httpx.URL(signed).host == "localhost"
        assert socket.gethostbyname("localhost") == "127.0.0.1"
        assert httpx.put(signed, content=b"x", verify=False).status_code == 200


def test_health_is_open_to_everybody_and_names_the_version(box, anonymous):
    answer = anonymous.get("/sandbox/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": acc_sandbox.__version__})
    assert box.requests.all() == []


@pytest.mark.parametrize("by", ["python", "http"])
def test_a_reset_returns_to_the_state_of_a_new_start(box, manager, anonymous, by):
    item = box.item("051200-3")
    before = manager.submittals("GET", "/items", params={"limit": 50}).json()
    manager.attach(item)
    box.clock.move(7200)
    box.switches.b_prefix = "accept"
    box.auto_approve = True
    box.register_callback("http://localhost:1/other")
    box.faults.add(acc_sandbox.Fault("items.list", acc_sandbox.Refuse(503)))
    assert anonymous.post("/sandbox/reset").status_code == 204 if by == "http" else box.reset() is None
    state = anonymous.get("/sandbox/state").json()
    assert (state["now"], state["faults"], state["auto_approve"]) == ("2026-03-02T08:30:00.000000Z", [], False)
    assert state["switches"]["b_prefix"] == "refuse"
    assert state["callback_urls"] == [box.callback_url]
    assert box.requests.all() == []
    # Tokens that were given out before are still good.
    assert manager.submittals("GET", "/items", params={"limit": 50}).json() == before
    assert len(box.attachments(item)) == 1


def test_a_reset_makes_the_bulk_items_again():
    with acc_sandbox.running(items=30) as box:
        count = len(box.items())
        box.reset()
        assert len(box.items()) == count


@pytest.mark.parametrize("path", ["/", "/authentication/v2/keys", "/sandbox/health", "/openapi.json"])
def test_on_loopback_another_host_name_is_refused(anonymous, path):
    port = anonymous.base_url.port
    assert anonymous.get(path, headers={"Host": f"evil.example:{port}"}).status_code == 403
    for name in ("localhost", "127.0.0.1", "[::1]", "acc.localhost"):
        assert anonymous.get(path, headers={"Host": f"{name}:{port}"}).status_code == 200
