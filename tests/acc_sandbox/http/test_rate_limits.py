"""Rate limits (fact sheet 11)."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

import acc_sandbox
from acc_sandbox.http.app import OPERATIONS
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import BearerToken
from acc_sandbox.http.rate_limits import RateLimits
from acc_sandbox.object_storage.storage_app import STORAGE_OPERATIONS
from acc_sandbox.seed.default import PEOPLE


@pytest.fixture
def limited():
    with acc_sandbox.running(rate_limits=True) as box, httpx.Client(base_url=box.base_url, verify=False) as client:
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


DATA_MANAGEMENT = {
    **dict.fromkeys(("hubs.list", "projects.list", "dm-items.tip"), 50),
    **dict.fromkeys(("topFolders.list", "folders.get", "folders.contents", "folders.search"), 300),
    **dict.fromkeys(("dm-items.get", "versions.get"), 300),
    "dm-items.versions": 800,
}
AUTHENTICATION = {
    "auth.authorize": 500,
    "auth.token": 500,
    "auth.introspect": 500,
    "auth.logout": 500,
    "auth.revoke": 100,
}
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def allowed(operation, bearer):
    """How often one operation is let through in a minute."""
    limits = RateLimits(enabled=True)
    for count in range(2000):
        try:
            limits.count(operation, bearer, NOW)
        except RefusedError:
            return count
    return None


@pytest.mark.parametrize(
    ("name", "limit"),
    [*DATA_MANAGEMENT.items(), *AUTHENTICATION.items(), ("oss.signeds3upload.get", 1000), ("items.get", 600)],
)
def test_every_documented_limit_is_the_documented_one(name, limit):
    operation = next(one for one in OPERATIONS if one.name == name)
    assert allowed(operation, BearerToken("t", "client", frozenset(), PEOPLE[0])) == limit


def test_submittals_counts_the_client_and_the_person_over_all_endpoints():
    limits = RateLimits(enabled=True)
    one, other = (next(op for op in OPERATIONS if op.name == name) for name in ("items.get", "specs.list"))
    for number in range(600):
        limits.count(one if number % 2 else other, BearerToken("t", "client", frozenset(), PEOPLE[0]), NOW)
    for client, person in (("client", PEOPLE[1]), ("another", PEOPLE[0])):
        with pytest.raises(RefusedError):
            limits.count(one, BearerToken("t", client, frozenset(), person), NOW)
    limits.count(one, BearerToken("t", "third", frozenset(), PEOPLE[2]), NOW)


def test_storage_counts_all_endpoints_together_and_signed_urls_not_at_all(limited):
    box, client = limited
    limits = RateLimits(enabled=True)
    operations = [one for one in OPERATIONS if one.service == "oss"]
    for number in range(1000):
        limits.count(operations[number % len(operations)], BearerToken("t", "client", frozenset(), None), NOW)
    with pytest.raises(RefusedError):
        limits.count(operations[0], BearerToken("t", "client", frozenset(), None), NOW)
    assert 429 not in {client.put(box.storage_url).status_code for _ in range(20)}
    assert STORAGE_OPERATIONS == ("storage.put", "storage.get")
    assert not {one.name for one in OPERATIONS} & set(STORAGE_OPERATIONS)
