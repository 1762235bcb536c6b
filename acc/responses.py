"""Parse responses of Autodesk's APIs into models or errors, and cut secrets out of their texts.

Autodesk's services write their errors in at least five kinds of JSON, their gateway in one more, proxies in HTML, and
storage in XML; what the Submittals service itself writes is unknown (fact sheet 0). So anything may come here, and
`error_from_response` never fails on it.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from acc.errors import (
    AccError,
    ApiNotGranted,
    AppNotProvisioned,
    ErrorDetails,
    Forbidden,
    MissingScope,
    NetworkPage,
    NotFound,
    PartsRejected,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
    Unauthorized,
    UnexpectedAnswer,
)
from acc.models.files import PartsReport
from acc.operations import ApiOperation

MAX_MESSAGE_CHARACTERS = 500
"""Characters kept of a service's message."""

_URL_QUERY = re.compile(r"(?i)(\bhttps?://[^\s?\"'<>]*\?)[^\s\"'<>]*")
_TOKEN = re.compile(r"(?i)\bbearer\s+\S+|\beyJ[\w-]{8,}(\.[\w-]*)*|\bX-Amz-[\w-]+=\S+")


def clean(text: str) -> str:
    """The text without the queries of URLs, signatures and tokens, and not too long."""
    # Cut first, so that a huge body costs nothing; cut again, for what is put in its place can be longer.
    text = text.strip()[: 4 * MAX_MESSAGE_CHARACTERS]
    return _TOKEN.sub("[cut]", _URL_QUERY.sub(r"\1[cut]", text))[:MAX_MESSAGE_CHARACTERS]


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
    moment = http_date(value)
    if moment is None:
        return None
    reference = http_date(given.get("date", "")) or now or datetime.now(UTC)
    return max(0.0, (moment - reference).total_seconds())


def http_date(value: str) -> datetime | None:
    """Return the moment that a header names; None where it names none."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


T = TypeVar("T")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SIGN_IN_TO_THE_NETWORK = 511
_MESSAGE_FIELDS = ("developerMessage", "reason", "detail", "title", "message", "error_description", "error")
_CODE_FIELDS = ("errorCode", "code", "ErrorCode")

_NOT_FINITE = re.compile(rb"NaN|Infinity|[\[:,\s]-?[0-9.]+[eE]\+?[0-9]{3}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_DEPTH = 100
"""Levels of an answer that are read; documented ones have about ten."""
_MAX_VALUES = 300_000
"""Values of an answer that are read, by the marks that stand before each: 32 MiB of small ones make a gigabyte of
objects. Real answers, pages of 200 folders, have some tens of thousands."""
_MAX_DIGITS = 1000
"""Python itself makes no text of an integer that is more than four times as long."""


@dataclass(frozen=True)
class HttpResponse:
    """Status, headers and whole body of an HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@cache
def _adapter(operation: ApiOperation[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(operation.answer)


def parse_answer(operation: ApiOperation[T], answer: HttpResponse) -> T:
    """Parse an answer of any kind into what the operation promises.

    Raises:
        AccError: the answer is a failure, whatever its status, or is not what the operation promises.
    """
    if not 200 <= answer.status < 300:
        raise error_from_response(operation.name, answer.status, answer.headers, answer.body)
    facts = ErrorDetails(http_status=answer.status, upstream_request_id=upstream_request_id(answer.headers), sent=True)
    if is_web_page(answer.headers, answer.body):
        raise NetworkPage(operation.name, problem="HTML instead of JSON", **facts)
    value = _json(answer.body) if answer.body else None
    # Storage's web reference prints the failure to complete an upload under 200 (fact sheet 8).
    if operation.name.startswith("oss.") and isinstance(value, dict) and value.get("status") == "error":
        raise error_from_response(operation.name, answer.status, answer.headers, answer.body)
    try:
        parsed: T = _adapter(operation).validate_python(value)
    except ValidationError as error:
        problem = "the body is not JSON that can be read" if value is _NOT_JSON else _first_problem(error)
        raise UnexpectedAnswer(operation.name, problem=problem, **facts) from None
    return parsed


def is_web_page(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an answer is a page for people, whatever its status says."""
    start = body.removeprefix(_BYTE_ORDER_MARK)[:1024].lstrip().lower()
    is_html = "html" in lower_names(headers).get("content-type", "").lower()
    return start.startswith(b"<") and (is_html or b"<html" in start or start.startswith(b"<!doctype html"))


def error_from_response(operation: str, status: int, headers: Mapping[str, str], body: bytes) -> AccError:
    """The error that an answer of failure means; takes any status, headers and bytes."""
    content = _json(body)
    facts = ErrorDetails(
        http_status=status,
        upstream_request_id=upstream_request_id(headers),
        upstream_code=_first(content, _CODE_FIELDS),
        upstream_message=_first(content, _MESSAGE_FIELDS),
        retry_after_seconds=retry_after_seconds(headers),
        # 408 and 5xx do not tell how far the request came; every other refusal is one before anything was done.
        sent=status == 408 or status >= 500,
    )
    report = _parts_report(content)
    if report is not None:
        return PartsRejected(operation, report=report, **facts)
    if status == _SIGN_IN_TO_THE_NETWORK:
        return NetworkPage(operation, problem="the network asks for a sign-in", **facts)
    if status == 408 or status >= 500:
        return ServiceUnavailable(operation, **facts)
    if status >= 400:
        return _refusal(status, facts.get("upstream_code"))(operation, **facts)
    if isinstance(content, dict) and content.get("status") == "error":
        return RequestRejected(operation, **facts)
    problem = "a redirect, which is never followed" if 300 <= status < 400 else "an unknown kind of answer"
    return UnexpectedAnswer(operation, problem=problem, **facts)


def _refusal(status: int, code: str | None) -> type[AccError]:
    if status == 429 or code == "ERR-001":
        return RateLimited
    if status == 403 and code == "AUTH-010":
        return MissingScope
    if status == 403 and code == "AUTH-001":
        return ApiNotGranted
    if status == 403 and code == "BIM360DM_ERROR":
        return AppNotProvisioned
    return {401: Unauthorized, 403: Forbidden, 404: NotFound, 410: NotFound}.get(status, RequestRejected)


_NOT_JSON = object()


def _json(body: bytes) -> Any:
    """The value of a body, or `_NOT_JSON` where it is none or has far too many.

    What JSON does not have, or cannot be passed on, is null inside of it.
    That is NaN, infinite and endless numbers, and what lies too deep; half a surrogate pair is U+FFFD.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if sum(map(body.count, (b",", b":", b"[", b"{"))) > _MAX_VALUES:
        return _NOT_JSON
    if not _NOT_FINITE.search(body):
        with suppress(ValueError):
            return from_json(body)
    try:
        text = body.decode("utf-8", "surrogatepass")
        value = json.loads(text, parse_constant=lambda _: None, parse_float=_finite, parse_int=_whole)
        return _portable(value)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _whole(text: str) -> int | None:
    return int(text) if len(text) <= _MAX_DIGITS else None


def _portable(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {_portable(name): _portable(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list):
        return [_portable(element, depth + 1) for element in value]
    return value


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # Names of fields come from the models, but keys of a mapping come from the answer: keep them short.
    place = ".".join(str(part)[:40] for part in first["loc"][:6])
    return f"{place or 'the body'}: {first['type']}"


def _parts_report(content: Any) -> PartsReport | None:
    if not isinstance(content, dict) or content.get("reason") != "MissingOrInvalidParts":
        return None
    try:
        return PartsReport.model_validate(content)
    except ValidationError:
        return PartsReport.model_validate({"reason": "MissingOrInvalidParts"})


def _first(content: Any, names: tuple[str, ...]) -> str | None:
    """The first of the named fields that holds a text, in the body itself or in the entries of its `errors`."""
    for holder in _holders(content):
        for name in names:
            value = holder.get(name)
            if isinstance(value, str) and value.strip():
                return clean(value)
    return None


def _holders(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        yield content
        errors = content.get("errors")
        if isinstance(errors, list):
            yield from (error for error in errors if isinstance(error, dict))
