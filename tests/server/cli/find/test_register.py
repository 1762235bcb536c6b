"""What is missing of a submittal, what is overdue, and the line that tells how far a long list is."""

import io
from datetime import date

import pytest

from acc.models.submittals import Item
from server.cli.find.register import days_overdue, missing
from server.cli.output import TOLD_EVERY, ProgressLine

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("state", "due", "days"),
    [
        ("rev", "2026-11-29", 1),
        ("rev", "2026-11-30", None),
        ("rev", None, None),
        ("sbc-2", "2026-11-01", None),
        ("void", "2026-11-01", None),
        ("something new", "2026-11-01", 29),
    ],
)
def test_an_open_submittal_is_overdue_from_the_day_after_its_due_date(state, due, days):
    assert days_overdue(Item.model_validate({"id": "1", "stateId": state, "dueDate": due}), TODAY) == days


@pytest.mark.parametrize(
    ("item", "files", "lacks"),
    [
        ({"stateId": "sbc-1"}, 0, ["number", "contractor", "due date", "file"]),
        ({"stateId": "sbc-1"}, None, ["number", "contractor", "due date"]),
        ({"stateId": "draft"}, 0, ["number", "contractor"]),
        ({"stateId": "rev", "customIdentifier": "1", "subcontractor": "X", "dueDate": "2026-12-01"}, 1, []),
        ({"stateId": "sbc-2"}, 0, []),
    ],
)
def test_a_required_file_is_missing_from_an_open_submittal(item, files, lacks):
    assert missing(Item.model_validate({"id": "1", **item}), files) == lacks


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_terminal_shows_one_line_and_a_log_a_line_now_and_then():
    terminal, log = Terminal(), io.StringIO()
    for stream in (terminal, log):
        line = ProgressLine(stream)
        for done in range(0, 2 * TOLD_EVERY + 1, 50):
            await line.report(done, None, "of evil\n\u202e")
        line.clear()
    assert "\n" not in terminal.getvalue()
    assert "\u202e" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert len(log.getvalue().splitlines()) == 2
