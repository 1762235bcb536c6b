"""Every code of the closed list, made to happen once through the server, and the page that explains it.

`UPDATE_EXAMPLES=1` (with `-n 0`) writes the answers for `docs/errors.md`; `scripts/tables` then makes the page.
"""

import json
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp_types import ElicitResult

import acc_sandbox
from acc_sandbox import Fault, Refuse, Stall
from scripts.errors_page import MEANINGS, page
from server.settings.model import variables
from tests.support.constants import NOWHERE, ROOT, STEEL_BEAMS
from tools.core.registry import definitions
from tools.errors.catalog import ROWS
from tools.errors.codes import CODES

EXAMPLES = Path(__file__).parent / "error_examples.json"
ADD, CONFIRM, STATUS = "add_submittal_attachment", "confirm_attachment", "get_attachment_status"


@pytest.fixture
def era() -> str:
    """One is enough here: both are tried where each code has its other tests."""
    return "2026-07-28"


@dataclass
class Situation:
    """Where something goes wrong: an ACC, a folder of files that may be attached, and a way to connect."""

    connect: Callable[..., Any]
    box: acc_sandbox.Sandbox
    folder: Path
    tool: str = ""

    async def refused(self, tool: str, *, who: str | None = "manager", settings: Any = None, **arguments: Any) -> Any:
        self.tool = tool
        async with self.connect(who, **{"folders": (self.folder,), **(settings or {})}) as assistant:
            return await assistant.refused(tool, **arguments)

    async def attach(self, **changes: Any) -> Any:
        return await self.refused(ADD, **{**STEEL_BEAMS, "file_path": "beams.pdf", **changes})

    async def reserved(self, assistant: Any) -> str:
        added = await assistant.call(ADD, **STEEL_BEAMS, upload_by_caller=True, name="beams.pdf")
        return str(added["attachment"]["id"])


Scenario = Callable[[Situation], Awaitable[Any]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(make: Scenario) -> Scenario:
    SCENARIOS[make.__name__] = make
    return make


@scenario
async def invalid_arguments(at: Situation) -> Any:
    return await at.refused("find_submittals", project=STEEL_BEAMS["project"], status="rev", limit=200)


@scenario
async def not_signed_in(at: Situation) -> Any:
    return await at.refused("find_projects", who=None)


@scenario
async def reauthorization_required(at: Situation) -> Any:
    at.tool = "get_submittal"
    async with at.connect() as assistant:
        at.box.clock.move(4000)
        return await assistant.refused(at.tool, **STEEL_BEAMS)


@scenario
async def app_not_provisioned(at: Situation) -> Any:
    at.box.switches.provisioned = False
    return await at.refused("find_submittals", project=STEEL_BEAMS["project"])


@scenario
async def permission_denied(at: Situation) -> Any:
    return await at.attach(who="member")


@scenario
async def project_not_found(at: Situation) -> Any:
    return await at.refused("find_submittals", project="Riverbank Clinic")


@scenario
async def project_not_allowed(at: Situation) -> Any:
    return await at.refused("get_submittal", settings={"projects": (at.box.project("harbor").id,)}, **STEEL_BEAMS)


@scenario
async def project_not_supported(at: Situation) -> Any:
    return await at.refused("find_submittals", project="Old Mill Library")


@scenario
async def submittal_not_found(at: Situation) -> Any:
    return await at.refused("get_submittal", project=STEEL_BEAMS["project"], submittal="099999-1")


@scenario
async def ambiguous_reference(at: Situation) -> Any:
    return await at.refused("get_submittal", project=STEEL_BEAMS["project"], submittal="steel")


@scenario
async def submittal_closed(at: Situation) -> Any:
    return await at.attach(submittal="033100-1")


@scenario
async def task_required(at: Situation) -> Any:
    return await at.attach(submittal="052100-1", task_id=NOWHERE)


@scenario
async def invalid_category(at: Situation) -> Any:
    return await at.attach(category="review_response")


@scenario
async def invalid_name(at: Situation) -> Any:
    return await at.attach(name="beams: level 3/4.pdf")


@scenario
async def file_not_found(at: Situation) -> Any:
    return await at.attach(file_path="beam.pdf")


@scenario
async def file_not_allowed(at: Situation) -> Any:
    return await at.attach(file_path="/etc/hosts")


@scenario
async def file_type_not_allowed(at: Situation) -> Any:
    return await at.attach(settings={"file_types": ("dwg", "rvt")})


@scenario
async def file_empty(at: Situation) -> Any:
    (at.folder / "empty.pdf").touch()
    return await at.attach(file_path="empty.pdf")


@scenario
async def file_too_large(at: Situation) -> Any:
    return await at.attach(settings={"max_file_bytes": 3})


@scenario
async def file_changed(at: Situation) -> Any:
    at.tool = ADD
    sending = at.box.faults.add(Fault("storage.put", Stall()))
    answers: list[Any] = []

    async def call(assistant: Any) -> None:
        answers.append(await assistant.refused(ADD, **STEEL_BEAMS, file_path="beams.pdf"))

    async with at.connect(folders=(at.folder,)) as assistant, anyio.create_task_group() as group:
        group.start_soon(call, assistant)
        await anyio.to_thread.run_sync(sending.reached.wait)
        with (at.folder / "beams.pdf").open("ab") as file:
            file.write(b" and more")
        at.box.faults.release()
    return answers[0]


@scenario
async def attachment_not_found(at: Situation) -> Any:
    return await at.refused(CONFIRM, **STEEL_BEAMS, attachment_id=NOWHERE)


@scenario
async def upload_incomplete(at: Situation) -> Any:
    at.tool = CONFIRM
    async with at.connect() as assistant:
        return await assistant.refused(CONFIRM, **STEEL_BEAMS, attachment_id=await at.reserved(assistant))


@scenario
async def upload_expired(at: Situation) -> Any:
    at.box.faults.add(Fault("oss.signeds3upload.complete", Refuse(404, {"reason": "Not found"})))
    return await at.attach()


@scenario
async def processing_failed(at: Situation) -> Any:
    at.tool = STATUS
    at.box.switches.processing_fails = True
    async with at.connect(folders=(at.folder,)) as assistant:
        added = await assistant.call(ADD, **STEEL_BEAMS, file_path="beams.pdf", confirm=True)
        return await assistant.refused(STATUS, **STEEL_BEAMS, attachment_id=added["attachment"]["id"], wait_seconds=30)


@scenario
async def idempotency_conflict(at: Situation) -> Any:
    at.tool = ADD
    (at.folder / "columns.pdf").write_bytes(b"columns")
    async with at.connect(folders=(at.folder,)) as assistant:
        await assistant.call(ADD, **STEEL_BEAMS, file_path="beams.pdf", idempotency_key="monday")
        return await assistant.refused(ADD, **STEEL_BEAMS, file_path="columns.pdf", idempotency_key="monday")


@scenario
async def confirmation_required(at: Situation) -> Any:
    return await at.attach(settings={"confirm": "ask"}, confirm=True)


@scenario
async def confirmation_declined(at: Situation) -> Any:
    async def decline(*_: Any) -> ElicitResult:
        return ElicitResult(action="decline")

    return await at.attach(settings={"confirm": "ask", "answering": decline}, confirm=True)


@scenario
async def rate_limited(at: Situation) -> Any:
    at.box.faults.add(Fault("items.get", Refuse(429, {}, {"Retry-After": "61"})))
    return await at.refused("get_submittal", **STEEL_BEAMS)


@scenario
async def upstream_unavailable(at: Situation) -> Any:
    at.box.faults.add(Fault("items.get", Refuse(503, "", {"Retry-After": "90"})))
    return await at.refused("get_submittal", **STEEL_BEAMS)


@scenario
async def upstream_rejected(at: Situation) -> Any:
    at.box.faults.add(Fault("attachments.create", Refuse(400, {"title": "ACC says what it likes"})))
    return await at.attach()


@scenario
async def storage_unavailable(at: Situation) -> Any:
    at.box.faults.add(Fault("storage.put", Refuse(400, "<Error><Code>EntityTooSmall</Code></Error>")))
    return await at.attach()


@scenario
async def read_only(at: Situation) -> Any:
    return await at.attach(settings={"read_only": True})


@scenario
async def transition_not_permitted(at: Situation) -> Any:
    return await at.refused("move_submittal", **{**STEEL_BEAMS, "submittal": "052100-1"}, to="review")


@scenario
async def person_not_found(at: Situation) -> Any:
    return await at.refused("move_submittal", **STEEL_BEAMS, to="return", to_person="Roofing Subcontractor")


@scenario
async def download_not_allowed(at: Situation) -> Any:
    return await at.refused("download_attachments", **STEEL_BEAMS)


@pytest.mark.parametrize("code", SCENARIOS)
async def test_the_code_is_what_an_agent_is_answered_and_what_the_page_shows(connect, box, tmp_path, code):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "beams.pdf").write_bytes(b"beams")
    at = Situation(connect, box, folder)
    answer = await SCENARIOS[code](at)
    assert answer["error"]["code"] == code
    seen = {"tool": at.tool, "answer": json.loads(_alike_on_every_machine(json.dumps(answer), folder))}
    kept = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_EXAMPLES") == "1":
        kept = {one: seen if one == code else kept[one] for one in CODES if one == code or one in kept}
        EXAMPLES.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert kept[code] == seen, "was the change meant? Then UPDATE_EXAMPLES=1 with -n 0, and scripts/tables"


def _alike_on_every_machine(text: str, folder: Path) -> str:
    """Put one word for what differs from run to run: the folder, days, and the ids that the sandbox draws at random."""
    told = text.replace(json.dumps(str(folder))[1:-1], "/Users/me/Submittals")
    told = re.sub(r"due \d{4}-\d\d-\d\d", "due 2026-12-24", told)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", NOWHERE, told)


def test_every_code_is_made_to_happen():
    assert set(SCENARIOS) == set(CODES)


def test_the_page_is_current_and_has_a_section_for_every_code():
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == page(json.loads(EXAMPLES.read_text(encoding="utf-8"))), "run scripts/tables"
    assert re.findall(r"^## `(\w+)`$", written, re.MULTILINE) == list(CODES)
    assert set(MEANINGS) == set(CODES)


TOOLS = {one.name: one for one in definitions(local_files=True)}
ARGUMENTS = {name for one in TOOLS.values() for name in one.arguments.model_fields if "_" in name} | {"category"}
WAYS = re.compile(
    rf"\b({'|'.join(TOOLS)})\b|{{tool}}|({'|'.join(variables().values())})|HTTPS_PROXY"
    rf"|Valid arguments: |Account Admin|trust store|manager .* in ACC|\b({'|'.join(ARGUMENTS)})\b"
)
"""What a hint can name: a tool (the same one included), its argument, a setting, a place in others' settings."""


def test_every_hint_names_a_tool_an_argument_or_a_setting():
    kept = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    hints = {one["answer"]["error"]["hint"] for one in kept.values()} | {row.agent_hint for row in ROWS.values()}
    assert not [hint for hint in hints if not WAYS.search(hint) and "{problem}" not in hint]


def test_a_hint_to_call_again_says_which_tool():
    kept = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    hints = {one["answer"]["error"]["hint"] for one in kept.values()}
    assert "Call get_submittal again in a minute." in hints
    assert not [hint for hint in hints if "{tool}" in hint]


def test_answers_that_ask_to_slow_down_carry_the_seconds():
    kept = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    assert kept["rate_limited"]["answer"]["error"]["retry_after_seconds"] == 61
