"""`serve --sandbox`: a sandbox inside the server's own process, signed in to, with a folder of sample files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
def run_embedded_sandbox(settings: Settings) -> Iterator[EmbeddedSandbox]:
    """Run a sandbox until the block ends; its project manager is signed in, and a sample folder is allowed."""
    import acc_sandbox

    with (
        acc_sandbox.running(auto_approve=True) as box,
        tempfile.TemporaryDirectory(prefix="submittal-mcp-samples-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryDirectory(prefix="submittal-mcp-data-", ignore_cleanup_errors=True) as data,
    ):
        samples = Path(folder)
        (samples / sample_pdf.NAME).write_bytes(sample_pdf.transmittal())
        structlog.get_logger(__name__).info(
            "sandbox_started", page=box.base_url, signed_in_as=box.people[0].name, sample=str(samples / sample_pdf.NAME)
        )
        inner = settings.model_copy(
            update={
                "base_url": box.base_url,
                "folders": (*settings.folders, samples),
                # The sandbox and its jobs end with this process; the person's own data is none of its business.
                "data_dir": Path(data),
                "database_url": None,
                "encryption_keys": SecretStr(Key.new().text),
            }
        )
        app = App(box.client_id, box.callback_url)
        yield EmbeddedSandbox(
            inner, SandboxTokenSource(HttpxAuthTransport(Hosts.at(box.base_url)), box.base_url, app), box.base_url
        )
