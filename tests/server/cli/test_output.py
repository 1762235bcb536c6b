"""What commands print of others' names and texts: nothing that moves a cursor, hides a line or turns text around."""

import ast
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cli.output import json_text, say
from tests.support.constants import ROOT
from tests.support.odd_text import BIDIRECTIONAL, UNSEEN, odd_texts

EVIL = "\x1b[2J\u202eevil"

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), odd_texts()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(odd_texts(2), inner, max_size=3)),
    max_leaves=8,
)


@given(VALUES, st.sampled_from([None, 1]))
def test_json_keeps_its_data_and_shows_all_of_it(value, indent):
    text = json_text(value, indent)
    assert json.loads(text) == value
    assert not [one for one in text if one != "\n" and unicodedata.category(one) in ("Cc", "Cs", "Co")]
    assert not {*UNSEEN, *BIDIRECTIONAL} & set(text)


def test_no_name_in_a_line_adds_another_one(capsys):
    say("Signed in as A\nSigned in as B\r\x1b[2J")
    assert capsys.readouterr().out == "Signed in as A\\nSigned in as B\\r\\x1b[2J\n"


@pytest.mark.parametrize(
    "arguments", [("doctor", EVIL), (EVIL,), (f"--{EVIL}",), ("find", "projects", "--format", EVIL)]
)
def test_no_name_in_a_usage_error_moves_the_cursor(start, arguments):
    code, _, err = start("-m", "server", *arguments, COLUMNS="200").rest()
    assert (code, "\\u202eevil" in err) == (2, True), err
    assert not {"\x1b", "\u202e"} & set(err)


OURS = {
    "f'submittal-mcp {server.__version__}'",
    "f'submittal-mcp: {DescriptorsExhausted()}\\n'",
    "f'submittal-mcp: the output cannot be written: {why}. What was carried out stays so.\\n'",  # the system's words
    "f'submittal-mcp: the working folder {what}; change to another one.\\n'",
    "f'submittal-mcp works on a sandbox; look at it: {box.page}/\\n'",
    "f'… and {len(bad) - SHOWN} more.\\n'",
    "snippet(client, entry)",  # for a file of settings
    "text",  # a table in CSV, of cleaned cells
    "f'{question}[y/N] '",  # made of cleaned facts, each on its line
}


def test_every_command_prints_by_the_two_functions():
    """What is printed otherwise has nothing of others in it."""
    printed = set()
    for path in (ROOT / "server" / "cli").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or path.name == "output.py":
                continue
            if ast.unparse(call.func) in ("sys.stdout.write", "sys.stderr.write", "typer.echo", "print", "say"):
                what = call.args[0]
                assert "model_dump_json" not in ast.unparse(what)
                if ast.unparse(call.func) != "say" and not isinstance(what, ast.Constant):
                    printed.add(ast.unparse(what))
    assert {one for one in printed if not re.match(r"(json_text|visible)\(", one)} == OURS
