"""`serve --sandbox`: a sandbox in the server's own process, a signed-in user and a folder of sample files.

The sandbox approves a login by itself. The code flow still runs over HTTP as a browser would run it, with PKCE and
`state`. Autodesk never redirects without a click, so there the same flow ends in `SignInFailed`.
"""

import errno
import hmac
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import anyio
import structlog
from pydantic import SecretStr

from acc.hosts import AutodeskHosts
from auth.errors import SignInFailed
from auth.oauth import (
    AuthServer,
    AuthTransport,
    InMemoryTokenSource,
    OAuthApp,
    PkceAttempt,
    TokenEndpoint,
    TokenGrant,
    authorize_url,
    read_refusal,
)
from persistence.keys import EncryptionKey
from server.auth_wiring import HttpxAuthTransport
from server.cli.demo import SAMPLE_PDF
from server.cli.errors import CommandError, require_sandbox
from server.settings.model import Settings

if TYPE_CHECKING:
    import acc_sandbox

TURN_SECONDS: Final = 30.0
"""How long a kept sandbox waits for its turn; chat clients wait about a minute for a server."""

_PAUSE_SECONDS: Final = 0.2


async def sign_in(http: AuthTransport, endpoint: TokenEndpoint) -> TokenGrant:
    """Return the tokens of the user whom the authorization server approves.

    Raises:
        SignInFailed: The server did not approve by itself, or the redirect does not answer this attempt.
    """
    attempt = PkceAttempt()
    status, headers, _ = await http.get(authorize_url(endpoint.autodesk.api, endpoint.app, attempt))
    code = read_redirect(status, headers.get("location", ""), endpoint.app, attempt)
    return await endpoint.exchange_code(code, attempt.verifier)


def read_redirect(status: int, location: str, app: OAuthApp, attempt: PkceAttempt) -> str:
    """Return the authorization code that an answer to the authorize request carries.

    Raises:
        SignInFailed: It is no redirect to the app, belongs to another attempt, or carries an error.
    """
    place, _, query = location.partition("?")
    if status not in (302, 303) or place != app.callback_url:
        raise SignInFailed("approval_needed", status)
    answer = dict(parse_qsl(query))
    if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
        raise SignInFailed("state_mismatch")
    if "code" not in answer:
        raise read_refusal(answer, status)
    return answer["code"]


class SandboxTokenSource:
    """Token source that signs in when the first token is needed, so that the server starts without waiting."""

    def __init__(self, http: AuthTransport, base_url: str, app: OAuthApp) -> None:
        self._http = http
        self._endpoint = TokenEndpoint(http, AuthServer(base_url, base_url), app)
        self._lock = anyio.Lock()
        self._session: InMemoryTokenSource | None = None

    async def access_token(self) -> str:
        """Return an access token; see `sign_in` and `InMemoryTokenSource`."""
        return await (await self._signed_in()).access_token()

    async def renewed(self, rejected: str) -> str | None:
        """Return a token to use instead of `rejected`; see `InMemoryTokenSource`."""
        return await (await self._signed_in()).renewed(rejected)

    async def _signed_in(self) -> InMemoryTokenSource:
        async with self._lock:
            if self._session is None:
                grant = await sign_in(self._http, self._endpoint)
                self._session = InMemoryTokenSource(grant, self._endpoint.refresh)
            return self._session


@dataclass(frozen=True)
class EmbeddedSandbox:
    """Settings and tokens for `build_server`, and the address of the sandbox's page."""

    settings: Settings
    tokens: SandboxTokenSource
    page: str


@contextmanager
def run_team_sandbox(settings: Settings, callback_url: str) -> Iterator[Settings]:
    """Run a sandbox as the Autodesk of a team server until the block ends; yield the settings for it.

    Each user signs in on the sandbox's own page.
    """
    require_sandbox()
    import acc_sandbox

    with acc_sandbox.running() as box, _data_folder() as data:
        box.register_callback(callback_url)
        client_id, client_secret = box.confidential_client
        people = ", ".join(person.name for person in box.people)
        structlog.get_logger(__name__).info("sandbox_started", page=box.base_url, people=people)
        app = {"client_id": client_id, "client_secret": SecretStr(client_secret)}
        yield settings.model_copy(update={"base_url": box.base_url, **app, **_own_data(data)})


@contextmanager
def run_embedded_sandbox(settings: Settings, data: Path | None = None, port: int = 0) -> Iterator[EmbeddedSandbox]:
    """Run a sandbox until the block ends, with its project manager signed in and a sample folder allowed.

    `data` keeps the sandbox, the server's own data and the samples for the next start. What the server keeps belongs to
    the sandbox's address, so that start takes the same `port`; its storage is at the next one.

    Raises:
        CommandError: The port is taken, or the folder cannot be used.
    """
    require_sandbox()
    from acc_sandbox.state.store import DataFolderError

    with ExitStack() as stack:
        try:
            box = _started(stack, data, port)
            own = data / "server" if data is not None else Path(stack.enter_context(_data_folder()))
            samples = data / "samples" if data is not None else Path(stack.enter_context(_data_folder()))
            for folder in (own, samples):
                folder.mkdir(parents=True, exist_ok=True)
            key = _kept_key(data / "server.key") if data is not None else EncryptionKey.new().text
        except DataFolderError as error:
            raise CommandError(f"{error}.") from error
        except OSError as error:
            raise CommandError(
                f"The sandbox cannot start: {error.strerror or error}. Choose another --sandbox-port or --data."
            ) from error
        sample = samples / SAMPLE_PDF.name
        sample.write_bytes(SAMPLE_PDF.read_bytes())
        structlog.get_logger(__name__).info(
            "sandbox_started", page=box.base_url, signed_in_as=box.people[0].name, sample=str(sample)
        )
        inner = settings.model_copy(
            update={"base_url": box.base_url, "folders": (*settings.folders, samples), **_own_data(own, key)}
        )
        app = OAuthApp(box.client_id, box.callback_url)
        yield EmbeddedSandbox(
            inner,
            SandboxTokenSource(HttpxAuthTransport(AutodeskHosts.at(box.base_url)), box.base_url, app),
            box.base_url,
        )


def _started(stack: ExitStack, data: Path | None, port: int) -> "acc_sandbox.Sandbox":
    """Start a sandbox; one that is kept at a port waits until the process that has it ends.

    A client that starts a server for each call starts the next before the last has ended, or several at once.
    """
    import acc_sandbox

    until = time.monotonic() + (TURN_SECONDS if data is not None and port else 0)
    while True:
        try:
            return stack.enter_context(
                acc_sandbox.running(port, port + 1 if port else 0, data and data / "acc", auto_approve=True)
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= until:
                raise
            time.sleep(_PAUSE_SECONDS)


def _data_folder() -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory(prefix="submittal-mcp-data-", ignore_cleanup_errors=True)


def _kept_key(file: Path) -> str:
    """Return the key of a sandbox's own vault: nothing in it is worth more than the sandbox."""
    with suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(EncryptionKey.new().text)
    return file.read_text(encoding="ascii")


def _own_data(folder: str | Path, key: str | None = None) -> dict[str, object]:
    """Return settings that keep the sandbox's jobs and sign-ins apart from the user's own data."""
    keys = SecretStr(key or EncryptionKey.new().text)
    return {"data_dir": Path(folder), "database_url": None, "encryption_keys": keys}
