"""`serve --sandbox`: a sandbox in the server's own process, a signed-in user and a folder of sample files."""

import errno
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio.to_thread
import structlog
from pydantic import SecretStr

from auth.oauth import SCOPES
from persistence import private_files
from persistence.keys import EncryptionKey
from server.cli.demo import SAMPLE_PDF
from server.cli.errors import CommandError, require_sandbox
from server.settings.model import Settings

if TYPE_CHECKING:
    import acc_sandbox

TURN_SECONDS: Final = 30.0
"""How long a kept sandbox waits for its turn; chat clients wait about a minute for a server."""

_PAUSE_SECONDS: Final = 0.2


class SandboxTokenSource:
    """Token source of the project manager: the sandbox gives a token, and another once that one is refused."""

    def __init__(self, box: "acc_sandbox.Sandbox") -> None:
        self._box = box
        self._token: str | None = None

    async def access_token(self) -> str:
        """Return an access token; the first is asked for when it is needed, so that the server starts without it."""
        if self._token is None:
            # In a thread: the sandbox makes its key for the first token.
            self._token = await anyio.to_thread.run_sync(partial(self._box.token, scopes=" ".join(SCOPES)))
        return self._token

    async def renewed(self, rejected: str) -> str | None:
        """Return another token than the `rejected` one."""
        if self._token == rejected:
            self._token = None
        return await self.access_token()


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
def run_embedded_sandbox(settings: Settings, data: Path | None, port: int) -> Iterator[EmbeddedSandbox]:
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
        yield EmbeddedSandbox(inner, SandboxTokenSource(box), box.base_url)


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
        private_files.create(file, EncryptionKey.new().text.encode("ascii"))
    return file.read_text(encoding="ascii")


def _own_data(folder: str | Path, key: str | None = None) -> dict[str, object]:
    """Return settings that keep the sandbox's jobs and sign-ins apart from the user's own data."""
    keys = SecretStr(key or EncryptionKey.new().text)
    return {"data_dir": Path(folder), "database_url": None, "encryption_keys": keys}
