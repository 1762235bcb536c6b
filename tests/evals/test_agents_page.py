"""docs/agents.md is true: its conversations go as it shows them, and its client follows to the end."""

import json
import re
from pathlib import Path

import pytest

from .conversations import held, with_conversations

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"


@pytest.mark.usefixtures("clean_environment")
async def test_the_page_shows_the_conversations_as_they_go():
    page = PAGE.read_text(encoding="utf-8")
    assert with_conversations(page, await held()) == page, "run scripts/tables"


@pytest.mark.parametrize("era", ["2026-07-28"], indirect=True)
async def test_the_client_of_the_page_goes_from_a_request_to_a_file_that_reviewers_can_open(connect, box, tmp_path):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    said = {"file_path": "beams.pdf"}
    follow = client_of_the_page()
    async with connect(folders=(tmp_path,)) as assistant:
        arguments = {"project": "Riverside Medical Center", "query": "05 12 00-3"}
        last = await follow(assistant.client, "find_submittals", arguments, lambda name, _: said.get(name))
    assert last["attachment"]["state"] == "ready"
    assert "beams.pdf" in [row["name"] for row in box.attachments(box.item("051200-3"))]


@pytest.mark.parametrize("era", ["2026-07-28"], indirect=True)
async def test_the_client_of_the_page_ends_with_the_answer_where_the_person_has_nothing_to_say(connect, box):
    follow = client_of_the_page()
    async with connect() as assistant:
        last = await follow(assistant.client, "get_submittal", {"project": "er", "submittal": "1"}, lambda *_: None)
    assert last["error"]["code"] == "ambiguous_reference"


def client_of_the_page():
    """The function that the page prints."""
    page = PAGE.read_text(encoding="utf-8")
    [code] = re.findall(r"<!-- client -->\n```python\n(.*?)```\n<!-- /client -->", page, re.DOTALL)
    names = {"json": json}
    exec(compile(code, str(PAGE), "exec"), names)
    return names["follow"]
