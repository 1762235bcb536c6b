"""Constants that several tests share."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FACTS: Final = ROOT / "tests" / "facts"

NOWHERE: Final = "00000000-0000-4000-8000-000000000000"
"""A well-formed id that names nothing."""

STEEL_BEAMS: Final = {"project": "Riverside Medical Center", "submittal": "051200-3"}
"""Arguments of most calls: the submittal "Structural steel beam shop drawings" of the sandbox's seed."""
