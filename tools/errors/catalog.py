"""The catalogue of the errors that `acc`, `auth` and `transfers` raise: one row an error, and nothing elsewhere.

A row has two hints. An agent's names tools, their arguments and settings; that of a user at a shell commands, their
flags and settings. Texts are sentences of ours with slots; `tools.errors.description` fills them.
"""

from dataclasses import dataclass
from typing import Final

from acc import errors as acc
from acc.ids import InvalidId
from auth import errors as auth
from persistence.encryption import NotSealed
from persistence.errors import DescriptorsExhausted, StorageProblem
from tools.errors.codes import Code
from tools.errors.exceptions import RetryHint
from transfers import errors as transfers


@dataclass(frozen=True)
class ErrorRow:
    """One error: code, message, hints, and how to retry the call.

    `{tool}` in `agent_hint` stands for the tool to call. `again` None: repeating the call cannot help before a user
    has done something.
    """

    code: Code
    message: str
    agent_hint: str
    shell_hint: str
    again: RetryHint | None = None
    retryable: bool = False


SAME: Final = RetryHint()
"""Repeating the call unchanged goes on where it stopped."""

_ANOTHER_FILE: Final = RetryHint(without=["file_urn", "upload_by_caller"], needs=["file_path"])

_ANOTHER_FOLDER: Final = RetryHint(needs=["folder"])

_SIGN_IN_OVER: Final = ErrorRow(
    "reauthorization_required",
    "Autodesk no longer accepts the sign-in.",
    "A person must sign in again: sign_in gives a link where it can; where APS_ACCESS_TOKEN is set, that token has "
    "expired and needs a fresh one and a restart.",
    "Sign in again with `submittal-mcp login`; where APS_ACCESS_TOKEN is set, that token has expired: set a fresh one.",
)
_SERVICE_ACCOUNT_AGENT: Final = (
    "Ask the user to check APS_SERVICE_ACCOUNT_ID and its key on the server's machine; the log names the fault."
)
_SERVICE_ACCOUNT_SHELL: Final = "Run `submittal-mcp doctor`: it names the fault."

_NETWORK_PAGE: Final = ErrorRow(
    "upstream_rejected",
    "A proxy or the network's sign-in page answered in place of Autodesk.",
    "Call {tool} again once a person has opened a browser on the server's machine, has signed in to the network if it "
    "asks, and has checked HTTPS_PROXY and NO_PROXY.",
    "Open a browser on this machine, sign in to the network if it asks, check HTTPS_PROXY and NO_PROXY, and run the "
    "same command again.",
    SAME,
)
_CUSTOM_INTEGRATION: Final = (
    "account administrator adds its client id in ACC under Hub Admin (Account Admin), Custom Integrations."
)
_OPEN_APP: Final = (
    "The app's owner opens it at aps.autodesk.com/myapps and adds Autodesk Construction Cloud API and Data Management "
    f"API under API Access. If both are there, an {_CUSTOM_INTEGRATION}"
)

Variant = str
"""Tells the rows of one class apart, where what the error knows decides; see `tools.errors.description`."""

_APP_REFUSED: Final = (
    "The operator of the server checks APS_CLIENT_ID, APS_CLIENT_SECRET and the app at aps.autodesk.com: it is gone "
    "or has another secret."
)

ROWS: Final[dict[tuple[type[Exception], Variant], ErrorRow]] = {
    (InvalidId, ""): ErrorRow(
        "invalid_arguments",
        "An id has a form that ACC never uses.",
        "Take ids from the answers of find_projects, find_submittals and get_attachment_status.",
        "Copy the id from the address of the project or submittal in ACC.",
    ),
    (transfers.ProcessingFailed, ""): ErrorRow(
        "processing_failed",
        "ACC could not make a version of the uploaded file (asyncState 4).",
        "Call add_submittal_attachment with the file again; a person can delete the failed attachment in ACC.",
        "Run the same command again; a person can delete the failed attachment in ACC.",
    ),
    (transfers.AttachmentMissing, ""): ErrorRow(
        "attachment_not_found",
        "This submittal has no attachment of that id or name.",
        "It may have been deleted in ACC, or is a candidate. List the attachments with get_attachment_status.",
        "It may have been deleted in ACC: look at the submittal there.",
    ),
    (transfers.NotYourAttachment, ""): ErrorRow(
        "permission_denied",
        "Another person reserved this attachment.",
        "Only the person who reserved it (created_by in get_attachment_status) can confirm it.",
        "Only the person who reserved it can confirm it; ACC shows who that is.",
    ),
    (transfers.PersonMismatch, ""): ErrorRow(
        "permission_denied",
        "Another person is signed in now than the one who began this; nothing was sent in their name.",
        "Call add_submittal_attachment again to attach the file as who is signed in now.",
        "Sign in as the person who began it, or name them with --as.",
    ),
    (transfers.ConsentMissing, ""): ErrorRow(
        "confirmation_required",
        "This would make the file visible, and the person has not been asked.",
        "Call add_submittal_attachment as before: the person is asked then.",
        "Run the same command again, and answer its question.",
    ),
    (transfers.IdempotencyConflict, ""): ErrorRow(
        "idempotency_conflict",
        "This idempotency_key was used for another file or another attachment.",
        "Use a new idempotency_key for a new attachment, or repeat the first call unchanged.",
        "Use a new key for a new attachment, or repeat the first command unchanged.",
        RetryHint(needs=["idempotency_key"]),
    ),
    (transfers.StorageStalled, ""): ErrorRow(
        "storage_unavailable",
        "Storage did not take a part of the file in several tries.",
        "Call {tool} again later: the upload goes on with the parts that are missing.",
        "Run the same command again later: the upload goes on with the parts that are missing.",
        SAME,
        retryable=True,
    ),
    (transfers.FileMissing, ""): ErrorRow(
        "file_not_found",
        "There is no such file: {path}.",
        "Check file_path; it is absolute, relative to an allowed folder, or the bare name of a file in one.{allowed}",
        "Check the path; in a manifest it is absolute, or relative to the manifest.",
        _ANOTHER_FILE,
    ),
    (transfers.StrictRefusal, ""): ErrorRow(
        "file_not_allowed",
        "This file is refused: {path}. {warning}",
        "SUBMITTAL_MCP_STRICT_FILES refuses such files. A person saves it without this fault, or closes the program "
        "that writes it; then call {tool} again.",
        "SUBMITTAL_MCP_STRICT_FILES refuses such files: save it without this fault, or close its program.",
        SAME,
    ),
    (transfers.StrictRefusal, "name"): ErrorRow(
        "invalid_name",
        "This name is refused: {path}. {warning}",
        "SUBMITTAL_MCP_STRICT_FILES refuses such names. Ask the user for another one, and give it as name.",
        "SUBMITTAL_MCP_STRICT_FILES refuses such names: give the file another one.",
        RetryHint(needs=["name"]),
    ),
    (transfers.FileUnreadable, ""): ErrorRow(
        "file_not_allowed",
        "The operating system does not let the server read this file: {path}.",
        "Check its permissions and the drive it is on, or give another file_path.",
        "Check its permissions and the drive it is on, or give another path.",
        _ANOTHER_FILE,
    ),
    (transfers.FileNotAllowed, "no_folders"): ErrorRow(
        "file_not_allowed",
        "This file may not be read: {path}.",
        "No folder is allowed yet: a person sets SUBMITTAL_MCP_FOLDERS and restarts the server.{allowed}",
        "No folder is allowed yet: add --folder, or set SUBMITTAL_MCP_FOLDERS.{allowed}",
    ),
    (transfers.FileNotAllowed, "outside"): ErrorRow(
        "file_not_allowed",
        "This file may not be read: {path}.",
        "Only files beneath the folders in SUBMITTAL_MCP_FOLDERS may be attached: a person puts a copy there.{allowed}",
        "Put a copy of the file beneath an allowed folder.{allowed}",
        _ANOTHER_FILE,
    ),
    (transfers.FileNotAllowed, "hidden"): ErrorRow(
        "file_not_allowed",
        "This file may not be read: {path}.",
        "Hidden files and folders (a dot begins the name) are never attached: give the file_path of a copy.{allowed}",
        "Hidden files and folders (a dot begins the name) are never attached: give the path of a copy.{allowed}",
        _ANOTHER_FILE,
    ),
    (transfers.FileNotAllowed, "link"): ErrorRow(
        "file_not_allowed",
        "This file may not be read: {path}.",
        "Links are not followed; give the real file_path.{allowed}",
        "Links are not followed; give the real path.{allowed}",
        _ANOTHER_FILE,
    ),
    (transfers.FileNotAllowed, "own_data"): ErrorRow(
        "file_not_allowed",
        "This file may not be read: {path}.",
        "It is one of the places where this server keeps its keys and its database; give another file_path.",
        "It is one of the places where this program keeps its keys and its database; give another path.",
        _ANOTHER_FILE,
    ),
    (transfers.FileNotAllowed, "not_a_file"): ErrorRow(
        "file_not_allowed",
        "This is a folder or a device, not a file: {path}.",
        "Give the file_path of one file; candidates are files in the folder.",
        "Give the path of a file in it.",
        _ANOTHER_FILE,
    ),
    (transfers.FileNotAllowed, "url"): ErrorRow(
        "file_not_allowed",
        "This is a web address, and nothing is fetched from the web: {path}.",
        "Download it into an allowed folder, or have a person do so; a file of ACC Docs is linked with file_urn.",
        "Download it first, and give the path of the file.",
        _ANOTHER_FILE,
    ),
    (transfers.FileUnreadable, "too_long"): ErrorRow(
        "file_not_allowed",
        "This path is longer than the operating system takes: {path}.",
        "Give the file_path of a copy with a shorter name.",
        "Give the path of a copy with a shorter name.",
        _ANOTHER_FILE,
    ),
    (transfers.FileNotAllowed, "temporary"): ErrorRow(
        "file_not_allowed",
        "This is a lock or temporary file of another program, not a document: {path}.",
        "Give the file_path of the document itself.",
        "Give the path of the document itself.",
        _ANOTHER_FILE,
    ),
    (transfers.FileNotAllowed, "placeholder"): ErrorRow(
        "file_not_allowed",
        "Only a placeholder of this file, or a shortcut, is there; its content is in the cloud or elsewhere: {path}.",
        "Call {tool} again once a person has downloaded the file, or saved it as a file of its own.",
        "Download the file in its cloud folder, or save it as a file of its own, then run the same command again.",
        SAME,
    ),
    (transfers.FileTypeNotAllowed, ""): ErrorRow(
        "file_type_not_allowed",
        "Files of this type may not be attached: {path}.",
        "SUBMITTAL_MCP_FILE_TYPES allows {types}.",
        "SUBMITTAL_MCP_FILE_TYPES allows {types}.",
        _ANOTHER_FILE,
    ),
    (transfers.FileEmpty, ""): ErrorRow(
        "file_empty",
        "The file is empty: {path}.",
        "Storage takes no empty file; give another file_path.",
        "Storage takes no empty file; give another path.",
        _ANOTHER_FILE,
    ),
    (transfers.FileTooLarge, ""): ErrorRow(
        "file_too_large",
        "The file has {size} bytes; {limit} are allowed.",
        "Attach a smaller file; a person can raise SUBMITTAL_MCP_MAX_FILE_BYTES.",
        "Attach a smaller file, or raise SUBMITTAL_MCP_MAX_FILE_BYTES.",
        _ANOTHER_FILE,
    ),
    (transfers.FileChanged, ""): ErrorRow(
        "file_changed",
        "The file changed while it was being attached, and was not completed: {path}.",
        "Call {tool} again once the program that writes the file has finished.",
        "Run the same command again once the program that writes the file has finished.",
        SAME,
        retryable=True,
    ),
    (transfers.FileAmbiguous, ""): ErrorRow(
        "ambiguous_reference",
        "Several files in the allowed folders have this name: {path}.{count}",
        "Call {tool} again with one of the whole paths among the candidates.",
        "Write the whole path of one of the candidates.",
        RetryHint(needs=["file_path"]),
    ),
    (transfers.FolderUnavailable, "missing"): ErrorRow(
        "file_not_found",
        "There is no such folder: {path}.",
        'Call {tool} again with another folder; "." is the allowed folder itself.{allowed}',
        "Check its name.{allowed}",
        _ANOTHER_FOLDER,
    ),
    (transfers.FolderUnavailable, "not_a_folder"): ErrorRow(
        "file_not_allowed",
        "This is a file, not a folder: {path}.",
        "Call {tool} again with it in files, or with the folder that it is in.",
        "Name it as a file, or name the folder that it is in.",
        RetryHint(without=["folder"], needs=["files"]),
    ),
    (transfers.FolderUnavailable, "too_long"): ErrorRow(
        "file_not_allowed",
        "This path is longer than the operating system takes: {path}.",
        "Call {tool} again with a folder whose path is shorter.",
        "Name a folder whose path is shorter.",
        _ANOTHER_FOLDER,
    ),
    (transfers.FolderUnavailable, "outside"): ErrorRow(
        "file_not_allowed",
        "This folder may not be read: {path}.",
        'Only allowed folders and those in them are read, none that is hidden or a link. Call {tool} again with "." '
        "for the allowed folder.{allowed}",
        "Only allowed folders and those in them are read, none that is hidden or a link.{allowed}",
        _ANOTHER_FOLDER,
    ),
    (transfers.FolderUnavailable, "no_folders"): ErrorRow(
        "file_not_allowed",
        "This server may read no local files.",
        "A person allows a folder with SUBMITTAL_MCP_FOLDERS and restarts the server.",
        "Allow the folder with --folder or SUBMITTAL_MCP_FOLDERS.",
    ),
    (transfers.FolderUnavailable, "ambiguous"): ErrorRow(
        "ambiguous_reference",
        "Several folders have this name: {path}.{count}",
        "Call {tool} again with the whole path of one of the candidates.",
        "Write the whole path of one of the candidates.",
        _ANOTHER_FOLDER,
    ),
    (transfers.InvalidName, ""): ErrorRow(
        "invalid_name",
        "This is not a valid attachment name: {fault}.",
        "Call {tool} again with the legal name in next_steps, or another one.",
        "Write another name.",
        SAME,  # with the suggestion for a name
    ),
    (transfers.UploadIncomplete, ""): ErrorRow(
        "upload_incomplete",
        "The bytes of this attachment have not arrived in storage.",
        "The person or program that has the file sends it with upload.command, or the same file is attached again with "
        "add_submittal_attachment; then confirm. A URL lives for an hour; the call that began it gives a fresh one.",
        "Run the command that attaches the file again; it sends the bytes and goes on from there.",
    ),
    (transfers.UploadIncomplete, "uploading"): ErrorRow(
        "upload_incomplete",
        "The bytes of this attachment have not arrived in storage.",
        "They are on their way: wait with get_attachment_status, then confirm.",
        "They are on their way: run the same command again in a minute.",
        retryable=True,
    ),
    (transfers.UploadExpired, ""): ErrorRow(
        "upload_expired",
        "The upload was not completed within 24 hours; storage discarded its bytes.",
        "Repeat the add_submittal_attachment call that began it: all bytes are sent again for the same attachment.",
        "Run the same command again: all bytes are sent again for the same attachment.",
    ),
    (transfers.UploadExpired, "by_caller"): ErrorRow(
        "upload_expired",
        "The upload was not completed within 24 hours; storage discarded its bytes.",
        "Confirming no longer helps. Repeat the add_submittal_attachment call that began it, with "
        "upload_by_caller, for a fresh URL of the same attachment; attaching the file in another way makes a new one.",
        "Confirming no longer helps: attach the file again, which makes a new attachment.",
    ),
    (auth.NotSignedIn, ""): ErrorRow(
        "not_signed_in",
        "No one is signed in to Autodesk.",
        "A person signs in on the server's machine, with APS_CLIENT_ID set to the client id of an APS app, or sets "
        "APS_ACCESS_TOKEN; the server's sandbox needs no account.",
        "Run `submittal-mcp login`, with APS_CLIENT_ID set to the client id of an APS app, or set APS_ACCESS_TOKEN; "
        "`submittal-mcp demo` needs no account.",
    ),
    (auth.UserNotSignedIn, ""): ErrorRow(
        "not_signed_in",
        "The person who was named is not signed in to Autodesk.",
        "That person signs in: sign_in gives a link where it can. Or the server is started for one who is signed in.",
        "Run `submittal-mcp login` as {email}, or name a person who is signed in: {known}.",
    ),
    (auth.ReauthorizationRequired, ""): _SIGN_IN_OVER,
    (auth.ServiceAccountRefused, ""): ErrorRow(
        "reauthorization_required",
        "Autodesk refuses the service account of this server.",
        _SERVICE_ACCOUNT_AGENT,
        _SERVICE_ACCOUNT_SHELL,
    ),
    (auth.PrivateKeyUnusable, ""): ErrorRow(
        "not_signed_in",
        "The key of the service account cannot be read.",
        _SERVICE_ACCOUNT_AGENT,
        _SERVICE_ACCOUNT_SHELL,
    ),
    (auth.SignInTimedOut, ""): ErrorRow(
        "not_signed_in",
        "The sign-in was not completed in time.",
        "Call {tool} again for a new link.",
        "Run `submittal-mcp login` again.",
    ),
    (auth.CallbackPortTaken, ""): ErrorRow(
        "not_signed_in",
        "Another program uses the port on which Autodesk's answer is to arrive.",
        "A person ends that program, or registers another callback URL and sets APS_CALLBACK_URL to it.",
        "End that program, or register another callback URL and set APS_CALLBACK_URL to it.",
    ),
    (NotSealed, ""): ErrorRow(
        "reauthorization_required",
        "The stored sign-in was tampered with and is not used.",
        "A person signs in again: sign_in gives a link where it can.",
        "Sign in again with `submittal-mcp login`.",
    ),
    (auth.SignInFailed, "app"): ErrorRow(
        "app_not_provisioned",
        "Autodesk does not accept the APS app of this server.",
        _APP_REFUSED,
        _APP_REFUSED,
    ),
    (auth.SignInFailed, ""): ErrorRow(
        "upstream_unavailable",
        "Autodesk's sign-in service did not renew the sign-in.",
        "Call {tool} again in a minute.",
        "Run the same command again in a minute.",
        SAME,
        retryable=True,
    ),
    (auth.SignInIntercepted, ""): _NETWORK_PAGE,
    (acc.NetworkPage, ""): _NETWORK_PAGE,
    (acc.Unauthorized, ""): _SIGN_IN_OVER,
    (acc.AppNotProvisioned, ""): ErrorRow(
        "app_not_provisioned",
        "This Autodesk account has not admitted the APS app.",
        f"An {_CUSTOM_INTEGRATION}",
        f"An {_CUSTOM_INTEGRATION}",
    ),
    (acc.ApiNotGranted, ""): ErrorRow(
        "app_not_provisioned", "The APS app has no access to this API of Autodesk.", _OPEN_APP, _OPEN_APP
    ),
    (acc.Forbidden, ""): ErrorRow(
        "permission_denied",
        "ACC does not permit this to the signed-in person.",
        "Look at permittedActions with get_submittal; a submittals manager can change who may do what.",
        "A submittals manager can change who may do what in ACC.",
    ),
    (acc.MissingScope, ""): ErrorRow(
        "permission_denied",
        "The sign-in lacks the scope {scope}, which this needs.",
        "A person signs in again without SUBMITTAL_MCP_READ_ONLY, if files are to be attached.",
        "Sign in again with `submittal-mcp login`, without --read-only if files are to be attached.",
    ),
    (acc.NotFound, ""): ErrorRow(
        "submittal_not_found",
        "ACC knows no such submittal, or this person may not see it.",
        "Look for it again with find_submittals.",
        "Check its number or title; drafts are shown to managers only.",
    ),
    (acc.NotFound, "folder"): ErrorRow(
        "file_not_found",
        "The project has no such folder.",
        "Call {tool} again without folder, or with its path as people see it.",
        "Check the folder's path in ACC.",
        RetryHint(without=["folder"]),
    ),
    (acc.NotFound, "upload"): ErrorRow(
        "upload_expired",
        "Storage no longer knows the place of this upload.",
        "Call add_submittal_attachment with the file; this makes a new attachment.",
        "Run the same command again; this makes a new attachment.",
    ),
    (acc.PartsRejected, ""): ErrorRow(
        "storage_unavailable",
        "Storage would not complete the upload: parts are missing or damaged.",
        "Call {tool} again: the parts are sent again.",
        "Run the same command again: the parts are sent again.",
        SAME,
        retryable=True,
    ),
    (acc.RequestRejected, ""): ErrorRow(
        "upstream_rejected",
        "Autodesk rejected the request.",
        "The submittal may have changed: look at it again with get_submittal.",
        "The submittal may have changed: look at it again in ACC.",
    ),
    (acc.RateLimited, ""): ErrorRow(
        "rate_limited",
        "Autodesk's rate limit is exceeded.",
        "Call {tool} again after retry_after_seconds.",
        "Run the same command again in a minute.",
        SAME,
        retryable=True,
    ),
    (acc.ProxyFailure, ""): ErrorRow(
        "upstream_unavailable",
        "The proxy did not let the request through.",
        "A person checks HTTPS_PROXY and NO_PROXY on the server's machine.",
        "Check HTTPS_PROXY and NO_PROXY.",
    ),
    (acc.ServiceUnavailable, ""): ErrorRow(
        "upstream_unavailable",
        "Autodesk could not be reached or failed.",
        "Call {tool} again in a minute.",
        "Run the same command again in a minute.",
        SAME,
        retryable=True,
    ),
    (acc.UntrustedCertificate, ""): ErrorRow(
        "upstream_unavailable",
        "The server's machine does not trust the remote certificate.",
        "If an inspecting proxy stands between, a person installs its certificate in the system's trust store.",
        "If an inspecting proxy stands between, install its certificate in the system's trust store.",
    ),
    (acc.UnexpectedAnswer, ""): ErrorRow(
        "upstream_rejected",
        "Autodesk sent a response that cannot be read.",
        "Call {tool} again; if it persists, ask the user to report it with http_status.",
        "Run the same command again; if it persists, report it with the lines of the log.",
        SAME,
    ),
    (acc.UntrustedStorageHost, ""): ErrorRow(
        "storage_unavailable",
        "A storage URL points to {host}, which is not known as Autodesk's storage; nothing was sent or read.",
        "If a person knows it as Autodesk's, they add its name to SUBMITTAL_MCP_STORAGE_HOSTS.",
        "If you know it as Autodesk's, add its name to SUBMITTAL_MCP_STORAGE_HOSTS; `submittal-mcp doctor` says of "
        "which regions the hosts are known.",
    ),
    (acc.StorageExpired, ""): ErrorRow(
        "storage_unavailable",
        "Storage rejected fresh upload URLs as expired.",
        "A person checks the clock and the connection of the server's machine; then call {tool} again.",
        "Check the clock and the connection of this machine; `submittal-mcp doctor` looks at both.",
        SAME,
    ),
    (acc.StorageUploadGone, ""): ErrorRow(
        "upload_expired",
        "Storage no longer knows this upload.",
        "Call {tool} again: the file is uploaded again.",
        "Run the same command again: the file is uploaded again.",
        SAME,
    ),
    (acc.StorageRefused, ""): ErrorRow(
        "storage_unavailable",
        "Storage refused the bytes.",
        "Call {tool} again; if it persists, a proxy may change the requests: a person checks HTTPS_PROXY and NO_PROXY.",
        "Run the same command again; if it persists, a proxy may change the requests: check HTTPS_PROXY and NO_PROXY.",
        SAME,
    ),
    (acc.StorageUnavailable, ""): ErrorRow(
        "storage_unavailable",
        "Storage could not be reached or failed.",
        "Call {tool} again: the upload goes on with the parts that are missing.",
        "Run the same command again: the upload goes on with the parts that are missing.",
        SAME,
        retryable=True,
    ),
    (DescriptorsExhausted, ""): ErrorRow(
        "storage_unavailable",
        "The server may have no more files and connections open at once.",
        "Ask the user to fix this: {problem}.",
        "{problem}.",
    ),
    (StorageProblem, ""): ErrorRow(
        "storage_unavailable",
        "The server cannot use the folder or database where it keeps its sign-ins and transfers.",
        "Ask the user to fix this: {problem}.",
        "{problem}.",
    ),
}
