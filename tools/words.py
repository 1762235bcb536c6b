"""What is said of the failures that need no data: code, message, hint, and whether the same call may go on.

A newcomer among the exceptions of `acc`, `auth` and `transfers` finds its place here or in `tools.detailed_words`.
"""

from dataclasses import dataclass
from typing import Final

from acc import errors as acc
from acc.ids import InvalidId
from auth import errors as auth
from auth.sealing import NotSealed
from tools.codes import Code
from tools.errors import Again
from transfers import errors as transfers


@dataclass(frozen=True)
class Words:
    """What is said of a failure. `again` None: repeating the call cannot help before somebody has done something."""

    code: Code
    message: str
    hint: str
    again: Again | None = None
    retryable: bool = False


CALL_AGAIN: Final = "Call again"
"""How a hint says that the same tool is to be called; who answers a call puts the tool's name into it."""

SAME: Final = Again()
"""Repeating the call unchanged goes on where it stopped."""

_SIGN_IN_OVER: Final = Words(
    "reauthorization_required",
    "Autodesk no longer accepts the sign-in.",
    "A person must sign in again with `submittal-mcp login`; where APS_ACCESS_TOKEN is set, that token has ended and "
    "needs a fresh one and a restart.",
)

_NETWORK_PAGE: Final = Words(
    "upstream_rejected",
    "A web page came in place of Autodesk's answer: of a proxy, or a sign-in page of the network.",
    "Call again once a person has opened a browser on the server's machine, has signed in to the network if it asks, "
    "and has checked HTTPS_PROXY and NO_PROXY.",
    SAME,
)

_CUSTOM_INTEGRATION: Final = (
    "account administrator adds its client id in ACC under Hub Admin (Account Admin), Custom Integrations."
)

_MEND_SERVICE_ACCOUNT: Final = "A person runs `submittal-mcp doctor` on the server's machine: it says what is wrong."

FIXED: Final[dict[type[Exception], Words]] = {
    InvalidId: Words(
        "invalid_arguments",
        "An id has a form that ACC never uses.",
        "Take ids from the answers of find_projects, find_submittals and get_attachment_status.",
    ),
    transfers.ProcessingFailed: Words(
        "processing_failed",
        "ACC could not make a version of the uploaded file (asyncState 4).",
        "Call add_submittal_attachment with the file anew; a person can delete the failed attachment in ACC.",
    ),
    transfers.AttachmentMissing: Words(
        "attachment_not_found",
        "This submittal has no attachment of that id.",
        "It may have been deleted in ACC. List the attachments with get_attachment_status.",
    ),
    transfers.NotYourAttachment: Words(
        "permission_denied",
        "Somebody else reserved this attachment.",
        "Only who reserved it can confirm it: created_by in get_attachment_status.",
    ),
    transfers.NotAgreed: Words(
        "confirmation_required",
        "This would make the file visible, and the person has not been asked.",
        "Call add_submittal_attachment as before: the person is asked then.",
    ),
    transfers.IdempotencyConflict: Words(
        "idempotency_conflict",
        "This idempotency_key was used for another file or another attachment.",
        "Use a new idempotency_key for a new attachment, or repeat the first call unchanged.",
        Again(needs=["idempotency_key"]),
    ),
    transfers.StorageStalled: Words(
        "storage_unavailable",
        "Storage did not take a part of the file in several tries.",
        "Call again later: the upload goes on with the parts that are missing.",
        SAME,
        retryable=True,
    ),
    auth.NotSignedIn: Words(
        "not_signed_in",
        "Nobody is signed in to Autodesk.",
        "A person runs `submittal-mcp login`, with APS_CLIENT_ID set to the client id of an APS app, or sets "
        "APS_ACCESS_TOKEN, or starts the server with --sandbox to try everything without an account.",
    ),
    auth.ReauthorizationRequired: _SIGN_IN_OVER,
    auth.ServiceAccountRefused: Words(
        "reauthorization_required", "Autodesk refuses the service account of this server.", _MEND_SERVICE_ACCOUNT
    ),
    auth.PrivateKeyUnusable: Words(
        "not_signed_in", "The key of the service account cannot be read.", _MEND_SERVICE_ACCOUNT
    ),
    auth.SignInTimedOut: Words("not_signed_in", "Nobody finished signing in in time.", "Call again for a new link."),
    auth.CallbackPortTaken: Words(
        "not_signed_in",
        "Another program uses the port on which Autodesk's answer is to arrive.",
        "A person ends that program, or registers another callback URL and sets APS_CALLBACK_URL to it.",
    ),
    NotSealed: Words(
        "reauthorization_required",
        "The stored sign-in was changed by somebody, and is not used.",
        "A person signs in again with `submittal-mcp login`.",
    ),
    auth.SignInFailed: Words(
        "upstream_unavailable",
        "Autodesk's sign-in service did not renew the sign-in.",
        "Call again in a minute.",
        SAME,
        retryable=True,
    ),
    auth.SignInIntercepted: _NETWORK_PAGE,
    acc.Unauthorized: _SIGN_IN_OVER,
    acc.AppNotProvisioned: Words(
        "app_not_provisioned",
        "This Autodesk account has not admitted the APS app.",
        f"An {_CUSTOM_INTEGRATION}",
    ),
    acc.ApiNotGranted: Words(
        "app_not_provisioned",
        "The APS app has no access to this API of Autodesk.",
        "The app's owner opens it at aps.autodesk.com/myapps and adds Autodesk Construction Cloud API and Data "
        f"Management API under API Access. If both are there, an {_CUSTOM_INTEGRATION}",
    ),
    acc.Forbidden: Words(
        "permission_denied",
        "ACC does not permit this to the signed-in person.",
        "Look at permittedActions with get_submittal; a submittals manager can change who may do what.",
    ),
    acc.PartsRejected: Words(
        "storage_unavailable",
        "Storage would not complete the upload: parts are missing or damaged.",
        "Call again: the parts are sent anew.",
        SAME,
        retryable=True,
    ),
    acc.Rejected: Words(
        "upstream_rejected",
        "Autodesk rejected the request.",
        "The submittal may have changed: look at it again with get_submittal.",
    ),
    acc.RateLimited: Words(
        "rate_limited",
        "Autodesk asks to slow down.",
        "Call again after retry_after_seconds.",
        SAME,
        retryable=True,
    ),
    acc.ProxyFailure: Words(
        "upstream_unavailable",
        "The proxy did not let the request through.",
        "A person checks HTTPS_PROXY and NO_PROXY on the server's machine.",
    ),
    acc.Unavailable: Words(
        "upstream_unavailable",
        "Autodesk could not be reached or failed.",
        "Call again in a minute.",
        SAME,
        retryable=True,
    ),
    acc.UntrustedCertificate: Words(
        "upstream_unavailable",
        "The certificate of the other side is not trusted by the server's machine.",
        "If an inspecting proxy stands between, a person installs its certificate in the system's trust store.",
    ),
    acc.UnexpectedAnswer: Words(
        "upstream_rejected",
        "Autodesk gave an answer that cannot be read.",
        "Call again; if it stays so, a person reports it with http_status.",
        SAME,
    ),
    acc.NetworkPage: _NETWORK_PAGE,
    acc.StorageExpired: Words(
        "storage_unavailable",
        "Storage kept calling fresh upload URLs expired.",
        "A person checks the clock and the connection of the server's machine; `submittal-mcp doctor` looks at both.",
        SAME,
    ),
    acc.StorageUploadGone: Words(
        "upload_expired",
        "Storage no longer knows this upload.",
        "Call again: the file is uploaded anew.",
        SAME,
    ),
    acc.StorageRefused: Words(
        "storage_unavailable",
        "Storage refused the bytes.",
        "Call again; if it stays so, a proxy may change the requests: a person checks HTTPS_PROXY and NO_PROXY.",
        SAME,
    ),
    acc.StorageUnavailable: Words(
        "storage_unavailable",
        "Storage could not be reached or failed.",
        "Call again: the upload goes on with the parts that are missing.",
        SAME,
        retryable=True,
    ),
}
