"""Command-line options of `find`; imports none of its code."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from server.cli.errors import command_context
from server.cli.options import AllowBaseUrl, Person, words

find = typer.Typer(help="List projects, submittals or attachments as a table, CSV or JSON.", no_args_is_help=True)

_Format = Annotated[
    Literal["table", "csv", "json"],
    typer.Option("--format", metavar="table|csv|json", help="A table shows the main columns, the others all."),
]
_Project = Annotated[str | None, typer.Option(help="Name, id or URL; without it all projects.")]
_Query = Annotated[str | None, typer.Argument(help="Words of the number, title or spec section.")]
_State = Annotated[
    list[str] | None,
    typer.Option(
        autocompletion=words("draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void", "open"),
        help="draft, sbc-1 (submit), mgr-1 (prepare), rev (review), mgr-2 (close and distribute), sbc-2 (closed), "
        "void, or open (neither closed nor void); repeatable.",
    ),
]
_Spec = Annotated[str | None, typer.Option(help="Spec section: its number, the beginning of one, or its title.")]
_Contractor = Annotated[
    str | None, typer.Option(help="Responsible contractor: a person, a company (its people), an id or me.")
]
_Response = Annotated[str | None, typer.Option(help="Final response, for example 'revise and resubmit'.")]
_DueBefore = Annotated[str | None, typer.Option(metavar="DAY", help="Only those due before this day, 2026-12-31.")]
_InMyCourt = Annotated[bool, typer.Option("--in-my-court", help="Only those waiting for you by name.")]


@find.command()
def projects(
    query: Annotated[str | None, typer.Argument(help="Words of the name; without any, all.")] = None,
    *,
    output: _Format = "table",
    person: Person = None,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """List the projects that you can see."""
    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        from server.cli.find import command

        command.find_projects(settings, query, output, person)


@find.command()
def submittals(
    query: _Query = None,
    *,
    project: _Project = None,
    state: _State = None,
    spec: _Spec = None,
    contractor: _Contractor = None,
    response: _Response = None,
    due_before: _DueBefore = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only open ones whose due date has passed.")] = False,
    in_my_court: _InMyCourt = False,
    attachable: Annotated[bool, typer.Option("--attachable", help="Only those you may attach to now.")] = False,
    without_attachments: Annotated[
        bool, typer.Option("--without-attachments", help="Only those without a file.")
    ] = False,
    files: Annotated[
        bool, typer.Option("--files/--no-files", help="Count the files of each submittal: one request each.")
    ] = True,
    output: _Format = "table",
    write_manifest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a new manifest for `attach --manifest`, to fill in."),
    ] = None,
    person: Person = None,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """List the submittal register: every field, what is missing, what is overdue."""
    filters = {
        "query": query,
        "state": state or None,
        "spec": spec,
        "contractor": contractor,
        "response": response,
        "due_before": due_before,
        "in_my_court": in_my_court,
        "attachable": attachable,
        "without_attachments": without_attachments,
    }
    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        from server.cli.find import command

        options = command.FindOptions(
            project=project,
            filters=_given(filters),
            overdue=overdue,
            files=files,
            manifest=write_manifest,
            person=person,
        )
        command.find_submittals(settings, options, output)


@find.command()
def attachments(
    query: _Query = None,
    *,
    project: _Project = None,
    submittal: Annotated[str | None, typer.Option(help="Only this one's: number, title, id or URL.")] = None,
    state: _State = None,
    spec: _Spec = None,
    output: _Format = "table",
    person: Person = None,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """List the attachments of submittals."""
    if submittal is not None and (project is None or query or state or spec):
        raise typer.BadParameter("--submittal needs --project, and nothing else that chooses submittals")
    filters = {"query": query, "state": state or None, "spec": spec}
    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        from server.cli.find import command

        options = command.FindOptions(project=project, submittal=submittal, filters=_given(filters), person=person)
        command.find_attachments(settings, options, output)


def _given(filters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value}
