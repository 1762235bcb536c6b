"""Byte for byte: what a server receives from the client is what the documentation shows.

Method, target as it was sent, every header that is not HTTP's own, and the body. Client and sandbox once agreed on a
request that Autodesk's documentation contradicts; a decoded comparison of both cannot see that, and this can.
"""

import inspect
import random
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from acc import operations
from acc.client import AccClient
from acc.hosts import AUTODESK_API, AUTODESK_PROFILE, AutodeskHosts
from acc.models.files import SignedUrl
from acc.object_storage import PartStored
from acc.operations import ApiOperation
from acc.retry import RetryPolicy
from acc.transport import storage_client
from auth.oauth import AuthServer, OAuthApp, PkceAttempt, TokenEndpoint, authorize_url
from server.auth_wiring import HttpxAuthTransport
from server.cli.doctor.autodesk import check_network
from server.settings.model import Settings
from tests.support.constants import ROOT
from tests.wire.examples import EXAMPLES, OURS, TOKEN, WireRequest, as_sent, on_the_wire, response_of
from tests.wire.recorder import Recorder, recording
from tests.wire.requests import ACC_REQUESTS, AUTH_REQUESTS, SAID
from transfers.concurrency import ByteCounter
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FilePolicy, LocalFile, hash_file
from transfers.upload.part_plan import PartPlan
from transfers.upload.uploader import AbortableClient, VerifiedPartStream, put_part

API = AUTODESK_API.removeprefix("https://")
PROFILE = AUTODESK_PROFILE.removeprefix("https://")


class Autodesks:
    """A recorder in the place of each of Autodesk's two hosts."""

    def __init__(self, api: Recorder, profile: Recorder) -> None:
        self._by_host = {API: api, PROFILE: profile}
        self.hosts = AutodeskHosts(api=api.url, profile=profile.url)

    def answer(self, name: str) -> None:
        """Answer as an example does, but for the link to a next page."""
        response = response_of(name)
        if isinstance(response.get("body"), dict):
            response["body"] = {key: value for key, value in response["body"].items() if key != "links"}
        for recorder in self._by_host.values():
            recorder.answer(response)

    @property
    def received(self) -> list[WireRequest]:
        """What came, with the host that each request was for."""
        return [as_sent(host, one) for host, recorder in self._by_host.items() for one in recorder.received]


@pytest.fixture
def autodesk() -> Iterator[Autodesks]:
    with ExitStack() as stack:
        yield Autodesks(stack.enter_context(recording()), stack.enter_context(recording()))


class Tokens:
    """A token that nothing renews."""

    async def access_token(self) -> str:
        return TOKEN

    async def renewed(self, rejected: str) -> str | None:
        return None


class Names:
    """The names of the operations that requests were sent for."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def acquire(self, operation: str, token: str, base_url: str) -> None:
        self.seen.append(operation)

    async def on_rate_limited(self, operation: str, token: str, base_url: str, retry_after: float | None) -> None:
        raise AssertionError(operation)


@pytest.mark.parametrize("name", ACC_REQUESTS)
async def test_a_request_to_autodesk_is_its_example_byte_for_byte(name: str, autodesk: Autodesks) -> None:
    request, names = ACC_REQUESTS[name], Names()
    autodesk.answer(name)

    async with AccClient(autodesk.hosts, Tokens(), policy=RetryPolicy(attempts=1), rate_limiter=names) as acc:
        if request.fails is None:
            await request.send(acc)
        else:
            with pytest.raises(request.fails):
                await request.send(acc)

    assert autodesk.received == [on_the_wire(name, **SAID.get(name, {}))]
    assert names.seen == [request.operation.name]


@pytest.mark.parametrize("name", AUTH_REQUESTS)
async def test_a_request_of_signing_in_is_its_example_byte_for_byte(name: str, autodesk: Autodesks) -> None:
    request = AUTH_REQUESTS[name]
    autodesk.answer(name)

    endpoint = TokenEndpoint(
        HttpxAuthTransport(autodesk.hosts), AuthServer(autodesk.hosts.api, autodesk.hosts.profile), request.app
    )
    await getattr(endpoint, request.method)(**request.arguments)

    assert autodesk.received == [on_the_wire(name, **SAID.get(name, {}))]


async def test_the_address_to_sign_in_at_is_its_example_byte_for_byte(autodesk: Autodesks) -> None:
    attempt, app = PkceAttempt(state="S"), OAuthApp("CID", "http://localhost:8080/cb")
    autodesk.answer("auth.authorize")

    url = authorize_url(autodesk.hosts.api, app, attempt, ("data:read", "data:write", "data:create"))
    await HttpxAuthTransport(autodesk.hosts).get(url)

    challenged = {"code_challenge=CC": f"code_challenge={attempt.challenge}"}
    assert autodesk.received == [on_the_wire("auth.authorize", **challenged)]


async def test_the_doctors_first_question_is_its_example_byte_for_byte(
    autodesk: Autodesks, clean_environment: None
) -> None:
    autodesk.answer("auth.openid-configuration")

    assert [finding async for finding in check_network(Settings.load(base_url=autodesk.hosts.api))]

    assert autodesk.received == [on_the_wire("auth.openid-configuration")]


def test_a_part_is_its_example_byte_for_byte(autodesk: Autodesks, tmp_path: Path) -> None:
    expected = on_the_wire("s3.put")
    size = int(expected.headers["content-length"])
    content = random.Random(size).randbytes(size)
    (tmp_path / "beam.pdf").write_bytes(content)
    autodesk.answer("s3.put")

    with recording() as storage:
        storage.headers = {"ETag": '"9aec28c3d07e2978e6502f6427c515da"'}
        url = EXAMPLES["s3.put"]["request"]["url"].replace(f"https://{expected.host}", storage.url)
        line = AbortableClient(storage_client(autodesk.hosts))
        with LocalFile.open("beam.pdf", AllowedFolders([tmp_path]), FilePolicy(frozenset(), size)) as file:
            plan = PartPlan(size, size)
            stop = threading.Event()
            digests = hash_file(file, plan, ByteCounter(), stop)
            body = VerifiedPartStream(file, plan.part(1), digests.parts[0], digests.seed, ByteCounter(), stop)
            answer = put_part(line, SignedUrl(url), body)
        line.client.close()
        (sent,) = [as_sent(expected.host, one) for one in storage.received]

    assert answer == PartStored("9aec28c3d07e2978e6502f6427c515da")
    assert sent.body == content
    assert (sent.method, sent.target, sent.headers) == (expected.method, expected.target, expected.headers)


def test_every_operation_has_an_example_of_its_request() -> None:
    known = {value for value in vars(operations).values() if isinstance(value, ApiOperation)}

    assert {request.operation.name for request in ACC_REQUESTS.values()} == {one.name for one in known}
    assert len({one.name for one in known}) == len(known)


def test_every_request_of_signing_in_has_an_example() -> None:
    methods = {name for name, value in vars(TokenEndpoint).items() if inspect.iscoroutinefunction(value)}

    assert {request.method for request in AUTH_REQUESTS.values()} == {name for name in methods if name[0] != "_"}


def test_no_other_module_makes_an_http_client() -> None:
    """What is sent goes through `Connection`, `TokenEndpoint`, `put_part` or the doctor's two questions, or fails here."""
    kinds = r"(?:api_client|storage_client|httpx\.(?:Async)?Client|HttpxAuthTransport)"
    makes = re.compile(rf"\b{kinds}\(|\bpartial\({kinds},")
    sources = [path for name in ("acc", "auth", "transfers", "tools", "server") for path in (ROOT / name).rglob("*.py")]

    assert {path.relative_to(ROOT).as_posix() for path in sources if makes.search(path.read_text("utf-8"))} == {
        "acc/transport.py",
        "acc/connection.py",
        "server/auth_wiring.py",
        "server/wiring.py",
        "server/cli/doctor/autodesk.py",
        "server/cli/team/url_check.py",  # what a chat client asks a public URL, nothing of Autodesk
        "server/team/team_server.py",  # one client for the connections of all its people
    }


def test_every_example_of_ours_has_a_basis_and_is_sent() -> None:
    assert all(one["basis"] for one in OURS.values())
    assert set(OURS) <= {*ACC_REQUESTS, *AUTH_REQUESTS, "auth.openid-configuration"}
