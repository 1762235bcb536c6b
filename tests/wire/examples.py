"""Examples of requests, and each as the bytes that it is on the wire.

`acc_examples.json` is Autodesk's documentation as we have it; `wire_examples.json` is ours: what the fact sheet says of
requests that have no example there, in the same form, each with its `basis`. Both write queries and forms to be read.
On the wire (RFC 3986) everything but unreserved characters is percent-encoded in the names and values of a query,
and what is encoded already stays as it is; a form is encoded as HTML does it. A path stands as it is written. JSON is
compact, in the example's order, in UTF-8.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from tests.support.constants import FACTS
from tests.wire.recorder import Received

DOCUMENTED: dict[str, dict[str, Any]] = {
    one["name"]: one for one in json.loads((FACTS / "acc_examples.json").read_text("utf-8"))["examples"]
}
OURS: dict[str, dict[str, Any]] = {
    one["name"]: one for one in json.loads((FACTS / "wire_examples.json").read_text("utf-8"))["examples"]
}
EXAMPLES = DOCUMENTED | OURS

TOKEN = "token-1"
AUTHORIZATION = {
    "Bearer <3-legged or SSA token>": f"Bearer {TOKEN}",
    "Basic base64(id:secret)": f"Basic {base64.b64encode(b'id:secret').decode()}",
}
"""What stands for a secret in the examples, and what the tests' own secret makes of it."""

OF_HTTP = frozenset({"host", "user-agent", "accept-encoding", "connection"})
"""Headers that every request may have beside its own."""


@dataclass(frozen=True)
class WireRequest:
    """A request as bytes: where it goes, and everything in it that is the operation's own."""

    host: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def response_of(name: str) -> dict[str, Any]:
    """The example's response. One that its note calls an excerpt is laid over the whole sample of its operation."""
    response: dict[str, Any] = dict(EXAMPLES[name]["response"])
    if str(EXAMPLES[name].get("note", "")).startswith("excerpt"):
        response["body"] = EXAMPLES["submittals.items.get"]["response"]["body"] | response["body"]
    return response


def on_the_wire(name: str, **said: str) -> WireRequest:
    """The example as it is sent; `said` are its made-up values and what stands in their place."""
    request = _replaced(EXAMPLES[name]["request"], said)
    address = urlsplit(request["url"])
    query = f"?{_pairs(address.query, lambda text: quote(text, safe='%'))}" if address.query else ""
    headers = {key.lower(): AUTHORIZATION.get(value, value) for key, value in request["headers"].items()}
    body = _body(request.get("body"), headers.get("content-type"))
    # What to accept is not documented; this is what no preference looks like (RFC 9110).
    headers |= {"accept": "*/*"} | ({"content-length": str(len(body))} if body else {})
    return WireRequest(address.netloc, request["method"], f"{address.path}{query}", headers, body)


def as_sent(host: str, received: Received) -> WireRequest:
    """What a recorder that stands for `host` got, without what HTTP needs for itself."""
    assert received.version == "HTTP/1.1"
    names = [name for name, _ in received.headers]
    assert len(names) == len(set(names)), "a header came twice"
    headers = {name: value for name, value in received.headers if name not in OF_HTTP}
    return WireRequest(host, received.method, received.target, headers, received.body)


def _replaced(value: Any, said: dict[str, str]) -> Any:
    text = json.dumps(value, ensure_ascii=False)
    for shown, meant in said.items():
        assert shown in text, f"the example has no {shown}"
        text = text.replace(shown, meant)
    return json.loads(text)


def _body(body: Any, content_type: str | None) -> bytes:
    if body is None or body == "<binary>":
        return b""
    if content_type == "application/x-www-form-urlencoded":
        return _pairs(body, quote_plus).encode()
    assert content_type == "application/json"
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _pairs(text: str, encode: Any) -> str:
    pairs = (pair.partition("=") for pair in text.split("&"))
    return "&".join(f"{encode(name)}={encode(value)}" for name, _, value in pairs)
