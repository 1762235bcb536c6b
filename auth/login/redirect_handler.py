"""Handle requests at the callback URL: pure decisions, without a socket.

GET /sign-in/ID         sends the browser to Autodesk, and remembers which browser it was
GET /sign-in/ID/known?challenge=TEXT
                        204 with a proof that this is a window which shares the vault and knows the try ID; another
                        window asks before it relies on us
GET the callback path   takes the answer, and says how it ended
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from auth.login import pages
from auth.login.browser import UnsafeAddress, require_safe_url
from auth.login.pages import HtmlResponse
from auth.login.pending_logins import PendingLogin, PendingLogins
from auth.oauth import read_refusal

LINK_PATH: Final = "/sign-in/"
PROOF_HEADER: Final = "submittal-mcp-proof"
COOKIE: Final = "submittal-mcp-sign-in-"
"""How the names of our cookies begin."""


@dataclass(frozen=True)
class BrowserRequest:
    """A request as it came in: `target` with its query, header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


class RedirectHandler:
    """The answers at one callback URL. `outcome` waits until the process that began a try has ended it."""

    def __init__(
        self, callback_url: str, attempts: PendingLogins, outcome: Callable[[str], PendingLogin | None]
    ) -> None:
        self.url = callback_url
        parts = urlsplit(callback_url)
        self._host = parts.netloc.lower()
        self._path = parts.path
        self._attempts = attempts
        self._outcome = outcome

    def link(self, id_: str) -> str:
        """Return the address that begins a try; nothing in it is secret."""
        return f"http://{self._host}{LINK_PATH}{id_}"

    def answer(self, asked: BrowserRequest) -> HtmlResponse:
        """Answer a request. Whatever names another host is refused: it came by way of a name that points here."""
        if asked.headers.get("host", "").lower() != self._host:
            return pages.refused(421, "This address answers under its own name only.")
        if asked.method != "GET":
            return pages.refused(405, "This address is only looked at.")
        target = urlsplit(asked.target)
        if target.path == self._path:
            return self._answer_came(parse_qs(target.query), asked)
        if target.path.startswith(LINK_PATH):
            return self._link_opened(target.path.removeprefix(LINK_PATH), parse_qs(target.query))
        if target.path == "/favicon.ico":
            return HtmlResponse(204)
        return pages.refused(404, "This address is only for signing in.")

    def _link_opened(self, rest: str, query: Mapping[str, list[str]]) -> HtmlResponse:
        id_, _, known = rest.partition("/")
        if known:
            challenge = query.get("challenge", [""])[0]
            proof = self._attempts.prove(id_, self.url, challenge) if known == "known" and challenge else None
            return HtmlResponse(204, headers={PROOF_HEADER: proof}) if proof is not None else HtmlResponse(404)
        browser = secrets.token_urlsafe(24)
        url = self._attempts.opened(id_, browser)
        if url is None:
            return pages.unknown()
        try:
            location = require_safe_url(url)
        except UnsafeAddress as unsafe:
            return pages.refused(400, f"{str(unsafe).capitalize()}.")
        # One for each link: the same browser may have several open.
        cookie = f"{COOKIE}{id_[:8]}={browser}; Path={self._path}; Max-Age=300; HttpOnly; SameSite=Lax"
        return HtmlResponse(303, headers={**pages.HEADERS, "Location": location, "Set-Cookie": cookie})

    def _answer_came(self, query: Mapping[str, list[str]], asked: BrowserRequest) -> HtmlResponse:
        result = accept_redirect(self._attempts, self.url, query, _browsers(asked.headers.get("cookie", "")))
        if result == "other_browser":
            return pages.other_browser()
        if not isinstance(result, PendingLogin):
            return pages.unknown()
        ended = self._outcome(result.id) if result.status == "answered" else result
        if ended is None or ended.status == "answered":
            return pages.not_signed_in("gone")
        return (
            pages.signed_in(ended.words or "")
            if ended.status == "signed_in"
            else pages.not_signed_in(ended.words or "")
        )


def accept_redirect(
    attempts: PendingLogins,
    callback_url: str,
    query: Mapping[str, list[str]],
    browsers: Collection[str],
    *,
    pasted: bool = False,
) -> PendingLogin | str:
    """Take Autodesk's answer from the query of a callback; a word says why it is none for us."""
    code, state, error = (query.get(name, [""])[0] for name in ("code", "state", "error"))
    if not state or not (code or error):
        return "unknown"
    word = None if code else read_refusal({"error": error}, 0).error
    return attempts.answered(callback_url, state, browsers, code=code or None, error=word, pasted=pasted)


def _browsers(header: str) -> list[str]:
    """Return the marks among the cookies of a request; what other programs on this host set there is no matter.

    The standard library's parser gives up the whole header at the first cookie that is not to its taste.
    """
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return [value.strip('"') for name, _, value in pairs if name.startswith(COOKIE)]
