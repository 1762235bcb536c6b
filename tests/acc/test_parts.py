"""What storage's answer to a part means."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acc.errors import (
    NetworkPage,
    StorageError,
    StorageExpired,
    StorageRefused,
    StorageThrottled,
    StorageUnavailable,
    StorageUploadGone,
)
from acc.models.files import SignedUrl
from acc.object_storage import PartStored, part_answer, part_request


def xml(code: str, message: str = "m") -> bytes:
    return f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message><RequestId>R1</RequestId></Error>'.encode()


@pytest.mark.parametrize("header", ['"abc"', "abc", ' "abc" ', 'W/"abc"'])
def test_a_part_with_an_etag_is_stored_and_its_hash_is_bare(header: str) -> None:
    assert part_answer(200, {"etag": header}, b"") == PartStored("abc")


@pytest.mark.parametrize("etag", [{}, {"ETag": ""}, {"ETag": '""'}])
def test_a_200_without_an_etag_is_not_storages_answer(etag: dict[str, str]) -> None:
    assert type(part_answer(200, etag, b"")) is StorageUnavailable


@pytest.mark.parametrize("etag", [{}, {"ETag": '"abc"'}])
def test_a_web_page_is_not_storages_answer_even_with_an_etag(etag: dict[str, str]) -> None:
    found = part_answer(200, {"Content-Type": "text/html", **etag}, b"<html>Please sign in</html>")

    assert type(found) is NetworkPage


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, xml("AccessDenied", "Request has expired"), StorageExpired),
        (400, xml("ExpiredToken", "The provided token has expired."), StorageExpired),
        (403, xml("AccessDenied", "Access Denied"), StorageRefused),
        (403, xml("SignatureDoesNotMatch"), StorageRefused),
        (403, b"<html>blocked by policy</html>", StorageRefused),
        (400, xml("EntityTooLarge"), StorageRefused),
        (411, xml("MissingContentLength"), StorageRefused),
        (307, b"", StorageRefused),
        (404, xml("NoSuchUpload"), StorageUploadGone),
        (404, b"", StorageRefused),
        (400, xml("RequestTimeout"), StorageUnavailable),
        (408, b"", StorageUnavailable),
        (500, xml("InternalError"), StorageUnavailable),
        (502, b"<html>Bad Gateway</html>", StorageUnavailable),
        (503, xml("ServiceUnavailable"), StorageUnavailable),
        (503, xml("SlowDown"), StorageThrottled),
        (503, b"", StorageThrottled),
        (429, b"", StorageThrottled),
    ],
)
def test_an_answer_means_one_thing_to_do(status: int, body: bytes, kind: type[StorageError]) -> None:
    found = part_answer(status, {"Retry-After": "3"}, body)

    assert type(found) is kind
    assert (found.http_status, found.retry_after_seconds) == (status, 3.0)


def test_storages_own_words_are_kept_as_data() -> None:
    found = part_answer(503, {}, xml("SlowDown", "Reduce your request rate."))

    assert isinstance(found, StorageError)
    assert (found.upstream_code, found.upstream_message, found.upstream_request_id) == (
        "SlowDown",
        "Reduce your request rate.",
        "R1",
    )
    assert "Reduce" not in str(found)


@settings(deadline=None)
@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(st.sampled_from(["ETag", "Retry-After", "x-amz-request-id"]), st.text(max_size=20)),
    body=st.binary(max_size=200) | st.builds(xml, st.text(max_size=20), st.text(max_size=600)),
)
def test_any_answer_is_a_stored_part_or_one_of_our_errors(status: int, headers: dict[str, str], body: bytes) -> None:
    found = part_answer(status, headers, body)

    if isinstance(found, PartStored):
        assert 200 <= status < 300
        assert found.etag
        assert found.etag in headers["ETag"]
        assert '"' not in (found.etag[0], found.etag[-1])
    else:
        assert isinstance(found, StorageError)
        assert len(str(found)) < 1000


def test_a_part_request_shows_no_signature() -> None:
    part = part_request(SignedUrl("https://s3.amazonaws.com/u?X-Amz-Signature=SECRET"), 5)

    assert "SECRET" not in f"{part} {part!r}"
    assert dict(part.headers) == {"Content-Length": "5"}
