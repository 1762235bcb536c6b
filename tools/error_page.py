"""The page of error codes, made from the tree of errors and from answers that a test collected.

`python -m tools.error_page docs/errors.md tests/tools/error_examples.json` writes it. Nothing here is needed by a
server.
"""

import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from acc import errors as acc
from auth.storage_errors import FolderNotWritable, KeysNeeded
from tools.codes import CODES, Code
from tools.errors import ToolProblem
from tools.explaining import explain
from tools.words import FIXED
from transfers import errors as transfers

MEANINGS: Final[dict[Code, str]] = {
    "invalid_arguments": "The call does not say what to do: an argument is missing, unknown, or of the wrong kind.",
    "not_signed_in": "Nobody is signed in to Autodesk on this server.",
    "reauthorization_required": "Somebody was signed in, and Autodesk no longer accepts it.",
    "app_not_provisioned": "The person is signed in, but the APS app lacks the API, or their Autodesk account has not "
    "admitted it.",
    "permission_denied": "ACC does not let this person do this to this submittal now.",
    "project_not_found": "There is no project of that name or id that this person can see.",
    "project_not_allowed": "The server was told to leave this project alone.",
    "project_not_supported": "The project is of a kind whose submittals Autodesk's API does not serve.",
    "submittal_not_found": "There is no submittal of that number, title or id that this person can see.",
    "ambiguous_reference": "What the caller named could be several things; nothing is guessed.",
    "submittal_closed": "The submittal takes no attachment any more.",
    "task_required": "In review an attachment belongs to a review task, and it is not clear to which.",
    "invalid_category": "ACC does not take this category in the submittal's present state.",
    "invalid_name": "ACC would not take the attachment's name.",
    "file_not_found": "There is no such file on the server's machine, or no such version in the project's Files tool.",
    "file_not_allowed": "The server may not read this file.",
    "file_type_not_allowed": "The server was told to attach other types of files only.",
    "file_empty": "The file has no bytes.",
    "file_too_large": "The file is larger than the server may send.",
    "file_changed": "The file became another one while it was being sent; nothing of it was completed.",
    "attachment_not_found": "The submittal has no attachment of that id.",
    "upload_incomplete": "There is no evidence that the bytes of this attachment have arrived in storage.",
    "upload_expired": "Storage has discarded what was sent of this attachment.",
    "confirmation_required": "A person has to agree before the file becomes visible, and cannot be asked here.",
    "confirmation_declined": "A person was asked whether the file may become visible, and said no.",
    "processing_failed": "The bytes have arrived, and ACC could not make a version of them.",
    "idempotency_conflict": "The caller's own key stands for another attachment already.",
    "rate_limited": "Autodesk counts requests, and there were too many in a minute.",
    "upstream_unavailable": "Autodesk, or what stands between, failed or could not be reached.",
    "upstream_rejected": "Autodesk would not carry out the request, or answered what cannot be read.",
    "storage_unavailable": "Object storage, or the server's own database, could not be used.",
    "read_only": "The server was told to change nothing.",
}

# Failures whose words depend on what they know: one of each kind of words.
SAMPLES: Final[tuple[Exception, ...]] = (
    transfers.FileMissing("beams.pdf"),
    transfers.FileNotAllowed("beams.pdf", "no_folders"),
    transfers.FileNotAllowed("beams.pdf", "outside"),
    transfers.FileNotAllowed("beams.pdf", "hidden"),
    transfers.FileNotAllowed("beams.pdf", "link"),
    transfers.FileNotAllowed("beams.pdf", "not_a_file"),
    transfers.FileTypeNotAllowed("beams.exe", ("dwg", "pdf")),
    transfers.FileEmpty("beams.pdf"),
    transfers.FileTooLarge("beams.pdf", 11, 10),
    transfers.FileChanged("beams.pdf"),
    transfers.FileUnreadable("beams.pdf", "EIO"),
    transfers.FileAmbiguous("beams.pdf", ("/one/beams.pdf", "/two/beams.pdf")),
    transfers.InvalidName("beams:1.pdf", "forbidden_character", "beams-1.pdf"),
    transfers.UploadExpired("attachment-id"),
    transfers.UploadExpired("attachment-id", by_caller=True),
    transfers.UploadIncomplete("attachment-id"),
    transfers.UploadIncomplete("attachment-id", uploading=True),
    acc.NotFound("submittals.items.get", http_status=404),
    acc.NotFound("dm.folderContents", http_status=404),
    acc.NotFound("oss.signeds3upload.get", http_status=404),
    acc.MissingScope("submittals.attachments.create", http_status=403),
    acc.UntrustedStorageHost("oss.signeds3upload.get", host="bucket.s3.amazonaws.com"),
    FolderNotWritable(Path("data"), "permission denied"),
    KeysNeeded(),
)

_HEAD: Final = """\
# Error codes

A call that fails answers with `isError` and one JSON object: `error` says what is wrong, `next_steps` lists the calls
that help. `message` and `hint` are fixed sentences of ours with typed slots; what Autodesk said goes to the log.
`retryable` is true where the same call can succeed later, `retry_after_seconds` says how much later where that is
known, `failed_step` at which step a job ended, `http_status` what Autodesk answered, and `candidates` what an ambiguous
argument could mean. Where only a person can help, the hint says what they do, and no step repeats what cannot succeed.

The list is closed. This page is made by `scripts/tables` from the errors of the program and from answers of a test; its
examples are broken into lines, and members that are null, false or empty are left out.
"""


def page(examples: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page; `examples` are failed calls by code: `tool`, and the `answer` as the agent sees it."""
    return _HEAD + "".join(f"\n{_section(code, examples.get(code))}" for code in CODES)


def main(arguments: Sequence[str]) -> None:
    """Write the page named first, with the examples of the file named second."""
    target, source = (Path(argument) for argument in arguments)
    examples = json.loads(source.read_text(encoding="utf-8"))
    target.write_text(page(examples), encoding="utf-8", newline="\n")


def told() -> Iterator[tuple[Code, type[Exception], str]]:
    """Yield (code, class, hint) of every error below the tools; one class can have several."""
    for kind, words in FIXED.items():
        yield words.code, kind, words.hint
    for sample in SAMPLES:
        explained = explain(sample)
        if explained is not None:
            yield explained.body.code, type(sample), explained.body.hint


def _section(code: Code, example: Mapping[str, Any] | None) -> str:
    below = [(kind, hint) for found, kind, hint in told() if found == code]
    kinds = [kind for kind in _everything_below(ToolProblem) if kind.code == code] + [kind for kind, _ in below]
    hints = [hint for _, hint in below]
    if example is not None:
        hints.insert(0, example["answer"]["error"]["hint"])
    parts = [f"## `{code}`", MEANINGS[code]]
    parts += [_bullets("Cause", [_meaning(kind) for kind in kinds]), _bullets("Remedy", hints)]
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


def _everything_below(base: type[ToolProblem]) -> Iterator[type[ToolProblem]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _everything_below(kind)


def _filled(value: Any) -> Any:
    """Leave out what says nothing."""
    if isinstance(value, dict):
        return {name: _filled(one) for name, one in value.items() if one not in (None, [], False)}
    return [_filled(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main(sys.argv[1:])
