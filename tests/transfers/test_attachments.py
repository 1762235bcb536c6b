"""After a doubtful POST: which rows may be ours, and what becomes of them. ACC is scripted at the network's edge."""

import errno
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from acc.client import AccClient
from acc.errors import ServiceUnavailable
from acc.hosts import AutodeskHosts
from acc.models.submittals import Attachment
from acc.retry import RetryPolicy
from acc.transport import api_client
from persistence.errors import DescriptorsExhausted
from transfers.attachments import AttachmentCreator, AttachmentRequest, ListedBefore, UncertainCreate, new_matches

WANTED = AttachmentRequest("00000000-0000-4000-8000-000000000001", "item", "beam.pdf", "ME")
ALIKE = {"name": "beam.pdf", "createdBy": "ME", "taskId": None, "categoryId": "2", "isFileUploaded": False}


def row(attachment_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": attachment_id, **ALIKE, **fields}


def matches(wanted: AttachmentRequest, *rows: dict[str, Any], known: frozenset[str] = frozenset()) -> list[str]:
    return [found.id for found in new_matches([Attachment.model_validate(one) for one in rows], known, wanted)]


def test_a_new_row_with_all_that_was_sent_may_be_ours() -> None:
    assert matches(WANTED, row("a"), row("b")) == ["a", "b"]


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Beam.pdf"},
        {"createdBy": "SOMEBODY"},
        {"createdBy": None},
        {"isFileUploaded": True},
    ],
)
def test_a_row_that_differs_in_anything_that_was_sent_is_not_ours(other: dict[str, Any]) -> None:
    assert matches(WANTED, row("a", **other)) == []


def test_a_row_that_was_there_before_is_not_ours() -> None:
    assert matches(WANTED, row("a"), row("b"), known=frozenset({"a"})) == ["b"]


def test_a_category_counts_where_one_was_sent() -> None:
    assert matches(replace(WANTED, category_id="4"), row("a"), row("b", categoryId="4")) == ["b"]


def test_a_task_counts_where_one_was_sent() -> None:
    assert matches(replace(WANTED, task_id="task"), row("a"), row("b", taskId="task")) == ["b"]
    assert matches(WANTED, row("a", taskId="chosen by ACC")) == ["a"]


def test_a_link_is_born_uploaded() -> None:
    assert matches(replace(WANTED, urn="urn"), row("a"), row("b", isFileUploaded=True)) == ["b"]


@asynccontextmanager
async def alone(_: str) -> AsyncIterator[None]:
    yield


async def nowhere(_: object) -> None:
    """Nothing is written down."""


async def no_rivals() -> tuple[set[str], int]:
    return set(), 0


def first_try() -> UncertainCreate:
    return UncertainCreate(None, nowhere, no_rivals)


class Server:
    """ACC's attachments of one item. `posts` says what each POST does: "made", "lost", "late", "no descriptor" or an HTTP status."""

    def __init__(self, *posts: str | int) -> None:
        self.rows: list[dict[str, Any]] = []
        self.posts = list(posts)
        self.late: list[dict[str, Any]] = []
        self.lists: list[int | None] = []
        """A status for each of the coming lists, or None for the rows."""
        self.seen: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.method)
        await anyio.lowlevel.checkpoint()  # others get their turn while a request is on its way
        if request.method == "GET":
            status = self.lists.pop(0) if self.lists else None
            if status is not None:
                return httpx.Response(status)
            return httpx.Response(200, json={"pagination": {"totalResults": len(self.rows)}, "results": self.rows})
        fate = self.posts.pop(0)
        if isinstance(fate, int):
            return httpx.Response(fate)
        if fate == "no descriptor":
            raise httpx.ConnectError("never sent", request=request) from OSError(errno.EMFILE, "too many")
        name, now = json.loads(request.content)["name"], datetime.now(UTC).isoformat()
        made = row(f"made-{len(self.seen)}", name=name, createdAt=now)
        (self.late if fate == "late" else self.rows).append(made)
        if fate == "made":
            # What was late is there by now.
            self.rows += self.late
            return httpx.Response(201, json=made)
        raise httpx.ReadError("lost", request=request)

    def reservations(self, clock: Callable[[], float] = time.time) -> AttachmentCreator:
        return AttachmentCreator(alone, clock)

    @cached_property
    def acc(self) -> AccClient:
        class Token:
            async def access_token(self) -> str:
                return "token"

            async def renewed(self, rejected: str) -> str | None:
                return None

        hosts = AutodeskHosts.at("http://127.0.0.1:1")
        client = api_client(hosts, transport=httpx.MockTransport(self))
        return AccClient(hosts, Token(), client=client, policy=RetryPolicy(attempts=1))


async def test_promise_1_a_post_that_is_carried_out_late_is_reported() -> None:
    server = Server("late", "made")
    made = await server.reservations().make(server.acc, WANTED, first_try(), nowhere)
    [late] = server.late
    assert made.attachment.id != late["id"]
    assert made.look_alikes == (late["id"],)
    assert server.seen == ["GET", "POST", "GET", "POST", "GET"]


async def test_without_a_doubt_there_is_one_look_and_one_post() -> None:
    server = Server("made")
    uncertain = first_try()
    made = await server.reservations().make(server.acc, WANTED, uncertain, nowhere)
    assert made.look_alikes == ()
    assert uncertain.listed is None
    assert server.seen == ["GET", "POST"]


async def test_two_doubtful_posts_leave_a_doubt_that_the_next_try_looks_into() -> None:
    server = Server("late", 503)
    reservations, uncertain = server.reservations(), first_try()
    server.rows.append(row("old"))
    with pytest.raises(ServiceUnavailable):
        await reservations.make(server.acc, WANTED, uncertain, nowhere)
    assert uncertain.listed == ListedBefore(frozenset({"old"}))
    server.rows += server.late
    made = await reservations.make(server.acc, WANTED, uncertain, nowhere)
    assert made.attachment.id == server.late[0]["id"]
    assert server.seen.count("POST") == 2


async def test_a_reservation_that_was_made_is_not_lost_with_the_look_after_it() -> None:
    server = Server(503, "made")
    server.lists = [None, None, 503]
    made = await server.reservations().make(server.acc, WANTED, first_try(), nowhere)
    assert made.attachment.id == server.rows[0]["id"]


async def test_promise_1_a_row_that_another_job_has_is_not_taken_even_by_a_later_try() -> None:
    server = Server(503, "made", "made")
    server.lists = [None, 503]
    reservations, uncertain = server.reservations(), first_try()
    with pytest.raises(ServiceUnavailable):
        await reservations.make(server.acc, WANTED, uncertain, nowhere)
    neighbour = await reservations.make(server.acc, WANTED, first_try(), nowhere)
    ours = await reservations.make(server.acc, WANTED, uncertain, nowhere)
    assert ours.attachment.id != neighbour.attachment.id
    assert ours.look_alikes == ()


async def test_reservations_on_one_item_are_made_one_after_the_other() -> None:
    server = Server(*["made"] * 4)
    reservations = server.reservations()
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(reservations.make, server.acc, WANTED, first_try(), nowhere)
    assert server.seen == ["GET", *["POST"] * 4]  # what was there is listed once for all


@pytest.mark.parametrize(("person", "later"), [("ME", 3600.0), ("ME", -3600.0), ("ANOTHER", 0.0)])
async def test_a_list_is_not_shared_after_a_sleep_of_the_machine_or_by_another_person(
    person: str, later: float
) -> None:
    server, passed = Server("made", "made"), 0.0
    reservations = server.reservations(lambda: time.time() + passed)
    await reservations.make(server.acc, WANTED, first_try(), nowhere)
    passed = later
    await reservations.make(server.acc, replace(WANTED, person_id=person), first_try(), nowhere)
    assert server.seen == ["GET", "POST"] * 2


async def test_promise_1_a_row_made_elsewhere_while_a_request_waited_for_its_turn_is_not_adopted() -> None:
    server, passed = Server(503, "made"), 0.0

    async def wait_for_a_minute(_: object) -> None:
        nonlocal passed
        passed = 60.0
        server.rows.append(row("elsewhere", createdAt=datetime.now(UTC).isoformat()))

    uncertain = UncertainCreate(None, wait_for_a_minute, no_rivals)
    made = await server.reservations(lambda: time.time() + passed).make(server.acc, WANTED, uncertain, nowhere)
    assert made.attachment.id != "elsewhere"
    assert made.look_alikes == ("elsewhere",)


async def test_promise_1_a_post_that_never_went_out_is_no_doubtful_one() -> None:
    server, uncertain = Server("no descriptor", "made"), first_try()
    with pytest.raises(DescriptorsExhausted):
        await server.reservations().make(server.acc, WANTED, uncertain, nowhere)
    assert uncertain.listed is None
    server.rows.append(row("elsewhere", createdAt=datetime.now(UTC).isoformat()))
    made = await server.reservations().make(server.acc, WANTED, uncertain, nowhere)
    assert (made.attachment.id != "elsewhere", made.look_alikes) == (True, ())
