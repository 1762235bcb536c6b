"""Warnings about a document: what an inspection of a PDF finds, and that a hostile one does no harm."""

import io
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfWriter

from transfers.files.allowed_folders import AllowedFolders
from transfers.files.document_check import document_warnings, name_warnings
from transfers.files.local_file import FilePolicy, LocalFile
from transfers.files.pdf_inspector import MAX_PAGES, inspect


def pdf(pages: int = 1, password: str | None = None) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(10, 10)
    if password is not None:
        writer.encrypt(password, "the owner's", algorithm="AES-256")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def raw(*objects: str, stream: bytes = b"") -> bytes:
    """A PDF of numbered objects, the first of them its catalog; `stream` is the body of the last."""
    out, places = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        body = text.encode() + (b"\nstream\n" + stream + b"\nendstream" if stream and number == len(objects) else b"")
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + head + table + tail


CATALOG = "<</Type /Catalog /Pages 2 0 R>>"
PAGE = "<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>>"


def codes_of_open(folder: Path, name: str) -> list[str]:
    with LocalFile.open(name, AllowedFolders([folder]), FilePolicy(frozenset(), 10**9)) as file:
        return [warning.code for warning in document_warnings(file)]


def codes(folder: Path, name: str, content: bytes) -> list[str]:
    (folder / name).write_bytes(content)
    return codes_of_open(folder, name)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (pdf, []),
        (lambda: pdf(password="secret"), ["pdf_encrypted"]),
        (lambda: pdf(password=""), ["pdf_encrypted"]),
        (lambda: pdf()[:200], ["pdf_damaged"]),
        (lambda: b"no PDF at all", ["pdf_damaged"]),
        (lambda: raw(CATALOG, "<</Type /Pages /Kids [] /Count 3>>"), ["pdf_damaged"]),
        (lambda: pdf(MAX_PAGES + 1), ["pdf_too_long"]),
    ],
    ids=["sound", "password", "restricted", "cut", "no PDF", "no pages", "too many pages"],
)
def test_a_pdf_that_reviewers_could_not_open_is_a_warning(tmp_path: Path, make: Callable[[], bytes], found: list[str]):
    assert codes(tmp_path, "beam.PDF", make()) == found


def test_only_a_pdf_is_inspected(tmp_path: Path):
    assert codes(tmp_path, "beam.dwg", b"no PDF at all") == []


@pytest.mark.parametrize("claimed", [0, 1, 10**9, -5])
def test_pages_are_counted_whatever_a_pdf_states(claimed: int):
    few = raw(CATALOG, f"<</Type /Pages /Kids [3 0 R] /Count {claimed}>>", PAGE)
    assert inspect(io.BytesIO(few)) == {"encrypted": None, "damaged": False, "pages": 1}
    kids = " ".join(f"{number} 0 R" for number in range(3, 3 + MAX_PAGES + 50))
    many = raw(CATALOG, f"<</Type /Pages /Kids [{kids}] /Count {claimed}>>", *[PAGE] * (MAX_PAGES + 50))
    assert inspect(io.BytesIO(many))["pages"] == MAX_PAGES + 1


def test_a_page_tree_that_loops_ends():
    loop = raw(CATALOG, "<</Type /Pages /Kids [2 0 R 3 0 R 2 0 R] /Count 2>>", PAGE)
    assert inspect(io.BytesIO(loop))["pages"] == 1


def test_a_pdf_of_a_hundred_thousand_objects_is_inspected():
    many = raw(CATALOG, "<</Type /Pages /Kids [3 0 R] /Count 1>>", PAGE, *["<</A (b)>>"] * 100_000)
    assert inspect(io.BytesIO(many))["pages"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel limits a process's memory on Linux")
def test_a_bomb_ends_its_own_process_and_is_no_warning(tmp_path: Path):
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(b"\0" * 2**20) for _ in range(600)) + packer.flush()
    objects = f"<</Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length {len(bomb)}>>"
    head = raw(CATALOG, "<</Type /Pages /Kids [9 0 R] /Count 1>>", objects, stream=bomb)
    assert set(codes(tmp_path, "bomb.pdf", head)) <= {"pdf_damaged"}


def test_deep_nesting_ends_its_own_process_at_most(tmp_path: Path):
    deep = raw(CATALOG, "<</Type /Pages /Count 1 /Kids " + "[" * 200_000 + "]" * 200_000 + ">>")
    assert set(codes(tmp_path, "deep.pdf", deep)) <= {"pdf_damaged"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of writers")
def test_a_file_that_another_program_still_writes_is_a_warning(tmp_path: Path):
    with (tmp_path / "beam.dwg").open("wb") as writer:
        writer.write(b"so far")
        writer.flush()
        assert codes_of_open(tmp_path, "beam.dwg") == ["still_written"]
    assert codes_of_open(tmp_path, "beam.dwg") == []


@pytest.mark.parametrize(
    ("name", "wished", "found"),
    [
        ("beam.pdf", "beam.pdf", []),
        ("caf\u00e9.pdf", "cafe\u0301.pdf", []),
        ("beam", "beam", ["no_extension"]),
        ("beam.pdf", "beam", ["name_cleaned"]),
    ],
)
def test_a_name_without_extension_or_another_than_given_is_a_warning(name: str, wished: str, found: list[str]):
    assert [warning.code for warning in name_warnings(name, wished)] == found
