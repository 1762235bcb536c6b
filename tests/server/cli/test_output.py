"""What commands print of others' names and texts: nothing that moves a cursor, hides a line or turns text around."""

import ast
import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from server.cli.output import json_text
from tests.support.constants import ROOT
from tests.support.odd_text import BIDIRECTIONAL, UNSEEN, odd_texts

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


def test_every_command_prints_json_by_the_one_function():
    """Files for programs (settings of clients, a record) are written in their own ways, and never printed."""
    printed = []
    for path in (ROOT / "server" / "cli").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("sys.stdout.write", "typer.echo", "print"):
                printed += [path.name for one in ast.walk(call) if ast.unparse(one) == "json.dumps"]
    assert printed == []
