"""The conversations of docs/agents.md, held with the sandbox: `python -m tests.evals.conversations docs/agents.md`."""

import contextlib
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
from mcp import Client

import acc_sandbox
from persistence.keys import EncryptionKey
from server.mcp.app import build_server
from server.settings.model import Settings
from tests.support.constants import ROOT

START: Final = "<!-- conversations -->\n"
END: Final = "<!-- /conversations -->"
WIDTH: Final = 130
HOUR: Final = 3600.0
SHOP_DRAWINGS: Final = ROOT / "server" / "cli" / "demo" / "beam-shop-drawings.pdf"

Answer = dict[str, Any]


@dataclass
class Conversation:
    """What was said and called, as Markdown."""

    client: Client
    box: acc_sandbox.Sandbox
    lines: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    """Ids of attachments, and what is shown for them."""

    def says(self, who: str, text: str) -> None:
        """Write down a message."""
        self.lines += [f"**{who}**: {text}", ""]

    async def calls(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool, and write down call and answer."""
        result = await self.client.call_tool(tool, arguments)
        answer: Answer = json.loads(result.content[0].text)  # type: ignore[union-attr]  # our answers are one text
        self.lines += [f"`{tool}`", "", f"```json\n{self._shown(arguments)}\n```", ""]
        self.lines += ["answers", "", f"```json\n{self._shown(answer)}\n```", ""]
        return answer

    async def follows(self, answer: Answer, **needed: Any) -> Answer:
        """Take the first step of an answer, with what it needs."""
        step = answer["next_steps"][0]
        assert sorted(step["needs"]) == sorted(needed), step
        return await self.calls(step["tool"], **step["arguments"], **needed)

    def while_acc_processes(self) -> None:
        """Let the time pass that ACC takes for a version."""
        self.box.clock.move(HOUR)

    def _shown(self, value: Any) -> str:
        text = folded(value)
        for made in re.findall(r'"attachment(?:": \{\s*"id|_id)": "([0-9a-f-]{36})"', text):
            self.made.setdefault(made, f"a77ac4ed-0000-4000-8000-{len(self.made) + 1:012}")
        for made, shown in self.made.items():
            text = text.replace(made, shown)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-03-02T09:30:00Z", text)
        text = text.replace(self.box.base_url, "http://127.0.0.1:8788")
        text = re.sub(r'"due_date": "[\d-]{10}"', '"due_date": "2026-04-10"', text)
        text = re.sub(r'"plan": "[\w:-]+"', '"plan": "cGxhbg"', text)
        return re.sub(r"(?<=fs\.file:vf\.)[\w-]{22}", "c2FuZGJveC12ZXJzaW9uLQ", text)


def folded(value: Any, indent: int = 0, before: int = 0) -> str:
    """Return JSON whose lines are filled up to `WIDTH`; `before` is what stands on the first one already."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent + before <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    names = [f"{json.dumps(name)}: " for name in value] if isinstance(value, dict) else [""] * len(value)
    members = value.values() if isinstance(value, dict) else value
    lines: list[str] = []
    for part in (name + folded(one, indent + 2, len(name)) for name, one in zip(names, members, strict=True)):
        if lines and "\n" not in lines[-1] + part and indent + 4 + len(lines[-1]) + len(part) <= WIDTH:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    left, right = "{}" if isinstance(value, dict) else "[]"
    inner = " " * (indent + 2)
    return f"{left}\n" + ",\n".join(inner + one for one in lines) + f"\n{' ' * indent}{right}"


async def in_one_call(talk: Conversation) -> None:
    """From a person's words to a file that reviewers can open."""
    talk.says(
        "Person",
        "Attach beam-shop-drawings.pdf to submittal 05 12 00-3 in Riverside and tell me when reviewers can open it.",
    )
    ready = await talk.calls(
        "add_submittal_attachment",
        project="Riverside",
        submittal="05 12 00-3",
        file_path="beam-shop-drawings.pdf",
        confirm=True,
        wait_seconds=45,
    )
    assert ready["attachment"]["state"] == "ready"
    talk.says("Assistant", "Reviewers can open beam-shop-drawings.pdf on 051200-3 now.")


async def fourteen_files(talk: Conversation) -> None:
    """A folder of files in two calls: a plan, and a run of what it showed."""
    talk.says("Person", "Attach everything in the folder March to the matching submittals in Riverside.")
    checked = await talk.calls("attach_files", project="Riverside", folder="March")
    assert checked["counts"] == {"planned": 12, "left_out": 2}
    talk.says(
        "Assistant",
        "Twelve files have their submittal: nine go to 051200-3, two to 051200-5 and one to 084413-2. 033100-1 is closed, "
        "and I cannot tell where minutes 2026-03-12.pdf belongs. Shall I attach the twelve?",
    )
    talk.says("Person", "Yes.")
    done = await talk.follows(checked)
    assert {row["state"] for row in done["files"] if row["outcome"] == "attached"} == {"ready"}
    talk.says("Assistant", "All twelve are attached, and reviewers can open them.")


async def with_mistakes(talk: Conversation) -> None:
    """A call that is wrong in two ways, words that fit two submittals, and the same request again."""
    talk.says(
        "Person", "Put column-markup.pdf on the column shop drawings in Riverside as final response, for all to see."
    )
    wrong = await talk.calls(
        "add_submittal_attachment",
        project="Riverside",
        submittal="column shop drawings",
        filepath="column-markup.pdf",
        category="final",
        confirm=True,
    )
    ambiguous = await talk.follows(wrong, category="final_response")
    talk.says("Assistant", "Two submittals fit: 051200-4, east wing, and 051200-5, west wing. Which one?")
    talk.says("Person", "West wing.")
    [west] = [one["id"] for one in ambiguous["error"]["candidates"] if "west wing" in one["title"]]
    added = await talk.follows(ambiguous, submittal=west)
    talk.while_acc_processes()
    await talk.follows(added)
    talk.says("Assistant", "column-markup.pdf is on 051200-5 as the final response.")
    talk.says("Person", "Attach it once more, to be sure.")
    again = await talk.calls(
        "add_submittal_attachment",
        project="Riverside",
        submittal="051200-5",
        file_path="column-markup.pdf",
        category="final_response",
    )
    assert again["already_attached"]
    talk.says("Assistant", "It is there already, and was not attached twice.")


async def then_reviewed(talk: Conversation) -> None:
    """A file, and then its submittal on to the reviewers: shown first, done once the person agrees."""
    talk.says("Person", "Attach beam-shop-drawings.pdf to 05 12 00-3 in Riverside, then send it for review.")
    ready = await talk.calls(
        "add_submittal_attachment",
        project="Riverside",
        submittal="05 12 00-3",
        file_path="beam-shop-drawings.pdf",
        confirm=True,
        wait_seconds=45,
    )
    shown = await talk.follows(ready, to="review")
    talk.says(
        "Assistant", "The file is there. Sending 051200-3 for review gives the ball to the Project Manager. Shall I?"
    )
    talk.says("Person", "Yes.")
    done = await talk.follows(shown)
    assert done["done"]
    talk.says("Assistant", "051200-3 is in review; the first of its review tasks is yours.")


MARCH: Final = (
    *(f"051200-3 E{sheet} Beams RevB.pdf" for sheet in range(401, 410)),
    "05 12 00 - 005 C101.pdf",
    "05 12 00 - 005 C102.pdf",
    "Curtain wall shops.pdf",
    "033100-1 mix design.pdf",
    "minutes 2026-03-12.pdf",
)
"""Files of a folder, as offices name them."""

CONVERSATIONS: Final[dict[str, tuple[Callable[[Conversation], Any], float]]] = {
    "In one call": (in_one_call, 0.0),
    "Fourteen files": (fourteen_files, 0.0),
    # ACC takes an hour for a version here, so that how far it is at each answer depends on nothing.
    "With mistakes": (with_mistakes, HOUR),
    "Attached, then sent for review": (then_reviewed, 0.0),
}
"""Each with the seconds that ACC takes for a version of a file."""


async def held() -> str:
    """Hold the conversations and return them as Markdown."""
    sections = []
    with tempfile.TemporaryDirectory() as data:
        for title, (hold, urn_delay) in CONVERSATIONS.items():
            async with _server(Path(data), urn_delay) as talk:
                await hold(talk)
            sections.append(f"### {title}\n\n" + "\n".join(talk.lines))
    return "\n".join(sections)


@asynccontextmanager
async def _server(data: Path, urn_delay: float) -> AsyncIterator[Conversation]:
    with acc_sandbox.running(urn_delay=urn_delay) as box, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "March").mkdir()
        for name in ("beam-shop-drawings.pdf", "column-markup.pdf", *(f"March/{name}" for name in MARCH)):
            # A whole PDF, for the server warns of what viewers cannot open.
            (Path(folder) / name).write_bytes(SHOP_DRAWINGS.read_bytes() + f"% {name}\n".encode())
        settings = Settings.load(
            base_url=box.base_url,
            access_token=box.token("manager", expires_in=10 * int(HOUR)),
            folders=(Path(folder),),
            data_dir=data,
            encryption_keys=EncryptionKey.new().text,
        )
        async with Client(build_server(settings, transport="stdio")) as client:
            yield Conversation(client, box)


def with_conversations(page: str, text: str) -> str:
    """Return the page with what stands between its markers replaced."""
    before, _, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"the page has no lines {START.strip()} and {END}")
    return f"{before}{START}{text}{END}{after}"


def main(path: str) -> None:
    """Write the conversations into the page."""
    for name in [name for name in os.environ if name.startswith(("APS_", "SUBMITTAL_MCP_"))]:
        del os.environ[name]
    page = Path(path)
    with contextlib.redirect_stdout(sys.stderr):
        text = anyio.run(held)
    page.write_text(with_conversations(page.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
