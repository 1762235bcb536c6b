"""Tool calls of one person are limited on every kind of server, so that an assistant that goes round in circles stops."""

import pytest

from tools.core.request_quota import CALLS_PER_MINUTE, WRITES_PER_MINUTE, CallQuota

PLACE = {"project": "Riverside Medical Center", "submittal": "05 12 00-3"}


@pytest.mark.either_era
@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.parametrize(
    ("tool", "arguments", "count"),
    [
        ("confirm_attachment", PLACE | {"attachment_id": "00000000-0000-4000-8000-000000000000"}, WRITES_PER_MINUTE),
        ("find_projects", {}, CALLS_PER_MINUTE),
    ],
)
async def test_calls_of_a_minute_are_limited_over_both_transports(connect, transport, tool, arguments, count):
    async with connect(transport=transport) as assistant:
        carried_out, told = -1, {}
        while carried_out < 10 * count:
            carried_out += 1
            told = await assistant.ask(tool, **arguments)
            if "error" in told and told["error"]["code"] == "rate_limited":
                break
        assert count <= carried_out < 10 * count
        assert told["error"]["retryable"] is True
        assert 0 < told["error"]["retry_after_seconds"] <= 60
        assert [(step["tool"], step["arguments"]) for step in told["next_steps"]] == [(tool, arguments)]
        wrong = await assistant.refused(tool, nothing="of the kind")
        assert wrong["error"]["code"] == "invalid_arguments"
        if count == WRITES_PER_MINUTE:
            assert "person" in await assistant.call("sign_in")  # reading goes on


def test_each_person_has_their_own_calls_and_they_come_back():
    now = [0.0]
    quota = CallQuota(calls=3, writes=1, clock=lambda: now[0])
    assert quota.take("a", writes=True) is None
    assert quota.take("b", writes=True) is None
    told = quota.take("a", writes=True)
    assert told is not None
    assert told.retry_after_seconds == 60
    assert quota.take("a", writes=False) is None
    assert quota.take("a", writes=False) is not None  # what was refused counts too: circles are not free
    now[0] += 60
    assert quota.take("a", writes=True) is None
