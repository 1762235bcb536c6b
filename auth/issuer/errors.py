"""Failures of the authorization server.

::

    IssuerError
    ├── OAuthError          a client did something wrong; answered as RFC 6749 section 5.2 or 4.1.2.1
    ├── PageError           a browser cannot go on; answered as a page, never as a redirect
    ├── InvalidClientDocument   a client id metadata document cannot be used
    └── NotAdmitted         the settings do not let this person in
"""

from dataclasses import dataclass


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


class InvalidClientDocument(IssuerError):
    """The document behind a client id cannot be fetched or used; the text says why."""


class NotAdmitted(IssuerError):
    """The settings of this server do not let a person in; the text says why, for the audit log alone."""
