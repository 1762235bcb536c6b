"""One thing changed in a documented request makes the sandbox refuse it, unless a document names what was changed.

Each example of the facts is sent as it stands (`test_examples` says how) after everything that one change makes of it
has been refused: another name, value, type, member, parameter, header, scope or path. What is taken all the same stands
in `TOLERATED`, each with its basis.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from acc_sandbox.http.app import OPERATIONS
from tests.acc_sandbox.test_examples import CALLBACK, CHALLENGE, ELSEWHERE, EXAMPLES, VERIFIER, Stage, assertion, code

TOLERATED = {
    "free text": "what people write may have quotes and any case of letters (fact sheet 2.4, 3.3)",
    "uuid case": "the hexadecimal digits of a UUID are taken in either case (RFC 9562, section 4)",
    "category as number": "Postman sends categoryId as a number and expects 201 (fact sheet 3.3)",
    "nothing to find": "a filter on what people write finds nothing, and that is no mistake (fact sheet 2.3, 5, 9)",
    "null package": "the tutorial sends packageId as null (fact sheet 2.4)",
}
FREE_TEXT = {
    *("name", "title", "description", "mailNote", "responseComment", "customIdentifier", "identifier", "subsection"),
    *("filter[identifier]", "filter[fileType]", "filter[name]", "filter[title]", "search"),
}
"""Members and parameters that hold what people write."""
EXAMPLES_SENT = sorted(
    name for name in EXAMPLES.keys() - ELSEWHERE if EXAMPLES[name]["response"]["status"] < 400 and "not_pro" not in name
)


class Sent(NamedTuple):
    """A request, taken apart."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any
    content_type: str | None

    def put(self, caller: Any, **headers: str) -> httpx.Response:
        kind = {} if self.content_type is None else {"Content-Type": self.content_type}
        url = self.path + (f"?{urlencode(self.query)}" if self.query else "")
        content = None if self.body is None else json.dumps(self.body)
        answer: httpx.Response = caller(self.method, url, content=content, headers={**kind, **headers})
        return answer


def texts(value: str, name: str) -> Iterator[tuple[str, str]]:
    """What one change makes of a text, but for what is tolerated."""
    if name not in FREE_TEXT:
        yield "quoted", f'"{value}"'
        yield "padded", f" {value} "
        if value.swapcase() != value and not is_uuid(value):
            yield "case", value.swapcase()


def values(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """What one change makes of a JSON value, but for what is tolerated."""
    if isinstance(value, bool):
        yield from (("text", str(value).lower()), ("number", int(value)))
    elif isinstance(value, int):
        yield from (("text", str(value)), ("fraction", value + 0.5), ("negative", -1))
    elif isinstance(value, str):
        yield from texts(value, name)
        yield "wrapped", [value]
        if name != "categoryId":
            yield "number", int(value) if value.isascii() and value.isdigit() else 5
        if name != "packageId":
            yield "null", None
    elif isinstance(value, list):
        yield from (("unwrapped", value[0] if value else "x"), ("object", {"0": value}))
        for index, member in enumerate(value):
            for change, changed in values(member, name):
                yield f"[{index}] {change}", [*value[:index], changed, *value[index + 1 :]]
    elif isinstance(value, dict):
        yield from members(value, required=())


def members(body: dict[str, Any], required: Any) -> Iterator[tuple[str, Any]]:
    """What one change makes of a JSON object."""
    yield "extra member", {**body, "colour": "red"}
    for name, value in body.items():
        rest = {key: one for key, one in body.items() if key != name}
        yield f"{name} in another case", {**rest, name.swapcase(): value}
        yield f"{name} misspelt", {**rest, f"{name}s": value}
        if name in required:
            yield f"{name} missing", rest
        for change, changed in values(value, name):
            yield f"{name} {change}", {**rest, name: changed}


def queries(query: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """What one change makes of a query."""
    yield "extra parameter", (*query, ("colour", "red"))
    for index, (name, value) in enumerate(query):
        before, after = query[:index], query[index + 1 :]
        yield f"{name} twice", (*query, (name, value))
        yield f"{name} in another case", (*before, (name.swapcase(), value), *after)
        yield f"{name} misspelt", (*before, (f"{name}s", value), *after)
        for change, changed in texts(value, name):
            yield f"{name} {change}", (*before, (name, changed), *after)


def requests(sent: Sent, required: Any) -> Iterator[tuple[str, Sent]]:
    """What one change makes of a request."""
    yield "slash at the end", sent._replace(path=f"{sent.path}/")
    yield "path in capitals", sent._replace(path=sent.path.upper())
    for change, query in queries(sent.query):
        yield change, sent._replace(query=query)
    if sent.content_type is not None:
        yield "no content type", sent._replace(content_type=None)
        yield "other content type", sent._replace(content_type="text/json")
    if isinstance(sent.body, dict):
        yield "wrapped body", sent._replace(body=[sent.body])
        yield "no body", sent._replace(body=None)
        for change, body in members(sent.body, required):
            yield change, sent._replace(body=body)


def is_uuid(value: str) -> bool:
    return len(value) == 36 and value.count("-") == 4


def refused(answer: httpx.Response) -> bool:
    """Of a batch, each object has an answer of its own."""
    if answer.status_code == 200 and "/objects/batch" in answer.request.url.path:
        return any(one.get("status") == "error" for one in answer.json()["results"].values())
    return answer.status_code in (400, 401, 403, 404, 405)


def operation_of(sent: Sent, box: Any) -> Any:
    from acc_sandbox.http.router import OperationRouter

    return OperationRouter(OPERATIONS).match(sent.method, sent.path, box.switches)[0]


@pytest.mark.parametrize("name", EXAMPLES_SENT)
def test_one_change_makes_a_documented_request_a_refused_one(name, box, caller):
    stage = Stage(name, box, caller)
    request = EXAMPLES[name]["request"]
    path, _, query = stage.said(request["url"]).partition("?")
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    body = stage.said(request.get("body"))
    if isinstance(body, dict) and "requests" in body:
        body = {"requests": body["requests"][:1]}  # the second object of the example is refused as it stands
    sent = Sent(request["method"], path, pairs, body, request["headers"].get("Content-Type"))
    operation = operation_of(sent, box)
    taken = [
        change
        for change, other in requests(sent, operation.fields.required if operation.fields else ())
        if not refused(other.put(stage.who))
    ]
    assert taken == []
    for scope in operation.scopes:
        rest = " ".join({*operation.scopes, "viewables:read"} - {scope})
        assert sent.put(caller(stage.who.person, scopes=rest)).json()["errorCode"] == "AUTH-010", scope
    assert sent.put(stage.who, Authorization="").json()["errorCode"] == "AUTH-006"
    assert sent.put(stage.who).status_code == EXAMPLES[name]["response"]["status"]


def grants(box, anonymous):
    """Every form of the token endpoint: what it holds, and the application that sends it, if in the header."""
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    shared = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    public = {**shared, "code": code(box, anonymous, box.client_id, **challenge), "client_id": box.client_id}
    confidential = {**shared, "code": code(box, anonymous, box.confidential_client[0])}
    first = code(box, anonymous, box.client_id, **challenge)
    data = {**shared, "code": first, "client_id": box.client_id, "code_verifier": VERIFIER}
    granted = anonymous.post("/authentication/v2/token", data=data).json()
    client, secret = box.confidential_client
    return {
        "code, public": ({**public, "code_verifier": VERIFIER}, None),
        "code, confidential": (confidential, box.confidential_client),
        "refresh": (
            {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"], "client_id": box.client_id},
            None,
        ),
        "client": ({"grant_type": "client_credentials", "scope": "data:read"}, box.confidential_client),
        "client, in the body": (
            {"grant_type": "client_credentials", "scope": "data:read", "client_id": client, "client_secret": secret},
            None,
        ),
        "assertion": (
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": assertion(box, "data:read"),
                "scope": "data:read",
            },
            box.server_client,
        ),
    }


GRANTS = ("code, public", "code, confidential", "refresh", "client", "client, in the body", "assertion")
OPTIONAL = {("refresh", "scope"), ("assertion", "scope")}


@pytest.mark.parametrize("name", GRANTS)
def test_one_change_makes_a_token_request_a_refused_one(name, box, anonymous):
    form, auth = grants(box, anonymous)[name]

    def post(pairs, kind="application/x-www-form-urlencoded", auth=auth):
        headers = {"Content-Type": kind}
        if auth:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        return anonymous.post("/authentication/v2/token", content=urlencode(pairs), headers=headers)

    pairs = tuple(form.items())
    others = dict(queries(pairs))
    others |= {
        f"{field} missing": tuple(pair for pair in pairs if pair[0] != field)
        for field in form
        if (name, field) not in OPTIONAL
    }
    assert [change for change, other in others.items() if not refused(post(other))] == []
    assert refused(post(pairs, kind="application/json"))
    if auth:
        assert refused(post(pairs, auth=(auth[0], auth[1].swapcase())))
        assert refused(post(pairs, auth=None))
        assert refused(post((*pairs, ("client_id", auth[0]))))
    assert post(pairs).status_code == 200


def test_one_change_makes_a_sign_in_a_refused_one(box, anonymous):
    box.auto_approve = True
    query = (
        *(("response_type", "code"), ("client_id", box.client_id), ("redirect_uri", CALLBACK)),
        *(("scope", "data:read"), ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")),
    )

    def signs_in(pairs):
        answer = anonymous.get("/authentication/v2/authorize", params=pairs)
        return "code" in httpx.URL(answer.headers.get("location", "")).params

    missing = {f"{name} missing": tuple(pair for pair in query if pair[0] != name) for name, _ in query}
    # A challenge is any 43 characters of its alphabet, so one in another case is another challenge.
    others = {**dict(queries(query)), **missing}
    assert [change for change, other in others.items() if signs_in(other)] == ["code_challenge case"]
    assert signs_in(query)


def test_one_change_makes_a_signed_url_a_refused_one(box, manager):
    signed = manager.signed_urls(manager.attach(box.item("051200-3")).json()["uploadUrn"]).json()
    path, _, query = signed["urls"][0].partition("?")
    others = {
        **dict(queries(tuple(parse_qsl(query)))),
        **{f"{name} missing": tuple(one for one in parse_qsl(query) if one[0] != name) for name, _ in parse_qsl(query)},
    }
    taken = [change for change, other in others.items() if manager.put(f"{path}?{urlencode(other)}", b"x").is_success]
    assert taken == []
    assert manager.put(signed["urls"][0], b"x").status_code == 200


def test_every_tolerance_is_documented_and_taken(box, manager):
    """`TOLERATED` is the whole list: each is tried here, so that none outlives its reason."""
    item = box.item("051200-3")
    assert {
        "free text": manager.attach(item, name='"B" beams.PDF').status_code == 201,
        "uuid case": manager.submittals("GET", f"/items/{item.id.upper()}").status_code == 200,
        "category as number": manager.attach(item, categoryId=4).status_code == 201,
        "nothing to find": manager.submittals("GET", "/items", params={"search": '"x"'}).json()["results"] == [],
        "null package": manager.submittals("PATCH", f"/items/{item.id}", json={"packageId": None}).status_code == 200,
    } == dict.fromkeys(TOLERATED, True)
