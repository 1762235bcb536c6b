"""One thing changed in a documented request makes the sandbox refuse it, unless a document names what was changed.

Each example of the facts (`test_examples` says how), and a request for each operation that no example shows, is sent as
it stands after everything that one change makes of it has been refused: another name, value, type, member, parameter,
header, scope, method or path. What is taken all the same stands in `TOLERATED`, each with its basis. An operation
without such a request fails the last test.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

import httpx
import pytest

from acc_sandbox.http.app import OPERATION_NAMES, OPERATIONS
from acc_sandbox.http.router import OperationRouter
from acc_sandbox.state.switches import Switches
from tests.acc_sandbox.conftest import fetch, object_path
from tests.acc_sandbox.test_examples import (
    BEAMS,
    CALLBACK,
    CHALLENGE,
    ELSEWHERE,
    EXAMPLES,
    VERIFIER,
    Stage,
    assertion,
    basic,
    code,
    tokens,
)

TOLERATED = {
    "free text": "what people write may have quotes and any case of letters (fact sheet 2.4, 3.3)",
    "uuid case": "the hexadecimal digits of a UUID are taken in either case (RFC 9562, section 4)",
    "category as number": "Postman sends categoryId as a number and expects 201 (fact sheet 3.3)",
    "nothing to find": "a filter on what people write finds nothing, and that is no mistake (fact sheet 2.3, 5, 9)",
    "null package": "the tutorial sends packageId as null (fact sheet 2.4)",
}
FREE_TEXT = {
    *("name", "title", "description", "mailNote", "responseComment", "customIdentifier", "identifier", "subsection"),
    *("filter[identifier]", "filter[fileType]", "filter[name]", "filter[title]", "filter[email]", "search"),
    *("firstName", "lastName"),
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


def paths(operation: Any, ids: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What one change makes of the ids in a path."""
    for name, value in ids.items():
        for change, changed in (*texts(value, name), ("longer", f"{value}x"), ("prefixed", f"x.{value}")):
            others = ids | {name: changed}
            path = re.sub(r"\{(\w+)\}", lambda found, one=others: quote(one[found[1]], safe=""), operation.template)
            yield f"{name} {change}", path


def requests(sent: Sent, operation: Any, ids: dict[str, str]) -> Iterator[tuple[str, Sent]]:
    """What one change makes of a request."""
    required = operation.fields.required if operation.fields else ()
    yield "other method", sent._replace(method="PUT")
    yield "slash at the end", sent._replace(path=f"{sent.path}/")
    for change, path in paths(operation, ids):
        yield change, sent._replace(path=path)
    yield "path in capitals", sent._replace(path=sent.path.upper())
    for change, query in queries(sent.query):
        yield change, sent._replace(query=query)
    if sent.content_type is not None:
        yield "no content type", sent._replace(content_type=None)
        yield "other content type", sent._replace(content_type="text/json")
    if sent.body is None:
        yield "a body", sent._replace(body={"colour": "red"}, content_type="application/json")
    else:
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


def operation_of(method: str, path: str) -> tuple[Any, dict[str, str]]:
    return OperationRouter(OPERATIONS).match(method, path, Switches())


def check(sent: Sent, caller: Any, status: int) -> None:
    """Send everything that one change makes of a request, and then the request; `caller` takes scopes."""
    operation, ids = operation_of(sent.method, sent.path)
    who = caller()
    taken = [change for change, other in requests(sent, operation, ids) if not refused(other.put(who))]
    assert taken == []
    for scope in operation.scopes:
        rest = " ".join({*operation.scopes, "viewables:read"} - {scope})
        assert sent.put(caller(scopes=rest)).json()["errorCode"] == "AUTH-010", scope
    if operation.access != "anybody":
        assert sent.put(who, Authorization="").json()["errorCode"] == "AUTH-006"
    assert sent.put(who).status_code == status


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
    check(sent, lambda **token: caller(stage.who.person, **token), EXAMPLES[name]["response"]["status"])


def places(box, manager):
    """What the paths of `READ` name: the hub, the project, a folder, a file, its version and a stored object."""
    file, data = box.file(BEAMS), f"/data/v1/projects/{box.project().dm_id}"
    hub = manager("GET", "/project/v1/hubs").json()["data"][0]["id"]
    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]
    manager.upload(urn, b"x")
    parent = manager("GET", f"{data}/items/{file.item_urn}/parent").json()["data"]["id"]
    return {
        "hub": f"/project/v1/hubs/{hub}",
        "project": f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}",
        "folder": f"{data}/folders/{parent}",
        "file": f"{data}/items/{file.item_urn}",
        "version": f"{data}/versions/{quote(file.version_urn, safe='')}",
        "object": object_path(urn, "details"),
        "batch": object_path(urn, "").rpartition("/objects/")[0] + "/objects/batchsigneds3download",
        "key": urn.rpartition("/")[2],
        "members": f"/construction/admin/v1/projects/{box.project().id}/users",
    }


MEMBERS = (("limit", "20"), ("offset", "0"), ("filter[name]", "a"), ("filter[email]", "@"))
READ = {
    "hubs.get": ("hub", "", ()),
    "projects.get": ("project", "", ()),
    "projects.hub": ("project", "/hub", ()),
    "folders.get": ("folder", "", ()),
    "folders.parent": ("folder", "/parent", ()),
    "dm-items.get": ("file", "", ()),
    "dm-items.parent": ("file", "/parent", ()),
    "versions.get": ("version", "", ()),
    "versions.item": ("version", "/item", ()),
    "oss.objects.details": ("object", "", ()),
    "admin.users.list": ("members", "", MEMBERS),
}
"""Reads that no example shows: where each is, what follows there, and its query."""
DISCOVERY = {
    "auth.keys": "/authentication/v2/keys",
    "auth.openid-configuration": "/.well-known/openid-configuration",
    "auth.userinfo": "/userinfo",
}
NEW_ACCOUNT = {"name": "office-robot", "firstName": "Office", "lastName": "Robot"}
ACCOUNTS = {
    "create": ("POST", "", NEW_ACCOUNT, 201),
    "list": ("GET", "", None, 200),
    "get": ("GET", "/{account}", None, 200),
    "patch": ("PATCH", "/{account}", {"status": "DISABLED"}, 200),
    "delete": ("DELETE", "/{account}", None, 204),
    "keys.create": ("POST", "/{account}/keys", None, 201),
    "keys.list": ("GET", "/{account}/keys", None, 200),
    "keys.patch": ("PATCH", "/{account}/keys/{key}", {"status": "DISABLED"}, 204),
    "keys.delete": ("DELETE", "/{account}/keys/{key}", None, 204),
}
"""Operations on service accounts: method, path below theirs, body and status (fact sheet 10)."""


@pytest.mark.parametrize("name", READ)
def test_one_change_makes_a_read_a_refused_one(name, box, caller, manager):
    place, rest, query = READ[name]
    check(Sent("GET", places(box, manager)[place] + rest, query, None, None), caller, 200)


def test_a_body_where_none_is_named_is_400_or_ignored_by_a_switch(box, manager):
    assert manager("GET", "/project/v1/hubs", json={}).status_code == 400
    box.switches.unknown_fields = "ignore"
    assert manager("GET", "/project/v1/hubs", json={}).status_code == 200


@pytest.mark.parametrize("name", DISCOVERY)
def test_one_change_makes_a_request_for_discovery_a_refused_one(name, caller):
    check(Sent("GET", DISCOVERY[name], (), None, None), caller, 200)


def test_one_change_makes_a_batch_of_downloads_a_refused_one(box, caller, manager):
    found = places(box, manager)
    body = {"requests": [{"objectKey": found["key"]}]}
    check(Sent("POST", found["batch"], (), body, "application/json"), caller, 200)


@pytest.mark.parametrize("name", ACCOUNTS)
def test_one_change_makes_a_request_on_service_accounts_a_refused_one(name, box, anonymous):
    every = " ".join(
        f"application:{kind}:{way}" for kind in ("service_account", "service_account_key") for way in ("read", "write")
    )

    def app(scopes=every):
        form = {"grant_type": "client_credentials", "scope": scopes}
        token = anonymous.post("/authentication/v2/token", data=form, auth=box.server_client).json()["access_token"]

        def call(method, url, headers=None, **more):
            return anonymous.request(
                method, url, headers={"Authorization": f"Bearer {token}"} | (headers or {}), **more
            )

        return call

    base, who = "/authentication/v2/service-accounts", app()
    account = who("POST", base, json=NEW_ACCOUNT | {"name": "seeded"}).json()["serviceAccountId"]
    key = who("POST", f"{base}/{account}/keys").json()["kid"]
    method, path, body, status = ACCOUNTS[name]
    kind = None if body is None else "application/json"
    check(Sent(method, base + path.format(account=account, key=key), (), body, kind), app, status)


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


@pytest.mark.parametrize("name", ["revoke", "introspect"])
def test_one_change_makes_a_request_about_a_token_a_refused_one(name, box, anonymous):
    """Both answer 200 for what is no token (fact sheet 10), so that what counts is what became of the token."""
    token, path = tokens(box, anonymous)["access_token"], f"/authentication/v2/{name}"

    def post(pairs, kind="application/x-www-form-urlencoded", auth=box.confidential_client):
        headers = {"Content-Type": kind}
        if auth:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        return anonymous.post(path, content=urlencode(pairs), headers=headers)

    def active():
        answer = anonymous.post("/authentication/v2/introspect", data={"token": token}, auth=basic(box))
        return answer.json()["active"]

    def taken(answer):
        return not refused(answer) and (not active() if name == "revoke" else answer.json()["active"])

    form = {"token": token} | ({"token_type_hint": "access_token"} if name == "revoke" else {})
    pairs, client = tuple(form.items()), box.confidential_client
    others = {**dict(queries(pairs)), "no token": pairs[1:]}
    assert [change for change, other in others.items() if taken(post(other))] == []
    assert refused(post(pairs[1:]))
    assert refused(post(pairs, kind="application/json"))
    for auth in (None, (client[0], client[1].swapcase()), (client[0].swapcase(), client[1])):
        assert refused(post(pairs, auth=auth))
    assert refused(post((*pairs, ("client_id", client[0]))))
    assert taken(post(pairs))


def test_one_change_makes_a_logout_a_refused_one(anonymous):
    def logout(pairs):
        return anonymous.get("/authentication/v2/logout", params=pairs)

    query = (("post_logout_redirect_uri", CALLBACK),)
    assert [change for change, other in queries(query) if not refused(logout(other))] == []
    assert (logout(query).headers["location"], logout(()).status_code) == (CALLBACK, 200)


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_one_change_makes_a_signed_url_a_refused_one(method, box, manager):
    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]
    if method == "PUT":
        url = manager.signed_urls(urn).json()["urls"][0]
    else:
        manager.upload(urn, b"x")
        url = manager("GET", object_path(urn, "signeds3download")).json()["url"]
    path, _, query = url.partition("?")
    pairs = tuple(parse_qsl(query))
    others = {
        **dict(queries(pairs)),
        **{f"{name} missing": tuple(one for one in pairs if one[0] != name) for name, _ in pairs},
    }

    def send(url, method=method):
        return manager.put(url, b"x") if method == "PUT" else fetch(url)

    assert [change for change, other in others.items() if send(f"{path}?{urlencode(other)}").is_success] == []
    assert not send(f"{path}x?{query}").is_success
    assert not send(url, {"PUT": "GET", "GET": "PUT"}[method]).is_success
    assert send(url).status_code == 200


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


def test_every_operation_has_a_request_that_one_change_makes_a_refused_one():
    """Requests are looked up in the sandbox's own table; a name is that of the test which sends them otherwise."""
    sent = {*READ, *DISCOVERY, *(f"service-accounts.{name}" for name in ACCOUNTS)}
    for name in EXAMPLES_SENT:
        request = EXAMPLES[name]["request"]
        path = httpx.URL(request["url"]).raw_path.decode().partition("?")[0]
        sent.add(operation_of(request["method"], path)[0].name)
    own = {
        "auth.token": test_one_change_makes_a_token_request_a_refused_one,
        "auth.authorize": test_one_change_makes_a_sign_in_a_refused_one,
        "auth.logout": test_one_change_makes_a_logout_a_refused_one,
        "auth.revoke": test_one_change_makes_a_request_about_a_token_a_refused_one,
        "auth.introspect": test_one_change_makes_a_request_about_a_token_a_refused_one,
        "oss.batchsigneds3download": test_one_change_makes_a_batch_of_downloads_a_refused_one,
        "storage.put": test_one_change_makes_a_signed_url_a_refused_one,
        "storage.get": test_one_change_makes_a_signed_url_a_refused_one,
    }
    assert sent | own.keys() == OPERATION_NAMES
