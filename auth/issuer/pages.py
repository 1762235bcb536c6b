"""Pages of the authorization server, from templates with autoescape; nothing on them is loaded, kept or framed."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from auth.issuer.errors import PageError, TooManyRequests

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER: Final = Path(__file__).parent / "templates"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)


@cache
def _style() -> str:
    return (_FOLDER / "style.css").read_text(encoding="utf-8")


@cache
def page_headers() -> Mapping[str, str]:
    """Return the headers of every page: the style sheet by its hash, forms to us alone, no frame, no cache."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode("ascii")
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


class PageRenderer:
    """Renders the templates for the server at `public_url`."""

    def __init__(self, public_url: str) -> None:
        self._host = urlsplit(public_url).netloc

    def render(self, template: str, title: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page; everything that a template prints is escaped."""
        from markupsafe import Markup

        # The style sheet is ours, and escaping it would change its hash.
        style = Markup(_style())  # noqa: S704
        text = _environment().get_template(template).render(title=title, style=style, host=self._host, **values)
        return HTMLResponse(text, status, dict(page_headers()))

    def message(
        self, title: str, *sentences: str, status: int = 200, link: tuple[str, str] | None = None
    ) -> HTMLResponse:
        """Return a page of sentences, with a link at its end where there is one."""
        return self.render("message.html", title, status=status, sentences=sentences, link=link)

    def error(self, problem: PageError) -> HTMLResponse:
        """Return the page of a problem."""
        return self.message(problem.title, *problem.sentences, status=problem.status, link=problem.link)

    def too_many_requests(self, problem: TooManyRequests) -> HTMLResponse:
        """Return the page of a limit that is reached."""
        sentence = f"They came from your network. Load this page again in {problem.spelt}."
        page = self.message("Too many requests", sentence, status=429)
        page.headers["Retry-After"] = str(problem.seconds)
        return page

    def hand_over(self, url: str) -> HTMLResponse:
        """Return a page that goes on to another site by itself.

        Not a redirect: browsers check `form-action 'self'` along the whole chain of redirects after a form.
        """
        return self.render("handover.html", "One moment", url=url)
