"""What headers tell beside a body."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acc.responses import retry_after_seconds, upstream_request_id

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"RETRY-AFTER": "Thu, 01 Jan 2026 12:00:10 GMT"}, 10.0),
        ({"Retry-After": "Thu, 01 Jan 2026 11:59:00 GMT"}, 0.0),
        ({"Retry-After": "Thu, 01 Jan 2026 12:00:10 GMT", "Date": "Thu, 01 Jan 2026 12:00:03 GMT"}, 7.0),
        ({"Retry-After": "Thu, 01 Jan 2026 12:00:10 -0000"}, 10.0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "1e3"}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "٣"}, None),
        ({}, None),
    ],
)
def test_both_forms_of_retry_after_are_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers, now=NOW) == seconds


@settings(deadline=None)
@given(value=st.text(max_size=40), date=st.text(max_size=40))
def test_any_other_retry_after_says_nothing_or_a_time_to_come(value: str, date: str) -> None:
    seconds = retry_after_seconds({"Retry-After": value, "Date": date}, now=NOW)

    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"X-Request-Id": "abc-123"}, "abc-123"),
        ({"x-amzn-RequestId": "a", "x-ads-request-id": "b"}, "b"),
        ({"x-amz-request-id": "0123ABC"}, "0123ABC"),
        ({"x-request-id": "two words", "x-correlation-id": "c"}, "c"),
        ({"x-request-id": "x" * 129}, None),
        ({}, None),
    ],
)
def test_the_request_id_is_found_under_its_usual_names(headers: dict[str, str], request_id: str | None) -> None:
    assert upstream_request_id(headers) == request_id
