"""OAuth scopes of the team server, their hierarchy, and what a client may be granted."""

from collections.abc import Collection, Iterable
from typing import Final

READ: Final = "submittals:read"
ATTACH: Final = "submittals:attach"
MOVE: Final = "submittals:move"

DESCRIPTIONS: Final = {
    READ: "See the projects, submittals and attachments that you can see, and download them.",
    ATTACH: "Attach files to submittals in your name.",
    MOVE: "Submit, review, return, close and reopen submittals in your name.",
}
"""Every scope in the order in which people are shown them, with what it lets a client do."""

DEFAULT: Final = (READ, ATTACH)
"""The scopes of the first challenge, and of a client that names none."""


def offered_scopes(*, read_only: bool) -> tuple[str, ...]:
    """Return the scopes that the server grants at all; a read-only server grants reading alone."""
    return (READ,) if read_only else tuple(DESCRIPTIONS)


def requested_scopes(text: str, offered: Collection[str]) -> tuple[str, ...]:
    """Return what a `scope` parameter asks for, in our order.

    Unknown scopes, such as `offline_access`, are left out: RFC 6749 section 3.3 lets a server narrow a request. Without
    a known one the default scopes are meant, and reading always belongs to it.
    """
    known = set(text.split()) & set(offered) or set(DEFAULT) & set(offered)
    return in_order(known | {READ})


def implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes with what they imply: attaching and moving both include reading."""
    held = frozenset(scopes)
    return held | {READ} if held & {ATTACH, MOVE} else held


def in_order(scopes: Collection[str]) -> tuple[str, ...]:
    """Return known scopes in the order in which people are shown them."""
    return tuple(scope for scope in DESCRIPTIONS if scope in scopes)
