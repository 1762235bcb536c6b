"""Every tool, resource, prompt, completion, task and route, asked with the handle of another person, in both eras.

The answer is that of a handle that never was. A tool, an argument, a method or a route that no table here names fails a
test, so that none is forgotten.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

import anyio
import httpx
import mcp_types
import pytest

import acc_sandbox
from auth.issuer.metadata import MCP_PATH, RESOURCE_PATHS, SERVER_PATHS
from auth.issuer.opaque_secrets import form_token
from server.mcp.prompts import build_prompts
from server.mcp.resources import RESOURCES
from server.mcp.schemas import input_schema
from server.team.options import TeamOptions
from tests.conftest import NO_TRUST
from tests.headless import Browser, onward_of
from tests.support.constants import NOWHERE
from tools.core.policy import ToolPolicy
from tools.core.registry import definitions

from .modern import PATIENCE
from .site import TeamSite, running_team
from .test_team_server import ACCEPT, HANDSHAKE

OWNER, COLLEAGUE, OUTSIDER = "architect", "manager", "outsider"
"""The owner shares a project with the colleague and has one that the colleague is not in; the outsider is in none."""

SHARED = {"project": "Riverside Medical Center"}
HERE = {**SHARED, "submittal": "051200-3"}
SECRET_NAME = "owners-own-drawing.pdf"
SCHEMAS: Final = {one.name: input_schema(one.arguments)["properties"] for one in definitions(local_files=False)}

CALLS: Final[dict[str, dict[str, Any]]] = {
    "add_submittal_attachment": {**HERE, "upload_by_caller": True, "name": "drawing.pdf"},
    "attach_files": {**HERE, "file_urns": ["own file"]},
    "confirm_attachment": {**HERE, "attachment_id": "own attachment"},
    "get_attachment_status": HERE,
    "find_projects": {},
    "find_submittals": SHARED,
    "get_submittal": HERE,
    "find_project_files": {**SHARED, "query": "drawings"},
    "download_attachments": HERE,
    "move_submittal": {**HERE, "to": "review"},
    "sign_in": {},
}
"""A call of each tool that the colleague may make; one argument after the other is replaced by a handle of the owner."""

BESIDE: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("attach_files", "plan"): {"check_only": False},
    ("move_submittal", "task_id"): {"response": "Approved"},
}
"""What an argument means something with, where the call alone would not heed it."""

HANDLES: Final[dict[str, Any]] = {
    "project": NOWHERE,
    "submittal": NOWHERE,
    "attachment_id": NOWHERE,
    "task_id": NOWHERE,
    "file_urn": "urn:adsk.wipemea:fs.file:vf.aaaaaaaaaaaaaaaaaaaaaa?version=1",
    "folder": "urn:adsk.wipemea:fs.folder:co.aaaaaaaaaaaaaaaaaaaaaa",
    "file_urns": ["urn:adsk.wipemea:fs.file:vf.aaaaaaaaaaaaaaaaaaaaaa?version=1"],
    "copy_attachments": [NOWHERE],
    "attachment_ids": [NOWHERE],
    "cursor": "bm90aGluZw",
    "plan": "bm90aGluZw",
    "idempotency_key": "a-key-of-nobody",
}
"""Arguments that name something, each with one that names nothing."""

WORDS: Final = frozenset(
    {
        *("upload_by_caller", "name", "category", "confirm", "wait_seconds", "limit", "query", "state"),
        *("in_my_court", "attachable", "without_attachments", "due_before", "spec", "contractor", "response"),
        *("check_only", "to", "comment", "due_date", "to_person"),
    }
)
"""Arguments that name nothing that a user could own."""

METHODS: Final = {
    "tools/call": "the tables of tools",
    "resources/read": "test_a_resource_of_another_person_is_an_unknown_one",
    "prompts/get": "test_a_prompt_says_nothing_of_what_it_names",
    "completion/complete": "test_a_person_is_suggested_nothing_of_another_persons",
    "tasks/get": "test_a_task_of_another_person_is_an_unknown_one",
    "tasks/update": "test_a_task_of_another_person_is_an_unknown_one",
    "tasks/cancel": "test_a_task_of_another_person_is_an_unknown_one",
    **dict.fromkeys(
        (
            *("initialize", "ping", "tools/list", "resources/list", "resources/templates/list", "prompts/list"),
            *("server/discover", "subscriptions/listen", "logging/setLevel"),
        ),
        "names nothing of anybody",
    ),
}

Place = Literal["session", "token", "consent", "callback", "account", "nothing of anybody"]
ROUTES: Final[dict[str, Place]] = {
    MCP_PATH: "session",
    "/token": "token",
    "/revoke": "token",
    "/consent": "consent",
    "/connect": "consent",
    "/callback/autodesk": "callback",
    "/account": "account",
    **dict.fromkeys(
        ("/", "/authorize", "/register", "/healthz", "/readyz", *RESOURCE_PATHS, *SERVER_PATHS), "nothing of anybody"
    ),
}


MODERN, LEGACY = "2026-07-28", "2025-11-25"


@dataclass
class Caller:
    """A person with a token, whose calls are single requests: of the stateless protocol, or in a session of the older."""

    team: TeamSite
    token: str
    session: str | None = None

    async def request(self, method: str, named: str, /, *, era: str = MODERN, **params: Any) -> Any:
        """Return what a request is answered, error or result."""
        if era == LEGACY:
            if self.session is None:
                await self._open_session()
            answer = await self._post(method, params, {"Mcp-Session-Id": self.session or ""}, era)
        else:
            # A tool's answer is looked at here, and a busy machine would answer with a task in its place.
            extensions = {} if method == "tools/call" else {"io.modelcontextprotocol/tasks": {}}
            capabilities = {"extensions": extensions, "elicitation": {"form": {}}}
            meta = {
                "io.modelcontextprotocol/protocolVersion": era,
                "io.modelcontextprotocol/clientCapabilities": capabilities,
            }
            answer = await self._post(method, {**params, "_meta": meta}, {"Mcp-Method": method, "Mcp-Name": named}, era)
        body = answer.text
        if answer.headers["content-type"].startswith("text/event-stream"):
            body = next(line for line in reversed(body.splitlines()) if line.startswith("data: "))[6:]
        found = json.loads(body)
        return found.get("result") or found.get("error")

    async def call(self, tool: str, arguments: dict[str, Any], era: str = MODERN) -> dict[str, Any]:
        """Return the answer of a tool, whichever way it ends."""
        result = await self.request("tools/call", tool, era=era, name=tool, arguments=arguments)
        assert "structuredContent" in result, result
        content: dict[str, Any] = result["structuredContent"]
        return content

    async def _open_session(self) -> None:
        opened = await self._post("initialize", HANDSHAKE["params"], {}, LEGACY)
        self.session = opened.headers["mcp-session-id"]
        await self._post("notifications/initialized", {}, {"Mcp-Session-Id": self.session}, LEGACY)

    async def _post(self, method: str, params: dict[str, Any], headers: dict[str, str], era: str) -> httpx.Response:
        common = {"Authorization": f"Bearer {self.token}", "MCP-Protocol-Version": era}
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if not method.startswith("notifications/"):
            message["id"] = 1
        async with httpx.AsyncClient(verify=NO_TRUST) as http:
            return await http.post(self.team.mcp, json=message, headers=ACCEPT | common | headers)


@dataclass
class Company:
    """The people, and the owner's handles."""

    team: TeamSite
    callers: dict[str, Caller]
    stolen: dict[str, Any] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    """The colleague's own handles."""

    def arguments(self, tool: str) -> dict[str, Any]:
        """The colleague's own call of a tool."""
        return {name: self.own.get(name, value) for name, value in CALLS[tool].items()}


@asynccontextmanager
async def company(team: TeamSite) -> AsyncIterator[Company]:
    """Sign people in, and let the owner have something of everything."""
    tokens = {person: await team.tokens(person) for person in (OWNER, COLLEAGUE, OUTSIDER)}
    found = Company(team, {person: Caller(team, one["access_token"]) for person, one in tokens.items()})
    owner, colleague = found.callers[OWNER], found.callers[COLLEAGUE]
    canal = team.box.project("canal")
    item = team.box.item("033100-1", "canal")
    place = {"project": canal.id, "submittal": item.id}
    reserved = await owner.call(
        "add_submittal_attachment",
        {**place, "upload_by_caller": True, "name": SECRET_NAME, "idempotency_key": "owners-key"},
    )
    files = await owner.call("find_project_files", {"project": canal.id, "query": "quay"})
    facade = team.box.item("084413-1", "canal")
    tasks = await owner.call("get_submittal", {"project": canal.id, "submittal": facade.id})
    found.stolen = {
        "project": canal.id,
        "submittal": item.id,
        "attachment_id": reserved["attachment"]["id"],
        "task_id": tasks["submittal"]["my_tasks"][0]["id"],
        "file_urn": files["files"][0]["version_urn"],
        "folder": await _top_folder(team, canal.id),
        "file_urns": [files["files"][0]["version_urn"]],
        "copy_attachments": [reserved["attachment"]["id"]],
        "attachment_ids": [reserved["attachment"]["id"]],
        "idempotency_key": "owners-key",
    }
    for name in ("one.pdf", "two.pdf"):
        own = await colleague.call("add_submittal_attachment", {**HERE, "upload_by_caller": True, "name": name})
    urn = (await colleague.call("find_project_files", {**SHARED, "query": "beam"}))["files"][0]["version_urn"]
    found.own = {"attachment_id": own["attachment"]["id"], "file_urns": [urn]}
    reviewed = {**SHARED, "submittal": "079200-1", "file_urns": [urn]}
    found.stolen["plan"] = (await owner.call("attach_files", reviewed))["plan"]
    assert found.stolen["plan"]
    for tool in CALLS:
        if "cursor" in SCHEMAS[tool]:
            page = await owner.call(tool, {**found.arguments(tool), "limit": 1})
            assert page["next_cursor"], f"{tool} has but one row: no cursor to steal"
            found.cursors[tool] = page["next_cursor"]
    yield found


async def _top_folder(team: TeamSite, project_id: str) -> str:
    """The URN of a folder that only the owner sees."""
    headers = {"Authorization": f"Bearer {team.box.token(OWNER)}"}
    async with httpx.AsyncClient(base_url=team.box.base_url, headers=headers, verify=NO_TRUST) as http:
        for hub in (await http.get("/project/v1/hubs")).json()["data"]:
            found = await http.get(f"/project/v1/hubs/{hub['id']}/projects/b.{project_id}/topFolders")
            if found.status_code == 200:
                return str(found.json()["data"][0]["id"])
    raise AssertionError("no hub has the project")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def team(box: acc_sandbox.Sandbox, tmp_path: Path) -> Any:
    many = {"calls_per_minute": 10_000, "writes_per_minute": 10_000, "authorize_per_minute": 1000}
    with running_team(box, tmp_path / "data", options=TeamOptions(**many)) as site:
        yield site


def masked(answer: object, *handles: Any) -> str:
    """An answer without the handle that was asked for, and without what is new in every answer."""
    text = json.dumps(answer)
    texts = [one for handle in handles for one in (handle if isinstance(handle, list) else [handle])]
    for handle in sorted(texts, key=len, reverse=True):
        text = text.replace(json.dumps(handle)[1:-1], "HANDLE")
    text = re.sub(r"drawing-\d+", "NAME", text)
    text = re.sub(r"https?://[^\s\"']+", "URL", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)


# Completeness


def test_the_tables_name_every_tool_and_argument_of_a_team_server() -> None:
    assert set(CALLS) == set(SCHEMAS), "a tool is missing here: give it a call, and its handles a thief"
    arguments = {name for schema in SCHEMAS.values() for name in schema}
    assert arguments == set(HANDLES) | WORDS, "is it a handle that a person owns, or a word?"


async def test_the_tables_name_every_method_and_route_of_a_team_server(team: TeamSite) -> None:
    known = {
        method
        for one in vars(mcp_types).values()
        if isinstance(one, type) and issubclass(one, mcp_types.Request) and one is not mcp_types.Request
        for method in [one.model_fields["method"].default]
        if isinstance(method, str)
    }
    assert {"tools/call", "resources/read"} <= known
    answered = {method for method in known | set(METHODS) if team.server.protocol.get_request_handler(method)}
    assert answered <= set(METHODS), "a method is missing here"
    assert {route.path for route in team.server.routes} | {MCP_PATH} == set(ROUTES), "a route is missing here"


# Tools


async def test_no_tool_tells_an_owners_handle_from_one_that_never_was(team: TeamSite) -> None:
    with anyio.fail_after(PATIENCE):
        async with company(team) as them:
            outsider, colleague, numbers = them.callers[OUTSIDER], them.callers[COLLEAGUE], count()
            for tool, schema in SCHEMAS.items():
                stolen = {**them.stolen, **({"cursor": them.cursors[tool]} if tool in them.cursors else {})}
                base = them.arguments(tool)
                handles = [name for name in schema if name in HANDLES]
                # The outsider gives all of them at once, the colleague one after the other among their own.
                for caller, changed in [(outsider, handles), *((colleague, [name]) for name in handles)]:
                    given = {name: value for name, value in base.items() if _beside(name, changed)}
                    given |= BESIDE.get((tool, changed[0]), {}) if len(changed) == 1 else {}
                    answers, shown = [], []
                    rounds = [(LEGACY, stolen), (MODERN, HANDLES), (MODERN, stolen)]
                    if changed == ["idempotency_key"]:
                        rounds.pop()  # by then it is a key of the colleague's own
                    for era, values in rounds:
                        asked = given | {name: values[name] for name in changed if _asked(name, changed)}
                        if "name" in asked:  # a name that is there is warned of
                            asked["name"] = f"drawing-{next(numbers)}.pdf"
                        answers.append(await caller.call(tool, asked, era))
                        shown.append(masked(answers[-1], *values.values()))
                        assert shown[-1] == shown[0], (tool, changed, era)
                    assert SECRET_NAME not in shown[0], (tool, changed)
                    if changed != ["idempotency_key"] and changed:
                        refused = "error" in answers[0] or set(answers[0].get("counts", ())) == {"left_out"}
                        assert refused, (tool, changed, answers[0])


def _beside(name: str, changed: list[str]) -> bool:
    """Whether an argument of the colleague's own call can stand beside those that are replaced."""
    sources = {"file_urn": {"upload_by_caller", "name"}, "folder": {"query"}}
    return not any(name in sources.get(one, ()) for one in changed)


def _asked(name: str, changed: list[str]) -> bool:
    """Whether a handle can stand beside the others: a call names one source."""
    return len(changed) == 1 or name not in ("file_urn", "plan", "copy_attachments")


async def test_a_colleagues_own_calls_are_answered(team: TeamSite) -> None:
    """What the table above replaces arguments of is a call that works: so it is the handle that is refused."""
    with anyio.fail_after(PATIENCE):
        async with company(team) as them:
            for tool, era in product(CALLS, (MODERN, LEGACY)):
                answer = await them.callers[COLLEAGUE].call(tool, them.arguments(tool), era)
                expected = "upload_incomplete" if tool == "confirm_attachment" else None
                assert answer.get("error", {}).get("code") == expected, (era, answer)


async def test_a_question_that_was_put_to_one_person_is_answered_by_no_other(
    box: acc_sandbox.Sandbox, tmp_path: Path
) -> None:
    with running_team(box, tmp_path / "data", confirm="ask") as team, anyio.fail_after(PATIENCE):
        tokens = {person: await team.tokens(person) for person in (COLLEAGUE, "admin")}
        mine, theirs = (Caller(team, one["access_token"]) for one in tokens.values())
        urn = (await mine.call("find_project_files", {**SHARED, "query": "beam"}))["files"][0]["version_urn"]
        call = {"name": "add_submittal_attachment", "arguments": {**HERE, "file_urn": urn}}
        asked = await mine.request("tools/call", call["name"], **call)
        agreed = {"inputResponses": {"make_visible": {"action": "accept", "content": {}}}}
        answers = [
            await theirs.request("tools/call", call["name"], **call, requestState=state, **agreed)
            for state in (asked["requestState"], "an invented state")
        ]
        assert answers[0] == answers[1]
        assert "code" in answers[0]


# Resources, prompts, completions, tasks


async def test_a_resource_of_another_person_is_an_unknown_one(team: TeamSite) -> None:
    with anyio.fail_after(PATIENCE):
        async with company(team) as them:
            owned = {name: them.stolen[name] for name in ("project", "submittal")}
            invented = {name: HANDLES[name] for name in owned}
            for resource in RESOURCES:
                for person, era in product((OUTSIDER, COLLEAGUE), (MODERN, LEGACY)):
                    answers = []
                    for values in (owned, invented):
                        uri = resource.uri_template.format(**{name: quote(value) for name, value in values.items()})
                        found = await them.callers[person].request("resources/read", uri, era=era, uri=uri)
                        answers.append(masked(found, uri, *values.values()))
                    assert answers[0] == answers[1], (resource.uri_template, person, era)
                    assert '"code"' in answers[0]


async def test_a_prompt_says_nothing_of_what_it_names(team: TeamSite) -> None:
    with anyio.fail_after(PATIENCE):
        async with company(team) as them:
            for (name, prompt), era in product(build_prompts(ToolPolicy(local_files=False)).items(), (MODERN, LEGACY)):
                answers = []
                for values in ({**them.stolen, "files": "a.pdf"}, {**HANDLES, "files": "a.pdf"}):
                    arguments = {one: values[one] for one in prompt.argument_names}
                    found = await them.callers[OUTSIDER].request(
                        "prompts/get", name, era=era, name=name, arguments=arguments
                    )
                    assert "messages" in found, found
                    answers.append(masked(found, *arguments.values()))
                assert answers[0] == answers[1], name


async def test_a_person_is_suggested_nothing_of_another_persons(team: TeamSite) -> None:
    with anyio.fail_after(PATIENCE):
        async with company(team) as them:
            references = [
                *({"type": "ref/resource", "uri": one.uri_template} for one in RESOURCES),
                *({"type": "ref/prompt", "name": name} for name in build_prompts(ToolPolicy(local_files=False))),
            ]
            canal, item = team.box.project("canal"), team.box.item("033100-1", "canal")
            asked = [
                ({"name": "project", "value": canal.name[:5]}, {}),
                ({"name": "submittal", "value": item.title[:4]}, {"project": canal.id}),
                ({"name": "submittal", "value": item.title[:4]}, {"project": canal.name}),
            ]
            for person, some in ((OWNER, True), (COLLEAGUE, False), (OUTSIDER, False)):
                for reference, (argument, settled), era in product(references, asked, (MODERN, LEGACY)):
                    context = {"arguments": settled}
                    found = await them.callers[person].request(
                        "completion/complete", "", era=era, ref=reference, argument=argument, context=context
                    )
                    assert bool(found["completion"]["values"]) is some, (person, reference, argument, era)


async def test_a_task_of_another_person_is_an_unknown_one(team: TeamSite) -> None:
    with anyio.fail_after(PATIENCE):
        async with company(team) as them:
            with team.opened.database.reading() as connection:
                owner = team.box.person(OWNER).autodesk_id
                query = f"SELECT id FROM jobs WHERE person_id = '{owner}'"
                [job] = connection.exec_driver_sql(query).scalars().all()
            place = ".".join(them.stolen[name] for name in ("project", "submittal", "attachment_id"))
            tasks = {
                f"job.1.00.{job}": f"job.1.00.{'0' * 32}",
                f"attachment.1.{place}": f"attachment.1.{NOWHERE}.{NOWHERE}.{NOWHERE}",
            }
            for method in ("tasks/get", "tasks/update", "tasks/cancel"):
                for stolen, invented in tasks.items():
                    for person, era in product((COLLEAGUE, OUTSIDER), (MODERN, LEGACY)):
                        answers = [
                            masked(await them.callers[person].request(method, id_, era=era, taskId=id_), id_)
                            for id_ in (stolen, invented)
                        ]
                        assert answers[0] == answers[1], (method, stolen, person, era)
                    mine = await them.callers[OWNER].request("tasks/get", stolen, taskId=stolen)
                    assert mine["status"] in ("working", "completed"), mine  # none of those tries has ended it


# Routes


async def test_a_session_of_another_person_is_an_unknown_one(team: TeamSite) -> None:
    mine, theirs = [
        {"Authorization": f"Bearer {(await team.tokens(person))['access_token']}"} for person in (OWNER, COLLEAGUE)
    ]
    async with team.http() as http:
        opened = (await http.post(MCP_PATH, json=HANDSHAKE, headers=ACCEPT | mine)).headers["mcp-session-id"]
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        for method in ("POST", "GET", "DELETE"):
            answers = []
            for session in (opened, "0" * len(opened)):
                headers = {**ACCEPT, **theirs, "Mcp-Session-Id": session}
                answer = await http.request(method, MCP_PATH, headers=headers, json=ping if method == "POST" else None)
                answers.append((answer.status_code, answer.text))
            assert answers[0] == answers[1], method
            assert answers[0][0] == 404
        kept = await http.post(MCP_PATH, json=ping, headers={**ACCEPT, **mine, "Mcp-Session-Id": opened})
        assert kept.status_code == 200  # nor has the DELETE ended it


async def test_codes_and_tokens_of_another_client_are_unknown_ones(team: TeamSite) -> None:
    tokens = await team.tokens(OWNER)
    other = team.client_id("another client")
    async with team.http() as http:
        for form in (
            {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
            {"grant_type": "authorization_code", "code_verifier": "x" * 43, "code": await _code(team)},
        ):
            secret = "refresh_token" if "refresh_token" in form else "code"
            answers = [
                await http.post("/token", data={**form, "client_id": other, **changes})
                for changes in ({}, {secret: form[secret][:-8] + "AAAAAAAA"})
            ]
            assert answers[0].json() == answers[1].json()
            assert answers[0].json()["error"] == "invalid_grant"
        for token in (tokens["access_token"], tokens["refresh_token"], "smt_at_unknown"):
            answer = await http.post("/revoke", data={"client_id": other, "token": token})
            assert (answer.status_code, answer.text) == (200, "")
    assert team.server.issuer.stores.tokens.verify(tokens["access_token"], team.mcp) is not None


async def _code(team: TeamSite) -> str:
    async with team.browser(OWNER) as browser:
        answer = await browser.consent(team.authorize_url())
    return dict(part.split("=") for part in urlsplit(answer).query.split("&"))["code"]


@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_consent_of_another_browser_is_an_unknown_one(team: TeamSite, has_begun: bool) -> None:
    """Whether the thief's browser has a request of its own or not."""
    async with team.browser(OWNER) as mine, team.browser(COLLEAGUE) as theirs:
        page = await mine.visit(team.authorize_url())
        stolen = str(page.url).partition("request=")[2]
        if has_begun:
            await theirs.visit(team.authorize_url())
        shown, sent, connected = [], [], []
        for id_ in (stolen, "0" * len(stolen)):
            shown.append(_told(await theirs.visit(f"{team.url}/consent?request={id_}"), id_))
            form = {"request": id_, "form_token": form_token("guessed", "consent"), "decision": "allow"}
            sent.append(_told(await _post(theirs, "/consent", form), id_))
            form["form_token"] = form_token("guessed", "connect")
            connected.append(_told(await _post(theirs, "/connect", form), id_))
        for pair in (shown, sent, connected):
            assert pair[0] == pair[1]
            assert pair[0][0] in (400, 403)
        assert isinstance(await mine.submit(page, decision="allow"), str)  # and it still waits for its own


@pytest.mark.parametrize("has_begun", [False, True])
async def test_an_answer_of_autodesk_to_another_browser_is_an_unknown_one(team: TeamSite, has_begun: bool) -> None:
    async with team.browser(OWNER) as mine, team.browser(COLLEAGUE) as theirs:
        page = await mine.visit(team.authorize_url())
        at_autodesk = await _departed(mine, page)
        state = dict(part.split("=") for part in urlsplit(at_autodesk).query.split("&"))["state"]
        if has_begun:
            await _departed(theirs, await theirs.visit(team.authorize_url()))
        answers = [
            _told(await theirs.visit(f"{team.url}/callback/autodesk?code=x&state={one}"), one)
            for one in (state, "0" * len(state))
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] in (400, 403)
        assert isinstance(await mine.visit(at_autodesk), str)


async def test_a_grant_of_another_person_is_an_unknown_one(team: TeamSite) -> None:
    tokens = await team.tokens(OWNER)
    async with team.browser(COLLEAGUE) as theirs:
        await theirs.consent(team.authorize_url())
        account = await theirs.visit(f"{team.url}/account")
        answers = [
            _told(await theirs.submit(account, revoke=grant), grant)
            for grant in (team.grant_of(tokens["access_token"]), "0" * 32)
        ]
    assert answers[0] == answers[1]
    assert team.server.issuer.stores.tokens.verify(tokens["access_token"], team.mcp) is not None


async def _departed(browser: Browser, page: Any) -> str:
    """Approve a page, and stop before Autodesk."""
    gone = onward_of(await browser.send(page, decision="allow"))
    assert gone is not None
    return gone


async def _post(browser: Browser, path: str, form: dict[str, str]) -> httpx.Response:
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    async with httpx.AsyncClient(base_url=browser.origin, verify=NO_TRUST) as http:
        return await http.post(path, data=form, headers=headers)


def _told(answer: Any, handle: str) -> tuple[int, str]:
    """What a page says, without the handle and the marks that are new on each page."""
    text = re.sub(r'(nonce-|nonce="|form_token" value=")[^"\']*', "", answer.text.replace(handle, "HANDLE"))
    return answer.status_code, text
