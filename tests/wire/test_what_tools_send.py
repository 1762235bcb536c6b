"""Whatever the tools send has the form of an example: the same operation, headers, query and body, in the same order.

`test_wire_examples` compares the bytes of each example; here the sandbox's log of requests shows what the tools make of
them. Members of a query or a body are optional, so some of an example's may be missing; none is added or moved.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from acc import operations
from acc.operations import ApiOperation
from acc_sandbox.faults.request_log import LoggedRequest
from tests.conftest import NO_TRUST
from tests.wire.examples import OF_HTTP, WireRequest, on_the_wire
from tests.wire.requests import ACC_REQUESTS, SAID

pytestmark = pytest.mark.either_era

PATHS = {
    operation.name: (operation.method, re.compile(re.sub(r"\\{\w+(:urn)?\\}|\{\w+(:urn)?\}", "[^/]+", operation.path)))
    for operation in vars(operations).values()
    if isinstance(operation, ApiOperation)
}


NOT_SENT = {
    "submittals.tasks.list",
    "submittals.item-types.list",
    "admin.users.list",
}
"""What the calls below need not send: operations whose tools are to come, and some for cases that do not arise here."""


@dataclass(frozen=True)
class Form:
    """What a request consists of, without its values."""

    operation: str
    headers: frozenset[str]
    query: tuple[str, ...]
    members: tuple[str, ...]

    def fits(self, example: "Form") -> bool:
        same = (self.operation, self.headers) == (example.operation, example.headers)
        return same and is_part(self.query, example.query) and is_part(self.members, example.members)


def is_part(some: Sequence[str], of: Sequence[str]) -> bool:
    rest: Iterator[str] = iter(of)
    return all(one in rest for one in some)


def form_of(method: str, path: str, query: str, headers: Sequence[str], body: str | bytes) -> Form:
    [operation] = [name for name, (sent_by, pattern) in PATHS.items() if sent_by == method and pattern.fullmatch(path)]
    names = tuple(name for name, _ in parse_qsl(query, keep_blank_values=True))
    return Form(operation, frozenset(headers) - OF_HTTP, names, tuple(json.loads(body)) if body else ())


def form_of_example(name: str) -> Form:
    sent: WireRequest = on_the_wire(name, **SAID.get(name, {}))
    address = urlsplit(sent.target)
    return form_of(sent.method, address.path, address.query, list(sent.headers), sent.body)


def form_of_sent(sent: LoggedRequest) -> Form:
    return form_of(sent.method, sent.path, sent.query, sent.header_names, sent.body)


BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"
RIVERSIDE = {"project": "Riverside Medical Center"}
REVIEWED, STEEL = ({**RIVERSIDE, "submittal": number} for number in ("052100-1", "051200-3"))


async def work(assistant: Any, box: Any) -> None:
    """Call every tool, with as much as it takes."""
    await assistant.call("sign_in")
    await assistant.call("find_projects", query="river")
    await assistant.call("find_submittals", **RIVERSIDE, query="beam", state="sbc-1", in_my_court=True)
    filters = {"due_before": "2026-12-31", "contractor": "me", "response": "approved", "without_attachments": True}
    await assistant.call("find_submittals", **RIVERSIDE, query="beam", state="rev", in_my_court=True, **filters)
    await assistant.call("find_submittals", **RIVERSIDE, spec="05 12 00", state="open")
    await assistant.call("download_attachments", **STEEL)
    await assistant.call("find_project_files", **RIVERSIDE, query="beam")
    looked_into = box.requests.last("folders.contents").path.split("/")[-2]
    await assistant.call("find_project_files", **RIVERSIDE, query="beam", folder=looked_into)
    await assistant.call("get_submittal", **REVIEWED)
    linked = {"file_urn": box.file(BEAMS).item_urn, "category": "final_response"}
    await assistant.answer("add_submittal_attachment", **REVIEWED, **linked)
    await assistant.call("add_submittal_attachment", **STEEL, file_path="beams.pdf", confirm=True)
    await assistant.call("get_attachment_status", **STEEL)
    for many in ({**RIVERSIDE, "folder": "many"}, {**STEEL, "file_urns": [box.file(BEAMS).version_urn]}):
        checked = await assistant.call("attach_files", **many, category="final_response")
        done = await assistant.follow(checked["next_steps"][0])
        assert {row["outcome"] for row in done["files"]} == {"attached"}
    by_caller = {**STEEL, "upload_by_caller": True, "name": "later.pdf"}
    for _ in range(2):
        added = await assistant.call("add_submittal_attachment", **by_caller)
    async with httpx.AsyncClient(verify=NO_TRUST) as caller:
        (await caller.put(added["upload"]["url"], content=b"later")).raise_for_status()
    await assistant.call("confirm_attachment", **STEEL, attachment_id=added["attachment"]["id"])
    moved = {"comment": "please", "copy_attachments": ["beams.pdf"], "check_only": False}
    await assistant.call("move_submittal", **STEEL, to="review", due_date="2026-12-31", **moved)
    await assistant.call(
        "move_submittal", **STEEL, to="return", due_date="2026-12-31", to_person="me", check_only=False
    )
    await assistant.call("move_submittal", **STEEL, to="return", due_date="2026-12-31", check_only=False)
    await assistant.call("move_submittal", **REVIEWED, response="approved", comment="fine", check_only=False)
    await assistant.call(
        "move_submittal", **STEEL, to="close", response="approved", **{**moved, "copy_attachments": "all"}
    )


async def test_whatever_the_tools_send_has_the_form_of_an_example(connect: Any, box: Any, tmp_path: Path) -> None:
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    (tmp_path / "many").mkdir()
    for name in ("051200-3 stair.pdf", "curtain wall shop drawings.pdf"):
        (tmp_path / "many" / name).write_bytes(name.encode())

    async with connect(folders=(tmp_path,), downloads=tmp_path) as assistant:
        await work(assistant, box)
        assert assistant.called == set(assistant.tools)

    sent = box.requests.all()
    parts = [one for one in sent if one.operation == "storage.put"]
    gets = [one for one in sent if one.operation == "storage.get"]
    forms = {form_of_sent(one) for one in sent if one.operation not in ("storage.put", "storage.get")}
    examples = {form_of_example(name) for name in ACC_REQUESTS}
    assert [form for form in forms if not any(form.fits(example) for example in examples)] == []
    assert {frozenset(parts[0].header_names) - OF_HTTP} == {frozenset({"accept", "content-length"})}
    assert {frozenset(one.header_names) - OF_HTTP for one in gets} == {frozenset({"accept"})}
    assert set(PATHS) - {form.operation for form in forms} <= NOT_SENT
