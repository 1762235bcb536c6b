"""Errors of Autodesk's APIs, one class per thing a person can do about it.

    AccError
    ├── Unauthorized             sign in again
    ├── Forbidden                ask an administrator for access to the project or the submittal
    │   └── MissingScope         sign in again, granting the scopes the app asks for
    ├── ApiNotGranted            give the app the API, where it is registered
    ├── AppNotProvisioned        ask an account administrator to add the app as a custom integration
    ├── NotFound                 look the id up again
    ├── RequestRejected          change the request
    │   └── PartsRejected        send the named parts again
    ├── RateLimited              wait `retry_after_seconds`
    ├── ServiceUnavailable       try again later
    │   └── ProxyFailure         look at the proxy settings
    ├── UntrustedCertificate     install the inspecting proxy's certificate in the system's trust store
    ├── UnexpectedAnswer         report it: the service answered something it does not document
    │   └── NetworkPage          sign in to the network, or look at the proxy settings
    ├── UntrustedStorageHost     allow the host, if it is known to be Autodesk's
    └── StorageError             a part of a file did not arrive
        ├── StorageExpired       ask for fresh URLs under the same upload key
        ├── StorageRefused       not by repeating it
        ├── StorageUploadGone    begin the upload again
        └── StorageUnavailable   try again
            └── StorageThrottled   try again, more slowly

The text of an error is our own sentence. What the service said stands in attributes, shortened and without signed
queries and tokens, as data: it is not to be shown as a sentence of ours.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypedDict, Unpack

if TYPE_CHECKING:
    from acc.models.files import PartsReport


class ErrorDetails(TypedDict, total=False):
    """Attributes of an `AccError`, which explains them."""

    http_status: int | None
    upstream_request_id: str | None
    upstream_code: str | None
    upstream_message: str | None
    retry_after_seconds: float | None
    sent: bool


class AccError(Exception):
    """An operation against Autodesk's APIs that did not end well.

    Attributes:
        operation: our name of the operation, for example `submittals.attachments.create`.
        http_status: status of the answer; None if there was no answer.
        upstream_request_id: id under which the service knows the request, for support.
        upstream_code: the service's own error code, for example `AUTH-006` or `SlowDown`.
        upstream_message: what the service said; data, never a sentence of ours.
        retry_after_seconds: how long the service asked to wait.
        sent: whether the request, or an earlier attempt at it, may have been carried out. A caller that creates
            something must look before repeating it.
    """

    summary: ClassVar[str] = "the request failed"
    retryable: ClassVar[bool] = False
    """Whether the same request may succeed later without anybody changing anything."""

    def __init__(self, operation: str, **facts: Unpack[ErrorDetails]) -> None:
        super().__init__(operation)
        self.operation = operation
        self.http_status = facts.get("http_status")
        self.upstream_request_id = facts.get("upstream_request_id")
        self.upstream_code = facts.get("upstream_code")
        self.upstream_message = facts.get("upstream_message")
        self.retry_after_seconds = facts.get("retry_after_seconds")
        self.sent = facts.get("sent", False)

    def details(self) -> Sequence[str]:
        """Facts to stand in brackets behind the sentence; nothing here was written by the service, but for its id."""
        status = [f"HTTP {self.http_status}"] if self.http_status is not None else []
        request_id = [f"request id {self.upstream_request_id}"] if self.upstream_request_id else []
        return [*status, *request_id]

    def __str__(self) -> str:
        details = self.details()
        return f"{self.operation}: {self.summary}" + (f" ({', '.join(details)})" if details else "")


class Unauthorized(AccError):
    """The access token is not accepted, and there is no newer one (401)."""

    summary = "Autodesk does not accept the access token"


class Forbidden(AccError):
    """This person may not do this here, now (403)."""

    summary = "Autodesk does not permit this to the signed-in person"


class MissingScope(Forbidden):
    """The token lacks a scope that the operation needs (403 with AUTH-010)."""

    summary = "the access token lacks a scope for this"


class ApiNotGranted(AccError):
    """The app itself has no access to this API, with any user's token (403 with AUTH-001)."""

    summary = "the app has no access to this API of Autodesk"


class AppNotProvisioned(AccError):
    """The app is not an integration of this Autodesk account (403 with BIM360DM_ERROR, or such a warning alone)."""

    summary = "the Autodesk account has not admitted this app"


class NotFound(AccError):
    """There is no such thing, or none that this person may see (404, 410)."""

    summary = "Autodesk knows no such thing"


class RequestRejected(AccError):
    """The service understood the request and will not carry it out as it stands (400, 409, 422 and the like)."""

    summary = "Autodesk rejected the request"


class PartsRejected(RequestRejected):
    """Storage will not complete the upload: parts are missing, too small or not the ones described.

    `report` names each part with its state. The web reference prints this answer under HTTP 200, so it can come with
    any status (fact sheet 8).
    """

    summary = "storage misses parts of the file"

    def __init__(self, operation: str, *, report: "PartsReport", **facts: Unpack[ErrorDetails]) -> None:
        super().__init__(operation, **facts)
        self.report = report


class RateLimited(AccError):
    """Too many requests; this one was not carried out (429)."""

    summary = "Autodesk asks to slow down"
    retryable = True


class ServiceUnavailable(AccError):
    """The service failed, or could not be reached (408, 5xx, network, timeout)."""

    summary = "Autodesk could not be reached or failed"
    retryable = True


class ProxyFailure(ServiceUnavailable):
    """The proxy named by the environment cannot be used or did not let the request through."""

    summary = "the proxy named by HTTPS_PROXY or the system did not let the request through"


class UntrustedCertificate(AccError):
    """The other side's certificate is not trusted by this machine; often an inspecting proxy stands between."""

    summary = "the certificate of the other side is not trusted by this machine"


class UnexpectedAnswer(AccError):
    """The service answered something that is not what it documents: a redirect, no JSON, or another shape.

    `problem` says in our words where the answer is wrong.
    """

    summary = "Autodesk gave an answer that cannot be read"

    def __init__(self, operation: str, *, problem: str, **facts: Unpack[ErrorDetails]) -> None:
        super().__init__(operation, **facts)
        self.problem = problem

    def details(self) -> Sequence[str]:
        """The problem, then what every error tells."""
        return [self.problem, *super().details()]


class NetworkPage(UnexpectedAnswer):
    """A page for people came where JSON should be: of a proxy, or of a network that wants a sign-in first."""

    summary = "a proxy or the network's sign-in page answered in place of Autodesk"


class UntrustedStorageHost(AccError):
    """A signed URL points to a host that is not known as Autodesk's storage; nothing was sent to it."""

    summary = "a storage URL points to a host that is not known as Autodesk's storage"

    def __init__(self, operation: str, *, host: str) -> None:
        super().__init__(operation)
        self.host = host

    def details(self) -> Sequence[str]:
        """The host."""
        return [f"host {self.host!r}"]


class StorageError(AccError):
    """A part of a file did not reach storage; `upstream_code` is storage's own code where it gave one."""

    summary = "storage did not take the part"


class StorageExpired(StorageError):
    """The signed URL is no longer valid; fresh ones come under the same upload key."""

    summary = "the upload URL has expired"


class StorageRefused(StorageError):
    """Storage will not take this part at this URL."""

    summary = "storage refused the part"


class StorageUploadGone(StorageError):
    """The upload that the URL belongs to no longer exists: completed, aborted, or discarded after 24 hours."""

    summary = "storage no longer knows this upload"


class StorageUnavailable(StorageError):
    """Storage failed, stalled or could not be reached."""

    summary = "storage could not be reached or failed"
    retryable = True


class StorageThrottled(StorageUnavailable):
    """Storage asks to slow down (429, 503 SlowDown)."""

    summary = "storage asks to slow down"
