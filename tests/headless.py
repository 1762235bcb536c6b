"""A browser without a screen: cookies, redirects, pages that go on by themselves, forms."""

import html
import re
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from tests.conftest import NO_TRUST


@dataclass
class Form:
    """A form of a page, as a browser would send it."""

    action: str
    fields: list[tuple[str, str]]
    boxes: list[str]


class Browser:
    """A browser of one person at the server with `origin`; at the `autodesk` beside it, it chooses `person`.

    Cookies are kept as browsers keep them, which take Secure ones of loopback without TLS.
    """

    def __init__(
        self, origin: str, autodesk: str, person: str = "manager", transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.origin = origin
        self._autodesk = autodesk
        self._transport = transport
        self.person = person
        self.cookies: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing stays open between two requests."""

    async def visit(self, url: str) -> Any:
        """Go on until there is a page to act on, or until the browser leaves for a client: then that address."""
        return await self._settled(await self.once(url))

    async def once(self, url: str) -> httpx.Response:
        """One request, wherever it leads."""
        if url.startswith(self._autodesk):
            async with httpx.AsyncClient(verify=NO_TRUST) as autodesk:
                return await autodesk.get(f"{url}&sandbox_person={self.person}")
        return await self._send("GET", url)

    async def submit(self, page: Any, *, scopes: list[str] | None = None, **buttons: str) -> Any:
        """Send a page's form, and go on as `visit` does."""
        return await self._settled(await self.send(page, scopes=scopes, **buttons))

    async def send(self, page: Any, *, scopes: list[str] | None = None, **buttons: str) -> httpx.Response:
        """Send a page's form with a button, or with other values of its fields; one request, wherever it leads."""
        form = form_of(page)
        chosen = [("scope", scope) for scope in (form.boxes if scopes is None else scopes)]
        fields = [one for one in form.fields if one[0] not in buttons]
        return await self._send("POST", form.action, [*fields, *chosen, *buttons.items()])

    async def consent(self, url: str, **buttons: str) -> str:
        """Bring an authorization request to its end, and return the address of the client's answer."""
        answer = await self.submit(await self.visit(url), **{"decision": "allow", **buttons})
        assert isinstance(answer, str), answer.text
        return answer

    async def _send(self, method: str, url: str, form: list[tuple[str, str]] | None = None) -> httpx.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        async with httpx.AsyncClient(base_url=self.origin, transport=self._transport, verify=NO_TRUST) as http:
            answer = await http.request(method, url, content=urlencode(form or []), headers=headers)
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    async def _settled(self, answer: httpx.Response) -> httpx.Response | str:
        while (onward := onward_of(answer)) is not None:
            if onward.startswith("/"):
                onward = self.origin + onward
            if not onward.startswith((f"{self.origin}/", self._autodesk)):
                return onward
            answer = await self.once(onward)
        return answer


def onward_of(answer: httpx.Response) -> str | None:
    """Where a browser goes on to by itself."""
    if answer.is_redirect:
        return answer.headers["location"]
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', answer.text)
    return html.unescape(found[1]) if found else None


def form_of(page: httpx.Response) -> Form:
    """The first form of a page that is posted."""
    action = re.search(r'<form method="post" action="([^"]*)"', page.text)
    assert action, page.text
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    boxes = re.findall(r'<input type="checkbox" name="scope" value="([^"]*)" checked>', page.text)
    return Form(action[1], [(name, html.unescape(value)) for name, value in fields], boxes)
