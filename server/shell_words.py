"""What helps a person at a shell, where an agent is given a hint: they make no tool calls and name no arguments."""

import re
from typing import Final

from tools.codes import Code

_REMEDIES: Final[dict[Code, str]] = {
    "submittal_not_found": "Check its number or title; drafts are shown to managers only.",
    "project_not_found": "Check its name; the person must be a member of it with access to Submittals.",
    "project_not_supported": "Use an ACC (Forma) project.",
    "ambiguous_reference": "Write the id of one of the candidates.",
    "invalid_category": "Write one of the candidates as the category, or none.",
    "invalid_name": "Write another name.",
    "file_not_found": "Check the path; in a manifest it is absolute, or relative to the manifest.",
    "rate_limited": "Run the same command again in a minute.",
}

_CALL: Final = re.compile(
    r"\b(?:Call (?:\w+ )?again"
    r"|Call add_submittal_attachment (?:with the file anew|with the file|as before)"
    r"|Repeat the add_submittal_attachment call that began it)\b"
)
_WORDS: Final = {"file_path": "path", "task_id": "task"}


def for_a_shell(code: Code, hint: str) -> str:
    """Return what a person at a shell is told of a failure of that `code`, for which an agent is given `hint`."""
    if code in _REMEDIES:
        return _REMEDIES[code]
    told = _CALL.sub("Run the same command again", hint)
    for argument, word in _WORDS.items():
        told = told.replace(argument, word)
    return told
