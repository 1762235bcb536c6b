"""The command `serve`: an MCP server over stdio or HTTP, or a team server.

What it needs is imported when it runs: a chat client starts it on every launch and waits for it.
"""

import gc
import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from persistence.data_folder import home_folder
from server.cli.errors import FAILED, CommandError, fail
from server.cli.options import AllowBaseUrl, AllowWideFolder, Folders, Person, folder_path, whole_paths
from server.cli.output import say

if TYPE_CHECKING:
    from server.cli.embedded_sandbox import EmbeddedSandbox
    from server.mcp.app import McpServer
    from server.settings.model import Settings
    from server.settings.types import LogLevel

_FOR_PEOPLE: Final = (
    "submittal-mcp serves MCP over stdin and stdout to a chat client, which starts it; there is nothing to type here.",
    "Ctrl-C ends it. `submittal-mcp demo` shows what it does, `submittal-mcp --help` lists the other commands.",
)

_Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, metavar="N", help="The port; 0 picks a free one. Env: SUBMITTAL_MCP_HTTP_PORT."),
]


def serve(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER",
            parser=folder_path,
            help="Folders from which files may be attached. Env: SUBMITTAL_MCP_FOLDERS.",
        ),
    ] = None,
    *,
    http: Annotated[bool, typer.Option("--http", help="Serve Streamable HTTP at /mcp instead of stdio.")] = False,
    team: Annotated[
        bool, typer.Option("--team", help="Serve a team over HTTP; each user signs in and acts under their own name.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Use the bundled sandbox; needs no Autodesk account.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=folder_path,
            help="For --sandbox: a folder that keeps it for the next start; else memory.",
        ),
    ] = None,
    sandbox_port: Annotated[
        int | None,
        typer.Option(min=0, max=65534, metavar="N", help="For --sandbox: its port; with --data the same each time."),
    ] = None,
    folder: Folders = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="The address for --http or --team. Env: SUBMITTAL_MCP_HTTP_HOST.")
    ] = None,
    port: _Port = None,
    public_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="For --team: the public origin, https://HOST. Env: SUBMITTAL_MCP_PUBLIC_URL."),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For --team: a PEM certificate for TLS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key.")] = None,
    allow_base_url: AllowBaseUrl = False,
    allow_wide_folder: AllowWideFolder = False,
    read_only: Annotated[
        bool,
        typer.Option("--read-only", help="Hide the tools that write, and refuse writes. Env: SUBMITTAL_MCP_READ_ONLY."),
    ] = False,
    person: Person = None,
) -> None:
    """Serve the tools to an AI assistant: over stdio, or over HTTP."""
    _check_flags(http=http, team=team, sandbox=sandbox, person=person, where=(host, port), kept=(data, sandbox_port))
    if not team and (public_url or tls_cert or tls_key):
        raise typer.BadParameter("--public-url, --tls-cert and --tls-key are for --team")
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together")
    allowed, data = _whole_paths([*(folders or []), *(folder or [])], data)
    # Until all is imported: what imports make stays, and looking for garbage among it took a fifth of the start.
    gc.disable()
    from server.settings.model import Settings
    from server.settings.problems import SettingsError
    from server.settings.remembered import with_remembered_app

    overrides = {
        "folders": allowed,
        "read_only": read_only or None,
        "http_host": host,
        "http_port": port,
        "public_url": public_url,
    }
    try:
        settings = (
            Settings.for_sandbox(allow_wide_folder=allow_wide_folder, **overrides)
            if sandbox
            else Settings.load(allow_base_url=allow_base_url, allow_wide_folder=allow_wide_folder, **overrides)
        )
        if not (sandbox or team):
            settings = with_remembered_app(settings)
    except SettingsError as error:
        fail(error)
    if team:
        _configure_logs(settings, None, settings.log_level)
        _serve_team(settings, (tls_cert, tls_key) if tls_cert and tls_key else None, sandbox=sandbox)
        return
    new_secret = _new_secret() if http and not sandbox and settings.http_secret is None else None
    _configure_logs(settings, new_secret, settings.log_level if http else settings.log_level_or("warning"))
    with ExitStack() as open_sandbox:
        tokens = None
        if sandbox:
            box = _start_sandbox(open_sandbox, settings, data, sandbox_port)
            settings, tokens = box.settings, box.tokens
        from server.mcp.app import build_server

        mcp_server = build_server(settings, transport="http" if http else "stdio", tokens=tokens, person=person)
        gc.freeze()
        gc.enable()
        if http:
            _serve_http(mcp_server, settings, new_secret)
        else:
            from server.mcp.stdio import serve_stdio

            if sys.stdin is not None and sys.stdin.isatty():
                for line in _FOR_PEOPLE:
                    say(line, err=True)
            serve_stdio(mcp_server)


def _whole_paths(folders: list[Path], data: Path | None) -> tuple[tuple[Path, ...] | None, Path | None]:
    """Return both as whole paths; go on elsewhere where the working folder is gone, or may not be looked into."""
    try:
        whole = whole_paths(folders), data and data.absolute()
    except OSError:
        raise typer.BadParameter("the working folder is gone; write the folders as whole paths") from None
    try:
        Path.cwd()
    except OSError:
        home = home_folder()
        os.chdir(home if home and os.path.isdir(home) else "/")  # noqa: PTH112  # a Path's own question may raise
    return whole


def _new_secret() -> str:
    """Return a secret for callers, which is shown once; exit where that would be in a file or the log of a service."""
    if not sys.stderr.isatty():
        fail(
            CommandError(
                "SUBMITTAL_MCP_HTTP_SECRET is not set, and a secret made here is shown on a terminal only, never in a "
                "log; set it to 16 characters or more, such as `openssl rand -hex 32` prints"
            )
        )
    return secrets.token_urlsafe(32)


def _check_flags(
    *, http: bool, team: bool, sandbox: bool, person: str | None, where: tuple[object, ...], kept: tuple[object, ...]
) -> None:
    if not (http or team) and any(one is not None for one in where):
        raise typer.BadParameter("--host and --port are for --http and --team")
    if team and (http or person is not None):
        raise typer.BadParameter("--team cannot be combined with --http or --as: each user signs in over HTTP")
    if sandbox and person is not None:
        raise typer.BadParameter("--as is for people who have signed in; --sandbox serves its own project manager")
    if any(one is not None for one in kept) and (team or not sandbox):
        raise typer.BadParameter("--data and --sandbox-port are for --sandbox")


def _start_sandbox(stack: ExitStack, settings: "Settings", data: Path | None, port: int | None) -> "EmbeddedSandbox":
    from server.cli.embedded_sandbox import run_embedded_sandbox

    try:
        box = stack.enter_context(run_embedded_sandbox(settings, data, port or 0))
    except CommandError as error:
        fail(error, FAILED)
    sys.stderr.write(f"submittal-mcp works on a sandbox; look at it: {box.page}/\n")
    return box


def _configure_logs(settings: "Settings", new_secret: str | None, level: "LogLevel") -> None:
    # structlog imports rich where it finds it, a tenth of the start, for tracebacks that are not used here.
    rich = sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from server import logging as logs
    from server.settings.types import not_a_folder

    if rich is None:
        del sys.modules["rich"]

    known = settings.secrets if new_secret is None else (*settings.secrets, new_secret)
    logs.configure(level, settings.log_format, secrets=known, queued=True)
    for folder in settings.folders:
        if problem := not_a_folder(folder):
            logs.log.warning("folder_missing", folder=str(folder), problem=problem)


def _serve_http(mcp_server: "McpServer", settings: "Settings", new_secret: str | None) -> None:
    from persistence.errors import StorageProblem
    from server.mcp.http import ListenError, serve_http

    given = settings.http_secret
    try:
        serve_http(
            mcp_server,
            host=settings.http_host,
            port=settings.http_port,
            secret=given.get_secret_value() if given else new_secret,
            announce_secret=new_secret is not None,
        )
    except (ListenError, StorageProblem) as error:
        fail(error)


def _serve_team(settings: "Settings", tls_files: tuple[Path, Path] | None, *, sandbox: bool) -> None:
    from auth.issuer.metadata import CALLBACK_PATH
    from persistence.errors import StorageProblem
    from server.mcp.http import ListenError
    from server.settings.problems import SettingsError
    from server.team.serving import serve_team, team_listener, tls_of

    try:
        tls = tls_of(*tls_files) if tls_files is not None else None
        listener, url = team_listener(settings, tls)
        with ExitStack() as open_sandbox:
            if sandbox:
                from server.cli import embedded_sandbox

                started = embedded_sandbox.run_team_sandbox(settings, f"{url}{CALLBACK_PATH}")
                settings = open_sandbox.enter_context(started)
            gc.freeze()
            gc.enable()
            serve_team(settings, listener, url, tls)
    except (ListenError, SettingsError, StorageProblem) as problem:
        fail(problem)
