"""The health check of the image: asks the server of this container whether it lives, where it listens at all.

Over stdio nothing listens, and a container that runs is healthy. What the container serves, and where, says the command
line of its first process; that can be an init with ours as its arguments.
"""

import ssl
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from os import environ
from pathlib import Path

SECONDS = 4
EVERY_ADDRESS = ("0.0.0.0", "::", "")


def health_url(words: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Return where a command's server says that it lives, None for a command that does not listen."""
    if "sandbox" in words:
        return _url("http", _option(words, "--host"), _option(words, "--port") or "8788", "/sandbox/health")
    if not {"--team", "--http"} & set(words):
        return None
    host = _option(words, "--host") or environment.get("SUBMITTAL_MCP_HTTP_HOST")
    port = _option(words, "--port") or environment.get("SUBMITTAL_MCP_HTTP_PORT") or "8000"
    scheme = "https" if _option(words, "--tls-cert") else "http"
    return _url(scheme, host, port, "/healthz")


def is_alive(url: str) -> bool:
    """Whether a server answers there; its certificate is for its public name, and this is another."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=SECONDS) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main() -> int:
    """Return 0 for a healthy container, 1 for another."""
    words = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    url = health_url(words, environ)
    return 0 if url is None or is_alive(url) else 1


def _option(words: Sequence[str], name: str) -> str | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == name:
            return following
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _url(scheme: str, host: str | None, port: str, path: str) -> str:
    host = "127.0.0.1" if host is None or host in EVERY_ADDRESS else host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"


if __name__ == "__main__":
    sys.exit(main())
