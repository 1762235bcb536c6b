"""HTTP transport for the requests of signing in."""

from collections.abc import Mapping
from typing import Final

from acc.hosts import AutodeskHosts
from auth.errors import SignInIntercepted, SignInUnavailable

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""No answer about a sign-in is read beyond this; tokens and profiles take some kilobytes."""

EXCHANGE_SECONDS: Final = 60.0
"""How long one request and its answer may take in all, however steadily the bytes trickle."""


class HttpxAuthTransport:
    """HTTP transport of `auth.oauth`. Each request has a client of its own: there are few, hours apart."""

    def __init__(self, hosts: AutodeskHosts, seconds: float = EXCHANGE_SECONDS) -> None:
        self._hosts = hosts
        self._seconds = seconds

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, page: bool = False
    ) -> tuple[int, dict[str, str], bytes]:
        """GET `url`; a redirect is returned, not followed. With `page` the expected response is HTML."""
        return await self._ask("GET", url, headers or {}, None, page=page)

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> tuple[int, dict[str, str], bytes]:
        """POST `body` to `url`."""
        return await self._ask("POST", url, headers, body)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, *, page: bool = False
    ) -> tuple[int, dict[str, str], bytes]:
        import anyio

        from acc.errors import AccError, NetworkPage
        from acc.responses import is_web_page
        from acc.transport import api_client, error_from_transport, network_errors, read_bounded

        try:
            with anyio.fail_after(self._seconds):
                async with (
                    api_client(self._hosts) as client,
                    client.stream(method, url, headers=headers, content=body) as response,
                ):
                    content = await read_bounded(response, "auth", MAX_ANSWER_BYTES)
        except network_errors() as error:
            # `from None`: httpx's exceptions hold the request, secrets included.
            raise SignInUnavailable(reason=error_from_transport("auth", error).summary) from None
        except AccError as error:
            raise SignInUnavailable(reason=error.summary) from None
        if not page and response.is_success and is_web_page(response.headers, content):
            raise SignInIntercepted(reason=NetworkPage.summary)
        return response.status_code, {name.lower(): value for name, value in response.headers.items()}, content
