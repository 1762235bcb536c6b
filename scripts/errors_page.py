"""The page of error codes, made from the catalogue of errors and from answers that a test collected.

`python -m scripts.errors_page` writes `docs/errors.md`; with `--check` it says whether the page is current.
"""

import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tools.errors.catalog import ROWS
from tools.errors.codes import CODES, Code
from tools.errors.exceptions import ToolError

MEANINGS: Final[dict[Code, str]] = {
    "invalid_arguments": "The call does not say what to do: an argument is missing, unknown, or of the wrong kind.",
    "not_signed_in": "No user is signed in to Autodesk on this server.",
    "reauthorization_required": "A user was signed in, and Autodesk no longer accepts the sign-in.",
    "app_not_provisioned": "The person is signed in, but the APS app lacks the API, or their Autodesk account has not "
    "admitted it.",
    "permission_denied": "ACC does not let this person do this to this submittal now.",
    "project_not_found": "There is no project of that name or id that this person can see.",
    "project_not_allowed": "The server's settings exclude this project.",
    "project_not_supported": "The project is of a kind whose submittals Autodesk's API does not serve.",
    "submittal_not_found": "There is no submittal of that number, title or id that this person can see.",
    "ambiguous_reference": "What the caller named could be several things; nothing is guessed.",
    "submittal_closed": "The submittal takes no attachment any more.",
    "task_required": "An attachment in review, or an answer, belongs to a review task, and it is not clear to which.",
    "invalid_category": "ACC does not take this category in the submittal's present state.",
    "invalid_name": "ACC would not take the attachment's name.",
    "file_not_found": "There is no such file on the server's machine, or no such version in the project's Files tool.",
    "file_not_allowed": "The server may not read this file.",
    "file_type_not_allowed": "The server's settings allow other types of files only.",
    "file_empty": "The file has no bytes.",
    "file_too_large": "The file is larger than the server may send.",
    "file_changed": "The file became another one while it was being sent; nothing of it was completed.",
    "attachment_not_found": "The submittal has no attachment of that id.",
    "upload_incomplete": "There is no evidence that the bytes of this attachment have arrived in storage.",
    "upload_expired": "Storage has discarded what was sent of this attachment.",
    "confirmation_required": "A person has to agree first, and cannot be asked here.",
    "confirmation_declined": "A person was asked whether this may be done, and said no.",
    "processing_failed": "The bytes have arrived, and ACC could not make a version of them.",
    "idempotency_conflict": "The caller's own key stands for another attachment already.",
    "rate_limited": "Autodesk counts requests, and there were too many in a minute.",
    "upstream_unavailable": "Autodesk, or what stands between, failed or could not be reached.",
    "upstream_rejected": "Autodesk would not carry out the request, or answered what cannot be read.",
    "storage_unavailable": "Object storage, or the server's own database, could not be used.",
    "read_only": "The server's settings forbid every change.",
    "transition_not_permitted": "The submittal cannot go there from where it is, or not by this person.",
    "download_not_allowed": "There is no folder to download to, or it cannot be used.",
    "person_not_found": "Neither the submittal nor the project has a person, company or role of that name.",
}

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "errors.md"
EXAMPLES: Final = ROOT / "tests" / "tools" / "errors" / "error_examples.json"

_HEAD: Final = """\
# Error codes

A call that fails answers with `isError` and one JSON object: `error` says what is wrong, `next_steps` lists the calls
that help. `message` and `hint` are fixed sentences of ours with typed slots; what Autodesk said goes to the log.
`retryable` is true where the same call can succeed later, `retry_after_seconds` says how much later where that is
known, `failed_step` at which step a job ended, `http_status` what Autodesk answered, and `candidates` what an ambiguous
argument could mean. Where only a person can help, the hint says what they do, and no step repeats what cannot succeed.

A user at a shell (`attach`, `doctor`) reads the same with a hint of its own, which names commands instead of tools.

The list is closed. This page is made by `scripts/tables` from the catalogue of errors and from answers of a test; its
examples are broken into lines, and members that are null, false or empty are left out.
"""


def page(examples: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page; `examples` are failed calls by code: `tool`, and the `answer` as the agent sees it."""
    return _HEAD + "".join(f"\n{_section(code, examples.get(code))}" for code in CODES)


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` say whether it is current, and return the exit code."""
    current = page(json.loads(EXAMPLES.read_text(encoding="utf-8")))
    if "--check" in arguments:
        if PAGE.read_text(encoding="utf-8") == current:
            return 0
        sys.stderr.write("docs/errors.md is not current: run scripts/tables\n")
        return 1
    PAGE.write_text(current, encoding="utf-8", newline="\n")
    return 0


def _section(code: Code, example: Mapping[str, Any] | None) -> str:
    below = [(kind, row) for (kind, _), row in ROWS.items() if row.code == code]
    kinds = [kind for kind in _everything_below(ToolError) if kind.code == code] + [kind for kind, _ in below]
    hints = [_readable(row.agent_hint) for _, row in below]
    if example is not None:
        hints.insert(0, example["answer"]["error"]["hint"])
    parts = [f"## `{code}`", MEANINGS[code]]
    parts += [_bullets("Cause", [_meaning(kind) for kind in kinds]), _bullets("Remedy", hints)]
    parts.append(_bullets("Remedy at a shell", [_readable(row.shell_hint) for _, row in below]))
    if example is not None:
        shown = json.dumps(_filled(example["answer"]), ensure_ascii=False, indent=2)
        parts.append(f"**Example**, of `{example['tool']}`:\n\n```json\n{shown}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def _bullets(title: str, lines: Sequence[str]) -> str:
    unique = list(dict.fromkeys(lines))
    return f"**{title}**\n\n" + "\n".join(f"- {line}" for line in unique) if unique else ""


def _meaning(kind: type[Exception]) -> str:
    """Return the first paragraph of what a class says of itself, in one line."""
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


def _everything_below(base: type[ToolError]) -> Iterator[type[ToolError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _everything_below(kind)


def _filled(value: Any) -> Any:
    """Leave out what says nothing."""
    if isinstance(value, dict):
        return {name: _filled(one) for name, one in value.items() if one not in (None, [], False)}
    return [_filled(one) for one in value] if isinstance(value, list) else value


def _readable(hint: str) -> str:
    """Return a hint with its slots named, but for what is left out where there is nothing to say."""
    return hint.replace("{tool}", "the tool").replace("{allowed}", "").replace("{", "<").replace("}", ">")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
