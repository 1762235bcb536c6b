"""A whole team server on a socket: official clients sign in, people stay apart, tokens and scopes count at once."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

import acc_sandbox
from acc_sandbox import Fault, Refuse
from server.team.options import TeamOptions
from tests.conftest import NO_TRUST, Assistant, every_tool

from .site import REDIRECT, TeamSite, running_team

PATIENCE = 240
HANDSHAKE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


class MemoryStorage:
    """Where the SDK's client keeps what it got."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class OfficialClient:
    """The SDK's own OAuth client with a person behind it, who consents to `scopes`."""

    def __init__(self, team: TeamSite, person: str, scopes: list[str] | None = None) -> None:
        self.storage = MemoryStorage()
        self.consents = 0
        self._team = team
        self._browser = team.browser(person)
        self._scopes = scopes
        self._answer: dict[str, str] = {}
        metadata = OAuthClientMetadata(
            client_name="Official", redirect_uris=[REDIRECT], token_endpoint_auth_method="none"
        )
        self.auth = OAuthClientProvider(team.mcp, metadata, self.storage, self._go, self._come_back)

    async def _go(self, url: str) -> None:
        page = await self._browser.visit(url)
        scopes = self._scopes if self.consents == 0 else None
        self.consents += 1
        answer = await self._browser.submit(page, scopes=scopes, decision="allow")
        assert isinstance(answer, str), answer.text
        self._answer = dict(parse_qsl(urlsplit(answer).query))

    async def _come_back(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**{name: self._answer[name] for name in ("code", "state", "iss")})


async def test_the_sdks_client_signs_in_attaches_and_steps_up(team: TeamSite, era: str) -> None:
    official = OfficialClient(team, "manager", scopes=[])  # attaching is left out at first
    with anyio.fail_after(PATIENCE):
        async with (
            httpx2.AsyncClient(auth=official.auth, verify=NO_TRUST, timeout=60) as http,
            Client(streamable_http_client(team.mcp, http_client=http), mode=era) as client,
        ):
            assistant = Assistant(client, every_tool("http"))
            person = await assistant.call("sign_in")
            assert person["person"]["email"] == team.box.person("manager").email
            found = await assistant.call("find_submittals", project="Riverside", attachable=True)
            assert official.storage.tokens is not None
            assert official.storage.tokens.scope == "submittals:read"
            row = found["submittals"][0]
            answer = await assistant.ask(
                "add_submittal_attachment",
                project="Riverside",
                submittal=row["id"],
                upload_by_caller=True,
                name="beam.pdf",
            )
            assert official.storage.tokens.scope == "submittals:read submittals:attach"
            assert official.consents == 2
            assert answer["attachment"]["state"] == "reserved"
            assert answer["attachment"]["created_by"] is not None


async def test_moving_a_submittal_asks_the_person_for_it_first(team: TeamSite, era: str) -> None:
    """The first consent is for reading and attaching; a call that only looks needs no more."""
    official = OfficialClient(team, "steel")
    item = team.box.item("051200-2")
    arguments = {"project": "Riverside", "submittal": item.id, "to": "submit"}
    with anyio.fail_after(PATIENCE):
        async with (
            httpx2.AsyncClient(auth=official.auth, verify=NO_TRUST, timeout=60) as http,
            Client(streamable_http_client(team.mcp, http_client=http), mode=era) as client,
        ):
            assistant = Assistant(client, every_tool("http"))
            checked = await assistant.call("move_submittal", **arguments)
            assert checked["done"] is False
            assert official.storage.tokens is not None
            assert official.storage.tokens.scope == "submittals:read submittals:attach"
            moved = await assistant.call("move_submittal", **arguments, check_only=False)
            assert moved["done"] is True
            assert official.consents == 2
            assert official.storage.tokens.scope == "submittals:read submittals:attach submittals:move"
    assert team.box.item("051200-2").state == "mgr-1"


async def test_a_reserved_attachment_is_sent_and_confirmed_in_the_persons_own_name(team: TeamSite, era: str) -> None:
    with anyio.fail_after(PATIENCE):
        async with team.signed_in("manager", era) as assistant:
            found = await assistant.call("find_submittals", project="Riverside", attachable=True)
            row = found["submittals"][0]
            reserved = await assistant.call(
                "add_submittal_attachment",
                project="Riverside",
                submittal=row["id"],
                upload_by_caller=True,
                name="a.pdf",
            )
            upload = reserved["upload"]
            async with httpx.AsyncClient(verify=NO_TRUST) as storage:
                sent = await storage.put(upload["url"], content=b"%PDF-1.7 test", headers=upload["headers"])
                assert sent.status_code == 200
            confirmed = await assistant.call(
                "confirm_attachment",
                project="Riverside",
                submittal=row["id"],
                attachment_id=reserved["attachment"]["id"],
            )
            assert confirmed["attachment"]["state"] in ("processing", "ready")
    [line] = [
        one
        for one in map(json.loads, (team.folder / "audit.jsonl").read_text().splitlines())
        if one["event"] == "confirmed"
    ]
    assert line["person_id"] == team.box.person("manager").autodesk_id
    assert line["client"] == "client"
    assert line["grant"]
    assert line["request"]


async def test_no_tool_of_a_team_server_takes_a_path(team: TeamSite, era: str) -> None:
    async with team.signed_in("manager", era) as assistant:
        tools = (await assistant.client.list_tools()).tools
    properties = {name for tool in tools for name in tool.input_schema["properties"]}
    assert "file_urn" in properties
    assert not {name for name in properties if "path" in name or name in ("folder_path", "files")}


async def test_people_see_nothing_of_each_other(team: TeamSite, era: str) -> None:
    """Each handle of one person, in the hands of another: the answer is that of a handle that never was."""
    with anyio.fail_after(PATIENCE):
        async with team.signed_in("steel", era) as mine, team.signed_in("manager", era) as theirs:
            found = await mine.call("find_submittals", project="Riverside", attachable=True, limit=1)
            row, cursor = found["submittals"][0], found["next_cursor"]
            where = {"project": "Riverside", "submittal": row["id"]}
            reserved = await mine.call("add_submittal_attachment", **where, upload_by_caller=True, name="mine.pdf")
            attachment = reserved["attachment"]["id"]

            stolen = await theirs.refused("find_submittals", project="Riverside", attachable=True, cursor=cursor)
            made_up = await theirs.refused("find_submittals", project="Riverside", attachable=True, cursor="bm90aGluZw")
            assert stolen == made_up

            confirm = await theirs.refused("confirm_attachment", **where, attachment_id=attachment)
            assert confirm["error"]["code"] == "permission_denied"

            again = await theirs.call("add_submittal_attachment", **where, upload_by_caller=True, name="mine.pdf")
            assert again["attachment"]["id"] != attachment
            assert again["already_attached"] is False

            under_way = await theirs.ask("get_attachment_status")
            assert attachment not in json.dumps(under_way)
            for one, key in ((mine, "steel"), (theirs, "manager")):
                who = await one.call("sign_in")
                assert who["person"]["id"] == team.box.person(key).autodesk_id


async def test_two_people_of_one_client_do_not_share_a_session(team: TeamSite) -> None:
    mine, theirs = await team.tokens("manager"), await team.tokens("admin")
    async with team.http() as http:
        opened = await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(mine))
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        assert (await http.post("/mcp", json=ping, headers=ACCEPT | session | bearer(mine))).status_code == 200
        assert (await http.post("/mcp", json=ping, headers=ACCEPT | session | bearer(theirs))).status_code == 404


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_revoking_counts_with_the_next_request_and_ends_open_streams(team: TeamSite) -> None:
    tokens = await team.tokens("manager")
    with anyio.fail_after(PATIENCE):
        async with team.http() as http:
            opened = await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))
            session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "Accept": "text/event-stream"}
            async with http.stream("GET", "/mcp", headers=session | bearer(tokens), timeout=PATIENCE) as stream:
                assert stream.status_code == 200
                assert stream.headers["x-accel-buffering"] == "no"
                client_id = team.client_id()
                gone = await http.post("/revoke", data={"client_id": client_id, "token": tokens["refresh_token"]})
                assert gone.status_code == 200
                async for _ in stream.aiter_raw():
                    pass  # it ends
            assert (await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))).status_code == 401
            others = await team.tokens("admin")
            assert (await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(others))).status_code == 200


async def test_a_lost_autodesk_grant_gives_a_link_that_restores_it(team: TeamSite, era: str) -> None:
    tokens = await team.tokens("manager")
    with anyio.fail_after(PATIENCE):
        async with team.assistant(tokens["access_token"], era) as assistant:
            await assistant.call("sign_in")
            _end_at_autodesk(team, "manager")
            refused = await assistant.refused("find_projects")
            assert refused["error"]["code"] == "reauthorization_required"
            assert f"{team.url}/connect" in refused["error"]["hint"]
            async with team.browser("manager") as browser:
                done = await browser.submit(await browser.visit(f"{team.url}/connect"))
                assert "Autodesk is connected" in done.text
            await assistant.call("find_projects")
    assert team.server.issuer.stores.tokens.verify(tokens["access_token"], team.mcp) is not None


async def test_an_app_that_autodesk_no_longer_knows_is_reported_to_the_chat_and_on_the_page(
    team: TeamSite, era: str
) -> None:
    tokens = await team.tokens("manager")
    vault, account = team.opened.vault, team.server.consent_flow.account(team.box.person("manager").autodesk_id)
    kept = vault.read(account)
    assert kept is not None
    vault.save_login(account, kept.name, kept.email, kept.tokens.model_copy(update={"expires_at": 0.0}), current=False)
    team.box.faults.add(Fault("auth.token", Refuse(401, {"error": "invalid_client"}), times=None))
    with anyio.fail_after(PATIENCE):
        async with team.assistant(tokens["access_token"], era) as assistant:
            refused = await assistant.refused("find_projects")
        async with team.browser("manager") as browser:
            page = await browser.submit(await browser.visit(f"{team.url}/connect"))
    assert refused["error"]["code"] == "app_not_provisioned"
    assert refused["error"]["retryable"] is False
    assert refused["next_steps"] == []
    for told in (refused["error"]["hint"], page.text):
        assert "APS_CLIENT_ID, APS_CLIENT_SECRET" in told


def _end_at_autodesk(team: TeamSite, person: str) -> None:
    """Leave the vault as it is after Autodesk has refused a person's refresh token, and the access token is over."""
    vault = team.opened.vault
    account = team.server.consent_flow.account(team.box.person(person).autodesk_id)
    kept = vault.read(account)
    assert kept is not None
    vault.save_login(account, kept.name, kept.email, kept.tokens.model_copy(update={"expires_at": 0.0}), current=False)
    seen = vault.lease(account)
    assert seen is not None
    lease = vault.try_acquire_lease(seen, "test")
    assert lease is not None
    vault.mark_revoked(lease)


@pytest.mark.parametrize("token", [None, "x", "smt_at_" + "x" * 43, "smt_rt_" + "x" * 43])
async def test_without_a_good_token_the_challenge_says_where_to_get_one(team: TeamSite, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    async with team.http() as http:
        for method in ("POST", "GET", "DELETE"):
            answer = await http.request(method, "/mcp", headers=headers)
            assert answer.status_code == 401
            challenge = answer.headers["www-authenticate"]
            assert f'resource_metadata="{team.url}/.well-known/oauth-protected-resource/mcp"' in challenge
            assert 'scope="submittals:read submittals:attach"' in challenge
            assert ('error="invalid_token"' in challenge) is bool(token)
            assert "access-control-allow-origin" in answer.headers
            metadata = (await http.get(challenge.split('resource_metadata="')[1].split('"')[0])).json()
            assert metadata["authorization_servers"] == [team.url]


async def test_a_token_in_the_query_is_none(team: TeamSite) -> None:
    tokens = await team.tokens("manager")
    async with team.http() as http:
        answer = await http.post(f"/mcp?access_token={tokens['access_token']}", json=HANDSHAKE, headers=ACCEPT)
    assert answer.status_code == 401


async def test_a_host_of_another_name_is_refused_and_forwarded_headers_change_no_address(team: TeamSite) -> None:
    async with team.http() as http:
        for path in ("/mcp", "/authorize", "/.well-known/oauth-protected-resource"):
            assert (await http.get(path, headers={"Host": "evil.example"})).status_code == 421
        assert (await http.get("/healthz", headers={"Host": "10.0.0.7:8000"})).text == "ok\n"
        assert (await http.get("/readyz", headers={"Host": "10.0.0.7:8000"})).text == "ok\n"
        forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp", "Forwarded": "host=evil.example"}
        for path in ("/.well-known/oauth-protected-resource", "/.well-known/openid-configuration"):
            assert "evil" not in (await http.get(path, headers=forwarded)).text
        assert "evil" not in (await http.get("/mcp", headers=forwarded)).headers["www-authenticate"]


async def test_the_endpoint_answers_with_a_slash_too_and_never_redirects(team: TeamSite) -> None:
    tokens = await team.tokens("manager")
    async with team.http() as http:
        answer = await http.post("/mcp/", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))
        assert answer.status_code == 200
        for path in ("/token/", "/authorize/", "/MCP", "/mcp//"):
            assert (await http.get(path)).status_code == 404


async def test_the_address_alone_leads_a_person_to_their_account(team: TeamSite) -> None:
    async with team.browser() as browser:
        assert "<h1>Your account</h1>" in (await browser.visit(f"{team.url}/")).text


async def test_web_pages_of_any_origin_may_call_what_a_token_guards(team: TeamSite) -> None:
    asked = {
        "Origin": "https://chat.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, mcp-param-project",
    }
    async with team.http() as http:
        for path in ("/mcp", "/token", "/register", "/revoke", "/.well-known/oauth-authorization-server"):
            answer = await http.options(path, headers=asked)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
            assert "access-control-allow-credentials" not in answer.headers
            allowed = answer.headers["access-control-allow-headers"]
            assert "authorization" in allowed
            assert "mcp-param-project" in allowed
        for path in ("/authorize", "/consent", "/account", "/connect"):
            assert "access-control-allow-origin" not in (await http.options(path, headers=asked)).headers


async def test_a_body_that_hides_its_tool_is_not_let_through(team: TeamSite) -> None:
    tokens = await team.tokens("manager", scopes=[])
    call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sign_in","name":"confirm_attachment"}}'
    async with team.http() as http:
        headers = ACCEPT | bearer(tokens) | {"Content-Type": "application/json"}
        answer = await http.post("/mcp", content=call, headers=headers)
        assert answer.status_code == 403
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert 'scope="submittals:read submittals:attach"' in challenge
        batch = await http.post("/mcp", content=f"[{call}]", headers=headers)
        assert batch.status_code == 403
        assert (await http.post("/mcp", content=b" " * 1_100_000, headers=headers)).status_code == 413


def standing() -> float:
    """A clock by which no request comes back to a quota, however long the machine takes."""
    return 0.0


async def test_limits_of_a_person_say_when_to_come_again(box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    options = TeamOptions(calls_per_minute=3, writes_per_minute=1, sessions=2)
    with running_team(box, tmp_path / "data", options=options, steady=standing) as team:
        mine, theirs = await team.tokens("manager"), await team.tokens("admin")
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "sign_in", "arguments": {}}}
        async with team.http() as http:
            ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            refused = [await http.post("/mcp", json=ping, headers=ACCEPT | bearer(mine)) for _ in range(3)]
            assert [one.status_code for one in refused] == [400, 400, 400]  # each names a session that was never there
            opened = [await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(mine)) for _ in range(3)]
            assert [one.status_code for one in opened] == [200, 200, 429]
            assert int(opened[2].headers["retry-after"]) > 60  # until an idle session is over
            session = {"Mcp-Session-Id": opened[0].headers["mcp-session-id"]}
            another_era = session | bearer(mine) | {"Mcp-Protocol-Version": "2099-01-01"}
            assert (await http.delete("/mcp", headers=another_era)).status_code == 405  # it goes on
            assert (await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(mine))).status_code == 429
            answers = [await http.post("/mcp", json=call, headers=ACCEPT | session | bearer(mine)) for _ in range(4)]
            assert [one.status_code for one in answers] == [200, 200, 200, 429]
            assert 1 <= int(answers[3].headers["retry-after"]) <= 20
            read = {"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": {"uri": "submittal://P/1"}}
            assert (await http.post("/mcp", json=read, headers=ACCEPT | session | bearer(mine))).status_code == 429
            others = await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(theirs))
            session = {"Mcp-Session-Id": others.headers["mcp-session-id"]}
            write = {**call, "params": {"name": "confirm_attachment", "arguments": {}}}
            answers = [
                await http.post("/mcp", json=one, headers=ACCEPT | session | bearer(theirs))
                for one in (write, write, call)
            ]
            assert [one.status_code for one in answers] == [200, 429, 200]
            assert 20 < int(answers[1].headers["retry-after"]) <= 60


async def test_a_call_that_has_ended_makes_room_for_the_next(box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    with running_team(box, tmp_path / "data", options=TeamOptions(calls_at_once=1)) as team:
        tokens = await team.tokens("manager")
        async with team.http() as http:
            answers = [await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens)) for _ in range(3)]
            assert [one.status_code for one in answers] == [200, 200, 200]
            session = {"Mcp-Session-Id": answers[0].headers["mcp-session-id"], "Accept": "text/event-stream"}
            async with http.stream("GET", "/mcp", headers=session | bearer(tokens), timeout=PATIENCE):
                busy = await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))
                assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")


async def test_limits_of_an_address_say_when_to_come_again(box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    options = TeamOptions(register_per_hour=2, token_per_minute=2, authorize_per_minute=2)
    with running_team(box, tmp_path / "data", options=options, steady=standing) as team:
        async with team.http() as http:
            for path, method in (("/register", "POST"), ("/token", "POST"), ("/authorize", "GET")):
                answers = [await http.request(method, path) for _ in range(3)]
                assert [one.status_code == 429 for one in answers] == [False, False, True]
                wait = int(answers[2].headers["retry-after"])
                assert wait >= 1
                assert f" in {wait} seconds" in answers[2].text
                assert ("<h1>Too many requests</h1>" in answers[2].text) is (method == "GET")


async def test_an_address_has_a_bounded_number_of_documents_fetched_by_whichever_route(
    box: acc_sandbox.Sandbox, tmp_path: Path
) -> None:
    document = {"client_id": "https://127.0.0.1/client"}
    with running_team(box, tmp_path / "data", options=TeamOptions(document_per_minute=2), steady=standing) as team:
        async with team.http() as http:
            answers = [
                await http.get("/authorize", params=document),
                await http.post("/token", data=document),
                await http.post("/revoke", data=document),
                await http.get("/authorize", params=document),
            ]
    assert [answer.status_code for answer in answers] == [400, 401, 429, 429]
    assert all(1 <= int(answer.headers["retry-after"]) <= 30 for answer in answers[2:])
    assert "<h1>Too many requests</h1>" in answers[3].text


async def test_permission_for_one_origin_is_not_cached_for_another(box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    metadata = "/.well-known/oauth-authorization-server"
    with running_team(box, tmp_path / "data", options=TeamOptions(origins=("https://chat.example",))) as team:
        async with team.http() as http:
            answers = [await http.get(metadata), await http.get(metadata, headers={"Origin": "https://chat.example"})]
            foreign = await http.get(metadata, headers={"Origin": "https://other.example"})
    allowed = [answer.headers.get("access-control-allow-origin") for answer in answers]
    assert (allowed, foreign.status_code) == ([None, "https://chat.example"], 403)
    assert [answer.headers["vary"] for answer in answers] == ["Origin", "Origin"]


async def test_a_read_only_server_grants_reading_alone(box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    with running_team(box, tmp_path / "data", read_only=True) as team:
        tokens = await team.tokens("manager")
        assert tokens["scope"] == "submittals:read"
        async with team.http() as http:
            assert 'scope="submittals:read"' in (await http.get("/mcp")).headers["www-authenticate"]
            # Nothing that a client could ask the person for would help.
            answer = await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))
            session = {"Mcp-Session-Id": answer.headers["mcp-session-id"]}
            write = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "confirm_attachment"}}
            refused = await http.post("/mcp", json=write, headers=ACCEPT | session | bearer(tokens))
            assert (refused.status_code, '"code":"read_only"' in refused.text) == (200, True)


async def test_a_user_without_projects_is_told_so(team: TeamSite, era: str) -> None:
    async with team.signed_in("outsider", era) as assistant:
        found = await assistant.call("find_projects")
        assert found["projects"] == []
        assert "a project administrator adds the person" in found["hint"]
        refused = await assistant.refused("find_submittals", project="Riverside")
    assert refused["error"]["code"] == "project_not_found"
    assert "must be a member" in refused["error"]["hint"]


@pytest.mark.parametrize(
    ("effect", "says"),
    [
        (Refuse(403, {"errorCode": "AUTH-001"}), "APIs of the app"),
        (Refuse(403, {"errors": [{"code": "BIM360DM_ERROR"}]}), "You may not use this server"),
        (Refuse(404, {}), "begin again in a minute"),
    ],
)
async def test_accounts_that_cannot_be_read_at_the_sign_in_are_told_as_what_they_are(
    box: acc_sandbox.Sandbox, tmp_path: Path, effect: Refuse, says: str
) -> None:
    with running_team(box, tmp_path / "data", team_accounts=("0" * 8 + "-0000-4000-8000-" + "0" * 12,)) as team:
        box.faults.add(Fault("hubs.list", effect, times=None))
        async with team.browser("manager") as browser:
            page = await browser.submit(await browser.visit(f"{team.url}/connect"))
    assert says in page.text


async def test_only_projects_of_the_allowed_accounts_are_worked_with(
    box: acc_sandbox.Sandbox, tmp_path: Path, era: str
) -> None:
    async with httpx.AsyncClient(verify=NO_TRUST, headers={"Authorization": f"Bearer {box.token('manager')}"}) as http:
        hubs = (await http.get(f"{box.base_url}/project/v1/hubs")).json()["data"]
    mine = hubs[0]["id"].removeprefix("b.")
    with running_team(box, tmp_path / "data", team_accounts=(mine,)) as team:
        async with team.signed_in("manager", era) as assistant:
            assert (await assistant.call("find_projects"))["projects"]
    with running_team(box, tmp_path / "other", team_accounts=("0" * 8 + "-0000-4000-8000-" + "0" * 12,)) as team:
        async with team.browser("manager") as browser:
            page = await browser.submit(await browser.visit(team.authorize_url()), decision="allow")
            assert page.status_code == 403


async def test_a_person_taken_off_the_list_is_out_with_the_next_request(
    box: acc_sandbox.Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with running_team(box, folder, team_domains=("example.com",)) as team:
        tokens = await team.tokens("manager")
        async with team.http() as http:
            assert (await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))).status_code == 200
    with running_team(box, folder, team_domains=("example.org",)) as team:
        async with team.http() as http:
            assert (await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))).status_code == 401


async def test_a_public_url_of_a_proxy_is_the_only_one_given_out(box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    with running_team(box, tmp_path / "data", url="https://submittals.example.com") as team:
        async with httpx.AsyncClient(
            base_url=team.url, verify=NO_TRUST, headers={"Host": "submittals.example.com"}
        ) as http:
            metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
            assert metadata["issuer"] == "https://submittals.example.com"
            assert metadata["token_endpoint"] == "https://submittals.example.com/token"
        async with team.http() as http:
            assert (await http.get("/mcp")).status_code == 421  # its own address is not the public one
