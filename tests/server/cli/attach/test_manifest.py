"""Reading manifests: what spreadsheets and people write, and every row that is wrong said at once."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cli.attach.manifest import (
    COLUMNS,
    MAX_BYTES,
    NEEDED,
    AttachManifest,
    BadRow,
    ManifestRow,
    ManifestUnusable,
    read_manifest,
    was_converted,
)
from tests.support.odd_text import odd_texts
from transfers.files.pasted_text import trim

BEAM = ManifestRow(2, "beam.pdf", "Riverside", "05 12 00-3")


def read(text: str, **common: str) -> AttachManifest:
    return read_manifest(text.encode(), common)


@pytest.mark.parametrize(
    "data",
    [
        b"project,submittal,file\nRiverside,05 12 00-3,beam.pdf\n",
        b"project;submittal;file\r\nRiverside;05 12 00-3;beam.pdf\r\n",
        b"project\tsubmittal\tfile\nRiverside\t05 12 00-3\tbeam.pdf",
        b"\xef\xbb\xbfproject,submittal,file\nRiverside,05 12 00-3,beam.pdf\n",
        b"File, Project ,SUBMITTAL\nbeam.pdf, Riverside ,05 12 00-3\n",
        b"project,submittal,file,,\nRiverside,05 12 00-3,beam.pdf,,\n,,,,\n",
        b'"project","submittal","file"\n"Riverside","05 12 00-3","beam.pdf"\n',
        b"project,submittal,file,name,category,task\nRiverside,05 12 00-3,beam.pdf\n",
        b"project|submittal|file\nRiverside|05 12 00-3|beam.pdf\n",
        "\ufeff\ufeffproject,submittal,file\r\nRiverside,05 12 00-3,beam.pdf\r\n".encode(),
        b",project,,submittal,file\n,Riverside,,05 12 00-3,beam.pdf\n",
        b'project, submittal, file\nRiverside, 05 12 00-3, "beam.pdf"\n',
        "project,submittal,file,name,category\nRiverside,05 12 00-3,beam.pdf,-,\u2013\n".encode(),
        b'"project,submittal,file"\n"Riverside,05 12 00-3,beam.pdf"\n',
    ],
    ids=[
        *("commas", "semicolons", "tabs", "bom", "headings", "empty cells", "quotes", "short row", "bars", "two marks"),
        *("columns without a heading", "quotes after blanks", "dashes for nothing", "a row in one cell"),
    ],
)
def test_whatever_a_spreadsheet_writes_is_read(data: bytes) -> None:
    assert read_manifest(data, {}) == AttachManifest((BEAM,))


@pytest.mark.parametrize(
    "table",
    [
        "| project | submittal | file |\n|:--|:-:|--:|\n| Riverside | 05 12 00-3 | beam.pdf |\n",
        "```csv\nproject,submittal,file\nRiverside,05 12 00-3,beam.pdf\n```\n",
        "+---+---+---+\n|project|submittal|file|\n+===+===+===+\n|Riverside|05 12 00-3|beam.pdf|\n+---+---+---+\n",
    ],
    ids=["markdown", "code fence", "rules"],
)
def test_a_table_in_plain_text_is_read(table: str) -> None:
    manifest = read(table)
    assert [row.words[:3] for row in manifest.rows] == [("Riverside", "05 12 00-3", "beam.pdf")]
    assert manifest.bad == ()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("#REF!,1,a.pdf,", "The cell of project holds an error of the spreadsheet"),
        ("A,#N/A,a.pdf,", "The cell of submittal holds an error of the spreadsheet"),
        ("A,1,#\u00bfNOMBRE?,", "The cell of file holds an error of the spreadsheet"),
        ("A,1,a.pdf,####", "The cell of name holds an error of the spreadsheet"),
        ("A,1,a.pdf,Err:502", "The cell of name holds an error of the spreadsheet"),
        ("# A,1,a.pdf,", "The row begins with '#', as a comment does."),
        ("#later,,,", "The row begins with '#', as a comment does."),
        ("A;1;a.pdf,", "The cell of submittal and file is empty."),
        ("A;1;a.pdf", "The whole row is one cell, and the heading names 4 columns."),
        ('"A,1,a.pdf,"', "The whole row is one cell, and the heading names 4 columns."),
        ("A,1,a.pdf,,x", "There are 5 cells, and the heading names 4 columns."),
    ],
)
def test_a_row_that_would_mean_another_file_or_place_is_refused(row: str, said: str) -> None:
    manifest = read(f"project,submittal,file,name\nA,2,b.pdf,\n{row}\n")
    assert [one.number for one in manifest.rows] == [2]
    assert [one.number for one in manifest.bad] == [3]
    assert said in manifest.bad[0].message


def test_a_cell_beneath_no_heading_is_refused_and_a_number_may_follow_a_hash() -> None:
    manifest = read("project,,submittal,file\n#12 A,,#3,#4.pdf\nA,note,1,a.pdf\n")
    assert manifest.rows == (ManifestRow(2, "#4.pdf", "#12 A", "#3"),)
    assert [one.message for one in manifest.bad] == ["A cell stands in a column without a heading."]


@pytest.mark.parametrize(
    "cell", ["5.12E+04", "5,12E+04", "05.12.2000", "5/12/00", "2000-12-05 00:00:00", "12-May", "Jan-05"]
)
def test_a_cell_that_a_spreadsheet_converted_is_known(cell: str) -> None:
    assert was_converted(cell)
    assert not was_converted(f"{cell} beams")


@pytest.mark.parametrize("cell", ["051200-3", "05 12 00-3", "3", "A-12", "May", "Mayor's office"])
def test_a_number_or_a_title_is_not_taken_for_a_converted_cell(cell: str) -> None:
    assert was_converted(cell) is (cell == "May")


def test_a_cell_may_hold_separators_quotes_and_line_ends_and_rows_are_numbered_as_in_a_spreadsheet() -> None:
    text = 'project,submittal,file,name\nRiverside,1,"a ""b"", c.pdf","two\nlines"\nRiverside,1,d.pdf,\n'
    assert read(text).rows == (
        ManifestRow(2, 'a "b", c.pdf', "Riverside", "1", "two\nlines"),
        ManifestRow(3, "d.pdf", "Riverside", "1"),
    )


def test_options_for_all_rows_fill_empty_cells_only() -> None:
    text = "file,submittal\na.pdf,\nb.pdf,2\n"
    assert read(text, project="Riverside", submittal="1", category="for_review").rows == (
        ManifestRow(2, "a.pdf", "Riverside", "1", category="for_review"),
        ManifestRow(3, "b.pdf", "Riverside", "2", category="for_review"),
    )


def test_every_row_that_is_wrong_is_named_with_what_is_wrong() -> None:
    text = "project,submittal,file\nA,1,a.pdf\n,,c.pdf\nA,1,a.pdf\n\nA,1,b.pdf,x\nA,1,d.pdf\n"
    assert read(text) == AttachManifest(
        (ManifestRow(2, "a.pdf", "A", "1"), ManifestRow(7, "d.pdf", "A", "1")),
        (
            BadRow(3, "c.pdf", "invalid_arguments", "The cell of project and submittal is empty.", "Fill it in."),
            BadRow(4, "a.pdf", "invalid_arguments", "This row is the same as row 2.", "Remove one of them.", "A", "1"),
            BadRow(
                6,
                "b.pdf",
                "invalid_arguments",
                "There are 4 cells, and the heading names 3 columns.",
                "Put quotes around a cell that holds the separator.",
                "A",
                "1",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The manifest is empty."),
        (b"project,submittal,file\n", "The manifest has no row below its heading."),
        (b"project,submittal,fiel\n", "Unknown column 'fiel' in row 1; did you mean 'file'?"),
        (b"Table 1,\nproject,submittal,file,Notes\n", "Unknown column 'Notes' in row 2."),
        (b"project,submittal,title,file\n", "Unknown column 'title' in row 1. The columns are"),
        (b"#,project,submittal,file\n", "Unknown column '#' in row 1."),
        (b"project,submittal\n", "Row 1 lacks the column 'file'. Add it."),
        (b"file\n", "Row 1 lacks the column 'project', 'submittal'. Add it, or give --project and --submittal"),
        (b"file,project,submittal,File\n", "The column 'file' is there twice in row 1."),
        (b"\xff\xfef\x00i\x00l\x00e", "The manifest is not UTF-16: see its line 1."),
        (b"project,submittal,file\rA,1,M\xfcller.pdf\r", "The manifest is not UTF-8: see its line 2."),
        (b"project,submittal,file\r\nA,1,a.pdf\r\nA,1,M\xfcller.pdf\r\n", "The manifest is not UTF-8: see its line 3."),
        (b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", "This is an Excel workbook, whatever its name ends in."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "This is an Excel workbook of the older kind"),
        (b"%PDF-1.7", "This is a PDF"),
        (b"PK\x03\x04" + b"\x14" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an OpenDocument"),
        (b"PK\x03\x04\x14\x00\x06\x00Index/Document.iwa", "This is a Numbers spreadsheet"),
        (b"PK\x03\x04\x14\x00\x06\x00drawings/beam.pdf", "This is a ZIP archive"),
        (b"{\\rtf1\\ansi project,submittal,file", "This is a text document (RTF)"),
        (b"\xef\xbb\xbf<html><table><tr><td>project", "This is a web page or XML"),
        (b'<?xml version="1.0"?><Workbook>', "This is a web page or XML"),
        (b"PK\x03\x04\x14\x00\x06\x00word/document.xml", "This is a Word document"),
        (b"\x1f\x8b\x08\x00", "This is an archive"),
        (b"\x89PNG\r\n\x1a\n", "This is a picture"),
        (b'[{"project": "A", "file": "a.pdf"}]', "This is JSON"),
        (b'[["project", "submittal", "file"]]', "This is JSON"),
        (b"\n\n,,\n", "The manifest is empty."),
        (b"project,submittal,file\nA,1,a.pdf\nA,1,M\xfcller.pdf\n", "The manifest is not UTF-8: see its line 3."),
        (b"project,submittal,file\nA,1,a\x00.pdf\n", "The manifest is no text: its line 2 has a NUL byte."),
        (b'project,submittal,file\nA,1,a.pdf\nA,1,"b.pdf\nA,1,c.pdf\n', "record that begins at line 3"),
        (b'project,submittal,file\nA,1,"a" b.pdf\n', "record that begins at line 2"),
        (b"project,submittal,file\nA,1," + b"x" * 200_000, "record that begins at line 2"),
        (b"x" * (MAX_BYTES + 1), "67,108,864 are the most"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused_with_the_place_and_the_remedy(data: bytes, said: str) -> None:
    with pytest.raises(ManifestUnusable) as caught:
        read_manifest(data, {})
    assert said in str(caught.value)


WANTED = [("Riverside", "05 12 00-3", "Träger.pdf")]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["Unix", "Windows", "old Mac"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "above",
    [
        "",
        "sep={}\n",
        '"SEP={}"\n',
        "#TYPE System.Object\n",
        "\n",
        "{0}{0}\n",
        "Table 1{0}{0}\n",
        "Steel \u2013 phase 2\n",
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_manifests_are_read_as_spreadsheets_and_shells_write_them(ends, encoding, above, separator):
    lines = above.format(separator) + "".join(f"{separator.join(row)}\n" for row in [NEEDED, *WANTED])
    manifest = read_manifest(lines.replace("\n", ends).encode(encoding), {})
    assert [(row.project, row.submittal, row.file) for row in manifest.rows] == WANTED
    assert manifest.rows[0].number == (3 if above else 2)


@pytest.mark.parametrize(
    "heading",
    [
        "Project,Submittal,File",
        "project, submittal ,filename",
        '"Project Name","Submittal No.","File Name"',
        "Project_ID,submittal-number,File Path",
        "\u200bproject,\u00a0Submittal #,\u201cfile\u201d",
        "PROJECT:,*Submittal*,path",
        "ProjectName,SubmittalNumber,FilePath",
        "Project Id,Submittal (No.),File(s)",
        "'project','Submittal Nr.','Full path'",
        "Job,Submittal no,Document",
        '"Project\nname","Submittal\r\nno.",Attachment',
        'Project,"Submittal\n\nnumber","File\npath"',
    ],
)
def test_headings_are_read_as_people_name_their_columns(heading):
    for separator in ",;":
        table = f"{heading}\nRiverside,1-1,a.pdf\n".replace(",", separator)
        [row] = read_manifest(table.encode(), {}).rows
        assert (row.project, row.submittal, row.file) == ("Riverside", "1-1", "a.pdf")


MARKS = "-+=:`\u2010\u2011\u2012\u2013\u2014\u2015\u2212"


def cell_of(text: str) -> str:
    """A text as a cell that holds it: marks alone are none, and a `#` before a project's name is a comment."""
    cell = trim(trim(text).lstrip("#"))
    return cell if cell.strip(MARKS) else ""


cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\ufeff", exclude_categories=("Cc", "Zs", "Zl", "Zp")),
    min_size=1,
    max_size=12,
).filter(lambda text: text == cell_of(text))
table = st.lists(st.tuples(*[cells] * len(COLUMNS)), min_size=1, max_size=20, unique=True)


@given(table, st.sampled_from(",;\t"))
def test_a_csv_round_trip_keeps_every_cell(rows: list[tuple[str, ...]], separator: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerows([COLUMNS, *rows])
    manifest = read_manifest(out.getvalue().encode(), {})
    assert manifest.bad == ()
    assert [row.words for row in manifest.rows] == rows


odd_cells = odd_texts(3).map(lambda text: cell_of(text.encode("utf-8", "ignore").decode().replace("\x00", "")))


@given(st.lists(st.tuples(*[odd_cells] * len(COLUMNS)), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_odd_text_in_cells_comes_back_cell_by_cell_or_is_refused_by_its_row(
    rows: list[tuple[str, ...]], separator: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows])
    if not any(cell for row in rows for cell in row):
        with pytest.raises(ManifestUnusable, match="no row"):
            read_manifest(out.getvalue().encode(), {})
        return
    manifest = read_manifest(out.getvalue().encode(), {})
    named = {number: row for number, row in enumerate(rows, start=2) if any(row)}
    assert {row.number for row in (*manifest.rows, *manifest.bad)} == set(named)
    for row in manifest.rows:
        assert row.words == tuple(cell or None for cell in named[row.number])
    repeated = len(named) - len(set(named.values()))
    incomplete = sum(not all(row[:3]) for row in set(named.values()))
    assert incomplete <= len(manifest.bad) <= incomplete * len(named) + repeated


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(ManifestUnusable):
        for row in read_manifest(b"project,submittal,file\n" + data, {}).rows:
            assert all((row.project, row.submittal, row.file))
