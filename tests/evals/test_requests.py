"""Requests that people type, carried out by scripted agents against the sandbox: each ends as written, or stands below.

What an agent stumbles over for good is named in `FAILING` with the reason, not dropped.
"""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
import pytest
import yaml
from jsonschema import Draft202012Validator

import acc_sandbox
from acc_sandbox import Fault, LoseAnswer, Refuse
from tests.conftest import every_tool

from .agents import WAYS, Follower, Impatient, Mangler, mistakes
from .request import CATEGORIES, FOLDER, Attached, Request, field, filled, written

REQUESTS: Final = written()
MODES: Final = {"follower": "2026-07-28", "impatient": "legacy", "mangler": "2026-07-28"}
FAILING: Final[dict[tuple[str, str], str]] = {}
"""(agent, request): why it does not end as written."""

MANGLED: Final = mistakes(REQUESTS)


@pytest.mark.parametrize("agent", MODES)
@pytest.mark.parametrize("name", REQUESTS)
async def test_an_agent_ends_a_request_as_written(stands, agent, name):
    stand = await stands(agent, MODES[agent])
    turn = Turn(stand, REQUESTS[name], f"{agent} {name}")
    await turn.open()
    with anyio.fail_after(240):
        await turn.prepare()
        follower, last = await carried_out(turn, agent, name)
    turn.check(follower, last)
    if agent == "follower":
        assert follower.errors == turn.request.errors
        assert len(follower.calls) <= (turn.request.calls or len(follower.calls)), follower.calls
    else:
        assert set(turn.request.errors) <= set(follower.errors)


async def carried_out(turn, agent, name):
    """The agent and its last answer."""
    stand = turn.stand
    given = (turn.ask, stand.box, turn.request, turn.content("sent"), turn.upload)
    match agent:
        case "follower":
            follower = Follower(*given)
        case "impatient":
            follower = Impatient(*given)
        case _:
            follower = Mangler(*given, MANGLED[name])
    try:
        return follower, await follower.finish()
    finally:
        stand.box.faults.clear()
        stand.box.switches.processing_fails = False


def test_there_are_requests_of_every_kind_and_mistakes_of_every_kind():
    assert len(REQUESTS) >= 60
    assert len({request.says for request in REQUESTS.values()}) == len(REQUESTS)
    assert {request.tool for request in REQUESTS.values()} == set(every_tool("stdio"))
    mangled = Counter(MANGLED.values())
    assert set(mangled) == set(WAYS)
    assert min(mangled.values()) >= 3


def test_most_of_a_coordinators_sixty_requests_are_served_and_the_others_say_why_not():
    listed = yaml.safe_load((FOLDER.parent / "coordinator.yaml").read_text(encoding="utf-8"))
    served = Counter(number for request in REQUESTS.values() for number in request.coordinator)
    unserved = {number for number, one in enumerate(listed, start=1) if one.get("fails")}
    assert len(listed) == 60
    assert max(served.values()) == 1
    assert served.keys() | unserved == set(range(1, 61))
    assert not served.keys() & unserved
    assert len(served) >= 52
    assert all(request.calls for request in REQUESTS.values() if request.coordinator)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_call_of_a_request_is_one_that_the_tool_takes(name):
    request = REQUESTS[name]
    schema = every_tool("stdio")[request.tool].input_schema
    Draft202012Validator(schema).validate(request.arguments)


class Turn:
    """One request in one sandbox: its files, ids and faults, and what ACC had before."""

    def __init__(self, stand: Any, request: Request, title: str) -> None:
        self.stand = stand
        self.box: acc_sandbox.Sandbox = stand.box
        self.title = title
        self.earlier = ""
        self.upload = None
        self.request = self.known(request)
        self.before = {row["id"] for row in self.rows()}

    def known(self, request: Request) -> Request:
        """Return the request with its ids filled in."""
        known = {
            "project": lambda key: self.box.project(key).id,
            "item": lambda name: self.item(name).id,
            "task": lambda name: (
                self.box.tasks(self.item(name.rpartition("/")[0]))[int(name.rpartition("/")[2]) - 1].id
            ),
            "file": self.file,
            "folder": lambda _: str(self.stand.folder),
            "earlier": lambda _: self.earlier or "${earlier}",
            "page": lambda name: (
                f"{self.box.base_url}/projects/{self.item(name).project_id}/items/{self.item(name).id}"
            ),
            "today": lambda days: str((datetime.now(UTC) + timedelta(days=int(days))).date()),
        }
        return Request.model_validate(filled(request.model_dump(), known))

    def item(self, name: str, project: str = "riverside") -> acc_sandbox.Item:
        """A submittal by number, or by title where it has none; `harbor/2` is another project's."""
        head, slash, tail = name.partition("/")
        if slash:
            return self.item(tail, head)
        return next(item for item in self.box.items(project=project) if name in (item.number, item.title))

    def file(self, path: str) -> str:
        """The newest version of a file; `harbor/…` is another project's."""
        project, _, rest = path.partition("/")
        urn = (
            self.box.file(path).version_urn
            if project.startswith("Project")
            else self.box.file(rest, project).version_urn
        )
        return str(urn)

    def rows(self) -> list[dict[str, Any]]:
        """Every attachment of every submittal, as ACC has it."""
        projects = ("riverside", "harbor", "canal")
        return [
            dict(row) for key in projects for item in self.box.items(project=key) for row in self.box.attachments(item)
        ]

    def content(self, name: str) -> bytes:
        """The bytes of a file of this turn, unlike those of any other."""
        line = f"%PDF-1.4 {self.title}: {name}\n".encode()
        size = self.request.megabytes * 1_000_000
        return line * (size // len(line) + 1) if size else line

    async def open(self) -> None:
        """Open the servers, which stay open for other turns."""
        for person in {self.request.person, *(call.person or self.request.person for call in self.request.earlier)}:
            await self.stand.assistant(self.request, self.request.settings, person)

    async def prepare(self) -> None:
        """Put the files there, do what came before, and plan what goes wrong."""
        for name in self.request.folder:
            (self.stand.folder / name).parent.mkdir(exist_ok=True, parents=True)
            (self.stand.folder / name).write_bytes(self.content(name))
        for name in self.request.empty:
            (self.stand.folder / name).write_bytes(b"")
        for call in self.request.earlier:
            answer = await self.ask(call.tool, call.arguments, call.person)
            self.earlier, self.upload = answer["attachment"]["id"], answer["upload"]
            self.request = self.known(self.request)
        self.box.switches.processing_fails = self.request.processing_fails_once
        for mishap in self.request.faults:
            headers = {} if mishap.retry_after is None else {"Retry-After": str(mishap.retry_after)}
            effect = LoseAnswer() if mishap.lose_answer else Refuse(mishap.status or 500, None, headers)
            self.box.faults.add(Fault(mishap.operation, effect))

    async def ask(self, tool: str, arguments: dict[str, Any], person: str | None = None) -> dict[str, Any]:
        """Call a tool as the person of the request, or as another one."""
        assistant = await self.stand.assistant(self.request, self.request.settings, person or self.request.person)
        answer: dict[str, Any] = await assistant.ask(tool, **arguments)
        if answer.get("error", {}).get("code") == "processing_failed":
            self.box.switches.processing_fails = False
        return answer

    def check(self, follower: Follower, last: dict[str, Any]) -> None:
        """Compare what ACC has now, and what was answered, with what is written."""
        ends = self.request.ends
        wanted = [self.wanted(one) for one in ends.attached]
        if len(wanted) > 1:  # those of one submittal are attached at the same time
            assert sorted(self.new(), key=str) == sorted(wanted, key=str), follower.calls
        assert len(wanted) > 1 or self.new() == wanted, follower.calls
        assert {path: field(last, path) for path in ends.result} == ends.result
        said = " ".join(
            f"{answer['error']['message']} {answer['error']['hint']}"
            for answer in follower.answers
            if "error" in answer
        )
        assert [words for words in ends.told if words not in said] == [], said
        whole = json.dumps(follower.answers, ensure_ascii=False)
        assert [text for text in ends.unseen if text in whole] == []
        assert {number: self.item(number).state for number in ends.moved} == ends.moved
        if ends.moved:
            assert last["done"]
        elif ends.attached and ends.attached[-1].confirmed:
            rows = [last["attachment"]] if "attachment" in last else last["files"]
            assert {row["state"] for row in rows if "state" in row} == {"ready"}
            assert {step["tool"] for step in last["next_steps"]} <= {"move_submittal"}, "nothing is left of the file"

    def new(self) -> list[dict[str, Any]]:
        """What ACC has now and had not before, as far as it is compared."""
        return [self.shown(row) for row in self.rows() if row["id"] not in self.before]

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """What of an attachment at ACC is compared."""
        linked = row["urn"] in [one.content for one in self.request.ends.attached]
        stored = row["isFileUploaded"] or row["asyncState"] == "4"
        return {
            "item": row["itemId"],
            "name": row["name"],
            "category": row["categoryId"],
            "task": row["taskId"],
            "state": row["asyncState"] if row["isFileUploaded"] else "unconfirmed",
            "content": row["urn"] if linked else self.box.object_bytes(row["uploadUrn"]) if stored else None,
        }

    def wanted(self, one: Attached) -> dict[str, Any]:
        """The same of what is written."""
        item = self.item(one.submittal, one.project)
        return {
            "item": item.id,
            "name": one.name,
            "category": CATEGORIES[one.category],
            "task": None if one.task is None else self.box.tasks(item)[one.task - 1].id,
            "state": "4" if one.failed else "3" if one.confirmed else "unconfirmed",
            "content": self.bytes_of(one),
        }

    def bytes_of(self, one: Attached) -> bytes | str | None:
        """The file's, those the caller sent, or a linked version's URN; none before it is confirmed."""
        match one.content:
            case _ if not one.confirmed:
                return None
            case "sent":
                return self.content("sent")
            case "local":
                files = [name for name in self.request.folder if not name.startswith(".")]
                named = [name for name in files if name.rpartition("/")[2] == one.name]
                return self.content(named[0] if named else files[-1])
            case urn:
                return urn
