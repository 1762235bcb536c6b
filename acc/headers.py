"""What the headers of an answer tell beside its body: when to come back, and under which id to ask about it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from acc.redaction import clean

_REQUEST_ID_HEADERS = (
    "x-request-id",
    "x-ads-request-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-amz-cf-id",
    "x-correlation-id",
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:=+/\-]{1,128}")
_SECONDS = re.compile(r"[0-9]{1,9}")


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    """The same headers with lower-case names, for answers whose headers are a plain mapping."""
    return {name.lower(): value for name, value in headers.items()}


def upstream_request_id(headers: Mapping[str, str]) -> str | None:
    """The id under which the answering service knows this request, or None.

    Which header carries it is not documented, so the usual ones are tried; a value that is not a plain id is ignored.
    """
    given = lower_names(headers)
    values = (given.get(name, "") for name in _REQUEST_ID_HEADERS)
    # What would be cut out of a message is no id either.
    return next((value for value in values if _REQUEST_ID.fullmatch(value) and clean(value) == value), None)


def retry_after_seconds(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds to wait before asking again, never negative; None if the answer does not say.

    Both forms of `Retry-After` are read. A date is taken relative to the answer's own `Date`, so that a wrong clock
    here does not matter, else to `now`.
    """
    given = lower_names(headers)
    value = given.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    moment = _http_date(value)
    if moment is None:
        return None
    reference = _http_date(given.get("date", "")) or now or datetime.now(UTC)
    return max(0.0, (moment - reference).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
