"""Tables for spreadsheets: CSV in which no cell is a formula, and files that are written whole or not at all."""

import csv
import io
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from persistence import private_files
from server.cli.errors import CommandError

_FORMULA: Final = re.compile(r"(^|[;\t\r\n])(?=[=+\-@\uff1d\uff0b\uff0d\uff20\t\r])")
"""Where a spreadsheet begins a formula: in front of a cell, and after what separates cells beside a decimal comma."""

BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""


def holds_formula(text: str) -> bool:
    """Whether a spreadsheet may take a text, or a part of it, for a formula."""
    return _FORMULA.search(text) is not None


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return a CSV with a heading; null is an empty cell, and a list is its elements between semicolons."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue()


def write_whole(path: Path, text: str) -> None:
    """Write a file in place of an earlier one, so that no reader sees half of it.

    Raises:
        OSError: The folder is missing, full or not this person's to write to.
    """
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        private_files.create(new, text.encode())
        new.replace(path)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def write_new_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as a CSV file that spreadsheets read as UTF-8, and overwrite nothing.

    Raises:
        CommandError: The file is there already, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(BYTE_ORDER_MARK + csv_text(columns, rows))
    except FileExistsError:
        raise CommandError(f"{path} is there already, and nothing is overwritten: name a new file.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or type(error).__name__}.") from error
