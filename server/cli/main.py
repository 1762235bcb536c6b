"""The command line.

What a command needs is imported when it runs: a chat client starts `serve` on every launch and waits for it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import server
from server.cli.attach import options as many_commands
from server.cli.clients import options as client_commands
from server.cli.errors import FAILED, USAGE, command_context, require_sandbox
from server.cli.find import options as find_commands
from server.cli.options import CATEGORIES, AllowBaseUrl, AllowWideFolder, ClientId, Folders, Person, whole_paths, words
from server.cli.output import prepare_standard_streams, say
from server.cli.serve import serve
from server.cli.team import command as team_commands

_HELP = ["-h", "--help"]


class _Commands(TyperGroup):
    """Command group: lists commands in the order of use, and makes the invisible visible in their usage errors.

    A shell puts the names of files of others in place of `*`.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        from server.cli.own_command import COMMANDS

        return sorted(super().list_commands(ctx), key=COMMANDS.index)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _visible_usage_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _visible_usage_errors():
            return super().invoke(ctx)


@contextmanager
def _visible_usage_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, typer.BadParameter.__bases__):  # usage errors, which typer does not name
            from server.cli.own_command import spoken_command
            from tools.core.text_sanitizer import visible

            usage: Any = error
            if usage.ctx is None or usage.message != usage.ctx.get_help():  # which a group says that is named alone
                usage.message = visible(usage.message.removeprefix("Value error, "))  # which typer has from pydantic
            if usage.ctx is not None:
                usage.ctx.find_root().info_name = spoken_command()
        raise


app = typer.Typer(
    name="submittal-mcp",
    cls=_Commands,
    help="Attach files to Autodesk Construction Cloud submittals from an AI assistant.",
    no_args_is_help=True,
    context_settings={"help_option_names": _HELP},
    # In rich's columns a long flag or the name of a variable is cut where a window is narrow.
    rich_markup_mode=None,
    # typer's tracebacks show local variables, tokens among them.
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line, and exit with its code."""
    prepare_standard_streams()
    if sys.argv[1:2] != ["serve"]:  # which goes on elsewhere
        _check_working_folder()
    sys.argv[1:] = map(_with_home, sys.argv[1:])
    try:
        command_line()(prog_name="submittal-mcp")
    except SystemExit:  # which every command ends with
        _check_output()
        raise
    except Exception as error:  # noqa: BLE001 - the process ends here, and says why through the redacting log
        from persistence.errors import DescriptorsExhausted, no_descriptors_left

        if no_descriptors_left(error):
            sys.stderr.write(f"submittal-mcp: {DescriptorsExhausted()}\n")
            sys.stderr.flush()
            os._exit(FAILED)  # an event loop that was made by half would end with a traceback of its own
        _check_output(error)
        import structlog

        from server import logging as logs

        if not structlog.is_configured():
            logs.configure("info")
        structlog.get_logger().exception("failed")
        sys.exit(FAILED)


def _check_output(error: Exception | None = None) -> None:
    """Say so where the output cannot be written, and exit: its disk is full, for one."""
    from server.cli.output import lost_output

    if (why := lost_output(error)) is not None:
        sys.stderr.write(f"submittal-mcp: the output cannot be written: {why}. What was carried out stays so.\n")
        sys.exit(FAILED)


def _with_home(argument: str) -> str:
    """Return an argument with `~` as the home folder: a shell leaves `--data=~/box`, and a program has no shell."""
    flag, equals, path = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return f"{flag}{equals}{os.path.expanduser(path)}" if path[:2] in ("~", "~/", "~\\") else argument  # noqa: PTH111


def _check_working_folder() -> None:
    """Fail where the working folder is gone, for relative paths would mean nothing."""
    try:
        Path.cwd()
    except OSError as error:  # gone, or macOS lets this program not look into it
        what = "no longer exists" if isinstance(error, FileNotFoundError) else f"cannot be used ({error.strerror})"
        sys.stderr.write(f"submittal-mcp: the working folder {what}; change to another one.\n")
        sys.exit(USAGE)


def command_line() -> Any:
    """Return the command with all below it, whose help names values by words: Python's types are nothing to type."""
    commands = copy(app)
    if sys.argv[1:2] == ["serve"]:  # a chat client waits for it, and to build all others takes some milliseconds
        commands.registered_commands = [one for one in app.registered_commands if one.callback is serve]
        commands.registered_groups = []
    command = typer.main.get_command(commands)
    _name_values(command)
    return command


def _name_values(command: Any) -> None:
    """Show `--sandbox`, not `--sandbox <bool>`, `--task TASK`, not `--task <str>`, and a command's whole sentence."""
    command.short_help = command.help
    own_help = command.get_help_option(typer.Context(command, help_option_names=_HELP))
    for parameter in filter(None, [*command.params, own_help]):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
        elif parameter.metavar is None:
            parameter.metavar = parameter.name.upper()
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = lambda **_: None
            if parameter.required:
                parameter.get_usage_pieces = lambda _, name=parameter.metavar: [name]
    for below in getattr(command, "commands", {}).values():
        _name_values(below)


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


app.command()(serve)


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
def whoami(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """Show who is signed in, on which app, and until when."""
    from server.cli import login as signing

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        signing.whoami(settings, say=say, as_json=as_json)


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
        str | None,
        typer.Option(
            autocompletion=words(*CATEGORIES),
            help="submission, for_review, review_response or final_response; default: all.",
        ),
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


class _JobCommands(TyperGroup):
    """Lists the jobs where no command is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = ctx.resilient_parsing or (args and (not args[0].startswith("-") or args[0] in _HELP))
        return super().parse_args(ctx, args if named else ["list", *args])


jobs = typer.Typer(help="List, cancel or resume uploads; without a command list them.", cls=_JobCommands)
app.add_typer(jobs, name="jobs")
_OfPerson = Annotated[
    str | None, typer.Option("--as", metavar="EMAIL", help="Only this user's; without it everybody's on this machine.")
]
_JobId = Annotated[str, typer.Argument(help="The job's id, or a prefix of it.")]


@jobs.command("list")
def list_jobs(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Include finished jobs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    person: _OfPerson = None,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """List unfinished jobs and how to finish each."""
    from server.cli import jobs as jobs_command

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        jobs_command.show(settings, person, everything=everything, as_json=as_json)


@jobs.command("cancel")
def cancel_job(job: _JobId, *, person: _OfPerson = None, allow_base_url: AllowBaseUrl = False) -> None:
    """Cancel a job, whichever process runs it."""
    from server.cli import jobs as jobs_command

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        jobs_command.cancel(settings, job, person)


@jobs.command("resume")
def resume_job(
    job: _JobId,
    *,
    folder: Folders = None,
    person: Person = None,
    allow_base_url: AllowBaseUrl = False,
    allow_wide_folder: AllowWideFolder = False,
) -> None:
    """Resume a stopped or interrupted job, and wait for it to finish."""
    from server.cli import jobs as jobs_command

    with command_context(
        allow_base_url=allow_base_url, allow_wide_folder=allow_wide_folder, folders=whole_paths(folder)
    ) as settings:
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
