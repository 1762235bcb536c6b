"""Failures of the authorization server.

::

    IssuerError
    ├── OAuthError          a client did something wrong; answered as RFC 6749 section 5.2 or 4.1.2.1
    ├── PageError           a browser cannot go on; answered as a page, never as a redirect
    ├── TooManyRequests     a limit is reached; answered 429, with the time to wait
    ├── InvalidClientDocument   a client id metadata document cannot be used
    └── NotAdmitted         the settings do not let this person in
"""

import math
from dataclasses import dataclass

from pydantic import ValidationError


class IssuerError(Exception):
    """Base of everything that the authorization server raises on purpose."""


@dataclass(eq=False)
class OAuthError(IssuerError):
    """An error for a client: a code of OAuth, and a sentence of ours that quotes nothing secret."""

    error: str
    description: str
    status: int = 400

    def __str__(self) -> str:
        return f"{self.error}: {self.description}"


@dataclass(eq=False)
class PageError(IssuerError):
    """An error for a person: a heading, sentences that say what to do, and the address and words of a link."""

    status: int
    title: str
    sentences: tuple[str, ...] = ()
    link: tuple[str, str] | None = None

    def __str__(self) -> str:
        return self.title


@dataclass(eq=False)
class TooManyRequests(IssuerError):
    """A limit is reached for `wait` seconds more."""

    wait: float

    @property
    def seconds(self) -> int:
        """Whole seconds to wait, for `Retry-After`."""
        return max(1, math.ceil(self.wait))

    @property
    def spelt(self) -> str:
        """The seconds in words."""
        return "1 second" if self.seconds == 1 else f"{self.seconds} seconds"

    def __str__(self) -> str:
        return f"too many requests; the next one is taken in {self.spelt}"


def first_problem(error: ValidationError) -> str:
    """Return where what a client or an administrator wrote is wrong first, and what is expected; nothing of it."""
    detail = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return ": ".join(filter(None, (".".join(map(str, detail["loc"])), detail["msg"])))


class InvalidClientDocument(IssuerError):
    """The document behind a client id cannot be fetched or used; the text says why."""


class NotAdmitted(IssuerError):
    """The settings of this server do not let a person in; the text says why, for the audit log alone."""
