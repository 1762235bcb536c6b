"""The command line.

What a command needs is imported when it runs: a chat client starts `serve` on every launch and waits for it.
"""

import gc
import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import server
from server.cli.attach import options as many_commands
from server.cli.clients import options as client_commands
from server.cli.errors import FAILED, USAGE, CommandError, command_context, fail, require_sandbox
from server.cli.find import options as find_commands
from server.cli.options import AllowBaseUrl, AllowWideFolder, ClientId, Folders, Person, whole_paths
from server.cli.output import say
from server.cli.team import command as team_commands
from server.standard_streams import prepare_standard_streams

if TYPE_CHECKING:
    from server.cli.embedded_sandbox import EmbeddedSandbox
    from server.mcp.app import McpServer
    from server.settings.model import Settings
    from server.settings.types import LogLevel

_HELP = ["-h", "--help"]

app = typer.Typer(
    name="submittal-mcp",
    help="Attach files to Autodesk Construction Cloud submittals from an AI assistant.",
    no_args_is_help=True,
    context_settings={"help_option_names": _HELP},
    # typer's tracebacks show local variables, tokens among them.
    pretty_exceptions_enable=False,
)

_Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, metavar="N", help="The port; 0 picks a free one. Env: SUBMITTAL_MCP_HTTP_PORT."),
]


def main() -> None:
    """Run the command line, and exit with its code."""
    prepare_standard_streams()
    _leave_vanished_folder()
    try:
        command = typer.main.get_command(app)
        _hide_flag_types(command)
        command(prog_name="submittal-mcp")
    except Exception as error:  # noqa: BLE001 - the process ends here, and says why through the redacting log
        from persistence.errors import DescriptorsExhausted, no_descriptors_left

        if no_descriptors_left(error):
            sys.stderr.write(f"submittal-mcp: {DescriptorsExhausted('a file or socket')}\n")
            sys.stderr.flush()
            os._exit(FAILED)  # an event loop that was made by half would end with a traceback of its own
        import structlog

        from server import logging as logs

        if not structlog.is_configured():
            logs.configure("info")
        structlog.get_logger().exception("failed")
        sys.exit(FAILED)


def _leave_vanished_folder() -> None:
    """Say so where the working folder is gone, for relative paths would mean nothing; a server goes on elsewhere."""
    try:
        Path.cwd()
    except FileNotFoundError:
        if sys.argv[1:2] != ["serve"]:
            sys.stderr.write("submittal-mcp: the working folder no longer exists; change to another one.\n")
            sys.exit(USAGE)
        os.chdir(Path.home() if Path.home().is_dir() else "/")


def _hide_flag_types(command: Any) -> None:
    """Show `--sandbox`, not `--sandbox <bool>`: a flag takes no value."""
    own_help = command.get_help_option(typer.Context(command, help_option_names=_HELP))
    for parameter in [*command.params, own_help]:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for below in getattr(command, "commands", {}).values():
        _hide_flag_types(below)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        typer.echo(f"submittal-mcp {server.__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Attach files to Autodesk Construction Cloud submittals from an AI assistant."""


@app.command()
def serve(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER", help="Folders from which files may be attached. Env: SUBMITTAL_MCP_FOLDERS."),
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
        typer.Option(metavar="DIR", help="For --sandbox: a folder that keeps it for the next start; else memory."),
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
    # Until all is imported: what imports make stays, and looking for garbage among it took a fifth of the start.
    gc.disable()
    from server.settings.model import Settings, SettingsError
    from server.settings.remembered import with_remembered_app

    overrides = {
        "folders": whole_paths([*(folders or []), *(folder or [])]),
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

            serve_stdio(mcp_server)


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
    if team and (http or person):
        raise typer.BadParameter("--team cannot be combined with --http or --as: each user signs in over HTTP")
    if any(one is not None for one in kept) and (team or not sandbox):
        raise typer.BadParameter("--data and --sandbox-port are for --sandbox")


def _start_sandbox(stack: ExitStack, settings: "Settings", data: Path | None, port: int | None) -> "EmbeddedSandbox":
    from server.cli.embedded_sandbox import run_embedded_sandbox

    try:
        box = stack.enter_context(run_embedded_sandbox(settings, data and data.absolute(), port or 0))
    except CommandError as error:
        fail(error, FAILED)
    sys.stderr.write(f"submittal-mcp works on a sandbox; look at it: {box.page}/\n")
    return box


def _configure_logs(settings: "Settings", new_secret: str | None, level: "LogLevel") -> None:
    import structlog

    from server import logging as logs

    known = settings.secrets if new_secret is None else (*settings.secrets, new_secret)
    logs.configure(level, settings.log_format, secrets=known, queued=True)
    for folder in settings.folders:
        if not folder.is_dir():
            structlog.get_logger().warning("folder_missing", folder=str(folder))


def _serve_http(mcp_server: "McpServer", settings: "Settings", new_secret: str | None) -> None:
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
    except ListenError as error:
        fail(error)


def _serve_team(settings: "Settings", tls: tuple[Path, Path] | None, *, sandbox: bool) -> None:
    from auth.issuer.metadata import CALLBACK_PATH
    from persistence.errors import StorageProblem
    from server.mcp.http import ListenError
    from server.settings.model import SettingsError
    from server.team.serving import serve_team, team_listener

    try:
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


@app.command()
def login(
    *,
    no_browser: Annotated[
        bool,
        typer.Option("--no-browser", help="Print the URL only, and accept the pasted redirect (SSH, containers)."),
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Request read-only access. Env: SUBMITTAL_MCP_READ_ONLY.")
    ] = False,
    client_id: ClientId = None,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """Sign in to Autodesk with a browser, and stay signed in."""
    from server.cli import login as signing

    with command_context(
        allow_base_url=allow_base_url,
        allow_wide_folder=True,
        read_only=read_only or None,
        client_id=client_id,
    ) as settings:
        signing.login(settings, browser=not no_browser, say=say)
        if client_id is not None:
            signing.keep_app(settings, say=say)


@app.command()
def logout(
    *,
    person: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="This user instead of the current one.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Delete the sign-in here without revoking it at Autodesk.")
    ] = False,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """Sign out: revoke the sign-in at Autodesk, then delete it here."""
    from server.cli import login as signing

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        signing.logout(settings, person=person, revoke=not local, say=say)


@app.command()
def whoami(*, allow_base_url: AllowBaseUrl = False) -> None:
    """Show who is signed in, on which app, and until when."""
    from server.cli import login as signing

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        signing.whoami(settings, say=say)


@app.command()
def doctor(
    *,
    project: Annotated[str | None, typer.Option(help="Also check this project: name, id or URL.")] = None,
    submittal: Annotated[str | None, typer.Option(help="Also check this submittal: number, id or URL.")] = None,
    person: Person = None,
    folder: Folders = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="FILE",
            help="Write the structure of Autodesk's responses, without values, to this new file for a bug report.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON object.")] = False,
    allow_base_url: AllowBaseUrl = False,
    allow_wide_folder: AllowWideFolder = False,
) -> None:
    """Diagnose the setup from this machine to a submittal and suggest fixes."""
    from server import logging as logs
    from server.cli.doctor import command as examination
    from server.cli.doctor.autodesk import DoctorTarget
    from server.settings.model import Settings
    from server.settings.remembered import with_remembered_app

    logs.configure("error")

    def load() -> Settings:
        settings = with_remembered_app(
            Settings.load(
                allow_base_url=allow_base_url, allow_wide_folder=allow_wide_folder, folders=whole_paths(folder)
            )
        )
        logs.configure("error", settings.log_format, secrets=settings.secrets)
        return settings

    raise typer.Exit(examination.run(load, person, DoctorTarget(project, submittal), as_json=as_json, record=record))


vault = typer.Typer(help="Manage the credential vault.", no_args_is_help=True)
app.add_typer(vault, name="vault")


@vault.command()
def rekey(*, allow_base_url: AllowBaseUrl = False) -> None:
    """Re-encrypt every sign-in with a new key; running servers are not interrupted."""
    from server.cli import login as signing

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        signing.rekey(settings, say=say)


app.add_typer(team_commands.team, name="team")
app.add_typer(find_commands.find, name="find")


@app.command()
def download(
    attachments: Annotated[
        list[str] | None, typer.Argument(help="File names or ids; without any, all of the submittal.")
    ] = None,
    *,
    project: Annotated[str, typer.Option(help="Name, id or URL.")],
    submittal: Annotated[str, typer.Option(help="Number, title, id or URL.")],
    category: Annotated[
        str | None, typer.Option(help="submission, for_review, review_response or final_response; default: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    person: Person = None,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """Download a submittal's attachments into the folder of SUBMITTAL_MCP_DOWNLOADS; run it again to resume."""
    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        from server.cli import download as download_command

        given = {"project": project, "submittal": submittal, "attachment_ids": attachments, "category": category}
        arguments = {name: value for name, value in given.items() if value}
        if not download_command.download(settings, arguments, person, as_json=as_json):
            raise typer.Exit(FAILED)


jobs = typer.Typer(help="List, cancel or resume uploads.", no_args_is_help=True)
app.add_typer(jobs, name="jobs")
_JobId = Annotated[str, typer.Argument(help="The job's id, or a prefix of it.")]


@jobs.command("list")
def list_jobs(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Include finished jobs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """List unfinished jobs and how to finish each."""
    from server.cli import jobs as jobs_command

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        jobs_command.show(settings, everything=everything, as_json=as_json)


@jobs.command("cancel")
def cancel_job(job: _JobId, *, allow_base_url: AllowBaseUrl = False) -> None:
    """Cancel a job, whichever process runs it."""
    from server.cli import jobs as jobs_command

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        jobs_command.cancel(settings, job)


@jobs.command("resume")
def resume_job(
    job: _JobId,
    *,
    person: Person = None,
    allow_base_url: AllowBaseUrl = False,
    allow_wide_folder: AllowWideFolder = False,
) -> None:
    """Resume a stopped or interrupted job, and wait for it to finish."""
    from server.cli import jobs as jobs_command

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=allow_wide_folder) as settings:
        jobs_command.resume(settings, job, person)


app.command()(client_commands.config)
app.command()(client_commands.setup)
app.command()(many_commands.attach)
app.command()(many_commands.worker)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def sandbox(context: typer.Context) -> None:
    """Run a simulated ACC on this machine, for trials and tests."""
    require_sandbox()
    from acc_sandbox import cli as command
    from server import logging as logs

    logs.configure("info")
    raise typer.Exit(command.main(context.args, "submittal-mcp sandbox"))


@app.command()
def demo(
    *,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to attach; default: a sample PDF.")
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the submittal's page in a browser, and keep the sandbox until Ctrl-C.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show arguments, ids and next steps.")] = False,
) -> None:
    """Attach a file in a sandbox as an AI assistant would, and show each step."""
    require_sandbox()
    from server.cli.demo import command as demonstration

    raise typer.Exit(demonstration.run(file, open_page=open_page, verbose=verbose))
