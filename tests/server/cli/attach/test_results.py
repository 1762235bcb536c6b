"""The line that sums up what became of all files."""

from server.cli.attach.results import RowResult, summary

ROW = RowResult(row=1, project="Riverside", submittal="051200-3", file="beam.pdf")


def test_a_stored_file_without_confirmation_is_not_called_attached() -> None:
    results = [
        ROW.model_copy(update={"outcome": "done", "state": state, "already_attached": existed})
        for state, existed in (("ready", False), ("processing", True), ("uploaded", False), ("uploaded", True))
    ]
    assert summary(results) == "4 files: 1 attached, 1 there already, 2 stored and not visible yet."


def test_every_other_outcome_is_counted_by_its_name() -> None:
    results = [
        ROW.model_copy(update={"outcome": outcome}) for outcome in ("failed", "refused", "interrupted", "not_sent")
    ]
    assert summary(results) == "4 files: 1 failed, 1 refused, 1 interrupted, 1 not sent."
    assert summary(results[:1]) == "1 file: 1 failed."
