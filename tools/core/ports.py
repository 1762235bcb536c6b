"""Ports: how a tool reaches its caller and the user. Servers and commands implement them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tools.core.text_sanitizer import clean

ProgressCallback = Callable[[float, float | None, str], Awaitable[None]]
"""(done, total or None, a word on what is being done) -> sent to the client, if it asked for progress."""

LONGEST: Final = 200
"""Characters of one line that a person is shown; more would push the others off a small window."""


class ConsentQuestion(Protocol):
    """Question of consent: a dataclass whose members are all facts that the user agrees to."""

    @property
    def text(self) -> str:
        """The question, a line for each fact; no name from elsewhere can add a line of its own."""


MOST_LINES: Final = 30
"""Files that one question names; who plans more reads them in the plan."""


@dataclass(frozen=True)
class ConsentSummary:
    """Summary of a file that the user agrees to: name and size of the file, and where it becomes visible.

    `size_bytes` and `sha256` are None where this server has not seen the bytes; `origin` says where they are.
    `project` and `submittal` are names as people know them, `place` the ids that they stand for.
    """

    name: str
    size_bytes: int | None
    sha256: str | None
    origin: str
    project: str
    submittal: str
    place: tuple[str, ...]

    @property
    def text(self) -> str:
        """The question, a line for each fact; no name from elsewhere can add a line of its own."""
        size = f"{self.size_bytes:,} bytes" if self.size_bytes is not None else f"not known ({self.origin})"
        facts = {
            "File": self.name,
            "Size": size,
            "SHA-256": self.sha256 or f"not known ({self.origin})",
            "Project": self.project,
            "Submittal": self.submittal,
        }
        return question("Make this file visible in Autodesk Construction Cloud?", facts)


@dataclass(frozen=True)
class MoveSummary:
    """Summary of a move that the user agrees to, in names as people know them; what is None does not belong to it.

    `place` are the ids that they stand for.
    """

    move: str
    response: str | None
    comment: str | None
    due_date: str | None
    then_with: str | None
    copies: str | None
    project: str
    submittal: str
    place: tuple[str, ...]

    @property
    def text(self) -> str:
        """The question, a line for each fact; no name from elsewhere can add a line of its own."""
        facts = {
            "Move": self.move,
            "Response": self.response,
            "Comment": self.comment,
            "Due": self.due_date,
            "Then with": self.then_with,
            "Files taken along": self.copies,
            "Project": self.project,
            "Submittal": self.submittal,
        }
        return question("Move this submittal on in Autodesk Construction Cloud?", facts)


@dataclass(frozen=True)
class ManyFilesSummary:
    """Summary of a run of many files: a line for each, with the submittal in which it becomes visible.

    `place` are the ids and digests of all that the lines rest on.
    """

    project: str
    lines: tuple[str, ...]
    place: tuple[str, ...]

    @property
    def text(self) -> str:
        """The question, a line for each file up to a number of them; no name can add a line of its own."""
        shown = [f"- {_one_line(line)}" for line in self.lines[:MOST_LINES]]
        more = len(self.lines) - len(shown)
        asked = f"Make these {len(self.lines)} files visible in Autodesk Construction Cloud?"
        beyond = [f"\u2026 and {more} more"] if more else []
        return "\n".join([asked, f"Project: {_one_line(self.project)}", *shown, *beyond])


class ConsentPrompt(Protocol):
    """Asks the user behind a call for consent."""

    async def ask(self, summary: ConsentQuestion, person_id: str) -> bool:
        """Show the user, who is `person_id` at Autodesk, a summary, and return whether they agree.

        Raises:
            ConfirmationRequired: There is no way to ask them.
        """


class SignInPage(Protocol):
    """Sign-in link for the user, without secrets, and where and for how long it can be opened."""

    where: str
    """Words that go on after "Show the person this link"."""

    async def link(self, signed_in: Callable[[], Awaitable[None]] | None = None) -> str:
        """Return the link of a new or pending sign-in; `signed_in` is called after success."""

    async def wait(self, seconds: float, *, opened_only: bool = False) -> bool:
        """Wait up to `seconds` for the pending sign-in, and return whether it succeeded.

        With `opened_only`, only if the link was opened, so that a user is at Autodesk's page now.
        """


@dataclass(frozen=True)
class DownloadSummary:
    """Summary of a large download that the user agrees to; `ids` are those of the attachments."""

    files: int
    size_bytes: int
    folder: str
    project: str
    submittal: str
    ids: tuple[str, ...]

    @property
    def text(self) -> str:
        """The question, a line for each fact; no name from elsewhere can add a line of its own."""
        facts = {
            "Files": str(self.files),
            "Size": f"{self.size_bytes:,} bytes",
            "Folder": self.folder,
            "Project": self.project,
            "Submittal": self.submittal,
        }
        return question("Download these files to this machine?", facts)


def question(text: str, facts: Mapping[str, str | None]) -> str:
    """Return a question with a line for each fact that there is."""
    return "\n".join([text, *(f"{name}: {_one_line(value)}" for name, value in facts.items() if value is not None)])


def _one_line(text: str) -> str:
    return " ".join(clean(text, LONGEST).split())
