"""`serve --sandbox`: a sandbox inside the server's own process, signed in to, with a folder of sample files."""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import SecretStr

from acc.hosts import Hosts
from auth.oauth import App
from persistence.encryption import Key
from server.auth_http import HttpxAuthTransport
from server.cli.demo import sample_pdf
from server.cli.sandbox_login import SandboxTokenSource
from server.settings.model import Settings


@dataclass(frozen=True)
class EmbeddedSandbox:
    """What `build_server` needs to work on the inner sandbox, and the address of its page."""

    settings: Settings
    tokens: SandboxTokenSource
    page: str


@contextmanager
def run_team_sandbox(settings: Settings, callback_url: str) -> Iterator[Settings]:
    """Run a sandbox as the Autodesk of a team server until the block ends; yield the settings for it.

    Everybody signs in for themself, on the sandbox's own page.
    """
    import acc_sandbox

    with acc_sandbox.running() as box, _data_folder() as data:
        box.register_callback(callback_url)
        client_id, client_secret = box.confidential_client
        people = ", ".join(person.name for person in box.people)
        structlog.get_logger(__name__).info("sandbox_started", page=box.base_url, people=people)
        app = {"client_id": client_id, "client_secret": SecretStr(client_secret)}
        yield settings.model_copy(update={"base_url": box.base_url, **app, **_own_data(data)})


@contextmanager
def run_embedded_sandbox(settings: Settings) -> Iterator[EmbeddedSandbox]:
    """Run a sandbox until the block ends; its project manager is signed in, and a sample folder is allowed."""
    import acc_sandbox

    with (
        acc_sandbox.running(auto_approve=True) as box,
        tempfile.TemporaryDirectory(prefix="submittal-mcp-samples-", ignore_cleanup_errors=True) as folder,
        _data_folder() as data,
    ):
        samples = Path(folder)
        (samples / sample_pdf.NAME).write_bytes(sample_pdf.transmittal())
        structlog.get_logger(__name__).info(
            "sandbox_started", page=box.base_url, signed_in_as=box.people[0].name, sample=str(samples / sample_pdf.NAME)
        )
        inner = settings.model_copy(
            update={"base_url": box.base_url, "folders": (*settings.folders, samples), **_own_data(data)}
        )
        app = App(box.client_id, box.callback_url)
        yield EmbeddedSandbox(
            inner, SandboxTokenSource(HttpxAuthTransport(Hosts.at(box.base_url)), box.base_url, app), box.base_url
        )


def _data_folder() -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory(prefix="submittal-mcp-data-", ignore_cleanup_errors=True)


def _own_data(folder: str) -> dict[str, object]:
    """Return what keeps a sandbox's jobs and sign-ins, which end with this process, out of the person's own data."""
    return {"data_dir": Path(folder), "database_url": None, "encryption_keys": SecretStr(Key.new().text)}
