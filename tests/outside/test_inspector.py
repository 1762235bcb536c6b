"""The official Inspector, in CLI mode, over both transports and in both protocol eras.

Each of its calls is a process of its own; over stdio so is our server, every time.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tools.core.registry import definitions

LAUNCHER = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"

TOOLS = [one.name for one in definitions(local_files=True)]

# No browser opens to sign a person in, and what is printed is one JSON object.
ALWAYS = ["--cli", "--stored-auth-only", "--format", "json"]

MOST_CALLS = 20

# The exit codes of the Inspector that these tests expect besides 0.
AUTH_REQUIRED = 3
TOOL_ERROR = 5


@dataclass(frozen=True)
class Inspector:
    run: Any
    era: str
    target: list[str]

    def started(self, *options):
        return self.run(LAUNCHER, *ALWAYS, "--protocol-era", self.era, *options, *self.target)

    def list_tools(self):
        return self.started("--method", "tools/list", "--strict")

    def call_tool(self, tool, arguments):
        return self.started("--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))

    def result(self, method, *options):
        done = self.started("--method", method, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["result"]

    def answer(self, tool, arguments):
        done = self.call_tool(tool, arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        result = json.loads(done.stdout)["result"]
        # Only the modern era has the server say with every result who it is.
        assert ("io.modelcontextprotocol/serverInfo" in result.get("_meta", {})) == (self.era == "modern")
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        return result["structuredContent"]


@pytest.fixture
def over_stdio(node, era, serve, environment):
    """Have the Inspector start our server: `over_stdio("--sandbox", APS_ACCESS_TOKEN="…")`."""

    def inspector(*options, **settings):
        # The Inspector hands down little of its own environment.
        settings["PYTHONPATH"] = environment["PYTHONPATH"]
        given = [option for name, value in settings.items() for option in ("-e", f"{name}={value}")]
        return Inspector(node, era, [*given, "--", *serve(*options)])

    return inspector


@pytest.fixture
def over_http(node, era):
    """Point the Inspector at an address, with a bearer secret or none."""

    def inspector(url, bearer=None):
        header = ["--header", f"Authorization: Bearer {bearer}"] if bearer else []
        return Inspector(node, era, ["--transport", "http", "--server-url", url, *header])

    return inspector


def attach(inspector, said, send=None):
    """Do the main job, and return the attachment."""
    return follow(inspector, said, "find_projects", {}, send)[-1]["attachment"]


def follow(inspector, said, tool, arguments, send=None):
    """Return all answers: each call is the first next step of the one before, with what only the person knows."""
    answers = []
    for _ in range(MOST_CALLS):
        answer = inspector.answer(tool, {**arguments, **said.get(tool, {})})
        answers.append(answer)
        if answer.get("upload"):
            send(answer["upload"])
        # A step that needs what the person did not say is up to them: where the submittal goes now.
        steps = [step for step in answer["next_steps"] if step["tool"] in said or not step["needs"]]
        if not steps or answer.get("done"):
            return answers
        tool, arguments = steps[0]["tool"], steps[0]["arguments"]
    raise AssertionError(f"no end after {MOST_CALLS} calls")


def assert_portable(done):
    assert done.returncode == 0, done.stdout + done.stderr
    listed = json.loads(done.stdout)
    assert [tool["name"] for tool in listed["result"]["tools"]] == TOOLS
    # Present when the Inspector finds anything in a schema that some host might refuse.
    assert "schemaFindings" not in listed


def test_the_inspector_lists_portable_tools_over_stdio(over_stdio):
    assert_portable(over_stdio("--sandbox").list_tools())


def test_the_inspector_lists_portable_tools_over_http(over_http, sandbox_url):
    assert_portable(over_http(sandbox_url).list_tools())


def test_the_inspector_finds_the_projects_over_stdio(over_stdio, acc):
    answer = over_stdio("--sandbox").answer("find_projects", {"query": acc.project})
    assert [project["name"] for project in answer["projects"]] == [acc.project]


def test_the_inspector_attaches_a_file_over_stdio_with_a_new_server_for_every_call(over_stdio, acc, era, drawing):
    said = {
        "find_projects": {"query": acc.project},
        "find_submittals": {"query": acc.submittal},
        "add_submittal_attachment": {"file_path": str(drawing), "name": f"inspector-stdio-{era}"},
    }
    attachment = attach(over_stdio("--folder", str(drawing.parent), **acc.settings), said)
    assert attachment["state"] == "ready"
    assert acc.confirmed_bytes(attachment["id"]) == drawing.read_bytes()


def test_the_inspector_attaches_a_folder_moves_a_submittal_on_and_downloads(over_stdio, acc, era, tmp_path):
    """Its submittals are of this test alone: one for each era, since the sandbox is of the session."""
    number = {"legacy": "051200-2", "modern": "051200-4"}[era]
    folder, downloads = tmp_path / "files", tmp_path / "downloads"
    for path in (folder, downloads):
        path.mkdir()
    for name in (f"{number}_RevB.pdf", f"{number} signed.pdf", "minutes.pdf"):
        (folder / name).write_bytes(b"%PDF-1.4 " + name.encode())
    server = over_stdio("--folder", str(folder), SUBMITTAL_MCP_DOWNLOADS=str(downloads), **acc.settings)
    place = {"project": acc.project, "submittal": number}
    said = {"move_submittal": {"to": "submit"}}
    checked, attached, shown, moved = follow(server, said, "attach_files", {"project": acc.project, "folder": "."})
    assert checked["counts"] == {"planned": 2, "left_out": 1}
    assert [row.get("state") for row in attached["files"]] == ["ready", "ready", None]
    assert (shown["transition"]["to_state"], moved["done"], moved["submittal"]["state"]) == ("mgr-1", True, "mgr-1")
    [downloaded] = follow(server, {}, "download_attachments", place)
    for row in downloaded["files"]:
        assert Path(row["path"]).read_bytes() == (folder / row["name"]).read_bytes()


def test_the_inspector_attaches_a_file_over_http(over_http, sandbox_url, acc, era, drawing):
    said = {
        "find_projects": {"query": acc.project},
        "find_submittals": {"query": acc.submittal},
        "add_submittal_attachment": {"upload_by_caller": True, "name": f"inspector-http-{era}.pdf"},
    }

    def send(upload):
        content = drawing.read_bytes()
        sent = httpx.request(
            upload["method"], upload["url"], content=content, headers=upload["headers"], trust_env=False
        )
        assert sent.status_code == 200, sent.text

    attachment = attach(over_http(sandbox_url), said, send)
    assert (attachment["state"], attachment["size_bytes"]) == ("ready", drawing.stat().st_size)


def test_the_inspector_is_let_in_with_the_bearer_secret(over_http, guarded_url, secret, acc):
    inspector = over_http(guarded_url, bearer=secret)
    assert_portable(inspector.list_tools())
    answer = inspector.answer("find_projects", {"query": acc.project})
    assert [project["name"] for project in answer["projects"]] == [acc.project]


@pytest.mark.parametrize("bearer", [None, "another-secret"])
def test_the_inspector_is_told_to_sign_in_without_the_bearer_secret(over_http, guarded_url, bearer):
    done = over_http(guarded_url, bearer).list_tools()
    assert done.returncode == AUTH_REQUIRED, done.stdout + done.stderr
    assert done.stdout == ""


def test_the_inspector_reads_submittals_as_resources(over_http, sandbox_url, acc):
    inspector = over_http(sandbox_url)
    templates = inspector.result("resources/templates/list")["resourceTemplates"]
    assert [one["name"] for one in templates] == ["submittal", "submittal_attachments"]
    uri = f"submittal://{quote(acc.project)}/{acc.submittal}"
    for address, member in ((uri, "submittal"), (f"{uri}/attachments", "attachments")):
        [content] = inspector.result("resources/read", "--uri", address)["contents"]
        assert content["mimeType"] == "application/json"
        assert json.loads(content["text"])[member]


def test_the_inspector_gets_a_prompt(over_http, sandbox_url, acc):
    inspector = over_http(sandbox_url)
    listed = inspector.result("prompts/list")["prompts"]
    assert [one["name"] for one in listed] == ["attach_files", "missing_from_submittal"]
    arguments = ["--prompt-args", f"project={acc.project}", f"submittal={acc.submittal}"]
    [message] = inspector.result("prompts/get", "--prompt-name", "missing_from_submittal", *arguments)["messages"]
    assert f"Project: {acc.project}\nSubmittal: {acc.submittal}\n" in message["content"]["text"]


def test_the_inspector_shows_a_refusal_with_its_code_and_its_hint(over_http, sandbox_url):
    done = over_http(sandbox_url).call_tool("find_submittals", {"project": "No Such Project"})
    assert done.returncode == TOOL_ERROR, done.stdout + done.stderr
    result = json.loads(done.stdout)["result"]
    error = json.loads(result["content"][0]["text"])["error"]
    assert error["code"] == "project_not_found"
    assert error["hint"]
