"""Faults: a planned misbehaviour of one operation, and its effects.

A fault names an operation and which of its calls, counted from the moment the fault was added, it strikes. Its effect
is one of

    Refuse              answers with a status instead of handling the request
    Reset               cuts the connection before anything is handled
    ResetAfter          cuts it after so many bytes of the request's body
    LoseAnswer          handles the request, commits, and cuts the connection instead of answering
    Stall               reads nothing and answers nothing until it is released
    Slow                lets so many bytes a second through, either way
    Expire              judges the token, code or signed URL of the request as if its time were over

They are pydantic dataclasses: made in Python or read from a plan, the same values are refused, with
`pydantic.ValidationError` (a `ValueError`).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_CONFIG: Final = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
_Count = Annotated[int, Field(strict=True, ge=1)]
_Bytes = Annotated[int, Field(strict=True, ge=0)]
_HeaderText = Annotated[str, Field(strict=True, pattern=r"^[ -~]*$")]


@dataclass(frozen=True, config=_CONFIG)
class Refuse:
    """Answer with this instead. A `str` body is sent as it is, anything else as JSON; None is an empty body."""

    status: Annotated[int, Field(strict=True, ge=200, le=599)]
    body: Any = None
    headers: Mapping[_HeaderText, _HeaderText] = field(default_factory=dict)


@dataclass(frozen=True, config=_CONFIG)
class Reset:
    """Cut the connection as soon as the headers are there."""


@dataclass(frozen=True, config=_CONFIG)
class ResetAfter:
    """Cut the connection once `size` bytes of the request's body have arrived."""

    size: _Bytes


@dataclass(frozen=True, config=_CONFIG)
class LoseAnswer:
    """Make the change, and cut the connection instead of answering."""


@dataclass(frozen=True, config=_CONFIG)
class Stall:
    """Stop reading after `size` bytes of the body, and go on normally when `FaultPlan.release` is called."""

    size: _Bytes = 0


@dataclass(frozen=True, config=_CONFIG)
class Slow:
    """Let the bodies of request and answer through at this rate, by the machine's clock."""

    bytes_per_second: _Count


@dataclass(frozen=True, config=_CONFIG)
class Expire:
    """Handle the request as if its token, code or signed URL had just expired."""


Effect = Refuse | Reset | ResetAfter | LoseAnswer | Stall | Slow | Expire
EFFECTS: Final[Mapping[str, type[Effect]]] = {
    "refuse": Refuse,
    "reset": Reset,
    "reset_after": ResetAfter,
    "lose_answer": LoseAnswer,
    "stall": Stall,
    "slow": Slow,
    "expire": Expire,
}
"""The effects by their names in plans."""


@dataclass(config=_CONFIG)
class Fault:
    """One planned fault: `Fault("attachments.create", LoseAnswer())`.

    `operation` is a name from the request log, or `*`. `nth` is the first call that is struck (1 = the next one), and
    `times` how many in a row; None means every one from there on.
    """

    operation: str
    effect: Effect
    nth: _Count = 1
    times: _Count | None = 1
    reached: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    """Set when the fault strikes, so that a test can wait for a stall."""
    seen: int = 0

    def strikes(self, operation: str) -> bool:
        """Count a call of `operation`, and return whether it is struck."""
        # Pages are not struck, so that a person can look at what went wrong.
        if operation.startswith("page.") or self.operation not in ("*", operation):
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.times is None or self.seen < self.nth + self.times)
