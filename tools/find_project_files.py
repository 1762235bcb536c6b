"""The tool `find_project_files`."""

from typing import Annotated

from pydantic import Field

from tools.core.arguments import Cursor, Limit, OptionalText, Project, ToolArguments
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import FilesResult
from tools.errors.exceptions import InvalidArguments, RetryHint
from tools.next_steps.after_page import PageInfo, after_page
from tools.next_steps.after_success import after_files


class FilesArguments(ToolArguments):
    """Search words and folder."""

    project: Project
    query: Annotated[OptionalText, Field(description="Words of the file's name; left out: all of the folder")] = None
    folder: Annotated[OptionalText, Field(description="Folder path as people see it, or folder URN, to search in")] = (
        None
    )
    limit: Limit = 20
    cursor: Cursor = None

    def check(self) -> None:
        """Refuse neither words nor a folder.

        Raises:
            InvalidArguments: There is neither.
        """
        if self.query is None and self.folder is None:
            raise InvalidArguments(
                "'query' is missing: without it a folder is listed, and none is given.",
                "Give words of the file's name, or the folder to list.",
                "Give words of the file's name, or the folder to list.",
                again=RetryHint(needs=["query"]),
            )


async def find_project_files(services: Services, call: ToolCall, arguments: FilesArguments) -> FilesResult:
    """Find files by name in the project's Files tool."""
    from tools.lookup.files import search_files

    folder = _folder(arguments.folder)
    project = await services.resolver.project(arguments.project)
    me = await services.resolver.me(project.id)
    start = call.position(services, me.id, arguments.cursor)
    found = await search_files(services.acc.files, project, arguments.query, folder, call.report)
    end = start + arguments.limit
    rows = found.rows[start:end]
    cursor = call.next_cursor(services, me.id, end if end < len(found.rows) else None)
    page = PageInfo(call.tool, call.arguments, cursor, found.complete)
    urns = [row.version_urn for row in rows]
    steps = after_files(project.id, urns, services.policy.step_context, whole=page.whole)
    return FilesResult(
        files=rows,
        complete=found.complete,
        next_cursor=cursor,
        next_steps=[*steps, *after_page(page, empty=not rows)],
    )


def _folder(text: str | None) -> str | None:
    from tools.lookup.references import NotAReference, folder_reference

    try:
        return folder_reference(text) if text else None
    except NotAReference:
        raise InvalidArguments(
            "'folder' is a URL that names no folder of the Files tool.",
            "Give the folder's path as people see it, or leave folder out.",
            "Give the folder's path as people see it.",
            again=RetryHint(without=["folder"]),
        ) from None


DEFINITION = ToolDefinition(
    name="find_project_files",
    title="Find files in ACC Docs",
    description=(
        "Search drawings, specs, PDFs and other documents of a project (ACC Docs, the Files tool) by name or folder, "
        'for the latest version. For "where in Docs is drawing A-101?" or "find the newest floor plan". Its '
        "version_urn is what add_submittal_attachment takes as file_urn."
    ),
    search_hint="search find files docs documents folder drawings specs latest version urn ACC",
    arguments=FilesArguments,
    results=(FilesResult,),
    writes=False,
    idempotent=True,
    run=find_project_files,
)
