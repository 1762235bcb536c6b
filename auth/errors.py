"""Errors of authentication, one class per thing a person can do about it.

::

    AuthError
    ├── NotSignedIn                 there is nothing to sign in with
    │   └── UserNotSignedIn         others are signed in, and not the one who was named
    ├── ReauthorizationRequired     what there was is refused or over; a person must sign in again
    │   └── ServiceAccountRefused   an unattended run cannot go on until its account is fixed
    ├── PrivateKeyUnusable          the service account's key cannot be read
    ├── SignInTimedOut              the login was not finished in time
    ├── CallbackPortTaken           another program is where Autodesk's answer is to arrive
    └── SignInFailed                the authorization server said no, or nothing that can be read
        └── SignInUnavailable       it could not be reached, or gave no answer
            └── SignInIntercepted   a web page of the network came in place of its answer
"""

from dataclasses import dataclass
from typing import Final


class AuthError(Exception):
    """Base of everything that `auth` raises on purpose."""


class NotSignedIn(AuthError):
    """No token is configured and no user has signed in."""

    def __str__(self) -> str:
        return "no one is signed in to Autodesk; `submittal-mcp login` signs a person in"


@dataclass(eq=False)
class UserNotSignedIn(NotSignedIn):
    """The user who was named is not signed in.

    `known` are the e-mail addresses of those who are.
    """

    email: str
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        others = f"; signed in: {', '.join(self.known)}" if self.known else "; no one is signed in"
        return f"no one is signed in as {self.email}{others}. `submittal-mcp login` signs them in"


class ReauthorizationRequired(AuthError):
    """Autodesk refuses the token, and it cannot be refreshed."""

    def __str__(self) -> str:
        return "Autodesk refuses the sign-in, and it cannot be renewed; `submittal-mcp login` signs in again"


@dataclass(eq=False)
class ServiceAccountRefused(ReauthorizationRequired):
    """Autodesk does not take the assertion: the account, its key or the app is wrong, or the clock is.

    `status` is the HTTP status of its answer.
    """

    status: int | None = None

    def __str__(self) -> str:
        return f"Autodesk refuses the service account: {_REFUSED_ACCOUNT.get(self.status, _REFUSED_ACCOUNT[400])}"


_REFUSED_ACCOUNT: Final[dict[int | None, str]] = {
    400: "check its id, key id and key file, and this machine's clock",
    401: "check APS_CLIENT_ID and APS_CLIENT_SECRET",
    403: "only an app of type Server-to-Server can own service accounts, and it may sign them in ten times a minute",
}
"""Advice by the status of the answer (fact sheet 10)."""


@dataclass(eq=False)
class PrivateKeyUnusable(AuthError):
    """The private key of the service account cannot be read.

    `reason` is ours or the system's.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return f"the service account's key file {self.path} cannot be used: {self.reason}"


class SignInTimedOut(AuthError):
    """The login was not finished within five minutes."""

    def __str__(self) -> str:
        return "the sign-in took longer than five minutes, and its link has expired; `submittal-mcp login` begins again"


@dataclass(eq=False)
class CallbackPortTaken(AuthError):
    """Another program listens at `port`, where Autodesk's answer is to arrive."""

    port: int

    def __str__(self) -> str:
        return (
            f"another program uses port {self.port}, where Autodesk's answer is to arrive; end it, or register another "
            "callback URL for the app and name it in APS_CALLBACK_URL"
        )


SIGN_IN_FAILURES: Final = {
    "access_denied": "The sign-in was cancelled, by you or by Autodesk; nothing was changed. Sign in again to go on.",
    "invalid_grant": "Autodesk did not accept the answer of the browser: it may have come too late. Sign in again.",
    "invalid_client": "Autodesk does not know the app, or its secret is wrong. Check the client id and the secret.",
    "unauthorized_client": "Autodesk does not let this app sign people in. Check its kind and its callback URL.",
    "invalid_scope": "Autodesk does not grant the app what it asks for. Check the app's API access.",
    "server_error": "Autodesk's sign-in service failed. Sign in again in a minute.",
    "temporarily_unavailable": "Autodesk's sign-in service is busy. Sign in again in a minute.",
    "unreachable": "Autodesk's sign-in service could not be reached. Check the connection and sign in again.",
    "unreadable_answer": "Autodesk's sign-in service answered something that is no answer. Sign in again in a minute.",
    "unknown_error": "Autodesk did not say why it refused the sign-in. Sign in again.",
    "gone": "The program that asked for the sign-in has ended. Ask it again.",
}
"""Why a sign-in failed, by the codes of OAuth (RFC 6749, 4.1.2.1 and 5.2) and words of ours."""


@dataclass(eq=False)
class SignInFailed(AuthError):
    """Signing in failed at the authorization server, or before it was asked.

    `error` is the OAuth error code or a word of ours, `status` the HTTP status of the answer, if one came. Words of
    ours: unknown_error (a refusal without a code), unreadable_answer, unreachable (no answer came), approval_needed (a
    person has to click), state_mismatch (the answer belongs to another attempt).
    """

    error: str
    status: int | None = None

    def __str__(self) -> str:
        if self.error in SIGN_IN_FAILURES:
            return SIGN_IN_FAILURES[self.error]
        return f"signing in failed: {self.error}" + (f" (HTTP {self.status})" if self.status else "")


@dataclass(eq=False)
class SignInUnavailable(SignInFailed):
    """The authorization server gave no answer: nothing is known to have changed. `reason` is a sentence of ours."""

    error: str = "unreachable"
    reason: str = ""

    def __str__(self) -> str:
        return "Autodesk's sign-in service could not be reached" + (f": {self.reason}" if self.reason else "")


@dataclass(eq=False)
class SignInIntercepted(SignInUnavailable):
    """A web page answered for the authorization server: of a proxy, or of a network that wants a sign-in first."""
