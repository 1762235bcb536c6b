"""What comes as an answer about a sign-in has an end, in bytes and in time."""

import asyncio
import gzip
from contextlib import asynccontextmanager

import anyio
import pytest

from acc.hosts import AutodeskHosts
from auth.errors import SignInUnavailable
from server.auth_wiring import MAX_ANSWER_BYTES, HttpxAuthTransport


@asynccontextmanager
async def answering(*pieces, pause=0.0):
    """The base URL of a server that answers every request with `pieces`, the last one again and again."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        try:
            for piece in pieces:
                writer.write(piece)
            while pause:
                await writer.drain()
                await asyncio.sleep(pause)
                writer.write(pieces[-1])
            await writer.drain()
        except OSError:
            pass  # hung up on, which is what is tested
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def reason(url, seconds=60.0):
    with anyio.fail_after(120), pytest.raises(SignInUnavailable) as told:
        await HttpxAuthTransport(AutodeskHosts.at(url), seconds).get(f"{url}/token")
    return told.value


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "body",
    [b"\r\n" + b" " * (MAX_ANSWER_BYTES + 1), b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 50_000_000)],
    ids=["long", "compressed"],
)
async def test_an_answer_that_is_too_long_is_not_read_to_its_end(body):
    async with answering(HEAD + body) as url:
        await reason(url)


async def test_an_answer_in_several_codings_is_not_decoded():
    body = gzip.compress(gzip.compress(b"{}"))
    async with answering(HEAD + b"Content-Encoding: gzip, gzip\r\n\r\n" + body) as url:
        await reason(url)


async def test_an_answer_that_trickles_is_given_up():
    async with answering(HEAD + b"\r\n", b" ", pause=0.01) as url:
        await reason(url, seconds=0.2)
