"""What the tools cost a model: the list of them in every conversation, and one attachment from the question to ready.

The fixture is the sandbox's own project, whose ids and texts never change. Only what a model reads is counted: names,
titles, descriptions and input schemas of the tools; the text blocks of the answers. Exits with 1 beyond a limit.

A token is taken for four characters of a description, and for three of an answer, whose ids, digests and URNs split
worse; so does the test that keeps the limits (tests/tools/test_tokens.py). With `benchmarks/requirements-tokens.txt`
installed a real tokenizer's count stands beside it.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import acc_sandbox  # noqa: E402  # the path comes first
from server import logging as logs  # noqa: E402
from server.mcp.app import build_server  # noqa: E402
from server.settings.model import Settings  # noqa: E402

LIST_LIMIT = 3000
WAY_LIMIT = 2500

LIST_CHARACTERS, WAY_CHARACTERS = 4, 3
"""Characters that are taken for a token."""


def tokens(seen: "list[Seen]", characters: int) -> int:
    """Return how many tokens texts have together, by the rule of thumb."""
    return sum(len(one.text) for one in seen) // characters


@dataclass(frozen=True)
class Seen:
    """A text that a model reads, and what it is."""

    what: str
    text: str


def listed(tools: list[dict[str, Any]]) -> list[Seen]:
    """Return what a model sees of each tool."""
    return [
        Seen(
            tool["name"],
            f"{tool['name']} {tool['title']} {tool['description']} "
            + json.dumps(tool["inputSchema"], ensure_ascii=False, separators=(",", ":")),
        )
        for tool in tools
    ]


async def tools_of(client: Client) -> list[Seen]:
    """Return what a model sees of the tools that a server lists."""
    found = (await client.list_tools()).tools
    return listed([tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in found])


async def way_of(client: Client, folder: Path) -> list[Seen]:
    """Attach a file of `folder` as the steps say, and return the text of each answer on the way."""
    place = {"project": "Riverside Medical Center", "submittal": "051200-3"}
    (folder / "beam-schedule-2.pdf").write_bytes(b"beams")
    await client.call_tool("add_submittal_attachment", {**place, "file_path": "beam-schedule-2.pdf", "confirm": True})
    (folder / "beam-shop-drawings.pdf").write_bytes(b"drawings")

    seen: list[Seen] = []

    async def call(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = await client.call_tool(tool, arguments)
        if answer.is_error or answer.structured_content is None:
            raise SystemExit(f"{tool} failed: {answer.content}")
        seen.append(Seen(tool, "".join(block.text for block in answer.content)))
        return answer.structured_content

    rows = await call("find_submittals", {"project": place["project"], "query": "0512", "limit": 3})
    shown = await call("get_submittal", place)
    if (len(rows["submittals"]), len(shown["attachments"])) != (3, 2):
        raise SystemExit("the fixture is not what it was: three submittals, two attachments")
    [step] = [one for one in shown["next_steps"] if one["tool"] == "add_submittal_attachment"]
    added = await call(step["tool"], {**step["arguments"], "file_path": "beam-shop-drawings.pdf"})
    while added["next_steps"]:
        [step] = added["next_steps"]
        added = await call(step["tool"], step["arguments"])
    return seen


async def measured() -> tuple[list[Seen], list[Seen]]:
    """Return what a model sees of the tools, and of one attachment."""
    with acc_sandbox.running() as box, tempfile.TemporaryDirectory() as kept:
        folder = Path(kept) / "files"
        folder.mkdir()
        settings = Settings.load(
            base_url=box.base_url, access_token=box.token(), folders=(folder,), data_dir=Path(kept) / "data"
        )
        async with Client(build_server(settings, transport="stdio")) as client:
            return await tools_of(client), await way_of(client, folder)


def real_tokenizers() -> dict[str, Callable[[str], int]]:
    """Return the tokenizers that are installed."""
    try:
        from bpe_openai import get_encoding
    except ImportError:
        return {}
    encoding = get_encoding("o200k_base")
    return {"o200k": lambda text: len(encoding.encode(text))}


def main() -> int:
    """Print both tables and return the exit code."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    logs.configure("error")
    counts: dict[str, Callable[[str], int]] = {"characters": len, **real_tokenizers()}
    beyond = False
    titles, limits = ("tools", "attaching a file"), (LIST_LIMIT, WAY_LIMIT)
    rules = (LIST_CHARACTERS, WAY_CHARACTERS)
    for title, seen, limit, characters in zip(titles, anyio.run(measured), limits, rules, strict=True):
        print(f"{title:28}" + "".join(f"{name:>12}" for name in counts))
        for one in seen:
            print(f"  {one.what:26}" + "".join(f"{count(one.text):12,}" for count in counts.values()))
        print(
            f"  {'together':26}" + "".join(f"{sum(count(one.text) for one in seen):12,}" for count in counts.values())
        )
        print(f"  {'tokens':26}{tokens(seen, characters):12,}   of {limit:,}\n")
        beyond |= tokens(seen, characters) > limit
    return int(beyond)


if __name__ == "__main__":
    sys.exit(main())
