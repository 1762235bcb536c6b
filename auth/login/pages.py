"""The pages that a browser shows at the end of signing in: small, self-contained, with nothing secret in them."""

import base64
import hashlib
from dataclasses import dataclass, field
from html import escape
from typing import Final

from auth.errors import SIGN_IN_FAILURES

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2733;--quiet:#5a6876;--paper:#fff;--ground:#eef1f4;--good:#1a7f4b;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf2;--quiet:#9fb0c0;--paper:#1b242d;--ground:#10161c;
--good:#4cc38a;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;background:var(--ground);color:var(--ink);
font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:34rem;padding:44px 40px;background:var(--paper);border-radius:14px;text-align:center;
box-shadow:0 8px 32px rgb(0 0 0/.10)}
.sign{width:64px;height:64px;margin:0 auto 20px;border-radius:50%;display:grid;place-items:center;font-size:32px;
font-weight:600}
.good .sign{background:var(--good)}.bad .sign{background:var(--bad)}
.good .sign,.bad .sign{color:var(--paper)}
h1{margin:0 0 10px;font-size:25px;line-height:1.25;font-weight:650}
p{margin:0 0 8px;color:var(--quiet);overflow-wrap:anywhere}
p:last-child{margin-bottom:0}
footer{margin-top:26px;font-size:13px;color:var(--quiet)}
"""

_STYLE_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")

HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Nothing on a page is loaded, kept, framed or passed on."""


@dataclass(frozen=True)
class HtmlResponse:
    """An HTML response."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def page(status: int, title: str, *sentences: str, good: bool = False) -> HtmlResponse:
    """Return a page with a heading and sentences; all text is escaped."""
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    kind, sign = ("good", "&#10003;") if good else ("bad", "!")
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} - submittal-mcp</title><style>{_STYLE}</style></head>"
        f'<body><main class="{kind}"><div class="sign" aria-hidden="true">{sign}</div><h1>{escape(title)}</h1>'
        f"{paragraphs}<footer>submittal-mcp on this computer</footer></main></body></html>"
    )
    return HtmlResponse(status, body, {"Content-Type": "text/html; charset=utf-8", **HEADERS})


def signed_in(name: str) -> HtmlResponse:
    """The end that is hoped for."""
    return page(
        200,
        "You are signed in",
        f"Signed in to Autodesk as {name}." if name else "Signed in to Autodesk.",
        "You can close this window.",
        good=True,
    )


def not_signed_in(error: str) -> HtmlResponse:
    """What went wrong, by the code of the error."""
    sentence = SIGN_IN_FAILURES.get(error, f"Autodesk's answer was: {error[:60]}.")
    return page(400, "You are not signed in", sentence, "You can close this window.")


def unknown() -> HtmlResponse:
    """Page of a link or redirect that belongs to no pending login."""
    return page(
        400,
        "This sign-in is over",
        "This sign-in link has expired or was already used, or another program is waiting for it.",
        "Close this window and ask for a new link.",
    )


def other_browser() -> HtmlResponse:
    """An answer from another browser than the one that opened the link."""
    return page(
        403,
        "This is not the browser that began",
        "The sign-in was begun in another browser, so its answer is not taken from this one.",
        "Open the link again in the browser that you want to use.",
    )


def refused(status: int, sentence: str) -> HtmlResponse:
    """A request that is none of a sign-in's."""
    return page(status, "Nothing here", sentence)
