"""How often four kinds of tool search find the right tool of ours among those of other servers.

    python benchmarks/retrieval.py [--write]

Clients with many tools show a model only those that a search brings up, five at a time, and the model writes the query.
Here each request has a query of one to six words. Our tools are read as a client is served them
(tests/tools/surface.stdio.json); requests and the other servers' tools are in benchmarks/retrieval/. The scores follow
what clients document or show, as far as it is known; of equal scores the right tool's comes last. `--write` puts the
table into docs/performance.md.
"""

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.page import write_section  # noqa: E402  # the path comes first

DATA: Final = ROOT / "benchmarks" / "retrieval"
SURFACE: Final = ROOT / "tests" / "tools" / "surface.stdio.json"

OURS: Final = "submittals"
"""Name of our server in the entries that docs/clients/ shows."""

SHOWN: Final = 5
"""Tools that a client shows a model of one search."""

AIM: Final = 0.98
"""Share of the requests held out whose tool each kind of search is to show."""


@dataclass(frozen=True)
class ListedTool:
    """What a search for tools may read of one tool; `argument_texts` are descriptions without names."""

    server: str
    name: str
    title: str
    description: str
    arguments: tuple[str, ...] = ()
    argument_texts: str = ""
    hint: str = ""


@dataclass(frozen=True)
class ToolRequest:
    """What a person asks for, the query that a model writes for it, and the tool that does it."""

    request: str
    query: str
    tool: str
    held_out: bool = False


@cache
def words(text: str) -> tuple[str, ...]:
    """Return the words of a text or name in lower case."""
    return tuple(re.findall(r"[a-z0-9]+", text.lower()))


STOP_WORDS: Final = frozenset(
    words(
        "a an and any are as at be by can do each for from has have he how i if in into is it its me my no not of "
        "on or our she so than that the their them then there they this those to was we what when where which who "
        "will with you your"
    )
)


def stem(word: str) -> str:
    """Cut the ending of an English word, so that its forms are equal: a short stand-in for Porter's stemmer."""
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    for ending in ("ments", "ment", "ation", "ion", "ing", "ed", "er"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            if word[-1] == word[-2] and word[-1] not in "ls":
                word = word[:-1]
            break
    return word.removesuffix("e") if len(word) > 3 else word


@cache
def stems(text: str) -> tuple[str, ...]:
    """Return the stems of a text's words that say something; a name with underscores stays one word, as in Codex."""
    return tuple(stem(word) for word in re.findall(r"\w+", text.lower()) if word not in STOP_WORDS)


def bm25(query: Sequence[str], documents: Sequence[Sequence[str]]) -> list[float]:
    """Return the Okapi BM25 score of each document, with k1 of 1.2 and b of 0.75."""
    k1, b = 1.2, 0.75
    counts = [Counter(document) for document in documents]
    usual = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(documents)
    for term in query:
        having = sum(term in count for count in counts)
        weight = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
        for place, (count, document) in enumerate(zip(counts, documents, strict=True)):
            often = count[term]
            scores[place] += weight * often * (k1 + 1) / (often + k1 * (1 - b + b * len(document) / usual))
    return scores


def by_bm25(query: str, tools: Sequence[ListedTool]) -> list[float]:
    """Score by BM25 over name, description, argument names and descriptions, as Anthropic's `tool_search` says."""
    return bm25(
        words(query),
        [words(" ".join((one.name, one.description, *one.arguments, one.argument_texts))) for one in tools],
    )


def by_stemmed_bm25(query: str, tools: Sequence[ListedTool]) -> list[float]:
    """Score by BM25 over stems of server, name, title, description and argument names, as Codex does.

    The instructions of a server, which Codex adds to each of its tools, are left out: only ours are known.
    """
    return bm25(
        stems(query),
        [stems(" ".join((one.server, one.name, one.title, one.description, *one.arguments))) for one in tools],
    )


def keyword_score(query: str, tool: ListedTool) -> float:
    """Return the sum of what each word weighs where it is found: the score of Claude Code's ToolSearch."""
    parts = words(f"{tool.server} {tool.name}")
    name, hint, description = tool.name.lower(), set(words(tool.hint)), set(words(tool.description))
    score = 0
    for word in query.lower().split():
        if word in parts or word == name:
            score += 12
        elif any(word in part for part in parts):
            score += 6
        elif word in name:
            score += 4
        score += 4 * (word in hint) + 2 * (word in description)
    return score


def by_keywords(query: str, tools: Sequence[ListedTool]) -> list[float]:
    """Score by names, hints and descriptions, as Claude Code does."""
    return [keyword_score(query, one) for one in tools]


def by_pattern(query: str, tools: Sequence[ListedTool]) -> list[float]:
    """Score by how many of the words, as a regular expression `one|two`, are found in name, description or arguments.

    Anthropic does not tell in which order its regex search answers; here more words come first, then more in the name.
    """
    pattern = re.compile("|".join(re.escape(word) for word in words(query)), re.IGNORECASE)

    def found(text: str) -> int:
        return len({match.lower() for match in pattern.findall(text)})

    return [
        found(" ".join((one.name, one.description, *one.arguments, one.argument_texts))) + found(one.name) / 100
        for one in tools
    ]


ToolSearch = Callable[[str, Sequence[ListedTool]], list[float]]

SEARCHES: Final[dict[str, ToolSearch]] = {
    "BM25": by_bm25,
    "BM25 of stems": by_stemmed_bm25,
    "keywords": by_keywords,
    "regex": by_pattern,
}


def place_of(right: int, scores: Sequence[float]) -> int | None:
    """Return the place of one of the scores, 1 being first and the last of equals, or None where nothing was found."""
    return sum(score >= scores[right] for score in scores) if scores[right] else None


def best_place_of(right: int, scores: Sequence[float]) -> int | None:
    """Return the place of one of the scores as the first of equals, or None where nothing was found."""
    return 1 + sum(score > scores[right] for score in scores) if scores[right] else None


def our_tools(listed: Iterable[dict[str, Any]]) -> list[ListedTool]:
    """Return what a search reads of the tools that our server lists."""
    tools = []
    for one in listed:
        arguments = one["inputSchema"]["properties"]
        texts = " ".join(argument.get("description", "") for argument in arguments.values())
        hint = one["_meta"]["anthropic/searchHint"]
        tools.append(ListedTool(OURS, one["name"], one["title"], one["description"], tuple(arguments), texts, hint))
    return tools


def catalogue() -> list[ListedTool]:
    """Return ours and the others' tools. The others have their name as title and no hint, as most servers do."""
    others = yaml.safe_load((DATA / "distractors.yaml").read_text(encoding="utf-8"))
    return our_tools(json.loads(SURFACE.read_text(encoding="utf-8"))) + [
        ListedTool(
            server,
            name,
            name.replace("_", " ").capitalize(),
            tool["description"],
            tuple(re.findall(r"[\w]+", re.sub(r"\([^)]*\)", "", tool.get("arguments", "")))),
            " ".join(re.findall(r"\(([^)]*)\)", tool.get("arguments", ""))),
        )
        for server, tools in others.items()
        for name, tool in tools.items()
    ]


def asked() -> list[ToolRequest]:
    """Return the requests."""
    read = yaml.safe_load((DATA / "requests.yaml").read_text(encoding="utf-8"))
    return [ToolRequest(**one, tool=tool) for tool, those in read.items() for one in those]


@dataclass(frozen=True)
class SearchResult:
    """Where one kind of search put the right tool of a request, at worst and at best, and what came first."""

    asked: ToolRequest
    search: str
    place: int | None
    best: int | None
    first: tuple[str, ...]

    @property
    def shown(self) -> bool:
        """Whether a client would show the right tool."""
        return self.place is not None and self.place <= SHOWN

    @property
    def shown_at_best(self) -> bool:
        """Whether a client would show the right tool if it came first among equals."""
        return self.best is not None and self.best <= SHOWN


def results(requests: Sequence[ToolRequest], tools: Sequence[ListedTool]) -> list[SearchResult]:
    """Return what each kind of search makes of each request."""
    ours = {one.name: place for place, one in enumerate(tools) if one.server == OURS}
    found = []
    for kind, search in SEARCHES.items():
        for one in requests:
            scores = search(one.query, tools)
            order = sorted(range(len(tools)), key=lambda place: -scores[place])
            first = tuple(
                tools[place].name if tools[place].server == OURS else f"{tools[place].server}.{tools[place].name}"
                for place in order[:SHOWN]
            )
            right = ours[one.tool]
            found.append(SearchResult(one, kind, place_of(right, scores), best_place_of(right, scores), first))
    return found


def share(shown: Sequence[bool]) -> str:
    """Return how many of the requests have their tool shown."""
    return f"{sum(shown)} of {len(shown)} ({sum(shown) / len(shown):.0%})"


def table(found: Sequence[SearchResult], tools: int) -> str:
    """Return the shares as Markdown, with every request whose tool is not shown."""
    kinds = list(SEARCHES)
    requests = len(found) // len(kinds)
    ours = list(dict.fromkeys(one.asked.tool for one in found))
    groups = {f"`{tool}`": [one for one in found if one.asked.tool == tool] for tool in ours}
    groups |= {"held out": [one for one in found if one.asked.held_out], "all": list(found)}
    rows = {
        name: {kind: [one.shown for one in those if one.search == kind] for kind in kinds}
        for name, those in groups.items()
    }
    rows["all, were equals for us"] = {
        kind: [one.shown_at_best for one in found if one.search == kind] for kind in kinds
    }
    missed = [kind for kind, shown in rows["held out"].items() if sum(shown) < AIM * len(shown)]
    aim = f"aimed at {AIM:.0%} of those held out, which {', '.join(missed) or 'no search'} did not reach"
    lines = [
        f"{requests} requests, {tools} tools, {len(ours)} of them ours. Right tool among the first {SHOWN}; {aim}:",
        "",
        f"| | {' | '.join(kinds)} |",
        f"|---|{'--:|' * len(kinds)}",
    ]
    for name, by_kind in rows.items():
        lines.append(f"| {name} | {' | '.join(share(shown) for shown in by_kind.values())} |")
    lines += [
        "",
        "Not among them:",
        "",
        "| query | search | the right tool | its place | first were |",
        "|---|---|---|--:|---|",
    ]
    lines += [
        f"| {one.asked.query}{', held out' if one.asked.held_out else ''} | {one.search} | `{one.asked.tool}` "
        f"| {one.place or 'none'} | {', '.join(f'`{name}`' for name in one.first[:2])} |"
        for one in sorted(found, key=lambda one: (one.asked.tool, one.asked.query))
        if not one.shown
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    arguments = parser.parse_args()
    tools = catalogue()
    text = table(results(asked(), tools), len(tools))
    print(text)
    if arguments.write:
        write_section("retrieval", text)


if __name__ == "__main__":
    main()
