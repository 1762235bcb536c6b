"""Sessions of the older protocol: when there are as many as may be, the one that was idle for longest gives way."""

import pytest
from mcp.server import Server
from starlette.testclient import TestClient

from server.mcp.session_limit import SessionLimitMiddleware
from tests.server.mcp.test_http import ACCEPT, HANDSHAKE

PING = {"jsonrpc": "2.0", "id": 2, "method": "ping", "params": {}}


class Clock:
    now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def client():
    app = Server("no tool", version="1").streamable_http_app(max_sessions=3, host="127.0.0.1")
    with TestClient(
        SessionLimitMiddleware(app, 2, Clock()), base_url="http://127.0.0.1:8000", headers=ACCEPT
    ) as client:
        yield client


def begin(client):
    answer = client.post("/mcp", json=HANDSHAKE)
    assert answer.status_code == 200
    return {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}


def status(client, session):
    return client.post("/mcp", json=PING, headers=session).status_code


def test_the_session_that_was_idle_for_longest_gives_way(client):
    first, second = begin(client), begin(client)
    assert status(client, first) == 200
    third = begin(client)
    assert [status(client, one) for one in (first, second, third)] == [200, 404, 200]
    for _ in range(10):
        begin(client)


def test_a_session_that_its_client_ended_makes_room(client):
    first, second = begin(client), begin(client)
    assert client.delete("/mcp", headers=first).status_code == 200
    third = begin(client)
    assert [status(client, one) for one in (second, third)] == [200, 200]


def test_a_refused_request_neither_opens_nor_ends_a_session(client):
    first, second = begin(client), begin(client)
    for _ in range(3):
        refused = client.post("/mcp", json=PING)
        assert (refused.status_code, "mcp-session-id" in refused.headers) == (400, True)
    assert [status(client, one) for one in (first, second)] == [200, 200]
    for one in (first, second):
        assert client.delete("/mcp", headers=one | {"mcp-protocol-version": "2099-01-01"}).status_code == 405
    for _ in range(3):
        begin(client)  # the SDK would refuse a fourth
    assert [status(client, one) for one in (first, second)] == [404, 404]
