"""Any answer becomes a model or one of our errors, and no error says more than it should."""

import contextlib
import json
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acc import operations as op
from acc.errors import (
    AccError,
    ApiNotGranted,
    AppNotProvisioned,
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
from acc.models.files import CompletedObject
from acc.responses import MAX_MESSAGE_CHARACTERS, HttpResponse, clean, error_from_response, parse_answer

OPERATION = "submittals.items.get"


def error(status: int, content: object = None, headers: dict[str, str] | None = None) -> AccError:
    return error_from_response(
        OPERATION, status, headers or {}, b"" if content is None else json.dumps(content).encode()
    )


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (400, None, RequestRejected),
        (401, None, Unauthorized),
        (403, None, Forbidden),
        (403, {"errorCode": "AUTH-010"}, MissingScope),
        (403, {"errorCode": "AUTH-001"}, ApiNotGranted),
        (403, {"errors": [{"code": "BIM360DM_ERROR", "detail": "You don't have permission"}]}, AppNotProvisioned),
        (404, None, NotFound),
        (408, None, ServiceUnavailable),
        (409, None, RequestRejected),
        (410, None, NotFound),
        (413, None, RequestRejected),
        (415, None, RequestRejected),
        (422, None, RequestRejected),
        (423, None, RequestRejected),
        (429, None, RateLimited),
        (403, {"errorCode": "ERR-001"}, RateLimited),
        (500, None, ServiceUnavailable),
        (502, None, ServiceUnavailable),
        (503, None, ServiceUnavailable),
        (504, None, ServiceUnavailable),
        (511, None, NetworkPage),
        (307, None, UnexpectedAnswer),
        (200, None, UnexpectedAnswer),
    ],
)
def test_a_status_and_code_mean_one_thing_to_do(status: int, content: object, kind: type[AccError]) -> None:
    assert type(error(status, content)) is kind


@pytest.mark.parametrize(
    ("content", "message", "code"),
    [
        ({"developerMessage": "Quota limit exceeded."}, "Quota limit exceeded.", None),
        ({"developerMessage": "No.", "errorCode": "AUTH-006", "more info": "…"}, "No.", "AUTH-006"),
        ({"reason": "Bucket not found"}, "Bucket not found", None),
        ({"title": "Bad Request", "detail": "stateId is wrong"}, "stateId is wrong", None),
        ({"message": '"status" is not allowed'}, '"status" is not allowed', None),
        ({"errors": [{"status": "404", "code": "NOT_FOUND", "title": "t", "detail": "d"}]}, "d", "NOT_FOUND"),
        ({"error": "invalid_grant", "error_description": "expired"}, "expired", None),
        ({"message": {"nested": "x"}, "errors": ["a", {"detail": "d"}]}, "d", None),
        ({"message": "   "}, None, None),
        (["a", "b"], None, None),
        ("text", None, None),
        (None, None, None),
    ],
)
def test_the_upstream_message_is_found_in_every_kind_of_body(
    content: object, message: str | None, code: str | None
) -> None:
    found = error(400, content)

    assert (found.upstream_message, found.upstream_code) == (message, code)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><h1>502 Bad Gateway</h1></html>", b"\xff\xfe\x00", b"{", b"[" * 100_000, b"null", b'"\\ud800"'],
)
def test_a_body_that_is_no_json_is_an_error_without_a_message(body: bytes) -> None:
    found = error_from_response(OPERATION, 502, {"x-request-id": "abc-123"}, body)

    assert type(found) is ServiceUnavailable
    assert (found.http_status, found.upstream_request_id, found.upstream_message) == (502, "abc-123", None)


def test_a_byte_order_mark_is_no_part_of_json() -> None:
    found = error_from_response(OPERATION, 400, {}, b'\xef\xbb\xbf{"reason": "r"}')

    assert found.upstream_message == "r"


@pytest.mark.parametrize("status", [200, 400, 409])
def test_rejected_parts_are_told_whatever_the_status(status: int) -> None:
    content = {
        "status": "error",
        "reason": "MissingOrInvalidParts",
        "size": {"expected": 10, "detected": 5},
        "parts": [{"part": 2, "status": "Pending", "size": None, "eTag": None}],
    }

    with pytest.raises(PartsRejected) as caught:
        parse_answer(op.UPLOAD_COMPLETE, HttpResponse(status, {}, json.dumps(content).encode()))

    assert caught.value.report.size is not None
    assert (caught.value.report.size.expected, caught.value.report.size.detected) == (10, 5)
    assert [(part.part, part.status) for part in caught.value.report.parts] == [(2, "Pending")]


def test_a_parts_report_of_another_shape_still_says_that_parts_are_missing() -> None:
    found = error(400, {"reason": "MissingOrInvalidParts", "parts": "none"})

    assert isinstance(found, PartsRejected)
    assert found.report.parts == []


def test_another_failure_to_complete_under_200_is_a_rejection() -> None:
    with pytest.raises(RequestRejected) as caught:
        parse_answer(op.UPLOAD_COMPLETE, HttpResponse(200, {}, b'{"status": "error", "reason": "InvalidUploadKey"}'))

    assert (type(caught.value), caught.value.upstream_message) == (RequestRejected, "InvalidUploadKey")


def test_the_word_error_in_an_answer_of_another_service_is_no_failure() -> None:
    task = parse_answer(op.TASKS_CLOSE, HttpResponse(200, {}, b'{"id": "t", "status": "error"}'))

    assert task.status == "error"


def test_a_good_answer_is_its_model() -> None:
    answer = parse_answer(op.UPLOAD_COMPLETE, HttpResponse(200, {}, b'{"objectKey": "o", "size": 3, "new": 1}'))

    assert answer == CompletedObject.model_validate({"objectKey": "o", "size": 3, "new": 1})


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"sign in", "the body is not JSON that can be read"),
        pytest.param(b"[" + b"{}," * 150_000 + b"0]", "the body is not JSON that can be read", id="too many values"),
        (b"", "the body: model_type"),
        (b"[]", "the body: model_type"),
        (b'{"title": "Beam"}', "id: missing"),
        (b'{"id": ""}', "id: value_error"),
    ],
)
def test_a_good_status_with_nonsense_may_have_been_carried_out(body: bytes, problem: str) -> None:
    with pytest.raises(UnexpectedAnswer) as caught:
        parse_answer(op.ITEMS_GET, HttpResponse(200, {"x-request-id": "r1"}, body))

    assert (caught.value.problem, caught.value.sent, caught.value.upstream_request_id) == (problem, True, "r1")
    assert type(caught.value) is UnexpectedAnswer


@pytest.mark.parametrize("operation", [op.ITEMS_GET, op.ATTACHMENTS_CREATE, op.HUBS, op.UPLOAD_COMPLETE])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html; charset=utf-8", b"<p>Sign in</p>"),
        ("", b"\xef\xbb\xbf\r\n <!DOCTYPE html><title>Sign in</title>"),
        ("application/json", b"<HTML lang=en><h1>Blocked</h1>"),
        ("application/xhtml+xml", b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>'),
    ],
)
def test_a_web_page_with_a_good_status_is_of_a_proxy_or_of_the_network(
    operation: op.ApiOperation[object], content_type: str, body: bytes
) -> None:
    with pytest.raises(NetworkPage) as caught:
        parse_answer(operation, HttpResponse(200, {"Content-Type": content_type}, body))

    assert (caught.value.sent, caught.value.http_status) == (True, 200)
    assert "a proxy or the network's sign-in page" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (400, False),
        (401, False),
        (403, False),
        (409, False),
        (429, False),
        (307, False),
        (408, True),
        (500, True),
        (504, True),
    ],
)
def test_an_error_says_whether_the_request_may_have_been_carried_out(status: int, sent: bool) -> None:
    assert error(status).sent is sent


SECRET = "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6W119.c2lnbmF0dXJl"
SIGNED = "https://s3.amazonaws.com/signed-url-uploads/1?partNumber=1&X-Amz-Signature=SIGSIGSIG"


@settings(deadline=None)
@given(
    before=st.text(max_size=50),
    field=st.sampled_from(
        ["developerMessage", "reason", "detail", "message", "error_description", "errorCode", "code"]
    ),
    secret=st.sampled_from([f"Bearer {SECRET}", SECRET, SIGNED, f"<a href='{SIGNED}'>", "X-Amz-Signature=SIGSIGSIG"]),
    status=st.sampled_from([200, 400, 401, 403, 404, 429, 500]),
)
def test_no_error_ever_holds_a_token_or_a_signature(before: str, field: str, secret: str, status: int) -> None:
    found = error(status, {field: f"{before} {secret} after"}, {"x-request-id": secret})

    shown = "".join([str(found), repr(found), repr(vars(found)), *traceback.format_exception(found)])
    assert "SIGSIGSIG" not in shown
    assert SECRET not in shown


@settings(deadline=None)
@given(text=st.text(max_size=5000))
def test_upstream_messages_are_truncated(text: str) -> None:
    assert len(clean(text)) <= MAX_MESSAGE_CHARACTERS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["errors", "detail", "reason", "errorCode", "status", "parts", "size", "message", "id"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "Date", "x-request-id", "X-Amzn-RequestId"]), st.text(max_size=30)
    ),
    body=st.binary(max_size=200) | JSON.map(lambda content: json.dumps(content).encode()),
)
def test_any_answer_becomes_one_of_our_errors(status: int, headers: dict[str, str], body: bytes) -> None:
    found = error_from_response(OPERATION, status, headers, body)

    assert (found.operation, found.http_status) == (OPERATION, status)
    assert len(str(found)) < 1000
    assert found.retry_after_seconds is None or found.retry_after_seconds >= 0
    assert found.upstream_message is None or len(found.upstream_message) <= MAX_MESSAGE_CHARACTERS


@settings(deadline=None)
@given(
    operation=st.sampled_from([value for value in vars(op).values() if isinstance(value, op.ApiOperation)]),
    status=st.integers(200, 299),
    body=st.binary(max_size=100) | JSON.map(lambda content: json.dumps(content).encode()),
)
def test_any_good_status_becomes_a_model_or_one_of_our_errors(
    operation: op.ApiOperation[object], status: int, body: bytes
) -> None:
    with contextlib.suppress(AccError):
        parsed = parse_answer(operation, HttpResponse(status, {}, body))
        assert parsed is None or isinstance(parsed, operation.answer)


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("1e999", None),
        ("9" * 5000, None),
        ("1e22", 1e22),
        ("9" * 400, int("9" * 400)),
        ('"NaN"', "NaN"),
        ('"\\ud800x"', "\ufffdx"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("[" * 900 + "]" * 900, ...),
    ],
)
def test_values_that_json_does_not_have_are_null_in_a_read_answer(number: str, read: object) -> None:
    body = '{"id": "i", "title": "Beam", "novelty": ' + number + "}"

    item = parse_answer(op.ITEMS_GET, HttpResponse(200, {}, body.encode()))

    assert item.title == "Beam"
    assert item.model_extra is not None
    assert read is ... or item.model_extra["novelty"] == read
    assert json.dumps(item.model_dump(mode="json"), allow_nan=False)
