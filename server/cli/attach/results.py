"""Results per row, and the result file: CSV for a spreadsheet, JSON for a program."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from server.cli.attach.manifest import BadRow, ManifestRow
from server.cli.output import json_text
from server.cli.own_command import callable_hints
from server.cli.spreadsheets import BYTE_ORDER_MARK, csv_text, write_whole
from tools.core.results import AttachmentView, ErrorBody

Outcome = Literal["done", "failed", "refused", "interrupted", "not_sent"]
"""`refused` by the check before anything was sent; `interrupted` while it was under way; `not_sent`: never begun."""


class ResultFileUnusable(Exception):
    """The result file cannot be written; the text says why and how to fix it."""


class RowError(BaseModel):
    """Error of a row; code and message are the tools', the hint is for a shell user."""

    code: str
    message: str
    hint: str


class RowResult(BaseModel):
    """Result of one row. The first seven fields are the row's own; `state` is the attachment's, as the tools say.

    `already_attached`: the very attachment was there before, so nothing was added. `look_alikes` are attachments that a
    request whose answer was lost may have made besides.
    """

    row: int
    project: str | None
    submittal: str | None
    file: str | None
    name: str | None = None
    category: str | None = None
    task: str | None = None
    outcome: Outcome = "not_sent"
    state: str | None = None
    already_attached: bool = False
    attachment_id: str | None = None
    version_urn: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    look_alikes: list[str] = []
    error: RowError | None = None

    @classmethod
    def of(cls, row: ManifestRow) -> "RowResult":
        """Return the initial result of a row."""
        return cls(
            row=row.number, project=row.project, submittal=row.submittal, file=row.file, name=row.name,
            category=row.category, task=row.task,
        )  # fmt: skip

    def succeeded(self, view: AttachmentView, *, existed: bool) -> "RowResult":
        """Return the result of a successful row."""
        return self.model_copy(
            update={
                "outcome": "done",
                "state": view.state,
                "already_attached": existed,
                "attachment_id": view.id,
                "version_urn": view.version_urn,
                "size_bytes": view.size_bytes,
                "sha256": view.sha256,
                "name": view.name,
            }
        )

    def failed(self, error: ErrorBody | BadRow, outcome: Outcome = "failed") -> "RowResult":
        """Return the result of a failed row."""
        why = RowError(code=error.code, message=error.message, hint=callable_hints(error.hint))
        return self.model_copy(update={"outcome": outcome, "error": why})


def refused_rows(rows: Sequence[ManifestRow], bad: Sequence[BadRow]) -> list[RowResult]:
    """Return the results where some rows are invalid, so that nothing was sent."""
    first = {one.number: one for one in reversed(bad)}
    known = [
        RowResult.of(row).failed(first[row.number], "refused") if row.number in first else RowResult.of(row)
        for row in rows
    ]
    unknown = [
        RowResult(row=number, project=one.project, submittal=one.submittal, file=one.file).failed(one, "refused")
        for number, one in first.items()
        if number not in {row.number for row in rows}
    ]
    return sorted([*known, *unknown], key=lambda result: result.row)


def summary(results: Sequence[RowResult]) -> str:
    """Return a one-line summary of all rows."""
    done = [one for one in results if one.outcome == "done"]
    visible = [one for one in done if one.state != "uploaded"]
    counts = {
        "attached": sum(not one.already_attached for one in visible),
        "there already": sum(one.already_attached for one in visible),
        "stored and not visible yet": len(done) - len(visible),
        "failed": sum(one.outcome == "failed" for one in results),
        "refused": sum(one.outcome == "refused" for one in results),
        "interrupted": sum(one.outcome == "interrupted" for one in results),
        "not sent": sum(one.outcome == "not_sent" for one in results),
    }
    words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{len(results)} {'file' if len(results) == 1 else 'files'}: {words}."


def as_json(results: Iterable[RowResult]) -> list[dict[str, Any]]:
    """Return the results as JSON values."""
    return [one.model_dump(mode="json") for one in results]


def _real_path(path: Path) -> str:
    """Return a path without links; as it is where this system's names have no code for one of its characters."""
    with suppress(UnicodeEncodeError):
        return os.path.realpath(path)
    return str(path)


class ResultFile:
    """The result file of a run, replaced atomically: no reader sees half of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse_overwriting(self, inputs: Iterable[Path]) -> None:
        """Refuse to overwrite an input file.

        Raises:
            ResultFileUnusable: It is one of the `inputs`.
        """
        own = os.path.realpath(self.path)
        if any(_real_path(one) == own for one in set(inputs)):
            raise ResultFileUnusable(f"The results would be written over {self.path}. Give --result another path.")

    def write(self, results: Sequence[RowResult]) -> None:
        """Write the results, in place of those of an earlier run.

        Raises:
            ResultFileUnusable: The folder is missing, full or not this person's to write to.
        """
        text = _as_json_text(results) if self.path.suffix.lower() == ".json" else _as_csv(results)
        try:
            write_whole(self.path, text)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ResultFileUnusable(
                f"The results cannot be written to {self.path}: {why}. Give --result a path that can be written."
            ) from error


def _as_json_text(results: Iterable[RowResult]) -> str:
    return json_text(as_json(results), indent=1) + "\n"


def _as_csv(results: Iterable[RowResult]) -> str:
    columns = [*(name for name in RowResult.model_fields if name != "error"), "error_code", "error", "hint"]
    rows = []
    for one in results:
        cells = one.model_dump(mode="json", exclude={"error"})
        if one.error is not None:
            cells |= {"error_code": one.error.code, "error": one.error.message, "hint": one.error.hint}
        rows.append(cells)
    return BYTE_ORDER_MARK + csv_text(columns, rows)
