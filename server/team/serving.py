"""`serve --team`: checks before a team server listens, and its listening socket."""

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from acc.hosts import is_loopback
from server.auth_wiring import opened_vault
from server.mcp.http import ListenError, listen, run_app
from server.settings.model import Settings
from server.settings.problems import SettingsError
from server.team.options import TeamOptions
from server.team.team_server import TeamServer


def team_listener(settings: Settings, tls: ssl.SSLContext | None) -> tuple[socket.socket, str]:
    """Return a listening socket and the server's public URL: the settings', or on loopback the socket's own.

    Raises:
        SettingsError: There is no public URL, or it does not fit the address and the certificate.
        ListenError: The port is taken.
    """
    host, url = settings.http_host, settings.public_url
    if url is None and not is_loopback(host):
        raise SettingsError(("SUBMITTAL_MCP_PUBLIC_URL: a team server needs the URL that callers see (--public-url)",))
    if url is not None and url.startswith("http:") and (tls is not None or not is_loopback(host)):
        problem = f"{url} would show tokens to the network; write https://, with TLS here (--tls-cert) or at a proxy"
        raise SettingsError((f"SUBMITTAL_MCP_PUBLIC_URL: {problem}",))
    listener = listen(host, settings.http_port, beyond_loopback=True)
    if url is None:
        url = f"{'https' if tls else 'http'}://localhost:{listener.getsockname()[1]}"
    return listener, url


def serve_team(settings: Settings, listener: socket.socket, public_url: str, tls: ssl.SSLContext | None) -> None:
    """Serve until SIGTERM or Ctrl-C, after saying on stderr where.

    Raises:
        SettingsError: A setting that a team server needs is missing, or one of a single person is set.
        StorageProblem: The database, the data folder or the keys cannot be used.
    """
    check_settings(settings)
    try:
        options = TeamOptions.load(settings.settings_file)
    except ValueError as problem:
        raise SettingsError((f"SUBMITTAL_MCP_SETTINGS_FILE: {problem}",)) from None
    with opened_vault(settings) as opened:
        try:
            server = TeamServer(settings, public_url, opened, options)
        except ValueError as problem:
            raise SettingsError((f"SUBMITTAL_MCP_TEAM_CLIENTS: {problem}",)) from None
        lines = [f"submittal-mcp serves a team at {public_url}/mcp"]
        local = listener.getsockname()[1]
        if urlsplit(public_url).port != local:
            lines.append(f"It listens on {settings.http_host} port {local}")
        if tls is None and public_url.startswith("https:") and not options.trusted_proxies:
            lines.append("All callers count as one address, the proxy's, until [team] trusted_proxies names that.")
        run_app(server.app, listener, lines, tls=tls)


def check_settings(settings: Settings) -> None:
    """Refuse settings under which users would not act under their own names.

    Raises:
        SettingsError: One line for each.
    """
    problems = []
    if settings.client_id is None:
        problems.append("APS_CLIENT_ID: a team server signs people in to an APS app of yours; set its client id")
    if settings.access_token is not None:
        problems.append("APS_ACCESS_TOKEN: on a team server everybody acts with their own token; unset it")
    if settings.service_account_id is not None:
        problems.append("APS_SERVICE_ACCOUNT_ID: on a team server each user signs in; unset it")
    if settings.folders:
        problems.append("SUBMITTAL_MCP_FOLDERS: no tool of a team server reads files of its machine; unset it")
    if problems:
        raise SettingsError(tuple(problems))


def tls_of(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what TLS is served with.

    Raises:
        ListenError: The certificate or its key cannot be used.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        tls.load_cert_chain(certificate, key)
    except OSError as error:  # an `SSLError` is one
        raise ListenError(f"--tls-cert and --tls-key cannot be used: {error.strerror or error}.") from error
    return tls
