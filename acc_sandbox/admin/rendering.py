"""Pages from templates: one style sheet, no inline style or script, nothing from another origin."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, HtmlBody, RequestContext, Response

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE: Final = Path(__file__).parent
_ASSETS: Final = {"style.css": "text/css; charset=utf-8", "requests.js": "text/javascript; charset=utf-8"}
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


def render(name: str, status: int = 200, *, redirects: bool = False, **values: Any) -> Response:
    """The page that a template makes of `values`; all of them are text, and escaped.

    With `redirects` its form may lead to another origin, as signing in does: browsers hold redirects to `form-action`.
    """
    policy = _POLICY if redirects else f"{_POLICY}; form-action 'self'"
    headers = {**_HEADERS, "Content-Security-Policy": policy}
    return Response(HtmlBody(_environment().get_template(name).render(values)), status, headers)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"indented": _indented, "word": _word}
    environment.globals |= {"zip": zip}
    return environment


def _indented(text: str) -> str:
    """JSON with indents; what was cut off, or is a form, as it is."""
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    except ValueError:
        return text


def _word(value: object) -> str:
    """A switch's value as its choices spell it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _asset(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def asset(call: RequestContext) -> Response:
    """`/assets/:name`: the style sheet and the script of the pages."""
    name = call.path["name"]
    if name not in _ASSETS:
        raise RefusedError(404, "There is no such file")
    headers = {**_HEADERS, "Content-Type": _ASSETS[name], "Cache-Control": "no-cache"}
    return Response(HtmlBody(_asset(name)), headers=headers)


OPERATIONS = (ApiOperation("page.asset", "GET", "/assets/{name}", asset, "page", access="anybody"),)
