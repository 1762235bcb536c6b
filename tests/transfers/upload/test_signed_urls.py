"""Signed URLs are asked for shortly before use, in small batches, always for one upload, and never used when old."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acc.errors import ServiceUnavailable
from acc.models.files import SignedUrl, UploadUrls
from transfers.upload.part_plan import PartPlan, UploadState
from transfers.upload.signed_urls import DOCUMENTED_LIFE_SECONDS, MARGIN_SECONDS, SignedUrlCache, lifetime


class Signer:
    """Object storage as far as it signs: every URL is another one, and lives as long as `life` says."""

    def __init__(self, life: float = 120) -> None:
        self.life = life
        self.asked: list[tuple[int, int, str | None]] = []
        self.now = 1000.0
        self.takes = 0.0

    def clock(self) -> float:
        return self.now

    async def __call__(self, first: int, count: int, key: str | None) -> UploadUrls:
        self.asked.append((first, count, key))
        await anyio.lowlevel.checkpoint()
        self.now += self.takes
        urls = [
            f"https://s3.example/p?partNumber={number}&nth={len(self.asked)}&X-Amz-Expires={self.life:.0f}"
            for number in range(first, first + count)
        ]
        return UploadUrls.model_validate({"uploadKey": "KEY", "urls": urls})

    def book(self, parts: int, parallel: int, sent: UploadState | None = None) -> SignedUrlCache:
        return SignedUrlCache(
            self, PartPlan(parts, 1), parallel, sent if sent is not None else UploadState(), self.clock
        )


async def number(book: SignedUrlCache, part: int) -> tuple[str, str]:
    """Which part a URL is for, and by which request it was signed."""
    query = (await book.get(part)).url.value.partition("?")[2].split("&")
    return query[0].removeprefix("partNumber="), query[1].removeprefix("nth=")


async def test_one_request_serves_a_batch_and_the_upload_goes_on_under_its_key() -> None:
    signer, sent = Signer(), UploadState()
    book = signer.book(parts=10, parallel=2, sent=sent)
    assert [await number(book, part) for part in range(1, 6)] == [
        *(("1", "1"), ("2", "1"), ("3", "1"), ("4", "1")),
        ("5", "2"),
    ]
    assert signer.asked == [(1, 4, None), (5, 4, "KEY")]
    assert (sent.upload_key, sent.begun) == ("KEY", 1000.0)


async def test_the_next_batch_is_asked_for_while_the_last_parts_of_this_one_are_sent() -> None:
    signer = Signer()
    book = signer.book(parts=10, parallel=2)
    for part in range(1, 11):
        await book.get(part)
        await book.look_ahead(part)
        assert len(signer.asked) == (1 if part < 3 else 2 if part < 7 else 3)
    assert signer.asked == [(1, 4, None), (5, 4, "KEY"), (9, 2, "KEY")]


async def test_nothing_is_asked_for_ahead_that_is_sent_or_waits_to_be_used() -> None:
    signer, sent = Signer(life=MARGIN_SECONDS), UploadState(upload_key="KEY", etags={3: "e"})
    book = signer.book(parts=3, parallel=2, sent=sent)
    await book.get(1)
    signer.now += MARGIN_SECONDS
    await book.look_ahead(1)
    assert signer.asked == [(1, 2, "KEY")]


async def test_expired_urls_of_waiting_parts_are_signed_again_in_one_request() -> None:
    signer = Signer()
    book = signer.book(parts=8, parallel=2)
    await book.get(1)
    signer.now += 120
    await book.get(2)
    assert signer.asked == [(1, 4, None), (2, 4, "KEY")]


async def test_an_upload_that_was_begun_earlier_keeps_its_key_and_its_age() -> None:
    signer, sent = Signer(), UploadState(upload_key="EARLIER", begun=7.0)
    await signer.book(parts=1, parallel=1, sent=sent).get(1)
    assert signer.asked == [(1, 1, "EARLIER")]
    assert sent.begun == 7.0


async def test_no_more_than_25_urls_are_asked_for_at_once() -> None:
    signer = Signer()
    await signer.book(parts=100, parallel=16).get(1)
    assert signer.asked == [(1, 25, None)]


async def test_parts_that_were_sent_or_signed_are_not_signed_again() -> None:
    signer, sent = Signer(), UploadState(upload_key="KEY", etags={2: "e", 6: "e"})
    book = signer.book(parts=10, parallel=4, sent=sent)
    await book.get(4)
    await book.get(3)
    await book.get(1)
    assert signer.asked == [(4, 2, "KEY"), (3, 1, "KEY"), (1, 1, "KEY")]


async def test_a_url_that_grows_old_is_replaced_before_it_is_used() -> None:
    signer = Signer(life=120)
    book = signer.book(parts=1, parallel=1)
    assert await number(book, 1) == ("1", "1")
    signer.now += 120 - MARGIN_SECONDS - 0.1
    assert await number(book, 1) == ("1", "1")
    signer.now += 0.1
    assert await number(book, 1) == ("1", "2")
    assert signer.asked[-1] == (1, 1, "KEY")


async def test_a_life_counts_from_the_question_not_from_the_answer() -> None:
    signer = Signer(life=120)
    signer.takes = 110
    book = signer.book(parts=1, parallel=1)
    url = await book.get(1)
    assert url.expires == 1000.0 + 120
    assert not book.expired(url)
    signer.now += 10
    assert book.expired(url)


async def test_a_url_that_lives_shorter_than_the_margin_is_used_at_once() -> None:
    signer = Signer(life=1)
    book = signer.book(parts=2, parallel=1)
    assert await number(book, 1) == ("1", "1")
    assert await number(book, 1) == ("1", "2")


async def test_a_forgotten_url_is_replaced_by_one_for_the_same_part() -> None:
    signer = Signer()
    book = signer.book(parts=8, parallel=2)
    assert await number(book, 2) == ("2", "1")
    book.forget(2)
    assert await number(book, 2) == ("2", "2")
    assert signer.asked == [(2, 4, None), (2, 1, "KEY")]


async def test_many_senders_at_once_share_one_request() -> None:
    signer = Signer()
    book = signer.book(parts=4, parallel=4)
    async with anyio.create_task_group() as group:
        for part in range(1, 5):
            group.start_soon(book.get, part)
    assert signer.asked == [(1, 4, None)]


async def test_a_refusal_to_sign_comes_out_and_the_next_one_asks_again() -> None:
    signer, failures = Signer(), [ServiceUnavailable("oss.signeds3upload.get")]

    async def sign(first: int, count: int, key: str | None) -> UploadUrls:
        if failures:
            raise failures.pop()
        return await signer(first, count, key)

    book = SignedUrlCache(sign, PartPlan(1, 1), 1, UploadState(), signer.clock)
    with pytest.raises(ServiceUnavailable):
        await book.get(1)
    assert await number(book, 1) == ("1", "1")


@given(st.text(max_size=40))
def test_any_url_has_some_lifetime(query: str) -> None:
    assert lifetime(SignedUrl(f"https://s3.example/?X-Amz-Expires={query}")) >= 0


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("X-Amz-Expires=600", 600),
        ("a=b&X-Amz-Expires=0&c=d", 0),
        ("", DOCUMENTED_LIFE_SECONDS),
        ("X-Amz-Expires=soon", DOCUMENTED_LIFE_SECONDS),
        ("X-Amz-Expires=%D9%A3", DOCUMENTED_LIFE_SECONDS),
        ("X-Amz-Expires=" + "9" * 400, DOCUMENTED_LIFE_SECONDS),
    ],
)
def test_a_url_says_how_long_it_lives_or_lives_as_documented(query: str, seconds: int) -> None:
    assert lifetime(SignedUrl(f"https://s3.example/p?{query}")) == seconds
