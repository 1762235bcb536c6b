"""Makes text that came from ACC safe to hand to a model: data, never an instruction, never invisible.

Control, zero-width, bidirectional, tag and private-use characters go, as do variation selectors and long runs of
combining marks; line ends and tabs become a blank, and what is left is capped.
"""

import re
import unicodedata
from typing import Any, Final

MAX_TEXT: Final = 1000
"""Characters of one text that came from elsewhere."""

MAX_MARKS: Final = 4
"""Combining marks on one letter; Vietnamese, Hebrew and Thai need three."""

MAX_LEVELS: Final = 32
"""Levels of one JSON value that came from elsewhere; some clients read no message that is much deeper."""

_INVISIBLE: Final = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls, but for those that move on, which become a blank
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers, Mongolian selectors
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, bidirectional marks, overrides and isolates
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # formats, tags, more selectors
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: what a reader sees there, nobody knows
    "]"
)
_MOVES_ON: Final = re.compile("[\t-\r]+")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` on one line, without what a reader cannot see, at most `limit` characters long."""
    visible = _few_marks(_MOVES_ON.sub(" ", _INVISIBLE.sub("", text)))
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


def visible(text: str) -> str:
    """Return a line for a terminal, with what a reader cannot see written out; a moved cursor would rewrite others."""
    return _INVISIBLE.sub(_escaped, _MOVES_ON.sub(_escaped, text))


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()


def _few_marks(text: str) -> str:
    """Return `text` with no more combining marks in a row than a letter has: piled up, they cover the lines around."""
    if text.isascii():
        return text
    kept, run = [], 0
    for letter in text:
        run = run + 1 if unicodedata.category(letter)[0] == "M" else 0
        if run <= MAX_MARKS:
            kept.append(letter)
    return "".join(kept)


def clean_json(value: Any, levels: int = MAX_LEVELS) -> Any:
    """Return a JSON value with every text in it, names of members included, cleaned; null for what lies too deep."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict | list) and not levels:
        return None
    if isinstance(value, dict):
        return {clean(str(name)): clean_json(one, levels - 1) for name, one in value.items()}
    if isinstance(value, list):
        return [clean_json(one, levels - 1) for one in value]
    return value
