"""Documents: their links lead somewhere, their commands and flags exist, and each block of commands is run or says why not."""

import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from functools import cache
from io import StringIO
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

import acc_sandbox.cli
from acc.hosts import AUTODESK_API, AUTODESK_PROFILE, AutodeskHosts
from server.cli.demo import SAMPLE_PDF
from server.cli.main import command_line
from server.settings.model import Settings
from tests.support.constants import ROOT
from tests.support.documents import SHELLS, blocks, documents, shell_blocks

FENCE: Final = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"""\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)\"""")
CODE: Final = re.compile(r"`([^`\n]+)`")
OURS: Final = re.compile(r"(?<![\w/.\"-])(?:\.venv[/\\](?:bin|Scripts)[/\\])?submittal-mcp((?: +[^\n`;&|#]+)?)")
HELP: Final = {"--help", "-h"}


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-"))
    return found


def broken_links(page: Any, text: str) -> Iterator[str]:
    """Yield each relative link that leads to no file, or to no heading in it."""
    for links in LINK.findall(CODE.sub("", FENCE.sub("", text))):
        link = "".join(links)
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists():
            yield link
        elif anchor and target.suffix == ".md":
            there = text if target == page else target.read_text(encoding="utf-8")
            if anchor not in anchors(there):
                yield link


def command_lines(text: str) -> Iterator[str]:
    """Yield what follows our name in code: in fenced lines and in code spans."""
    fenced = FENCE.findall(text)
    for code in [*fenced, *CODE.findall(FENCE.sub("", text))]:
        for found in OURS.findall(code):
            if found.strip():
                yield found.strip()


def words_of(line: str) -> list[str]:
    """Return the words of a command line; brackets of a synopsis are left out."""
    plain = re.sub(r"[\[\]…]", " ", line)
    try:
        return shlex.split(plain)
    except ValueError:
        return plain.split()


@cache
def sandbox_flags() -> set[str]:
    """Return the flags of `submittal-mcp sandbox`, whose own parser reads them."""
    with redirect_stdout(StringIO()) as out, suppress(SystemExit):
        acc_sandbox.cli.main(["--help"])
    return set(re.findall(r"--[a-z-]+", out.getvalue()))


def unknown_words(line: str, root: Any) -> Iterator[str]:
    """Yield the command and the flags that our program does not have."""
    command, words = root, words_of(line)
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in command.commands:
            yield name
            return
        command = command.commands[name]
    flags = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)} | HELP
    if command.name == "sandbox":
        flags |= sandbox_flags()
    for word in words:
        if re.match(r"-{1,2}[A-Za-z]", word) and word.partition("=")[0] not in flags:
            yield word


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    assert list(broken_links(page, page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_and_flag_in_a_document_exists(page):
    root = command_line()
    found = command_lines(page.read_text(encoding="utf-8"))
    assert [(line, word) for line in found for word in unknown_words(line, root)] == []


def test_every_block_of_commands_is_run_by_a_test_or_says_why_not():
    """One without a marker is run by tests/server/cli/test_documented_commands.py."""
    for block in shell_blocks():
        if block.run_by is not None:
            assert block.page in (ROOT / block.run_by).read_text(encoding="utf-8"), block
    assert Counter(block.not_run for block in shell_blocks() if block.not_run) == {
        "needs Windows": 3,
        "needs Docker": 1,
    }


def test_every_block_names_its_language_and_no_other_than_a_shells_holds_commands():
    found = [block for page in documents() for block in blocks(page)]
    assert len(found) > 100
    assert [block for block in found if not block.language] == []
    others = "\n".join(block.text for block in found if block.language not in SHELLS)
    assert (
        re.findall(r"^ *(?:\$ )?(?:submittal-mcp|acc-sandbox|uvx?|pipx?|docker|curl|export) .*", others, re.MULTILINE)
        == []
    )


def test_the_readme_names_the_commands_that_the_pages_of_clients_have():
    rows = re.findall(r"\| `(submittal-mcp config .+ --install --sandbox)` \|", (ROOT / "README.md").read_text("utf-8"))
    pages = [block.text for block in shell_blocks() if block.page.startswith("docs/clients/")]
    assert len(rows) == len(pages)
    assert [row for row in rows if not any(row in text for text in pages)] == []


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_test_that_a_document_names_exists(page):
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text(encoding="utf-8"))
    sources = {file: (ROOT / file).read_text(encoding="utf-8") for file, _ in named if (ROOT / file).exists()}
    missing = [f"{file}::{test}" for file, test in named if not re.search(rf"def {test}\b", sources.get(file, ""))]
    assert [one for one in missing if not one.endswith("::") or one[:-2] not in sources] == []


def test_command_lines_are_found_in_code_alone():
    texts = [path.read_text(encoding="utf-8") for path in documents()]
    assert sum(len(list(command_lines(text))) for text in texts) > 60
    assert list(command_lines("submittal-mcp says so\n`submittal-mcp doctor --json`, `submittal-mcp`")) == [
        "doctor --json"
    ]
    assert list(command_lines("```sh\nX=1 submittal-mcp login  # once\n```")) == ["login"]


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("doctor --json", []),
        ("doctor --jsonn", ["--jsonn"]),
        ("sandbox --data DIR --dataa", ["--dataa"]),
        ("serv --sandbox", ["serv"]),
        ("team revoke --all", []),
        ("team revok --all", ["revok"]),
        ("vault rekey --force", ["--force"]),
        ("attach --folder=x a.pdf", []),
    ],
)
def test_an_unknown_command_or_flag_is_found(line, unknown):
    assert list(unknown_words(line, command_line())) == unknown


@pytest.mark.parametrize(
    ("link", "broken"),
    [
        ("page.md", False),
        ("page.md#a-heading", False),
        ("page.md#none", True),
        ("none.md", True),
        ("#here-it-is", False),
    ],
)
def test_a_link_to_no_file_or_heading_is_found(tmp_path, link, broken):
    (tmp_path / "page.md").write_text("# A heading\n```\n# none\n```\n")
    page, text = tmp_path / "index.md", f"## Here, it is\n[words]({link})"
    page.write_text(text)
    assert list(broken_links(page, text)) == ([link] if broken else [])


def test_every_host_that_administrators_open_is_one_that_the_program_uses():
    page = (ROOT / "docs" / "administrators.md").read_text(encoding="utf-8")
    rows = page.partition("| host | for |")[2].partition("\n\n")[0].splitlines()[2:]
    named = [host for row in rows for host in CODE.findall(row)]
    hosts = AutodeskHosts.autodesk()
    assert {f"https://{named[0]}", f"https://{named[1]}"} == {AUTODESK_API, AUTODESK_PROFILE}
    uploads = [host for host in named[2:] if hosts.storage_host_allowed(f"https://{host}/x")]
    downloads = [host for host in named[2:] if host not in uploads]
    assert (len(uploads), len(downloads)) == (2, 2)
    assert all(hosts.download_host_allowed(f"https://{host}/x") for host in downloads)
    for region in re.findall(r"`(prod[a-z]{3})`", page):
        assert hosts.storage_host_allowed(f"https://{uploads[1].replace('prodemea', region)}/x"), region
    for region in re.findall(r"`([a-z]{3})`", page.partition("Other regions")[2].partition("\n\n")[0]):
        assert hosts.download_host_allowed(f"https://{downloads[1].replace('emea', region)}/x"), region


@pytest.mark.parametrize("name", ["administrators.md", "settings-files.md"])
def test_every_settings_file_in_a_document_has_entries_that_exist(name):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    files = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert files
    assert {key for file in files for key in tomllib.loads(file)} <= set(Settings.model_fields)


def test_the_picture_of_a_chat_shows_the_sample_file_in_light_and_dark():
    picture = ET.fromstring((ROOT / "docs" / "chat.svg").read_text(encoding="utf-8"))
    said = " ".join("".join(one.itertext()) for one in picture.iter("{http://www.w3.org/2000/svg}text"))
    assert f"{SAMPLE_PDF.name}, {SAMPLE_PDF.stat().st_size:,} bytes" in said
    assert "add_submittal_attachment" in said
    assert "prefers-color-scheme: dark" in "".join(picture.itertext())
