"""Cutting secrets out of what a service says: it may quote a request back, token and signature included."""

import re

MAX_MESSAGE_CHARACTERS = 500
"""How much of what a service said is kept."""

_URL_QUERY = re.compile(r"(?i)(\bhttps?://[^\s?\"'<>]*\?)[^\s\"'<>]*")
_TOKEN = re.compile(r"(?i)\bbearer\s+\S+|\beyJ[\w-]{8,}(\.[\w-]*)*|\bX-Amz-[\w-]+=\S+")


def clean(text: str) -> str:
    """The text without the queries of URLs, signatures and tokens, and not too long."""
    # Cut first, so that a huge body costs nothing; cut again, for what is put in its place can be longer.
    text = text.strip()[: 4 * MAX_MESSAGE_CHARACTERS]
    return _TOKEN.sub("[cut]", _URL_QUERY.sub(r"\1[cut]", text))[:MAX_MESSAGE_CHARACTERS]
