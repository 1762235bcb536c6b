"""What the tools cost a model: the list of them, one attachment from the question to ready, and a list of eighteen.

The fixture is the sandbox's own project, whose ids and texts never change. Only what a model reads is counted: names,
titles, descriptions and input schemas of the tools; the text blocks of the answers. Exits with 1 beyond a limit.

A token is taken for four characters, as in the test that keeps the limits (tests/tools/test_tokens.py). With
`benchmarks/requirements-tokens.txt` installed a real tokenizer's count stands beside it. `--write` puts the totals into
docs/performance.md.
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
from benchmarks.page import write_section  # noqa: E402
from server import logging as logs  # noqa: E402
from server.mcp.app import build_server  # noqa: E402
from server.settings.model import Settings  # noqa: E402

LIMITS = {"tools": 3200, "attaching a file": 1000, "a list of 18 attachments": 2000}

CHARACTERS = 4
"""Characters that are taken for a token."""


def tokens(seen: "list[Seen]") -> int:
    """Return how many tokens texts have together, by the rule of thumb."""
    return sum(len(one.text) for one in seen) // CHARACTERS


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


async def attaching(client: Client, folder: Path) -> tuple[list[Seen], list[Seen]]:
    """Attach files of `folder` by a person's own words: return what a model reads of one, and of the list of all."""
    place = {"project": "Riverside", "submittal": "05 12 00-3"}

    async def call(tool: str, **arguments: Any) -> Seen:
        answer = await client.call_tool(tool, {**place, **arguments})
        if answer.is_error or answer.structured_content is None:
            raise SystemExit(f"{tool} failed: {answer.content}")
        return Seen(tool, "".join(block.text for block in answer.content))

    (folder / "beam-shop-drawings.pdf").write_bytes(b"drawings")
    one_call = {"file_path": "beam-shop-drawings.pdf", "confirm": True, "wait_seconds": 30}
    one = await call("add_submittal_attachment", **one_call)
    if json.loads(one.text)["attachment"]["state"] != "ready":
        raise SystemExit("one call was to lead to a file that reviewers can open")
    for number in range(1, 17):
        (folder / f"beam-drawing-{number}.pdf").write_bytes(b"beam %d" % number)
        await call("add_submittal_attachment", file_path=f"beam-drawing-{number}.pdf")
    many = await call("get_attachment_status")
    if len(json.loads(many.text)["attachments"]) != 18:
        raise SystemExit("the fixture is not what it was: eighteen attachments")
    return [one], [many]


async def measured() -> dict[str, list[Seen]]:
    """Return what a model reads of each thing that has a limit."""
    with acc_sandbox.running() as box, tempfile.TemporaryDirectory() as kept:
        folder = Path(kept) / "files"
        folder.mkdir()
        settings = Settings.load(
            base_url=box.base_url, access_token=box.token(), folders=(folder,), data_dir=Path(kept) / "data"
        )
        async with Client(build_server(settings, transport="stdio")) as client:
            found = [await tools_of(client), *await attaching(client, folder)]
    return dict(zip(LIMITS, found, strict=True))


def real_tokenizers() -> dict[str, Callable[[str], int]]:
    """Return the tokenizers that are installed."""
    try:
        from bpe_openai import get_encoding
    except ImportError:
        return {}
    encoding = get_encoding("o200k_base")
    return {"o200k": lambda text: len(encoding.encode(text))}


def table(found: dict[str, list[Seen]], counts: dict[str, Callable[[str], int]]) -> str:
    """Return the totals as Markdown."""
    lines = [
        f"| | {' | '.join(counts)} | tokens, by four characters | limit |",
        f"|---|{'--:|' * (len(counts) + 2)}",
    ]
    for title, seen in found.items():
        totals = [f"{sum(count(one.text) for one in seen):,}" for count in counts.values()]
        lines.append(f"| {title} | {' | '.join(totals)} | {tokens(seen):,} | {LIMITS[title]:,} |")
    return "\n".join(lines)


def main() -> int:
    """Print the tables, write the totals if asked to, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the totals into docs/performance.md")
    arguments = parser.parse_args()
    logs.configure("error")
    counts: dict[str, Callable[[str], int]] = {"characters": len, **real_tokenizers()}
    found = anyio.run(measured)
    for title, seen in found.items():
        print(f"{title:28}" + "".join(f"{name:>12}" for name in counts))
        for one in seen:
            print(f"  {one.what:26}" + "".join(f"{count(one.text):12,}" for count in counts.values()))
        print(
            f"  {'together':26}" + "".join(f"{sum(count(one.text) for one in seen):12,}" for count in counts.values())
        )
        print(f"  {'tokens':26}{tokens(seen):12,}   of {LIMITS[title]:,}\n")
    if arguments.write:
        write_section("tokens", table(found, counts))
    return int(any(tokens(seen) > LIMITS[title] for title, seen in found.items()))


if __name__ == "__main__":
    sys.exit(main())
