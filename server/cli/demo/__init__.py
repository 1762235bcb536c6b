"""`submittal-mcp demo`: one attachment from question to ready, in a sandbox."""

from pathlib import Path
from typing import Final

SAMPLE_PDF: Final = Path(__file__).with_name("beam-shop-drawings.pdf")
"""A one-page shop-drawing transmittal, attached where a person has no file at hand."""
