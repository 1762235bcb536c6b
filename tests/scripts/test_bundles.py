"""Bundles and listings of a release: each passes its rules, and each starts the same command."""

import copy
import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import server
from acc import operations
from scripts.bundles import documents
from scripts.bundles.__main__ import SURFACE, main
from scripts.bundles.launch import server_arguments
from scripts.bundles.release import SUMMARY, Release, command_line
from scripts.bundles.rules import RULES, check
from scripts.bundles.sources import bundled_project, stamped_project, stamped_readme, tracked_files
from tests.support.constants import ROOT

RELEASE = Release("some-owner", "some-repository", "images.example/some-owner/some-repository")
TOOLS = json.loads(SURFACE.read_text(encoding="utf-8"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "ab" * 32
COMMAND = ["uvx", f"submittal-mcp@{server.__version__}", "serve"]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def every_document() -> dict[str, dict]:
    claude, cursor = documents.claude_plugin(RELEASE), documents.cursor_plugin(RELEASE)
    return {
        "server.json": documents.server_json(RELEASE, mcpb_sha256=DIGEST),
        "manifest.json": documents.mcpb_manifest(RELEASE, TOOLS),
        "plugin.json": claude["plugin/.claude-plugin/plugin.json"],
        "marketplace.json": claude[".claude-plugin/marketplace.json"],
        ".mcp.json": claude["plugin/.mcp.json"],
        "mcp.json": cursor["mcp.json"],
        "server.yaml": documents.docker_entry(RELEASE, COMMIT),
        "mcp-manifest.json": documents.tool_manifest(RELEASE, TOOLS),
    }


DOCUMENTS = every_document()


def changed(name: str, path: tuple, value: object) -> dict:
    """Return a document with one member set; None takes it out."""
    document = copy.deepcopy(DOCUMENTS[name])
    *above, last = path
    table = document
    for key in above:
        table = table[key]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return document


def test_there_are_rules_for_every_document():
    assert DOCUMENTS.keys() == RULES.keys()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_passes_its_rules(name):
    check(name, DOCUMENTS[name])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_unknown_member_is_refused(name):
    with pytest.raises(ValueError, match="extra"):
        check(name, {**DOCUMENTS[name], "unknown": "member"})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_member_of_a_document_is_left_out_unseen(name):
    for member in DOCUMENTS[name]:
        with pytest.raises(ValueError, match=r"required|missing"):
            check(name, changed(name, (member,), None))


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("server.json", ("name",), "submittal-mcp"),
        ("server.json", ("name",), f"io.github.{'x' * 200}/submittal-mcp"),
        ("server.json", ("description",), "x" * 101),
        ("server.json", ("title",), "x" * 101),
        ("server.json", ("version",), "^1.0"),
        ("server.json", ("version",), "latest"),
        ("server.json", ("$schema",), "https://static.modelcontextprotocol.io/schemas/draft/server.schema.json"),
        ("server.json", ("websiteUrl",), "http://example.com"),
        ("server.json", ("packages",), []),
        ("server.json", ("packages", 0, "version"), None),
        ("server.json", ("packages", 0, "transport"), {"type": "sse"}),
        ("server.json", ("packages", 0, "fileSha256"), DIGEST),
        ("server.json", ("packages", 1, "fileSha256"), None),
        ("server.json", ("packages", 1, "fileSha256"), DIGEST.upper()),
        ("server.json", ("packages", 1, "identifier"), "https://example.com/submittal-mcp.mcpb"),
        ("server.json", ("packages", 1, "version"), "1.0.0"),
        ("server.json", ("packages", 2, "identifier"), "some-owner/some-repository"),
        ("server.json", ("packages", 2, "version"), "1.0.0"),
        ("manifest.json", ("manifest_version",), "0.3"),
        ("manifest.json", ("server", "type"), "python"),
        ("manifest.json", ("server", "mcp_config", "args", -1), "--folder=${user_config.folders}"),
        ("manifest.json", ("server", "mcp_config", "args", -2), "true"),
        ("manifest.json", ("server", "mcp_config", "env"), {}),
        ("manifest.json", ("user_config", "folders", "type"), "folder"),
        ("manifest.json", ("user_config", "sandbox", "default"), None),
        ("manifest.json", ("tools",), []),
        ("plugin.json", ("name",), "Submittal MCP"),
        ("marketplace.json", ("plugins", 0, "source"), "../elsewhere"),
        ("mcp.json", ("mcpServers", "submittals", "command"), None),
        ("server.yaml", ("source", "commit"), "main"),
        ("server.yaml", ("run", "volumes"), ["{{submittal-mcp.other}}:/files"]),
        ("server.yaml", ("config", "parameters", "required"), ["another"]),
        ("mcp-manifest.json", ("tools", 0, "annotations"), {}),
        ("mcp-manifest.json", ("externalEndpoints",), ["http://developer.api.autodesk.com"]),
        ("mcp-manifest.json", ("apis", 0, "path"), "relative"),
    ],
)
def test_a_member_that_a_reader_would_refuse_breaks_a_rule(name, path, value):
    with pytest.raises(ValueError, match="validation error"):
        check(name, changed(name, path, value))


def test_the_summary_fits_the_registry():
    assert len(SUMMARY) <= 100


@pytest.mark.parametrize("owner", ["", "-", "a/b", "a b", "${x}", "x" * 40])
def test_an_owner_that_github_would_refuse_is_refused(owner):
    with pytest.raises(ValueError, match="owner"):
        Release(owner, "some-repository")


@pytest.mark.parametrize("repository", ["", "..", "a/b", "a b"])
def test_a_repository_that_github_would_refuse_is_refused(repository):
    with pytest.raises(ValueError, match="repository"):
        Release("some-owner", repository)


@pytest.mark.parametrize("sandbox", [False, True])
def test_every_install_link_and_plugin_starts_the_same_command_line(sandbox):
    expected = [*COMMAND, *(["--sandbox"] if sandbox else [])]
    links = documents.install_links(RELEASE, sandbox=sandbox)
    assert {client: documents.linked_command(link) for client, link in links.items()} == dict.fromkeys(
        ("cursor", "vscode", "vscode-page"), expected
    )
    assert command_line(RELEASE, sandbox=sandbox) == expected
    if not sandbox:
        for name in (".mcp.json", "mcp.json"):
            entry = DOCUMENTS[name]["mcpServers"]["submittals"]
            assert [entry["command"], *entry["args"]] == expected


def test_an_install_link_can_stand_in_a_page():
    for link in documents.install_links(RELEASE).values():
        assert re.fullmatch(r"[a-z]+:[\w.~:/?=&%-]+", link)
        assert link in documents.links_page(RELEASE) or link.startswith("vscode:")


def test_another_address_is_no_install_link():
    with pytest.raises(ValueError, match="no install link"):
        documents.linked_command("https://example.com/?config=e30=")


def test_the_registry_is_told_of_the_bundle_and_the_image_only_where_they_are_published():
    alone = documents.server_json(Release("some-owner", "some-repository"))
    check("server.json", alone)
    assert [package["registryType"] for package in alone["packages"]] == ["pypi"]
    wheel, bundle, image = DOCUMENTS["server.json"]["packages"]
    assert wheel["identifier"] == "submittal-mcp"
    assert bundle["identifier"].endswith(
        f"/some-owner/some-repository/releases/download/v{server.__version__}/submittal-mcp.mcpb"
    )
    assert image["identifier"] == f"images.example/some-owner/some-repository:{server.__version__}"
    secret = {one["name"] for one in wheel["environmentVariables"] if one["isSecret"]}
    assert secret == {"APS_CLIENT_SECRET", "APS_ACCESS_TOKEN"}


def test_the_tool_manifest_names_every_tool_and_every_request():
    manifest = DOCUMENTS["mcp-manifest.json"]
    assert [tool["name"] for tool in manifest["tools"]] == [tool["name"] for tool in TOOLS]
    paths = {one.path for one in vars(operations).values() if isinstance(one, operations.ApiOperation)}
    assert {api["path"] for api in manifest["apis"]} - paths == {
        "/authentication/v2/token",
        "/authentication/v2/revoke",
    }
    assert paths <= {api["path"] for api in manifest["apis"]}


@given(st.lists(st.text(min_size=1).filter(lambda text: not text.startswith("${"))))
def test_the_bundle_serves_the_folders_that_were_chosen(folders):
    assert server_arguments(["false", *folders]) == ["serve", "--", *folders]
    assert server_arguments(["true", *folders]) == ["serve", "--sandbox"]


def test_a_placeholder_that_a_client_left_is_no_folder():
    assert server_arguments(["false", "${user_config.folders}"]) == ["serve", "--"]


def test_the_published_readme_says_whose_package_it_is():
    text = stamped_readme((ROOT / "README.md").read_text(encoding="utf-8"), RELEASE)
    assert f"mcp-name: {DOCUMENTS['server.json']['name']}" in text


def test_the_published_project_has_addresses_and_is_otherwise_the_same():
    before, after = tomllib.loads(PYPROJECT), tomllib.loads(stamped_project(PYPROJECT, RELEASE))
    urls = after["project"].pop("urls")
    assert after == before
    assert all(url.startswith("https://github.com/some-owner/some-repository") for url in urls.values())


def test_the_project_of_the_bundle_keeps_what_it_needs_to_run():
    before, after = tomllib.loads(PYPROJECT), tomllib.loads(bundled_project(PYPROJECT, RELEASE))
    assert after["project"]["dependencies"] == before["project"]["dependencies"]
    assert after["build-system"] == before["build-system"]
    assert after["tool"] == {"hatch": before["tool"]["hatch"]}
    assert "dependency-groups" not in after


def test_no_tracked_file_names_an_owner_of_the_repository():
    """A release says it; a file that said it would be wrong in every fork. Tests name the made-up owner."""
    words = r"github\.com/[^ /]+/submittal-mcp|mcp-name: io\."
    found = subprocess.run(["git", "grep", "-nIE", words], cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in found.stdout.splitlines() if not line.startswith("tests/scripts/test_bundles.py:")]
    assert [line for line in lines if "some-owner" not in line] == []


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for uv is a shell script")
def test_the_commands_write_every_file_with_the_owner_that_was_named(tmp_path):
    named = ["--owner", "some-owner", "--repository", "some-repository", "--target", str(tmp_path)]
    fake = tmp_path / "uv"
    fake.write_text('#!/bin/sh\n: > "$4/uv.lock"\n', encoding="utf-8")
    fake.chmod(0o755)
    assert main(["build", *named, "--commit", COMMIT, "--uv", str(fake)]) == 0
    packed = tmp_path / "submittal-mcp.mcpb"
    packed.write_bytes(b"packed")
    assert main(["registry", *named, "--bundle", str(packed)]) == 0
    listing = json.loads((tmp_path / "server.json").read_text(encoding="utf-8"))
    assert [package["registryType"] for package in listing["packages"]] == ["pypi", "mcpb"]
    assert yaml.safe_load((tmp_path / "docker/server.yaml").read_text(encoding="utf-8"))["source"]["commit"] == COMMIT
    written = {str(path.relative_to(tmp_path / "mcpb")) for path in (tmp_path / "mcpb").rglob("*") if path.is_file()}
    assert {"manifest.json", "launch.py", "uv.lock", "server/__init__.py", "LICENSE"} <= written
    assert not any(name.startswith(("tests/", "scripts/", ".")) for name in written)
    for name in ("source/README.md", "mcpb/README.md", "cursor-plugin/README.md", "claude-plugin/plugin/README.md"):
        assert (tmp_path / name).is_file()
    assert (tmp_path / "source/pyproject.toml").read_text(encoding="utf-8") == stamped_project(
        PYPROJECT, Release("some-owner", "some-repository")
    )


def test_a_plugin_says_what_it_does_and_how_to_sign_in():
    readme = documents.plugin_readme(RELEASE)
    assert len(readme.split()) >= 40  # Claude Code's directory refuses fewer
    assert f"uvx submittal-mcp@{server.__version__} setup" in readme


def test_a_wrong_owner_ends_with_a_usage_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["registry", "--owner", "a/b", "--repository", "c", "--target", str(tmp_path)])
    assert "no owner" in capsys.readouterr().err


def test_only_tracked_files_get_into_a_release():
    found = {str(path) for path in tracked_files()}
    assert {"pyproject.toml", "server/__init__.py"} <= found
    assert not any(name.startswith((".venv", "dist/")) for name in found)
