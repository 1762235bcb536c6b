"""Fixtures of the client's tests: the fact sheet's examples, a person's token, and networks that are not there."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio.lowlevel
import httpx
import pytest

from acc.client import AccClient
from acc.connection import AccConnection
from acc.hosts import AutodeskHosts
from acc.retry import RetryPolicy

EXAMPLES = Path(__file__).parent.parent / "facts" / "acc_examples.json"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def examples() -> dict[str, dict[str, Any]]:
    """The fact sheet's examples by name."""
    return {example["name"]: example for example in json.loads(EXAMPLES.read_text(encoding="utf-8"))["examples"]}


@dataclass
class Tokens:
    """A person's tokens: the first until it is rejected, then the next ones."""

    tokens: list[str] = field(default_factory=lambda: ["token-1"])
    rejected: list[str] = field(default_factory=list)

    async def access_token(self) -> str:
        return self.tokens[0]

    async def renewed(self, rejected: str) -> str | None:
        self.rejected.append(rejected)
        self.tokens.pop(0)
        return self.tokens[0] if self.tokens else None


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@dataclass
class Clock:
    """Time that passes only during a sleep; remembers the pauses."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.pauses.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Network:
    """Answers requests from a list, in order, and remembers them. The last answer is given again and again."""

    answers: list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]]
    requests: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def network() -> Callable[..., Network]:
    return lambda *answers: Network(list(answers))


@pytest.fixture
def connect(tokens: Tokens, clock: Clock) -> Callable[..., AccConnection]:
    """A connection to Autodesk's hosts over a network that is not there; no pause takes any time."""

    def make(
        handler: Any,
        *,
        hosts: AutodeskHosts | None = None,
        policy: RetryPolicy | None = None,
        source: Any = None,
        rate_limiter: Any = None,
    ) -> AccConnection:
        client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        return AccConnection(
            hosts or AutodeskHosts.autodesk(),
            source or tokens,
            client=client,
            policy=policy,
            sleep=clock.sleep,
            random=lambda: 0.5,
            clock=clock,
            rate_limiter=rate_limiter,
        )

    return make


@pytest.fixture
def acc_over(tokens: Tokens) -> Callable[..., AccClient]:
    """Everything of Autodesk, over a network that is not there, without second attempts."""

    def make(handler: Any) -> AccClient:
        client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        return AccClient(AutodeskHosts.autodesk(), tokens, client=client, policy=RetryPolicy(attempts=1))

    return make


@dataclass
class Seen:
    """A request as a server on this machine saw it."""

    line: str
    headers: dict[str, str]
    body: bytes


class Server(ThreadingHTTPServer):
    """An HTTP server on a free port of this machine that remembers requests and answers all of them alike."""

    daemon_threads = True

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.seen: list[Seen] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                lower = {name.lower(): value for name, value in self.headers.items()}
                seen.append(Seen(self.requestline, lower, self.rfile.read(length)))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        for method in ("GET", "PUT", "POST", "PATCH", "CONNECT"):
            setattr(Handler, f"do_{method}", Handler._answer)
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"{}") -> Server:
        server = Server(status, headers or {}, body)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
