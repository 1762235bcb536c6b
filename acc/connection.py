"""A person's connection to Autodesk: a request goes out with their token, a model or an error comes back."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self, TypeVar

import anyio
import httpx

from acc.hosts import AutodeskHosts
from acc.ids import InvalidId
from acc.operations import ApiOperation, ApiRequest
from acc.responses import HttpResponse, error_from_response, http_date, parse_answer, retry_after_seconds
from acc.retry import RetryPolicy, retrying
from acc.transport import api_client, error_from_transport, network_errors, read_bounded

T = TypeVar("T")

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""No JSON answer is read beyond this; the largest real ones, pages of 200 folders, stay under a megabyte or so."""

EXCHANGE_SECONDS = 60.0
"""How long one request and its answer may take in all, however steadily the bytes trickle."""

_random = secrets.SystemRandom().random


class TokenSource(Protocol):
    """Source of bearer tokens. What these raise passes through `AccConnection.send` untouched."""

    async def access_token(self) -> str:
        """A token believed to be valid now."""
        ...

    async def renewed(self, rejected: str) -> str | None:
        """A newer token after Autodesk answered 401 to `rejected`; None if there is none."""
        ...


class RequestGate(Protocol):
    """Rate limiter as seen by a connection; with whom it is shared is its own affair.

    What these raise passes through `AccConnection.send` untouched.
    """

    async def acquire(self, operation: str, token: str, base_url: str) -> None:
        """Wait until a request with this bearer token may be sent."""
        ...

    async def on_rate_limited(self, operation: str, token: str, base_url: str, retry_after: float | None) -> None:
        """Note that Autodesk answered 429, and the seconds of its `Retry-After`."""
        ...


RequestCheck = Callable[[str, bool], Awaitable[None]]
"""Is shown the bearer token of a request that is about to go out, and whether that may change something."""


class ServerClock:
    """Clock of a server: the last `Date` of its answers, and the time since then by a clock that cannot be set."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._read: tuple[datetime, float] | None = None

    def read(self, headers: Mapping[str, str]) -> None:
        """Set it by the headers of an answer that has just come."""
        date = http_date(headers.get("date", ""))
        if date is not None:
            self._read = (date, self._clock())

    def now(self) -> datetime:
        """Return the time there; before any answer what this machine takes for it."""
        if self._read is None:
            return datetime.now(UTC)
        date, at = self._read
        return date + timedelta(seconds=self._clock() - at)


class AccConnection:
    """Sends requests for one person to one Autodesk.

    The bearer token goes to `hosts` and nowhere else: a request names an operation, not an address. A given `client`
    is left open by `aclose`; without one, `acc.transport.api_client` makes one when first needed. `on_answer` is shown
    every answer as it came, refusals too.
    """

    def __init__(
        self,
        hosts: AutodeskHosts,
        tokens: TokenSource,
        *,
        client: httpx.AsyncClient | None = None,
        policy: RetryPolicy | None = None,
        exchange_seconds: float = EXCHANGE_SECONDS,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
        random: Callable[[], float] = _random,
        clock: Callable[[], float] = time.monotonic,
        rate_limiter: RequestGate | None = None,
        on_answer: Callable[[ApiOperation[Any], HttpResponse], None] | None = None,
    ) -> None:
        self.hosts = hosts
        self._tokens = tokens
        self._client = client
        self._own_client: httpx.AsyncClient | None = None
        self._policy = policy or RetryPolicy()
        self._exchange_seconds = exchange_seconds
        self._sleep = sleep
        self._random = random
        self._clock = clock
        self._rate_limiter = rate_limiter
        self._on_answer = on_answer
        self._check: RequestCheck | None = None
        self.server_clock = ServerClock()

    def guarded(self, check: RequestCheck) -> Self:
        """Return the same connection, on which `check` is awaited right before each request, after earlier checks.

        What it raises passes through `send` untouched, and the request does not go out.
        """
        self._http()  # made once, for both
        guarded, earlier = copy(self), self._check

        async def both(token: str, changes: bool) -> None:  # noqa: FBT001  # the form of `RequestCheck`
            if earlier is not None:
                await earlier(token, changes)
            await check(token, changes)

        guarded._check = both  # noqa: SLF001  # of this very class
        return guarded

    async def send(self, request: ApiRequest[T]) -> T:
        """Send a request, again where that is safe, and parse its answer.

        Raises:
            AccError: see `acc.errors`; `sent` says whether the request may have been carried out.
        """
        client = self._http()

        async def attempt() -> T:
            return parse_answer(request.operation, await self._authorised(client, request))

        return await retrying(
            attempt,
            idempotent=request.operation.idempotent,
            policy=self._policy,
            sleep=self._sleep,
            random=self._random,
            clock=self._clock,
        )

    async def aclose(self) -> None:
        """Close the client, if it was made here."""
        if self._own_client is not None:
            await self._own_client.aclose()
            self._own_client = None

    def _http(self) -> httpx.AsyncClient:
        if self._client is not None:
            return self._client
        if self._own_client is None:
            self._own_client = api_client(self.hosts)
        return self._own_client

    async def _authorised(self, client: httpx.AsyncClient, request: ApiRequest[T]) -> HttpResponse:
        """Send with a token; after a 401, which nothing was done for, once more with a renewed one."""
        token = await self._tokens.access_token()
        answer = await self._exchange(client, request, token)
        if answer.status != 401:
            return answer
        renewed = await self._tokens.renewed(token)
        if renewed is None:
            raise error_from_response(request.operation.name, answer.status, answer.headers, answer.body)
        return await self._exchange(client, request, renewed)

    async def _exchange(self, client: httpx.AsyncClient, request: ApiRequest[T], token: str) -> HttpResponse:
        headers = {**request.headers, "Authorization": f"Bearer {token}"}
        if self._rate_limiter is not None:
            await self._rate_limiter.acquire(request.operation.name, token, self.hosts.api)
        if self._check is not None:
            await self._check(token, request.method != "GET")
        try:
            with anyio.fail_after(self._exchange_seconds):
                async with client.stream(
                    request.method,
                    request.url(self.hosts),
                    headers=headers,
                    json=request.json,
                    follow_redirects=False,
                    extensions=self._check_once_connected(token) if request.method != "GET" else None,
                ) as response:
                    body = await read_bounded(response, request.operation.name, MAX_ANSWER_BYTES)
        except httpx.InvalidURL:
            raise InvalidId("part of an address", request.operation.name) from None  # too long for one
        except network_errors() as error:
            # `from None`: httpx's exceptions hold the request, bearer token included.
            raise error_from_transport(request.operation.name, error) from None
        self.server_clock.read(response.headers)
        if self._rate_limiter is not None and response.status_code == 429:
            pause = retry_after_seconds(response.headers)
            await self._rate_limiter.on_rate_limited(request.operation.name, token, self.hosts.api, pause)
        answer = HttpResponse(response.status_code, response.headers, body)
        if self._on_answer is not None:
            self._on_answer(request.operation, answer)
        return answer

    def _check_once_connected(self, token: str) -> dict[str, Any]:
        """Return what lets httpx check again right before the first byte, where a connection has to be opened first."""
        check, connects = self._check, False

        async def trace(event: str, _: Mapping[str, Any]) -> None:
            nonlocal connects
            connects = connects or event == "connection.connect_tcp.started"
            if check is not None and connects and event.endswith(".send_request_headers.started"):
                await check(token, True)  # noqa: FBT003  # the form of `RequestCheck`

        return {"trace": trace}
