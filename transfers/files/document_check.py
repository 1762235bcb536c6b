"""Warnings about a local document before reviewers get it: a PDF that they could not open, a file still being written.

A PDF is inspected by `pypdf` in a process of its own, which is killed after `INSPECTION_SECONDS`, beside the upload and
off the path of its bytes. What that process cannot find out in time is no warning: the file may be in order.
"""

import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ValidationError

from transfers.errors import FileWarning, StrictRefusal
from transfers.files.local_file import LocalFile
from transfers.files.names import extension_of
from transfers.files.pdf_inspector import MAX_PAGES

INSPECTION_SECONDS: Final = 10.0
"""Longest time of the process that inspects a PDF; before that the kernel ends it after 3 s of processor time."""

FRAME_BYTES: Final = 4096

_PROGRAM: Final = Path(__file__).with_name("pdf_inspector.py")

log = structlog.get_logger()


class PdfInspection(BaseModel):
    """Findings of `pdf_inspector`; `pages` is None where they could not be counted."""

    encrypted: Literal["password", "restricted"] | None
    damaged: bool
    pages: int | None


def document_warnings(file: LocalFile) -> list[FileWarning]:
    """Return what reviewers would stumble over in an open file; blocks, for `INSPECTION_SECONDS` at most."""
    found = []
    if file.is_open_for_writing:
        found.append(
            FileWarning("still_written", "Another program has this file open for writing; it may not be complete.")
        )
    if extension_of(file.name).lower() == ".pdf":
        inspection = inspect_pdf(file)
        found += pdf_warnings(inspection) if inspection is not None else []
    return found


def name_warnings(name: str, wished: str) -> list[FileWarning]:
    """Return what stands against the `name` that an attachment gets where its caller or file said `wished`."""
    found = []
    if not extension_of(name):
        found.append(FileWarning("no_extension", "The name has no extension, and Autodesk's viewer goes by it."))
    if name != unicodedata.normalize("NFC", wished):
        found.append(FileWarning("name_cleaned", "The name in ACC differs from the one that was given."))
    return found


SAME_NAME: Final = FileWarning(
    "same_name", "The submittal has another attachment with this name; both stay, for ACC keeps no versions of one."
)


def refuse_strictly(warnings: Sequence[FileWarning], given: str) -> None:
    """Refuse a file for the first of its warnings, as `SUBMITTAL_MCP_STRICT_FILES` asks for.

    Raises:
        StrictRefusal: There is a warning.
    """
    for warning in warnings:
        raise StrictRefusal(given, *warning)


def pdf_warnings(found: PdfInspection) -> list[FileWarning]:
    """Return the warnings that an inspection leads to."""
    if found.encrypted == "password":
        return [FileWarning("pdf_encrypted", "This PDF asks for a password; Autodesk's viewer cannot open it.")]
    warnings = []
    if found.encrypted == "restricted":
        warnings.append(
            FileWarning("pdf_encrypted", "This PDF is encrypted and restricted; reviewers may be unable to mark it up.")
        )
    if found.damaged:
        warnings.append(FileWarning("pdf_damaged", "This PDF is damaged, or is no PDF; viewers may not open it."))
    if found.pages is not None and found.pages > MAX_PAGES:
        warnings.append(
            FileWarning("pdf_too_long", f"This PDF has more than {MAX_PAGES:,} pages; Autodesk's viewer opens no such.")
        )
    return warnings


def inspect_pdf(file: LocalFile) -> PdfInspection | None:
    """Return what a process of its own finds in a PDF; None where it died at a limit or could not be started.

    Raises:
        FileProblem: The file became shorter or cannot be read.
    """
    if not has_frame(file):
        return PdfInspection(encrypted=None, damaged=True, pages=None)
    try:
        # -P: a module beside the program or in the working folder takes no package's place.
        answer = subprocess.run(  # noqa: S603 - our own program, by its whole path
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=file.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=INSPECTION_SECONDS,
            check=True,
        )
        return PdfInspection.model_validate_json(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValidationError) as reason:
        log.info("pdf_not_inspected", reason=type(reason).__name__)
        return None


def has_frame(file: LocalFile) -> bool:
    """Whether a file begins and ends as a PDF does; viewers look for either within `FRAME_BYTES`."""
    length = min(FRAME_BYTES, file.size)
    return b"%PDF-" in file.read(length, 0) and b"startxref" in file.read(length, file.size - length)
