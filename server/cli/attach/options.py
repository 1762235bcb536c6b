"""Command-line options of `attach` and `worker`; imports none of their code."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from server.cli.errors import command_context, fail
from server.cli.options import (
    CATEGORIES,
    AllowBaseUrl,
    AllowWideFolder,
    AtOnce,
    Folders,
    Person,
    file_path,
    meant_path,
    whole_paths,
    words,
)


def attach(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=file_path,
            help="Files to attach, all to one submittal; or a folder, 'DIR/**' or 'DIR/*.pdf', each to its own.",
            metavar="FILE|DIR",
        ),
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="With a folder: print where each file would go, and send nothing.")
    ] = False,
    write_manifest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With a folder: write where each file would go as a manifest; send nothing."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With a folder: do not ask before the files are sent.")] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CSV with columns project, submittal, file, name, category, task; one file per row."
        ),
    ] = None,
    project: Annotated[str | None, typer.Option(help="Name, id or URL; default for rows without one.")] = None,
    submittal: Annotated[
        str | None, typer.Option(help="Number, title, id or URL; default for rows without one.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name in ACC, for a single file.")] = None,
    category: Annotated[
        str | None,
        typer.Option(
            autocompletion=words(*CATEGORIES),
            help="submission, for_review, review_response or final_response; default: by state.",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Id of the review task, in review; default: your only task, else the only open one."
        ),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm/--no-confirm", help="Make the files visible in ACC, or only upload them.")
    ] = True,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until reviewers can open every file.")] = False,
    folder: Folders = None,
    result: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Result file, .csv or .json; default: beside the manifest."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON object.")] = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="Enqueue the files for workers, and wait for the results.")
    ] = False,
    at_once: AtOnce = 4,
    person: Person = None,
    allow_base_url: AllowBaseUrl = False,
    allow_wide_folder: AllowWideFolder = False,
) -> None:
    """Attach files to submittals, from arguments, a folder or a manifest; run it again to resume."""
    if bool(files) == (manifest is not None):
        raise typer.BadParameter("give either files or --manifest")
    files = [meant_path(str(one), Path.cwd()) for one in files or ()]
    for_folders = check or yes or write_manifest is not None
    from_folder = len(files) == 1 if for_folders else is_folder(files)
    if for_folders and not from_folder:
        raise typer.BadParameter("--check, --write-manifest and --yes are for one folder")
    if from_folder and not project:
        raise typer.BadParameter("a folder needs --project")
    if from_folder and task is not None:
        raise typer.BadParameter("--task is for files of one submittal; a manifest has a column for it")
    if files and not from_folder and not (project and submittal):
        raise typer.BadParameter("files need --project and --submittal")
    if name is not None and (from_folder or len(files) != 1):
        raise typer.BadParameter("--name is for a single file; a manifest has a column for it")
    with command_context(
        allow_base_url=allow_base_url, allow_wide_folder=allow_wide_folder, folders=whole_paths(folder)
    ) as settings:
        from server.cli.attach import command as attach_command
        from server.cli.attach.manifest import ManifestUnusable
        from server.cli.attach.results import ResultFileUnusable

        options = attach_command.AttachOptions(
            files=() if from_folder else tuple(files),
            folder=str(files[0]) if from_folder else None,
            check=check,
            plan_manifest=write_manifest,
            yes=yes,
            manifest=manifest and meant_path(str(manifest), Path.cwd()),
            project=project,
            submittal=submittal,
            name=name,
            category=category,
            task=task,
            confirm=confirm,
            wait=wait,
            result=result,
            as_json=as_json,
            queue=queue,
            at_once=at_once,
            person=person,
        )
        try:
            exit_code = attach_command.run(settings, options)
        except (ManifestUnusable, ResultFileUnusable) as error:
            fail(error)
    raise typer.Exit(exit_code)


def is_folder(files: Sequence[Path]) -> bool:
    """Whether what was named is a folder, or a pattern of the names in one."""
    from transfers.files.pasted_text import is_address

    # Path's own questions raise where a path is too long.
    path = str(files[0]) if len(files) == 1 else ""
    return os.path.isdir(path) or (not os.path.lexists(path) and bool({*"*?"} & {*path}) and not is_address(path))  # noqa: PTH112


def worker(
    *,
    folder: Folders = None,
    at_once: AtOnce = 4,
    person: Person = None,
    allow_base_url: AllowBaseUrl = False,
    allow_wide_folder: AllowWideFolder = False,
) -> None:
    """Process queued uploads from a shared PostgreSQL database."""
    with command_context(
        allow_base_url=allow_base_url, allow_wide_folder=allow_wide_folder, folders=whole_paths(folder)
    ) as settings:
        from server import logging as logs
        from server.cli import worker as worker_command

        # Its log is all that is seen of it.
        logs.configure(settings.log_level, settings.log_format, secrets=settings.secrets)
        worker_command.run(settings, files_at_once=at_once, person=person)
