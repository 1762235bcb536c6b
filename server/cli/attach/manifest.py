"""Manifest parser: files to attach, one per row, as a spreadsheet saves a table (CSV, UTF-8). Opens no file.

    project,submittal,file,name,category,task
    Riverside Medical Center,05 12 00-3,drawings/beam.pdf,,,

Separators are commas, semicolons or tabs, whichever the heading uses. A manifest that cannot be read as a whole is
`ManifestUnusable`; rows that are wrong are all found at once.
"""

import codecs
import csv
import difflib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from transfers.files.pasted_text import name_key, trim, unwrap

COLUMNS: Final = ("project", "submittal", "file", "name", "category", "task")
NEEDED: Final = ("project", "submittal", "file")

MAX_BYTES: Final = 64 * 1024**2
"""Beyond this it is no manifest, but most likely one of the files to attach, given by mistake."""

_COLUMN_NAMES: Final = {
    **dict.fromkeys(("filename", "filepath", "path", "files", "fullpath", "document", "attachment"), "file"),
    **dict.fromkeys(("projectname", "projectid", "job"), "project"),
    **dict.fromkeys(("submittalno", "submittalnr", "submittalnumber", "submittalid", "number"), "submittal"),
    **dict.fromkeys(("taskid", "reviewtask", "reviewtaskid"), "task"),
    "attachmentname": "name",
}
"""Headings that mean a column, beside its own name: letters and digits alone count."""

_SEP_LINE: Final = re.compile(r"\"?sep=(\\t|[,;\t|])\"?[,;\t]*", re.IGNORECASE)
"""What Excel writes above the heading, so that it reads the file right itself."""

_EMPTY_LINE: Final = re.compile(r"[\s,;|\"\ufeff+=:`-]*")
"""A line without a value: an empty one, or a rule of a table in plain text."""

_NO_VALUE: Final = re.compile(r"[-\u2010-\u2015\u2212+=:`]*")
"""A dash that says that there is nothing to say, the rule beneath a heading, or a code fence."""

_SPREADSHEET_ERROR: Final = re.compile(r"#[\u00bf\w/]*[^\W\d_][\w/]*[!?]|#N/[AD]|#NV|#{2,}|Err:\d{3}", re.IGNORECASE)
"""What a spreadsheet writes where a formula fails, in its language, or where a column is too narrow."""

_CONVERTED: Final = re.compile(
    r"\d+(?:[.,]\d+)?E[+-]?\d+|\d{1,4}([-/.])\d{1,2}\1\d{2,4}(?: 0?0:00(?::00)?)?"
    r"|(?:\d{1,2}[- ]){0,1}(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?:[- ]\d{1,4})?",
    re.IGNORECASE,
)
"""What a spreadsheet makes of 051200-3 and 05-12-00: a rounded number, a day, or a month."""

_OTHER_FILES: Final = (
    (re.compile(rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis", re.DOTALL), "an OpenDocument spreadsheet"),
    (re.compile(rb"PK\x03\x04.*xl/", re.DOTALL), "an Excel workbook"),
    (re.compile(rb"PK\x03\x04.*Index/", re.DOTALL), "a Numbers spreadsheet"),
    (re.compile(rb"PK\x03\x04.*word/", re.DOTALL), "a Word document"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "an Excel workbook of the older kind"),
    (re.compile(rb"%PDF"), "a PDF"),
    (re.compile(rb"\x1f\x8b|7z\xbc\xaf|Rar!"), "an archive"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*"), "a picture"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*[\[\"{]|\{\s*\")"), "JSON"),
    (re.compile(rb"\{\\rtf"), "a text document (RTF)"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|table|\?xml)", re.IGNORECASE), "a web page or XML"),
)
"""What people give by mistake, by how it begins and what is in it."""

_SEPARATORS: Final = ",;\t|"
_SAVE_AGAIN: Final = "In a spreadsheet, save the table as 'CSV UTF-8'."


class ManifestUnusable(Exception):
    """The manifest cannot be parsed; the text says where and how to fix it."""


@dataclass(frozen=True)
class ManifestRow:
    """One row of a manifest, as written; None where a column is empty.

    `number` is the row's in a spreadsheet, where the heading is row 1; of files named on a command line, their place.
    """

    number: int
    file: str
    project: str
    submittal: str
    name: str | None = None
    category: str | None = None
    task: str | None = None

    @property
    def words(self) -> tuple[str | None, ...]:
        """All fields but the row number, to find duplicate rows."""
        return (self.project, self.submittal, self.file, self.name, self.category, self.task)

    def refused(self, code: str, message: str, hint: str) -> "BadRow":
        """Return this row as an invalid one."""
        return BadRow(self.number, self.file, code, message, hint, self.project, self.submittal)


@dataclass(frozen=True)
class BadRow:
    """An invalid row: code, message, hint, and its fields."""

    number: int
    file: str | None
    code: str
    message: str
    hint: str
    project: str | None = None
    submittal: str | None = None


@dataclass(frozen=True)
class AttachManifest:
    """A parsed manifest; `rows` are the well-formed ones."""

    rows: tuple[ManifestRow, ...] = ()
    bad: tuple[BadRow, ...] = ()


def read_manifest(data: bytes, common: Mapping[str, str | None]) -> AttachManifest:
    """Read a manifest; `common` are values for cells that are empty, by column.

    Raises:
        ManifestUnusable: Its encoding, its quotes or its heading are wrong, or it has no row.
    """
    text = _decoded(data)
    separator, above = _separator(text)
    records = _records(text, separator)
    for _ in range(above):
        next(records, None)
    first_cells = next(records, [])
    if len(first_cells) == 1 and any(one in first_cells[0] for one in _SEPARATORS):
        # A spreadsheet that does not know the separator saves each row as one cell.
        records = _records("\n".join([first_cells[0], *(cells[0] for cells in records)]), separator)
        first_cells = next(records, [])
    heading = _header(first_cells, common, number=above + 1)
    rows: list[ManifestRow] = []
    bad: list[BadRow] = []
    first: dict[tuple[str | None, ...], int] = {}
    for number, cells in enumerate(records, start=above + 2):
        if not any(cells):
            continue  # spreadsheets save rows that were emptied
        found = _row(number, cells, heading, common)
        if isinstance(found, ManifestRow) and (before := first.setdefault(found.words, number)) != number:
            found = found.refused("invalid_arguments", f"This row is the same as row {before}.", "Remove one of them.")
        if isinstance(found, ManifestRow):
            rows.append(found)
        else:
            bad.append(found)
    if not rows and not bad:
        raise ManifestUnusable("The manifest has no row below its heading. Write one row for each file to attach.")
    return AttachManifest(tuple(rows), tuple(bad))


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise ManifestUnusable(
            f"The manifest has {len(data):,} bytes, and {MAX_BYTES:,} are the most. Is it one of the files to attach?"
        )
    for form, kind in _OTHER_FILES:
        if form.match(data):
            raise ManifestUnusable(f"This is {kind}, whatever its name ends in. {_SAVE_AGAIN}")
    # PowerShell's `>` and Excel's "Unicode Text" write UTF-16, and say so with a mark.
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    if encoding != "utf-16" and data[:4].count(0) == 2:  # databases leave the mark out
        encoding = "utf-16-le" if data[1] == 0 else "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        named = "UTF-8" if encoding == "utf-8-sig" else "UTF-16"
        line = _line_number(data[: error.start].decode("latin-1"))
        raise ManifestUnusable(f"The manifest is not {named}: see its line {line}. {_SAVE_AGAIN}") from None
    if "\x00" in text:
        line = _line_number(text[: text.index("\x00")])
        raise ManifestUnusable(f"The manifest is no text: its line {line} has a NUL byte. {_SAVE_AGAIN}")
    return text


def _line_number(before: str) -> int:
    """Return the line on which what comes after `before` stands, with line ends of Windows, Unix or old Macs."""
    return len(re.findall(r"\r\n|\r|\n", before)) + 1


def _separator(text: str) -> tuple[str, int]:
    """Return the separator, and how many lines stand above the heading: empty ones, a title, `sep=;`, `#TYPE`."""
    lines = re.split(r"\r\n|\r|\n", text[:10_000])
    above = 0
    while above < len(lines) and (
        lines[above].startswith("#TYPE ")
        or _SEP_LINE.fullmatch(lines[above])
        or _EMPTY_LINE.fullmatch(lines[above])
        or _is_title(lines[above], lines[above + 1 : above + 4])
    ):
        above += 1
    said = [found[1] for line in lines[:above] if (found := _SEP_LINE.fullmatch(line))]
    heading = lines[above] if above < len(lines) else ""
    for more in lines[above + 1 :]:
        if heading.count('"') % 2 == 0:
            break
        heading += more  # of a heading whose cells have several lines
    return said[-1].replace("\\t", "\t") if said else max(_SEPARATORS, key=heading.count), above


def _is_title(line: str, below: Sequence[str]) -> bool:
    """Whether a line is the title of a table, as Numbers writes one: one cell, with the heading a little below it."""
    cells, *others = ([_column(cell) for cell in re.split(r"[,;|\t]", one)] for one in (line, *below))
    is_whole = line.count('"') % 2 == 0
    return is_whole and sum(map(bool, cells)) == 1 and "file" not in cells and any("file" in one for one in others)


def _records(text: str, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    while True:
        begins = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise ManifestUnusable(
                f"The quotes in the record that begins at line {begins} of the manifest do not match, or a cell is "
                f"longer than {csv.field_size_limit():,} characters. A quote within a quoted cell is written twice."
            ) from None
        cells = [trim(cell) for cell in record]
        yield ["" if _NO_VALUE.fullmatch(cell) else cell for cell in cells]


def _header(cells: Sequence[str], common: Mapping[str, str | None], number: int) -> list[str]:
    names = [_column(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise ManifestUnusable(f"The manifest is empty. Its first row names the columns: {', '.join(COLUMNS)}.")
    for place, name in enumerate(names):
        if not cells[place]:
            continue  # the cells below are to be empty too
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0.7)
            meant = f"; did you mean {near[0]!r}?" if near else "."
            known = f" The columns are {', '.join(COLUMNS)}."
            raise ManifestUnusable(f"Unknown column {cells[place][:60]!r} in row {number}{meant}{known}")
        if name in names[:place]:
            raise ManifestUnusable(f"The column {name!r} is there twice in row {number}. Remove one of them.")
    missing = [name for name in NEEDED if name not in names and not common.get(name)]
    if missing:
        instead = [f"--{name}" for name in missing if name != "file"]
        or_so = f", or give {' and '.join(instead)} for all rows" if instead else ""
        raise ManifestUnusable(f"Row {number} lacks the column {', '.join(map(repr, missing))}. Add it{or_so}.")
    return names


def _column(cell: str) -> str:
    """Return the column that a heading means, as people name it."""
    name = re.sub(r"[\W_]+", "", name_key(unwrap(cell)))
    return _COLUMN_NAMES.get(name, name)


def _row(
    number: int, cells: Sequence[str], heading: Sequence[str], common: Mapping[str, str | None]
) -> ManifestRow | BadRow:
    given = dict(zip(heading, cells, strict=False))
    values = {name: given.get(name) or common.get(name) or None for name in COLUMNS}
    file, project, submittal = values["file"], values["project"], values["submittal"]

    def bad(message: str, hint: str) -> BadRow:
        return BadRow(number, file, "invalid_arguments", message, hint, project, submittal)

    columns = sum(map(bool, heading))
    if len(cells) == 1 and columns > 1 and any(one in cells[0] for one in _SEPARATORS):
        return bad(
            f"The whole row is one cell, and the heading names {columns} columns.",
            "Separate its cells as those of the heading, and put no quotes around the row.",
        )
    if any(cells[len(heading) :]):
        return bad(
            f"There are {len(cells)} cells, and the heading names {len(heading)} columns.",
            "Put quotes around a cell that holds the separator.",
        )
    if any(cell for name, cell in zip(heading, cells, strict=False) if not name):
        return bad(
            "A cell stands in a column without a heading.", f"Empty it, or name the column: {', '.join(COLUMNS)}."
        )
    wrong = [name for name, cell in values.items() if cell is not None and _SPREADSHEET_ERROR.fullmatch(cell)]
    if wrong:
        return bad(
            f"The cell of {' and '.join(wrong)} holds an error of the spreadsheet, or its column was too narrow.",
            "Write the value itself into the cell, and save the table again.",
        )
    if _is_comment(cells, heading):
        return bad("The row begins with '#', as a comment does.", "Remove the row, or the '#'.")
    if file is None or project is None or submittal is None:
        missing = [name for name in NEEDED if values[name] is None]
        return bad(f"The cell of {' and '.join(missing)} is empty.", "Fill it in.")
    return ManifestRow(number, file, project, submittal, values["name"], values["category"], values["task"])


def _is_comment(cells: Sequence[str], heading: Sequence[str]) -> bool:
    """Whether a row was taken out by a `#`, which a project's name would be found beneath; a number may follow one."""
    first = next((cell for name, cell in zip(heading, cells, strict=False) if name), "")
    return next(filter(None, heading), "") == "project" and re.match(r"#(?!\s*\d)", first) is not None


def was_converted(cell: str) -> bool:
    """Whether a spreadsheet may have made a number, a day or a month of the text of a cell."""
    return _CONVERTED.fullmatch(cell) is not None
