"""What is said of the failures that carry data: our sentences with typed slots, chosen by what the error knows."""

import re
from collections.abc import Callable
from typing import Any, Final

from acc import errors as acc
from acc import operations
from acc.operations import Operation
from auth.storage_errors import StorageProblem
from tools.cleaner import clean
from tools.errors import Again
from tools.words import SAME, Words
from transfers import errors as transfers

MAX_FOLDERS: Final = 5
"""Allowed folders that a hint names; who has more knows them."""

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?")

_ANOTHER_FILE: Final = Again(without=["file_urn", "upload_by_caller"], needs=["file_path"])


def _path(error: transfers.FileProblem) -> str:
    return repr(clean(error.path, 300))


def _allowed(folders: tuple[str, ...]) -> str:
    shown = [repr(clean(folder, 300)) for folder in folders[:MAX_FOLDERS]]
    more = [f"{len(folders) - len(shown)} more"] if len(folders) > len(shown) else []
    return f" Allowed: {', '.join([*shown, *more])}." if shown else ""


def _missing_file(error: transfers.FileMissing) -> Words:
    hint = (
        "Check file_path; it is absolute, relative to an allowed folder, or the bare name of a file in one."
        f"{_allowed(error.folders)}"
    )
    return Words("file_not_found", f"There is no such file: {_path(error)}.", hint, _ANOTHER_FILE)


def _unreadable_file(error: transfers.FileUnreadable) -> Words:
    message = f"The operating system does not let the server read this file: {_path(error)}."
    return Words(
        "file_not_allowed",
        message,
        "Check its permissions and the drive it is on, or give another file_path.",
        _ANOTHER_FILE,
    )


_NOT_ALLOWED_HINTS: Final = {
    "no_folders": "No folder is allowed yet: a person starts the server with --folder or sets SUBMITTAL_MCP_FOLDERS.",
    "outside": "Only files beneath the folders in SUBMITTAL_MCP_FOLDERS (or --folder) may be attached: a person puts a "
    "copy there, or allows another folder.",
    "hidden": "Hidden files and folders (a dot begins the name) are never attached: give the file_path of a copy.",
    "link": "Links are not followed; give the real file_path.",
    "not_a_file": "This is a folder or a device; give the file_path of a plain file.",
}


def _not_allowed_file(error: transfers.FileNotAllowed) -> Words:
    again = None if error.why == "no_folders" else _ANOTHER_FILE
    message = f"This file may not be read: {_path(error)}."
    return Words("file_not_allowed", message, _NOT_ALLOWED_HINTS[error.why] + _allowed(error.folders), again)


def _type_of_file(error: transfers.FileTypeNotAllowed) -> Words:
    message = f"Files of this type may not be attached: {_path(error)}."
    hint = f"SUBMITTAL_MCP_FILE_TYPES allows {', '.join(error.allowed)}."
    return Words("file_type_not_allowed", message, hint, _ANOTHER_FILE)


def _empty_file(error: transfers.FileEmpty) -> Words:
    hint = "Storage takes no empty file; give another file_path."
    return Words("file_empty", f"The file has no bytes: {_path(error)}.", hint, _ANOTHER_FILE)


def _large_file(error: transfers.FileTooLarge) -> Words:
    message = f"The file has {error.size} bytes; {error.limit} are allowed."
    hint = "Attach a smaller file; a person can raise SUBMITTAL_MCP_MAX_FILE_BYTES."
    return Words("file_too_large", message, hint, _ANOTHER_FILE)


def _changed_file(error: transfers.FileChanged) -> Words:
    message = f"The file changed while it was being attached, and was not completed: {_path(error)}."
    hint = "Call again once whatever writes the file has finished."
    return Words("file_changed", message, hint, SAME, retryable=True)


def _ambiguous_file(error: transfers.FileAmbiguous) -> Words:
    message = f"Several files in the allowed folders are called so: {_path(error)}."
    hint = "Call again with one of the whole paths among the candidates."
    return Words("ambiguous_reference", message, hint, Again(needs=["file_path"]))


_NAME_FAULTS: Final = {
    "blank": "it is blank",
    "space_at_the_ends": "it begins or ends with a blank",
    "too_long": "it is longer than 255 characters",
    "forbidden_character": "it has one of / ? * \\ < > | : or a control character, which ACC refuses",
}


def _invalid_name(error: transfers.InvalidName) -> Words:
    message = f"This cannot be the attachment's name: {_NAME_FAULTS[error.why]}."
    hint = "Call again with the legal name in next_steps, or another one."
    return Words("invalid_name", message, hint, Again({"name": clean(error.suggestion)}))


def _incomplete_upload(error: transfers.UploadIncomplete) -> Words:
    message = "The bytes of this attachment have not arrived in storage."
    if error.uploading:
        hint = "They are on their way: wait with get_attachment_status, then confirm."
        return Words("upload_incomplete", message, hint, retryable=True)
    hint = (
        "The person or program that has the file sends it with upload.command, or the same file is attached again with "
        "add_submittal_attachment; then confirm. A URL lives for an hour; the call that began it gives a fresh one."
    )
    return Words("upload_incomplete", message, hint)


def _expired_upload(error: transfers.UploadExpired) -> Words:
    message = "The upload was not completed within 24 hours; storage discarded its bytes."
    hint = (
        "Confirming cannot help any more. Repeat the add_submittal_attachment call that began it, with "
        "upload_by_caller, for a fresh URL of the same attachment; attaching the file in another way makes a new one."
        if error.by_caller
        else "Repeat the add_submittal_attachment call that began it: all bytes are sent anew for the same attachment."
    )
    return Words("upload_expired", message, hint)


def _not_found(error: acc.NotFound) -> Words:
    """A 404 names no thing; which one is missing is known from what was asked."""
    if error.operation.startswith(("dm.folder", "dm.topFolders")):
        hint = "Call again without folder, or with its path as people see it."
        return Words("file_not_found", "The project has no such folder.", hint, Again(without=["folder"]))
    if error.operation.startswith("oss."):
        hint = "Call add_submittal_attachment with the file; this makes a new attachment."
        return Words("upload_expired", "Storage no longer knows the place of this upload.", hint)
    message = "ACC knows no such submittal, or this person may not see it."
    return Words("submittal_not_found", message, "Look for it again with find_submittals.")


def _missing_scope(error: acc.MissingScope) -> Words:
    known = [one for one in vars(operations).values() if isinstance(one, Operation)]
    scope = next((one.scope for one in known if one.name == error.operation), "data:read")
    message = f"The sign-in lacks the scope {scope}, which this needs."
    hint = "A person signs in again with `submittal-mcp login`, without --read-only if files are to be attached."
    return Words("permission_denied", message, hint)


def _untrusted_storage_host(error: acc.UntrustedStorageHost) -> Words:
    # The name came with an answer: only what can be a host's name is said.
    host = error.host if _HOST.fullmatch(error.host) else "a host without a plain name"
    return Words(
        "storage_unavailable",
        f"The upload URL points to {host}, which is not known as Autodesk's storage; nothing was sent.",
        "If a person knows it as Autodesk's, they add its name to SUBMITTAL_MCP_STORAGE_HOSTS; `submittal-mcp doctor` "
        "says of which regions the hosts are known.",
    )


def _storage_problem(error: StorageProblem) -> Words:
    message = "The server cannot use the folder or database where it keeps its sign-ins and transfers."
    return Words("storage_unavailable", message, clean(f"A person mends it: {error}.", 500))


BY_DATA: Final[dict[type[Exception], Callable[[Any], Words]]] = {
    transfers.FileMissing: _missing_file,
    transfers.FileNotAllowed: _not_allowed_file,
    transfers.FileTypeNotAllowed: _type_of_file,
    transfers.FileEmpty: _empty_file,
    transfers.FileTooLarge: _large_file,
    transfers.FileChanged: _changed_file,
    transfers.FileUnreadable: _unreadable_file,
    transfers.FileAmbiguous: _ambiguous_file,
    transfers.InvalidName: _invalid_name,
    transfers.UploadIncomplete: _incomplete_upload,
    transfers.UploadExpired: _expired_upload,
    acc.NotFound: _not_found,
    acc.MissingScope: _missing_scope,
    acc.UntrustedStorageHost: _untrusted_storage_host,
    StorageProblem: _storage_problem,
}
