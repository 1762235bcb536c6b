"""The PDF that the demo attaches, as poppler reads it."""

from pathlib import Path

import pytest

from server.cli.demo import SAMPLE_PDF

WHITE = 255


@pytest.fixture
def sheet() -> Path:
    return SAMPLE_PDF


def test_the_sample_is_a_valid_pdf_of_one_letter_page(run, sheet):
    done = run("pdfinfo", sheet)
    # What poppler has to repair it reports on stderr, and goes on.
    assert (done.returncode, done.stderr) == (0, "")
    facts = dict(line.split(":", 1) for line in done.stdout.splitlines())
    assert facts["Title"].strip() == "Shop drawing transmittal"
    assert facts["Pages"].strip() == "1"
    assert facts["Page size"].strip() == "612 x 792 pts (letter)"
    # All but this, which it repairs in silence.
    content = sheet.read_bytes()
    table = int(content.split(b"startxref\n")[1].split()[0])
    assert content[table:].startswith(b"xref\n")


def test_the_sample_renders_as_ink_on_white_paper(run, sheet, tmp_path):
    done = run("pdftoppm", "-gray", "-r", "72", "-singlefile", sheet, tmp_path / "page")
    assert (done.returncode, done.stderr) == (0, "")
    kind, size, _, pixels = (tmp_path / "page.pgm").read_bytes().split(b"\n", 3)
    assert (kind, size, len(pixels)) == (b"P5", b"612 792", 612 * 792)
    ink = sum(pixel < WHITE for pixel in pixels) / len(pixels)
    assert 0.005 < ink < 0.2


def test_the_words_of_the_sample_can_be_read_and_searched(run, sheet):
    done = run("pdftotext", "-layout", sheet, "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SHOP DRAWING TRANSMITTAL" in done.stdout
    assert "beam B-214, grid C/4 to C/5" in done.stdout
