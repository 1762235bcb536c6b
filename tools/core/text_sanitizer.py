"""Makes text that came from ACC safe to hand to a model: data, never an instruction, never invisible.

Control, zero-width, bidirectional, tag and private-use characters go, as do variation selectors and long runs of
combining marks; line ends and tabs become a blank, and what is left is capped.
"""

from collections.abc import Callable
from typing import Any, Final

from transfers.files.pasted_text import INVISIBLE, MOVES_ON, few_marks, plain_line

MAX_TEXT: Final = 1000
"""Characters of one text that came from elsewhere."""

_READ_CHARACTERS: Final = 20 * MAX_TEXT
"""Characters of a text that are looked at: one of 30 MB would take a minute."""

MAX_LEVELS: Final = 32
"""Levels of one JSON value that came from elsewhere; some clients read no message that is much deeper."""


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` on one line, without what a reader cannot see, at most `limit` characters long."""
    start = text[: max(limit, _READ_CHARACTERS)]
    shown = plain_line(start)
    return shown if len(shown) <= limit and len(start) == len(text) else shown[: limit - 1] + "…"


def visible(text: str) -> str:
    """Return a line for a terminal, with what a reader cannot see written out; a moved cursor would rewrite others."""
    on_one_line = MOVES_ON.sub(lambda found: _escaped(found[0]), text)
    return few_marks(escape_invisible(on_one_line, _escaped), _escaped)


def escape_invisible(text: str, escape: Callable[[str], str]) -> str:
    """Return a text with each character that a reader cannot see escaped, but for the line ends between its lines."""
    return INVISIBLE.sub(lambda found: escape(found[0]), text)


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode()


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
