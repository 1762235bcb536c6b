"""The generated table of settings."""

import pytest

from server.settings.docs import _DEFAULTS, END, START, MarkersMissingError, main, table, with_table
from server.settings.model import Settings, variables
from tests.support.constants import ROOT

PAGE = ROOT / "docs" / "settings.md"


def test_the_page_holds_the_current_table():
    text = PAGE.read_text(encoding="utf-8")
    assert with_table(text) == text, "run scripts/tables"


def test_the_table_has_a_row_for_every_variable():
    rows = table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(variables().values())


def test_every_default_is_one_that_a_reader_understands():
    silent = {name for name, field in Settings.model_fields.items() if field.default in (None, (), False)}
    assert silent <= set(_DEFAULTS) <= set(Settings.model_fields)


def test_only_what_stands_between_the_markers_is_replaced():
    text = f"before\n{START}\nan old table\n{END}\nafter\n"
    assert with_table(text) == f"before\n{START}\n{table()}\n{END}\nafter\n"
    assert with_table(with_table(text)) == with_table(text)


@pytest.mark.parametrize("text", ["", START, f"{END}\n{START}"])
def test_a_text_without_the_markers_is_refused(text):
    with pytest.raises(MarkersMissingError):
        with_table(text)


def test_checking_writes_nothing_and_writing_makes_the_check_pass(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"{START}\n{END}\n", encoding="utf-8")
    assert main(["--check", str(page)]) == 1
    assert "run scripts/tables" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == f"{START}\n{END}\n"
    assert main([str(page)]) == 0
    assert main(["--check", str(page)]) == 0
