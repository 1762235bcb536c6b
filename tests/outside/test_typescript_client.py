"""The official TypeScript client does the whole job, over both transports and in both protocol eras."""

import hashlib
import json
from pathlib import Path

import httpx
import pytest

VERSIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}

# get_attachment_status is asked as often as processing takes; bytes that the caller sent are confirmed first.
WAY = ["find_projects", "find_submittals", "add_submittal_attachment"]

WAY_OF_MANY = ["attach_files", "attach_files", "move_submittal", "move_submittal", "download_attachments"]


@pytest.fixture
def calls_of(node, era, drawing):
    """Do a job, look at what any answer must be, and return the calls."""

    def do(server, said, *begin):
        given = {"era": era, "server": server, "said": said, "file": str(drawing), "begin": begin or None}
        done = node("whole_job.mjs", json.dumps(given))
        assert done.returncode == 0, done.stderr
        job = json.loads(done.stdout)
        assert job["version"] == VERSIONS[era]
        assert all(json.loads(call["text"]) == call["answer"] for call in job["calls"])
        last = job["calls"][-1]
        assert not last["isError"], last["text"]
        return job["calls"]

    return do


@pytest.fixture
def do_the_job(calls_of, era, acc):
    """Attach a file as a person would ask for it, and return the attachment."""

    def do(server, **said):
        words = {
            "find_projects": {"query": acc.project},
            "find_submittals": {"query": acc.submittal},
            "add_submittal_attachment": {"name": f"typescript-{'http' if 'url' in server else 'stdio'}-{era}", **said},
        }
        calls = calls_of(server, words)
        last, tools = calls[-1], [call["tool"] for call in calls]
        way = [*WAY, "confirm_attachment"] if "upload_by_caller" in said else WAY
        assert tools == way + ["get_attachment_status"] * (len(tools) - len(way))
        assert {step["tool"] for step in last["answer"]["next_steps"]} <= {"move_submittal"}
        return last["answer"]["attachment"]

    return do


def test_the_typescript_client_attaches_a_file_over_stdio(do_the_job, serve, environment, drawing):
    command, *arguments = serve("--sandbox", "--folder", str(drawing.parent))
    attachment = do_the_job(
        {"command": command, "args": arguments, "env": environment, "stderr": "inherit"}, file_path=str(drawing)
    )
    assert attachment["state"] == "ready"
    assert attachment["sha256"] == hashlib.sha256(drawing.read_bytes()).hexdigest()


def test_the_typescript_client_attaches_many_files_moves_the_submittal_on_and_downloads_them(
    calls_of, serve, environment, acc, tmp_path
):
    folders = {name: tmp_path / name for name in ("fourteen", "downloads")}
    for folder in folders.values():
        folder.mkdir()
    for number in range(14):
        (folders["fourteen"] / f"beam-{number:02}.pdf").write_bytes(b"%PDF-1.4 " + str(number).encode())
    command, *arguments = serve("--sandbox", "--folder", str(folders["fourteen"]))
    settings = {**environment, "SUBMITTAL_MCP_DOWNLOADS": str(folders["downloads"])}
    place = {"project": acc.project, "submittal": acc.submittal}
    calls = calls_of(
        {"command": command, "args": arguments, "env": settings, "stderr": "inherit"},
        {"move_submittal": {"to": "review", "copy_attachments": ["all"]}},
        {"tool": "attach_files", "arguments": {**place, "folder": str(folders["fourteen"])}},
        {"tool": "download_attachments", "arguments": place},
    )
    assert [call["tool"] for call in calls] == WAY_OF_MANY
    attached, moved, downloaded = (calls[place]["answer"] for place in (1, 3, 4))
    assert [(row["outcome"], row["state"]) for row in attached["files"]] == [("attached", "ready")] * 14
    assert (moved["done"], moved["submittal"]["state"]) == (True, "rev")
    brought = {row["name"]: row for row in downloaded["files"]}
    for file in folders["fourteen"].iterdir():
        assert Path(brought[file.name]["path"]).read_bytes() == file.read_bytes()


def test_the_typescript_client_links_a_file_over_http_and_is_given_a_link_to_its_bytes(
    calls_of, acc, guarded_url, secret, era
):
    name = {"legacy": "beam-shop-drawings.pdf", "modern": "column-shop-drawings.pdf"}[era]
    urn = acc.version_urn(f"Project Files/03 Shop Drawings/05 Steel/{name}")
    place = {"project": acc.project, "submittal": acc.submittal}
    calls = calls_of(
        {"url": guarded_url, "headers": {"Authorization": f"Bearer {secret}"}},
        {},
        {"tool": "attach_files", "arguments": {**place, "file_urns": [urn]}},
        {"tool": "download_attachments", "arguments": {**place, "attachment_ids": [name]}},
    )
    assert {call["tool"] for call in calls} == {"attach_files", "download_attachments"}
    [attached] = calls[-2]["answer"]["files"]
    [linked] = calls[-1]["answer"]["files"]
    assert (attached["state"], linked["outcome"], linked["path"]) == ("ready", "link", None)
    assert httpx.get(linked["url"], trust_env=False).content == acc.confirmed_bytes(attached["attachment_id"])


def test_the_typescript_client_attaches_a_file_over_http(do_the_job, acc, guarded_url, secret, drawing):
    attachment = do_the_job(
        {"url": guarded_url, "headers": {"Authorization": f"Bearer {secret}"}}, upload_by_caller=True
    )
    assert attachment["state"] == "ready"
    assert acc.confirmed_bytes(attachment["id"]) == drawing.read_bytes()


def test_the_typescript_client_reads_resources_gets_prompts_and_completes(node, era, acc, sandbox_url):
    asked = {"era": era, "url": sandbox_url, "project": acc.project, "submittal": acc.submittal}
    done = node("beside_tools.mjs", json.dumps(asked))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["templates"] == ["submittal://{project}/{submittal}", "submittal://{project}/{submittal}/attachments"]
    assert found["read"]["submittal"]["number"] == acc.submittal
    assert found["prompts"] == ["attach_files", "missing_from_submittal"]
    assert f"Submittal: {acc.submittal}" in found["prompt"]
    assert found["projects"] == [acc.project]
    assert acc.submittal in found["submittals"]
    # The client says -32602 of a missing resource also where the older protocol brings it -32002.
    assert found["unknown"] == {"resource": "ResourceNotFoundError -32602", "prompt": "ProtocolError -32602"}
