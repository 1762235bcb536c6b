"""Advisories of other servers, tried on ours: docs/security.md lists them beside these tests."""

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import acc_sandbox
from server.mcp.schemas import input_schema
from tests.support.constants import NOWHERE, ROOT, STEEL_BEAMS
from tools.core.policy import ToolPolicy
from tools.core.registry import definitions
from tools.core.request_quota import CallQuota
from tools.errors.exceptions import ProjectNotAllowed

SENTINEL = "canary5309"
SCHEMAS = {one.name: input_schema(one.arguments) for one in definitions(local_files=True)}
WRITING = [one.name for one in definitions(local_files=True) if one.writes]
TEXTS = [
    (tool, name)
    for tool, schema in SCHEMAS.items()
    for name, one in schema["properties"].items()
    if "string" in (one.get("type"), *(option.get("type") for option in one.get("anyOf", ()))) and "enum" not in one
]
"""Every argument of every tool that holds text of the caller's choice."""

Seen = list[tuple[str, str]]

_listening: list[Seen] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    # A hook stays for the life of the process; it does nothing unless a test listens.
    if _listening and event != "compile" and not event.startswith(("object.", "import", "code.", "sqlite3.")):
        words = repr(arguments)
        if SENTINEL in words:
            _listening[0].append((event, words))


sys.addaudithook(_hook)


@contextmanager
def listening() -> Iterator[Seen]:
    """Collect whatever the system is asked for, by any thread, that holds the sentinel."""
    seen: Seen = []
    _listening.append(seen)
    try:
        yield seen
    finally:
        _listening.remove(seen)


@pytest.fixture
def era() -> str:
    """One is enough: what a call may touch does not depend on how it travels."""
    return "2026-07-28"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An allowed folder with a file that bears the sentinel, and a neighbour with one that is off limits."""
    for name in ("allowed", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{SENTINEL}.pdf").write_bytes(name.encode())
    return tmp_path / "allowed"


async def test_no_argument_of_any_tool_opens_writes_or_runs_what_it_names(
    connect: Any, box: acc_sandbox.Sandbox, folder: Path, tmp_path: Path
) -> None:
    """Reading and writing anywhere were the flaws; one argument may name a file at all, and only in an allowed folder.

    CVE-2026-77246 to -77270 (mcp-atlassian), GHSA-j4xm-vw5v-c87v (BrowserStack);
    CVE-2026-27735, CVE-2025-68143, -68144, -68145 (mcp-server-git);
    CVE-2026-27825 (mcp-atlassian).
    """
    outside = tmp_path / "outside" / f"{SENTINEL}.pdf"
    names = [
        str(outside),
        f"../outside/{SENTINEL}.pdf",
        outside.as_uri(),
        f"$(touch {tmp_path}/{SENTINEL})",
        f"-{SENTINEL}",
    ]
    async with connect(folders=(folder,), quota=CallQuota(calls=10_000, writes=10_000)) as assistant:
        with listening() as seen:
            for tool, argument in TEXTS:
                given = {**STEEL_BEAMS, "attachment_id": NOWHERE, "query": "x", "file_path": "nothing.pdf"}
                for name in names:
                    schema = SCHEMAS[tool]["properties"]
                    arguments = {**{one: value for one, value in given.items() if one in schema}, argument: name}
                    await assistant.client.call_tool(tool, arguments)
        assert seen == []
        with listening() as seen:
            await assistant.call(
                "add_submittal_attachment", **STEEL_BEAMS, file_path=f"{SENTINEL}.pdf", name=f"x{SENTINEL}.pdf",
                idempotency_key=f"../{SENTINEL}",
            )  # fmt: skip
    assert {event for event, _ in seen} == {"open"}, "the file in the allowed folder, and nothing else"
    assert all(words.startswith(f"('{SENTINEL}.pdf', None, ") for _, words in seen)
    assert not list((tmp_path / "data").rglob(f"*{SENTINEL}*"))


async def test_no_tool_sends_keys_or_database_of_the_server_though_their_folder_lies_in_an_allowed_one(
    connect: Any, folder: Path, tmp_path: Path
) -> None:
    key = tmp_path / "allowed" / "account.pem"
    key.write_text("a private key")
    account = {f"service_account_{name}": name for name in ("id", "key_id")} | {"service_account_key_file": key}
    app = {"client_id": "an-app", "client_secret": "a-secret-of-it"}
    async with connect(folders=(tmp_path,), **account, **app) as assistant:
        await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path=f"allowed/{SENTINEL}.pdf")
        private = [key, *(path for path in (tmp_path / "data").rglob("*") if path.is_file())]
        assert len(private) > 1
        for name in (*map(str, private), *(path.name for path in private)):
            arguments = {**STEEL_BEAMS, "file_path": name}
            answer = await assistant.client.call_tool("add_submittal_attachment", arguments)
            error = answer.structured_content["error"]
            assert error["code"] == "file_not_allowed"
            assert "keeps its keys" in error["hint"]


def test_files_of_a_person_are_opened_in_one_place() -> None:
    """Whatever tool or command names a file to read, it goes through `AllowedFolders`: nothing else opens any of them.

    Downloads are written below one folder of the settings, under names that no argument can choose.
    """
    opening = {
        str(module.relative_to(ROOT))
        for package in ("tools", "transfers")
        for module in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and opens_a_file(node.func)
    }
    assert opening == {
        "transfers/files/os_compat.py",  # by which `AllowedFolders` opens
        "transfers/download/target_folder.py",
    }


def opens_a_file(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute):
        of_the_system = isinstance(called.value, ast.Name) and called.value.id in ("os", "io", "shutil")
        return called.attr in ("read_bytes", "read_text", "write_bytes", "write_text") or (
            of_the_system and called.attr in ("open", "fdopen", "copy", "copyfile")
        )
    return isinstance(called, ast.Name) and called.id == "open"


async def test_over_http_no_argument_names_a_file_at_all(connect: Any, folder: Path) -> None:
    with listening() as seen:
        async with connect(transport="http", folders=(folder,)) as assistant:
            listed = await assistant.client.list_tools()
            assert "file_path" not in {name for tool in listed.tools for name in tool.input_schema["properties"]}
            for path in (f"{SENTINEL}.pdf", str(folder / f"{SENTINEL}.pdf")):
                refused = await assistant.refused("add_submittal_attachment", **STEEL_BEAMS, file_path=path)
                assert refused["error"]["code"] == "invalid_arguments"
    assert seen == []


@pytest.mark.parametrize(
    "given", ["{id}/../../other", "{id}?x=1", "{id}#x", "{id}%2f..%2f..", "..", "{id}:close", "{id}\n"]
)
async def test_no_id_changes_the_path_of_a_request(connect: Any, box: acc_sandbox.Sandbox, given: str) -> None:
    item = box.item("051200-3")
    async with connect() as assistant:
        await assistant.call("get_submittal", **STEEL_BEAMS)
        known = {request.path for request in box.requests.all()}
        for name, good in (("project", item.project_id), ("submittal", item.id), ("attachment_id", NOWHERE)):
            arguments = {**STEEL_BEAMS, "attachment_id": NOWHERE, name: given.format(id=good)}
            await assistant.client.call_tool("get_attachment_status", arguments)
            await assistant.client.call_tool("confirm_attachment", arguments)
    asked = {request.path for request in box.requests.all()} - known
    lists = {path for path in asked if path.endswith(("/items", "/attachments", "/users/me"))}
    assert asked == lists, "looked for by words, or in the list of attachments; no other address was made of it"


def failure(answer: dict[str, Any]) -> tuple[str, str, str, list[str]]:
    error = answer["error"]
    return error["code"], error["message"], error["hint"], [step["tool"] for step in answer["next_steps"]]


async def test_another_users_handle_is_answered_like_an_invented_one(connect: Any, box: acc_sandbox.Sandbox) -> None:
    """Two people who share a data folder: an id is a name, never a right.

    CVE-2026-52869 (Python SDK), CVE-2026-33946 (Ruby SDK).
    """
    item = box.item("051200-3")
    async with connect("manager") as manager:
        added = await manager.call("add_submittal_attachment", **STEEL_BEAMS, upload_by_caller=True, name="a.pdf")
        listed = await manager.call("find_submittals", project=item.project_id, limit=1)
    theirs = {"project": item.project_id, "submittal": item.id, "attachment_id": added["attachment"]["id"]}
    made_up = {"project": NOWHERE, "submittal": NOWHERE, "attachment_id": NOWHERE}
    more = {"query": "beam", "cursor": listed["next_cursor"], "upload_by_caller": True, "name": "a.pdf"}
    async with connect("outsider") as outsider:
        for tool, schema in SCHEMAS.items():
            if "project" in schema.get("required", ()):
                answers = [
                    await outsider.refused(
                        tool, **{n: v for n, v in {**more, **one}.items() if n in schema["properties"]}
                    )
                    for one in (theirs, made_up)
                ]
                assert failure(answers[0]) == failure(answers[1]), tool
    assert box.requests.count("attachments.create") == 1


async def test_a_colleague_gets_neither_anothers_cursor_nor_upload_nor_job(
    connect: Any, box: acc_sandbox.Sandbox
) -> None:
    place = {**STEEL_BEAMS, "submittal": "051200-2"}
    call = {**place, "upload_by_caller": True, "name": "a.pdf", "idempotency_key": "k"}
    async with connect("manager") as manager:
        listed = await manager.call("find_submittals", project=STEEL_BEAMS["project"], limit=1)
    async with connect("steel") as steel:
        first = await steel.call("add_submittal_attachment", **call)
    async with connect("manager") as manager:
        second = await manager.call("add_submittal_attachment", **call)
        refused = await manager.refused("confirm_attachment", **place, attachment_id=first["attachment"]["id"])
    async with connect("steel") as steel:
        foreign = await steel.refused(
            "find_submittals", project=STEEL_BEAMS["project"], limit=1, cursor=listed["next_cursor"]
        )
    assert second["already_attached"] is False
    assert first["attachment"]["id"] != second["attachment"]["id"]
    assert httpx.URL(first["upload"]["url"]).path != httpx.URL(second["upload"]["url"]).path
    assert refused["error"]["code"] == "permission_denied"
    assert foreign["error"]["code"] == "invalid_arguments"


async def test_a_tool_that_is_hidden_cannot_be_called_by_its_name_either(
    connect: Any, box: acc_sandbox.Sandbox
) -> None:
    """GHSA-3r68 (mcp-atlassian)."""
    async with connect(read_only=True) as assistant:
        listed = {tool.name for tool in (await assistant.client.list_tools()).tools}
        assert listed == set(SCHEMAS) - set(WRITING)
        before = len(box.requests.all())
        for tool in WRITING:
            refused = await assistant.refused(tool, **STEEL_BEAMS, attachment_id=NOWHERE)
            assert refused["error"]["code"] == "read_only"
        assert len(box.requests.all()) == before, "refused before anything was looked up"


@given(st.frozensets(st.uuids().map(str), max_size=4), st.uuids().map(str))
def test_no_argument_widens_the_list_of_projects(configured: frozenset[str], asked: str) -> None:
    """The projects filter of mcp-atlassian, several."""
    policy = ToolPolicy(local_files=True, projects=configured)
    for project in (asked, *configured):
        allowed = not configured or project in configured
        assert policy.allows(project) is allowed
        if not allowed:
            with pytest.raises(ProjectNotAllowed):
                policy.check_project(project)


NAMED: list[Callable[[acc_sandbox.Project], str]] = [
    lambda project: project.id,
    lambda project: f"b.{project.id}",
    lambda project: project.id.upper(),
    lambda project: project.name,
    lambda project: project.name.split()[0],
    lambda project: f"https://acc.autodesk.com/build/projects/{project.id}/submittals",
]


@pytest.mark.parametrize("allowed", ["riverside", "harbor"])
async def test_whatever_a_project_is_called_only_those_of_the_settings_are_worked_with(
    connect: Any, box: acc_sandbox.Sandbox, allowed: str
) -> None:
    projects = {key: box.project(key) for key in ("riverside", "harbor")}
    async with connect(projects=(projects[allowed].id,)) as assistant:
        listed = await assistant.call("find_projects")
        assert [row["id"] for row in listed["projects"]] == [projects[allowed].id]
        for key, project in projects.items():
            for name in NAMED:
                for tool in ("find_submittals", "get_submittal", "find_project_files", "get_attachment_status"):
                    schema = SCHEMAS[tool]["properties"]
                    arguments = {"project": name(project), "submittal": NOWHERE, "query": "x"}
                    answer = await assistant.client.call_tool(
                        tool, {name: value for name, value in arguments.items() if name in schema}
                    )
                    code = (answer.structured_content or {}).get("error", {}).get("code")
                    assert (code == "project_not_allowed") is (key != allowed), (tool, name(project), code)
    foreign = {request.path for request in box.requests.all()}
    others = [one.id for key, one in projects.items() if key != allowed]
    assert [path for path in foreign if any(other in path for other in others)] == []


async def test_no_name_of_a_project_outside_the_list_appears(connect, box):
    allowed, *outside = (box.project(key) for key in ("mill", "harbor", "riverside"))
    async with connect(projects=(allowed.id,)) as assistant:
        answers = [await assistant.call("find_projects")]
        # What one, two and all of them have in their names.
        for words in ("Center", "er", "e", "Riverside"):
            answers.append(await assistant.answer("find_submittals", project=words))  # noqa: PERF401  # one by one
    told = str([(one.get("projects"), one.get("error")) for one in answers])
    assert [one.name for one in outside if one.name in told] == []
