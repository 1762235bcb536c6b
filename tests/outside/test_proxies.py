"""The proxies of docs/team-server.md in front of a team server: each as it stands there passes what `check-url` tries."""

import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import anyio
import httpx
import pytest

import acc_sandbox
from server.cli.team.url_check import check_public_url
from server.team.options import TeamOptions
from tests.server.team.site import running_team
from tests.support.certificates import write_certificate

from .conftest import ROOT


def example(name: str) -> str:
    """A configuration of the page."""
    found = re.search(rf"```text\n# {name}\n(.*?)```", (ROOT / "docs" / "team-server.md").read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


def nginx(folder: Path, port: int, pem: Path, server: str) -> list[str]:
    """Return a command that runs nginx with the page's `server`, at another address and with other files."""
    block = example("nginx").replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    block = re.sub(r"/etc/ssl/submittals\.\w+", str(pem), block)
    block = block.replace("submittals.example.com", "localhost").replace("127.0.0.1:8000", server)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off; {places}\n{block} }}\n"
    )
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, pem: Path, server: str) -> list[str]:
    """Return a command that runs Caddy with the page's site, at another address and with a certificate of ours."""
    site = example("Caddyfile").replace("submittals.example.com {", f"https://localhost:{port} {{\n tls {pem} {pem}")
    site = site.replace("127.0.0.1:8000", server)
    (folder / "Caddyfile").write_text(f"{{\n admin off\n auto_https disable_redirects\n}}\n{site}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """Run a proxy until the block ends."""
    with subprocess.Popen(command, cwd=folder, env={"PATH": "/usr/sbin:/usr/bin", "HOME": str(folder)}) as process:
        try:
            while process.poll() is None:
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
            assert process.poll() is None, "the proxy has ended"
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize("proxy", [caddy, nginx])
def test_the_pages_proxy_spoils_nothing_and_says_who_calls(
    clean_environment: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    proxy: Callable[..., list[str]],
    free_port: int,
) -> None:
    pem = write_certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    url = f"https://localhost:{free_port}"
    options = TeamOptions(register_per_hour=1, trusted_proxies=(ip_network("127.0.0.1"),))
    with (
        acc_sandbox.running() as box,
        running_team(box, tmp_path / "data", url=url, options=options) as team,
        running(proxy(tmp_path, free_port, pem, team.url.removeprefix("http://")), tmp_path, free_port),
    ):
        findings = anyio.run(check_public_url, url)
        assert {finding.level for finding in findings} == {"ok"}, findings
        trusted = ssl.create_default_context(cafile=pem)

        def register(caller: str, claim: str) -> int:
            with httpx.Client(transport=httpx.HTTPTransport(verify=trusted, local_address=caller)) as http:
                content = {"redirect_uris": ["https://client.example/callback"]}
                return http.post(f"{url}/register", json=content, headers={"X-Forwarded-For": claim}).status_code

        assert [register("127.0.0.2", "192.0.2.1"), register("127.0.0.2", "192.0.2.2")] == [201, 429]
        assert register("127.0.0.3", "192.0.2.1") == 201
