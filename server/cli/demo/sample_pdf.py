"""A real one-page PDF to attach when a person has none at hand: a shop-drawing transmittal with a beam on it.

Written out by hand rather than by a library: a page of text and lines in a font that every viewer has needs none, and
a PDF library would weigh more than the rest of the program.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NAME: Final = "beam-shop-drawings.pdf"
"""What the sample is called in the sandbox's folder and in the demo."""

_WIDTH, _HEIGHT = 612, 792  # US Letter in points

_ROWS: Final = (
    ("Project", "Riverside Medical Center"),
    ("Submittal", "05 12 00-3  Structural steel beam shop drawings"),
    ("From", "Steel Subcontractor"),
    ("To", "Project Manager"),
    ("Contents", "1 sheet: beam B-214, grid C/4 to C/5, level 2"),
    ("Status", "For review"),
)


@dataclass(frozen=True)
class _Text:
    x: float
    y: float
    size: int
    words: str
    bold: bool = False

    def drawn(self) -> str:
        escaped = self.words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        return f"BT /{'B' if self.bold else 'R'} {self.size} Tf {self.x} {self.y} Td ({escaped}) Tj ET"


@dataclass(frozen=True)
class _Line:
    x1: float
    y1: float
    x2: float
    y2: float
    width: float = 0.75

    def drawn(self) -> str:
        return f"{self.width} w {self.x1} {self.y1} m {self.x2} {self.y2} l S"


def transmittal() -> bytes:
    """Return the PDF: the same bytes every time."""
    page = "\n".join(mark.drawn() for mark in [*_heading(), *_table(), *_beam()]).encode("latin-1")
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents 4 0 R "
            "/Resources << /Font << /R 5 0 R /B 6 0 R >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
            b"<< /Title (Shop drawing transmittal) /Producer (submittal-mcp) >>",
        ]
    )


def _heading() -> list[_Text | _Line]:
    return [
        _Text(54, 718, 22, "SHOP DRAWING TRANSMITTAL", bold=True),
        _Text(54, 698, 10, "A sample page made by submittal-mcp. Nothing on it is to be built."),
        _Line(54, 688, 558, 688, 1.5),
    ]


def _table() -> Iterable[_Text | _Line]:
    y = 664.0
    for name, value in _ROWS:
        yield _Text(60, y, 11, name, bold=True)
        yield _Text(150, y, 11, value)
        yield _Line(54, y - 8, 558, y - 8)
        y -= 24


def _beam() -> list[_Text | _Line]:
    """Draw a wide-flange beam in elevation between two columns, with its span, and in section."""
    top, bottom, left, right = 400.0, 340.0, 100.0, 430.0
    elevation: list[_Text | _Line] = [
        *(_Line(left, y, right, y, 1.5) for y in (top, top - 6, bottom + 6, bottom)),
        *(_Line(x, bottom - 40, x, top + 40, 3) for x in (left, right)),
        *(_Line(x, bottom - 90, x, bottom - 50) for x in (left, right)),
        _Line(left, bottom - 70, right, bottom - 70),
        _Text(238, bottom - 64, 10, "30'-0\""),
        _Text(left - 5, top + 48, 12, "C/4", bold=True),
        _Text(right - 5, top + 48, 12, "C/5", bold=True),
        _Text(206, top + 12, 11, "B-214  W18x50", bold=True),
    ]
    section: list[_Text | _Line] = [
        _Line(480, top, 530, top, 5),
        _Line(505, top, 505, bottom, 3),
        _Line(480, bottom, 530, bottom, 5),
        _Text(483, bottom - 18, 10, "Section"),
    ]
    return [*elevation, *section, _Text(54, 190, 9, "Shop bolts 3/4 in. dia. ASTM F3125 Gr. A325.")]


def _file(objects: list[bytes]) -> bytes:
    """Number the objects (the last one is the information dictionary) and write the table that says where each is."""
    written = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"<< /Size %d /Root 1 0 R /Info %d 0 R >>" % (len(objects) + 1, len(objects))
    return bytes(written + b"trailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (trailer, table))
