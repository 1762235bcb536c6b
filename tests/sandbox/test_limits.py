"""Rate limits (fact sheet 11)."""

from __future__ import annotations

import httpx
import pytest

import sandbox


@pytest.fixture
def limited():
    with sandbox.running(rate_limits=True) as box, httpx.Client(base_url=box.base_url, verify=False) as client:
        client.headers["Authorization"] = f"Bearer {box.token(expires_in=100_000)}"
        yield box, client


def test_submittals_answers_600_requests_a_minute(limited):
    box, client = limited
    path = f"/construction/submittals/v2/projects/{box.project().id}/users/me"
    assert {client.get(path).status_code for _ in range(600)} == {200}
    refused = client.get(path)
    assert (refused.status_code, refused.json()) == (429, {"developerMessage": "Quota limit exceeded."})
    assert refused.headers["server"] == "Apigee Router"
    assert client.get("/project/v1/hubs").status_code == 200
    box.clock.move(int(refused.headers["retry-after"]))
    assert client.get(path).status_code == 200


def test_data_management_counts_each_endpoint_by_itself(limited):
    _, client = limited
    assert [client.get("/project/v1/hubs").status_code for _ in range(51)] == [200] * 50 + [429]
    assert client.get("/userinfo").status_code == 200


def test_without_the_switch_there_is_no_limit(box, manager):
    assert {manager("GET", "/project/v1/hubs").status_code for _ in range(60)} == {200}
