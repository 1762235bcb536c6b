"""docs/tools.md: a row for every tool, with scopes that are enough for it and no more than reading where it only reads."""

import re
from typing import Any, Final

import pytest

from acc_sandbox import Sandbox
from auth.login.flow import READING
from auth.oauth import SCOPES, StaticTokenSource
from server.team.required_scopes import required_scope
from tests.support.constants import ROOT, STEEL_BEAMS
from tools.core.registry import definitions

pytestmark = pytest.mark.either_era

ROW: Final = re.compile(r"^\| `(\w+)` \| (yes|no) \| `?([\w:]+)`? \| `([\w: -]+)` \|", re.MULTILINE)
PAGE: Final = {row[0]: row[1:] for row in ROW.findall((ROOT / "docs" / "tools.md").read_text(encoding="utf-8"))}
RIVERSIDE: Final = {"project": STEEL_BEAMS["project"]}
BEAM: Final = {**STEEL_BEAMS, "file_path": "beam.bin"}
FIRST: Final[dict[str, Any]] = {
    "add_submittal_attachment": {**BEAM, "confirm": True},
    "attach_files": {**STEEL_BEAMS, "files": ["beam.bin"]},
    "get_attachment_status": STEEL_BEAMS,
    "find_projects": {},
    "find_submittals": RIVERSIDE,
    "get_submittal": STEEL_BEAMS,
    "find_project_files": {**RIVERSIDE, "query": "A-101"},
    "download_attachments": STEEL_BEAMS,
    "move_submittal": {**STEEL_BEAMS, "to": "mgr-1::void"},
    "sign_in": {},
}
"""Arguments of the first call of each tool; `confirm_attachment` has an attachment first."""


@pytest.fixture
def limited(connect: Any, box: Sandbox, tmp_path: Any) -> Any:
    """Connect an assistant whose Autodesk token has the given scopes alone."""
    files, downloads = tmp_path / "files", tmp_path / "downloads"
    for folder in (files, downloads):
        folder.mkdir()
    (files / "beam.bin").write_bytes(b"beam")

    def limited(scopes: str) -> Any:
        source = StaticTokenSource(box.token(scopes=scopes))
        return connect(None, tokens=source, folders=(files,), downloads=downloads)

    return limited


def test_every_tool_has_a_row_with_the_scope_of_a_team_server():
    tools = definitions(local_files=True)
    assert list(PAGE) == [tool.name for tool in tools]
    assert [PAGE[tool.name][0] == "yes" for tool in tools] == [tool.writes for tool in tools]
    for name, (_, scope, _) in PAGE.items():
        message = {"method": "tools/call", "params": {"name": name, "arguments": {"check_only": False}}}
        assert required_scope(message) == (None if scope == "none" else scope), name


def test_reading_tools_need_no_scope_that_writes_and_all_together_need_what_signing_in_asks_for():
    assert {scope for row in PAGE.values() for scope in row[2].split()} == set(SCOPES)
    for writes, _, scopes in PAGE.values():
        assert writes == "yes" or set(scopes.split()) <= set(READING)


@pytest.mark.parametrize("name", PAGE)
async def test_the_scopes_of_a_row_are_enough_for_its_tool(limited, name):
    async with limited(PAGE[name][2]) as assistant:
        if name == "confirm_attachment":
            added = await assistant.call("add_submittal_attachment", **BEAM)
            await assistant.call(name, **STEEL_BEAMS, attachment_id=added["attachment"]["id"])
            return
        answer = await assistant.call(name, **FIRST[name])
        if name in ("attach_files", "move_submittal"):
            step = answer["next_steps"][0]
            assert (step["tool"], step["arguments"]["check_only"]) == (name, False)
            await assistant.call(name, **step["arguments"])


@pytest.mark.parametrize("name", ["add_submittal_attachment", "move_submittal"])
async def test_a_tool_that_writes_is_refused_with_a_scope_that_reads(limited, name):
    arguments = FIRST[name] if name != "move_submittal" else {**FIRST[name], "check_only": False}
    async with limited("data:read account:read") as assistant:
        refusal = await assistant.refused(name, **arguments)
    assert "scope" in str(refusal)
