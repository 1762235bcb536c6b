"""Edits of JSON with comments: the value changes as it should, and everything a person wrote stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cli.clients.jsonc import JsoncError, parse, with_entry, without_entry

ENTRY = {"command": "/opt/submittal-mcp", "args": ["serve", "/srv/Drawings"]}
KEYS = st.sampled_from(["mcpServers", "submittals", "theme", 'a"b', "ü", "// no comment", "/* nor this */"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=3)
DOCUMENTS = st.builds(
    lambda rest, table: {**rest, **({"mcpServers": table} if table is not None else {})},
    st.dictionaries(KEYS.filter(lambda key: key != "mcpServers"), VALUES, max_size=3),
    st.none() | TABLES,
)


class Writer:
    """Writes a value as a person may: with comments, closing commas, and any line ends."""

    def __init__(self, data: st.DataObject, newline: str) -> None:
        self.comments: list[str] = []
        self._data = data
        self._newline = newline

    def gap(self) -> str:
        kind = self._data.draw(st.sampled_from(["", " ", "line", "block", "end"]))
        if kind in ("", " "):
            return kind
        if kind == "end":
            return self._newline + "\t"
        self.comments.append(f"comment {len(self.comments)}, with {{ and ]")
        return f" // {self.comments[-1]}{self._newline}" if kind == "line" else f"/* {self.comments[-1]} */"

    def write(self, value: Any) -> str:
        if isinstance(value, dict):
            parts = [
                f"{self.gap()}{json.dumps(key, ensure_ascii=False)}{self.gap()}:{self.gap()}{self.write(one)}{self.gap()}"
                for key, one in value.items()
            ]
            return "{" + self._joined(parts) + "}"
        if isinstance(value, list):
            return "[" + self._joined([f"{self.gap()}{self.write(one)}{self.gap()}" for one in value]) + "]"
        return json.dumps(value, ensure_ascii=False)

    def _joined(self, parts: list[str]) -> str:
        closing = "," if parts and self._data.draw(st.booleans()) else ""
        return ",".join(parts) + closing + self.gap()


@given(DOCUMENTS, st.sampled_from(["\n", "\r\n"]), st.data())
def test_an_entry_is_put_in_and_taken_out_and_all_else_stays(document, newline, data):
    writer = Writer(data, newline)
    text = writer.gap() + writer.write(document) + writer.gap()
    assert parse(text) == document
    before = set(writer.comments)
    replaced = document.get("mcpServers", {}).get("submittals")
    edited = with_entry(text, "mcpServers", "submittals", ENTRY)
    table = {**document.get("mcpServers", {}), "submittals": ENTRY}
    assert parse(edited) == {**document, "mcpServers": table}
    if replaced is None or not isinstance(replaced, (dict, list)):
        assert {comment for comment in before if comment in edited} == before
    taken_out = without_entry(edited, "mcpServers", "submittals")
    del table["submittals"]
    assert parse(taken_out) == {**document, "mcpServers": table}
    assert with_entry(edited, "mcpServers", "submittals", ENTRY) == edited
    if newline == "\r\n":
        assert "\n" not in edited.replace("\r\n", "") or "\r\n" not in text


def test_an_entry_looks_as_its_neighbours_do():
    text = (
        '// Servers of mine\n{\n    "mcpServers": {\n        // the clock\n        "time": { "command": "uvx" } // local\n'
        '    },\n    "theme": "dark",\n}\n'
    )
    edited = with_entry(text, "mcpServers", "submittals", {"command": "/x", "args": []})
    assert edited == (
        '// Servers of mine\n{\n    "mcpServers": {\n        // the clock\n        "time": { "command": "uvx" }, // local\n'
        '        "submittals": {\n            "command": "/x",\n            "args": []\n        }\n'
        '    },\n    "theme": "dark",\n}\n'
    )
    assert without_entry(edited, "mcpServers", "submittals") == text


def test_a_blank_text_becomes_a_whole_file_and_an_empty_table_stays_short():
    text = with_entry("  \n", "servers", "submittals", {"command": "/x"})
    assert text == '{\n  "servers": {\n    "submittals": {\n      "command": "/x"\n    }\n  }\n}\n'
    assert without_entry(text, "servers", "submittals") == '{\n  "servers": {}\n}\n'
    assert without_entry("", "servers", "submittals") == ""
    assert without_entry("{}", "servers", "submittals") == "{}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": }', "line 1, column 7"),
        ('{\n"a" 1}', "line 2, column 5"),
        ('{"a": 1 "b": 2}', "line 1, column 9"),
        ("[1 2]", "line 1, column 4"),
        ('{"a": 01}', "line 1, column 7"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": 1', "line 1, column 8"),
        ("{} {}", "line 1, column 4"),
        ("{a: 1}", "line 1, column 2"),
        ("{1: 1}", "line 1, column 2"),
        ("[" * 300, "line 1, column 202"),
        ('["a]', "line 1, column 2"),
    ],
)
def test_malformed_jsonc_is_refused_with_its_position(text, place):
    with pytest.raises(JsoncError, match=place):
        parse(text)


@pytest.mark.parametrize("text", ["[]", "3", '{"mcpServers": []}', '{"mcpServers": "x"}'])
def test_something_else_where_an_object_belongs_is_refused(text):
    with pytest.raises(JsoncError, match="is no object"):
        with_entry(text, "mcpServers", "submittals", ENTRY)
