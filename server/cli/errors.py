"""Loads settings for a command, and turns expected errors into a message and an exit code."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from server.cli.output import say

if TYPE_CHECKING:
    from server.settings.model import Settings
    from tools.core.results import Candidate

FAILED: Final = 1
USAGE: Final = 2


class CommandError(Exception):  # it names what was found
    """A command cannot run with these settings; the text says why and how to fix it."""


def fail(error: Exception, exit_code: int = USAGE) -> NoReturn:
    """Print the error, a line for each of its problems, and exit."""
    for problem in getattr(error, "problems", (str(error),)):
        say(f"submittal-mcp: {problem}", err=True)
    raise typer.Exit(exit_code) from error


def require_sandbox() -> None:
    """Exit with a message where acc_sandbox is not installed."""
    from importlib.util import find_spec

    if find_spec("acc_sandbox") is None:
        fail(CommandError("the sandbox is not installed here; install it with: pip install acc-sandbox"))


@contextmanager
def command_context(
    *, allow_base_url: bool, allow_wide_folder: bool = False, **overrides: object
) -> "Iterator[Settings]":
    """Yield the settings to a command, and turn expected errors into a message and an exit code.

    A command that reads no files for ACC does not care how wide the allowed folders are.
    """
    from server import logging as logs
    from server.settings.model import Settings
    from server.settings.problems import SettingsError
    from server.settings.remembered import with_remembered_app

    try:
        settings = with_remembered_app(
            Settings.load(allow_base_url=allow_base_url, allow_wide_folder=allow_wide_folder, **overrides)
        )
    except SettingsError as error:
        fail(error)
    # What a command does, it says itself; the log adds what goes wrong.
    logs.configure(settings.log_level_or("warning"), settings.log_format, secrets=settings.secrets)
    try:
        yield settings
    except _expected_errors() as error:
        fail(CommandError(error_text(error)), FAILED)


def _expected_errors() -> tuple[type[Exception], ...]:
    from acc.errors import AccError
    from auth.errors import AuthError
    from persistence.errors import StorageProblem
    from tools.errors.exceptions import ToolError
    from transfers.errors import TransferError

    return AccError, AuthError, StorageProblem, ToolError, TransferError, CommandError


def error_text(error: Exception) -> str:
    """Return an error as a person at a shell reads it: what is wrong, what helps, and what could be meant."""
    from auth.errors import AuthError
    from persistence.errors import StorageProblem
    from tools.errors.description import describe_error

    # These are written for this reader, with the person, path and remedy of the case.
    explained = None if isinstance(error, AuthError | StorageProblem) else describe_error(error)
    if explained is None:
        return str(error)
    return with_candidates(f"{explained.row.message} {explained.row.shell_hint}", explained.candidates)


def with_candidates(text: str, candidates: "Sequence[Candidate]") -> str:
    """Return `text` with what an argument could mean: ids, numbers and names."""
    named = [" ".join(dict.fromkeys(filter(None, (one.id, one.number, one.title or one.name)))) for one in candidates]
    return f"{text} Candidates: {'; '.join(named)}." if named else text
