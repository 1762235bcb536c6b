"""A request with its token, and what comes back."""

import json
import logging

import anyio
import anyio.lowlevel
import httpx
import pytest

from acc import operations as op
from acc.connection import MAX_ANSWER_BYTES, AccConnection
from acc.errors import (
    AccError,
    ProxyFailure,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
    Unauthorized,
    UnexpectedAnswer,
)
from acc.hosts import AutodeskHosts
from acc.operations import build
from acc.retry import RetryPolicy

PROJECT = "2570d4e5-9aef-4b41-8e45-a454f2f3fd65"
GET_ITEM = build(op.ITEMS_GET, {"project_id": PROJECT, "item_id": "i"})
CREATE = build(op.ATTACHMENTS_CREATE, {"project_id": PROJECT, "item_id": "i"}, json={"name": "a.pdf"})
CONFIRM = build(
    op.ATTACHMENTS_CONFIRM, {"project_id": PROJECT, "item_id": "i", "attachment_id": "a"}, json={"isFileUploaded": True}
)
USERINFO = build(op.USERINFO)

OK = httpx.Response(200, json={"id": "i"})
CREATED = httpx.Response(201, json={"id": "a"})
EXPIRED = httpx.Response(401, json={"developerMessage": "expired", "errorCode": "AUTH-006"})
BUSY = httpx.Response(429, headers={"Retry-After": "7"}, json={"developerMessage": "Quota limit exceeded."})
BROKEN = httpx.Response(503, headers={"x-request-id": "r-1"}, text="<html>down</html>")


async def test_a_request_carries_the_token_and_its_answer_becomes_a_model(connect, network) -> None:
    net = network(OK)

    item = await connect(net).send(GET_ITEM)

    assert item.id == "i"
    (request,) = net.requests
    assert (
        str(request.url) == f"https://developer.api.autodesk.com/construction/submittals/v2/projects/{PROJECT}/items/i"
    )
    assert request.headers["Authorization"] == "Bearer token-1"
    assert "Content-Type" not in request.headers


async def test_a_write_says_exactly_what_its_body_is(connect, network) -> None:
    net = network(CREATED)

    await connect(net).send(CREATE)

    (request,) = net.requests
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {"name": "a.pdf"}


async def test_the_profile_has_a_host_of_its_own(connect, network) -> None:
    net = network(httpx.Response(200, json={"sub": "MFEGJ9W5GGQL"}))

    await connect(net).send(USERINFO)
    await connect(net, hosts=AutodeskHosts.at("http://127.0.0.1:8788/aps")).send(USERINFO)

    assert [str(request.url) for request in net.requests] == [
        "https://api.userprofile.autodesk.com/userinfo",
        "http://127.0.0.1:8788/aps/userinfo",
    ]


async def test_a_rejected_token_is_renewed_once(connect, network, tokens) -> None:
    tokens.tokens = ["old", "new"]
    net = network(EXPIRED, OK)

    assert (await connect(net).send(GET_ITEM)).id == "i"
    assert [request.headers["Authorization"] for request in net.requests] == ["Bearer old", "Bearer new"]
    assert tokens.rejected == ["old"]


async def test_a_creation_is_repeated_after_a_401_which_nothing_was_done_for(connect, network, tokens) -> None:
    tokens.tokens = ["old", "new"]
    net = network(EXPIRED, CREATED)

    assert (await connect(net).send(CREATE)).id == "a"
    assert len(net.requests) == 2


@pytest.mark.parametrize("known", [["old"], ["old", "new"], ["old", "new", "newer"]])
async def test_a_token_is_renewed_no_more_than_once(connect, network, tokens, known: list[str]) -> None:
    tokens.tokens = list(known)
    net = network(EXPIRED)

    with pytest.raises(Unauthorized) as caught:
        await connect(net).send(GET_ITEM)

    assert len(net.requests) == min(2, len(known))
    assert (caught.value.upstream_code, caught.value.sent) == ("AUTH-006", False)


async def test_errors_of_the_token_source_pass_through(connect, network) -> None:
    class SignedOutError(Exception):
        pass

    class SignedOut:
        async def access_token(self) -> str:
            raise SignedOutError

        async def renewed(self, rejected: str) -> str | None:
            raise AssertionError

    net = network(OK)

    with pytest.raises(SignedOutError):
        await connect(net, source=SignedOut()).send(GET_ITEM)
    assert net.requests == []


@pytest.mark.parametrize("failure", [BROKEN, httpx.Response(408), httpx.ReadTimeout("x"), httpx.ConnectError("x")])
@pytest.mark.parametrize("request_", [GET_ITEM, CONFIRM], ids=["read", "confirm"])
async def test_an_idempotent_request_is_retried_after_any_passing_failure(
    connect, network, clock, failure, request_
) -> None:
    net = network(failure, OK)

    assert (await connect(net).send(request_)).id == "i"
    assert len(net.requests) == 2
    assert clock.pauses == [0.25]


@pytest.mark.parametrize(
    ("failure", "repeated"),
    [
        (BUSY, True),
        (httpx.ConnectError("refused"), True),
        (httpx.ConnectTimeout("slow"), True),
        (httpx.PoolTimeout("busy"), True),
        (httpx.ProxyError("407"), True),
        (BROKEN, False),
        (httpx.Response(408), False),
        (httpx.ReadTimeout("slow"), False),
        (httpx.ReadError("reset"), False),
        (httpx.WriteError("reset"), False),
        (httpx.RemoteProtocolError("gone"), False),
    ],
)
async def test_a_creation_is_repeated_only_when_it_was_certainly_not_carried_out(
    connect, network, failure: httpx.Response | Exception, repeated: bool
) -> None:
    net = network(failure, CREATED)

    if repeated:
        assert (await connect(net).send(CREATE)).id == "a"
    else:
        with pytest.raises(ServiceUnavailable) as caught:
            await connect(net).send(CREATE)
        assert caught.value.sent is True
    assert len(net.requests) == (2 if repeated else 1)


async def test_retry_after_is_waited_for(connect, network, clock) -> None:
    net = network(BUSY, OK)

    await connect(net).send(GET_ITEM)

    assert clock.pauses == [7.25]


async def test_a_long_retry_after_is_told_and_not_waited_for(connect, network, clock) -> None:
    net = network(httpx.Response(429, headers={"Retry-After": "3600"}))

    with pytest.raises(RateLimited) as caught:
        await connect(net).send(GET_ITEM)

    assert (caught.value.retry_after_seconds, clock.pauses, len(net.requests)) == (3600.0, [], 1)


async def test_a_retry_leaves_a_line_in_the_log_without_any_secret(connect, network, caplog) -> None:
    with caplog.at_level(logging.INFO, logger="acc"):
        await connect(network(BROKEN, OK)).send(GET_ITEM)

    (record,) = [record for record in caplog.records if record.name.startswith("acc")]
    assert record.getMessage() == (
        "attempt 1 failed, next in 0.2 s: submittals.items.get: "
        "Autodesk could not be reached or failed (HTTP 503, request id r-1)"
    )


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("x"), BROKEN, httpx.Response(400, text="token-1")])
async def test_a_failure_names_no_token_not_even_in_what_caused_it(connect, network, failure) -> None:
    with pytest.raises(AccError) as caught:
        await connect(network(failure), policy=RetryPolicy(attempts=1)).send(GET_ITEM)

    assert "token-1" not in f"{caught.value}{caught.value!r}{vars(caught.value)}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_never_followed(connect, network, status: int) -> None:
    net = network(httpx.Response(status, headers={"Location": "http://169.254.169.254/latest/meta-data"}))

    with pytest.raises(UnexpectedAnswer) as caught:
        await connect(net).send(GET_ITEM)

    assert len(net.requests) == 1
    assert caught.value.problem == "a redirect, which is never followed"


async def test_a_redirect_is_not_followed_by_a_client_that_would(network, tokens) -> None:
    net = network(httpx.Response(307, headers={"Location": "http://169.254.169.254/"}))
    client = httpx.AsyncClient(transport=httpx.MockTransport(net), follow_redirects=True)

    with pytest.raises(UnexpectedAnswer):
        await AccConnection(AutodeskHosts.autodesk(), tokens, client=client).send(GET_ITEM)

    assert [request.url.host for request in net.requests] == ["developer.api.autodesk.com"]


async def test_a_body_with_broken_compression_is_an_unexpected_answer(connect, network) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Bytes(b"not gzip"))

    with pytest.raises(UnexpectedAnswer) as caught:
        await connect(network(broken)).send(GET_ITEM)

    assert caught.value.problem == "the body's compression is broken"


class Bytes(httpx.AsyncByteStream):
    """A body that never ends, or one piece of it."""

    def __init__(self, piece: bytes, *, endless: bool = False) -> None:
        self.piece = piece
        self.endless = endless
        self.given = 0

    async def __aiter__(self):
        yield self.piece
        while self.endless:
            self.given += len(self.piece)
            await anyio.lowlevel.checkpoint()
            yield self.piece


async def test_a_body_without_end_is_read_only_so_far(connect, network) -> None:
    endless = Bytes(b" " * 1024 * 1024, endless=True)

    with pytest.raises(UnexpectedAnswer) as caught:
        await connect(network(lambda request: httpx.Response(200, stream=endless))).send(CREATE)

    assert caught.value.sent is True
    assert endless.given <= MAX_ANSWER_BYTES


async def test_an_answer_that_trickles_for_ever_is_given_up(network, tokens) -> None:
    trickle = network(lambda request: httpx.Response(200, stream=Bytes(b"", endless=True)))
    client = httpx.AsyncClient(transport=httpx.MockTransport(trickle))
    connection = AccConnection(AutodeskHosts.autodesk(), tokens, client=client, exchange_seconds=0)

    with anyio.fail_after(120), pytest.raises(ServiceUnavailable) as caught:
        await connection.send(CREATE)

    assert caught.value.sent is True


async def test_cancelling_a_call_cancels_it(connect, network) -> None:
    started = anyio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        started.set()
        await anyio.sleep_forever()
        raise AssertionError

    ended: list[str] = []

    async def call() -> None:
        try:
            await connect(handler).send(CREATE)
        finally:
            ended.append("ended")

    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await started.wait()
            group.cancel_scope.cancel()
    assert ended == ["ended"]


async def test_closing_leaves_a_given_client_open(network, tokens) -> None:
    client = httpx.AsyncClient(transport=httpx.MockTransport(network(OK)))

    await AccConnection(AutodeskHosts.autodesk(), tokens, client=client).aclose()

    assert not client.is_closed
    await client.aclose()


async def test_a_connection_makes_its_client_when_it_first_sends_and_again_after_closing(serve, tokens) -> None:
    server = serve(body=b'{"id": "i"}')
    own = AccConnection(AutodeskHosts.at(server.url), tokens)
    await own.aclose()

    for _ in range(2):
        assert (await own.send(GET_ITEM)).id == "i"
        await own.aclose()

    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer token-1", "Bearer token-1"]


async def test_a_change_is_checked_again_once_its_connection_is_open_and_then_not_sent(serve, tokens) -> None:
    """To open it takes as long as the other end likes; a process that was replaced meanwhile is to change nothing."""

    class Replaced(Exception):
        pass

    server, checked = serve(status=201, body=b'{"id": "a"}'), []

    async def check(token: str, changes: bool) -> None:
        checked.append((token, changes))
        if checked.count((token, True)) == 2:
            raise Replaced

    own = AccConnection(AutodeskHosts.at(server.url), tokens)
    guarded = own.guarded(check)
    with pytest.raises(Replaced):
        await guarded.send(CREATE)
    assert (server.seen, checked) == ([], [("token-1", True)] * 2)
    assert (await guarded.send(CREATE)).id == "a"
    assert len(server.seen) == 1
    await own.aclose()


async def test_a_rejection_is_not_repeated(connect, network, clock) -> None:
    net = network(httpx.Response(409, json={"detail": "taken"}))

    with pytest.raises(RequestRejected) as caught:
        await connect(net).send(CREATE)

    assert (caught.value.upstream_message, len(net.requests), clock.pauses) == ("taken", 1, [])


async def test_a_proxy_that_refuses_is_named(connect, network) -> None:
    with pytest.raises(ProxyFailure) as caught:
        await connect(network(httpx.ProxyError("407 for http://user:secret@proxy"))).send(CREATE)

    assert caught.value.sent is False
    assert "secret" not in str(caught.value)


class Pace:
    """Writes down what it is asked and told."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []

    async def acquire(self, operation: str, token: str, base_url: str) -> None:
        self.said.append(("acquire", operation, token, base_url))

    async def on_rate_limited(self, operation: str, token: str, base_url: str, retry_after: float | None) -> None:
        self.said.append(("on_rate_limited", operation, token, base_url, retry_after))


async def test_every_attempt_acquires_the_rate_limiter_and_a_429_is_reported_to_it(connect, network) -> None:
    limiter, net = Pace(), network(BUSY, OK)

    await connect(net, rate_limiter=limiter).send(GET_ITEM)

    acquired = ("acquire", "submittals.items.get", "token-1", "https://developer.api.autodesk.com")
    assert limiter.said == [acquired, ("on_rate_limited", *acquired[1:], 7.0), acquired]


async def test_a_request_whose_turn_is_too_far_away_is_never_sent(connect, network) -> None:
    class TooFar(Pace):
        async def acquire(self, operation: str, token: str, base_url: str) -> None:
            raise RateLimited(operation, retry_after_seconds=300)

    net = network(OK)
    with pytest.raises(RateLimited) as caught:
        await connect(net, rate_limiter=TooFar()).send(CREATE)
    assert caught.value.retry_after_seconds == 300
    assert net.requests == []


@pytest.mark.parametrize("codings", ["gzip, gzip", "identity, gzip", "br,gzip,deflate"])
async def test_a_body_in_several_codings_is_never_decoded(connect, network, codings: str) -> None:
    def nested(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": codings}, stream=Bytes(b"not even gzip"))

    with pytest.raises(UnexpectedAnswer) as caught:
        await connect(network(nested)).send(GET_ITEM)

    assert caught.value.problem == "the body has several content codings"
