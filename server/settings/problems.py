"""Problems of settings: what is wrong with environment variables, a sentence each that says what to write instead.

No sentence repeats a secret.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from server.settings.types import too_wide, unusable_text

_OURS: Final = "SUBMITTAL_MCP_"

_LIMITS: Final = frozenset(
    f"{_OURS}{name}"
    for name in (
        *("FILE_TYPES", "MAX_FILE_BYTES", "STRICT_FILES", "READ_ONLY", "PROJECTS", "CONFIRM"),
        *("TEAM_DOMAINS", "TEAM_PEOPLE", "TEAM_ACCOUNTS", "TEAM_REGISTRATION"),
    )
)
"""Settings that restrict: an empty value would mean no limit at all."""


class SettingsError(Exception):
    """The settings cannot be used.

    `problems` has one line for each: the variable, what is wrong, and what to write instead. No secret is in it.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def refused_values(environment: Mapping[str, str], variables: Collection[str]) -> tuple[str, ...]:
    """Return variables with an implausible value: an empty limit, quotes, a placeholder, invisible characters.

    No value is repeated, since it may be a secret.
    """
    problems = []
    for variable in variables:
        value = environment.get(variable)
        if value is None:
            continue
        if not value.strip() and variable in _LIMITS:
            problems.append(
                f"{variable}: it is empty, which may be meant as a limit or as none; remove the variable for none"
            )
        elif value and (problem := unusable_text(value)):
            problems.append(f"{variable}: {problem}")
    return tuple(problems)


def unknown_variables(environment: Mapping[str, str], variables: Collection[str]) -> tuple[str, ...]:
    """Return variables with our prefix that no setting has, each with the nearest that one has."""
    known = [variable for variable in variables if variable.startswith(_OURS)]
    problems = []
    for name, value in sorted(environment.items()):
        if value and name.upper().startswith(_OURS) and name not in known:
            [nearest] = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)
            problems.append(
                f"{name}: this version has no such setting; did you mean {nearest}? It knows {', '.join(known)}"
            )
    return tuple(problems)


def wide_folders(folders: Iterable[Path]) -> tuple[str, ...]:
    """Return folders that hold more than a person means to open: the disk, the home folder."""
    return tuple(
        f"SUBMITTAL_MCP_FOLDERS: {problem}, or start with --allow-wide-folder if that is what you want"
        for folder in folders
        if (problem := too_wide(folder))
    )


def format_errors(error: ValidationError, fields: Mapping[str, FieldInfo]) -> tuple[str, ...]:
    """Return pydantic's errors as sentences that name the variable and, where its form is wrong, show an example."""
    examples = {str(field.validation_alias): field.examples for field in fields.values()}
    sentences = []
    for detail in error.errors(include_url=False, include_input=False):
        place = str(detail["loc"][0])
        variable = (
            str(fields[place].validation_alias) if place in fields else place
        )  # what a flag gave stands under the field's own name
        what = detail["msg"].removeprefix("Value error, ")
        example = (examples.get(variable) or [None])[0]
        hint = f"; write for example {variable}={example}" if example and detail["type"] != "value_error" else ""
        sentences.append(f"{variable}: {what[:1].lower()}{what[1:]}{hint}")
    return tuple(sentences)
