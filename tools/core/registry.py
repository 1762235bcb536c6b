"""All tools, in the order in which a model sees them."""

from typing import Any

from tools import (
    add_submittal_attachment,
    attach_files,
    confirm_attachment,
    download_attachments,
    find_project_files,
    find_projects,
    find_submittals,
    get_attachment_status,
    get_submittal,
    move_submittal,
    sign_in,
)
from tools.core.context import ToolDefinition


def definitions(*, local_files: bool) -> list[ToolDefinition[Any]]:
    """Return every tool; where the server cannot read the person's files, none takes a path."""
    return [
        add_submittal_attachment.definition(local_files=local_files),
        attach_files.definition(local_files=local_files),
        confirm_attachment.DEFINITION,
        get_attachment_status.DEFINITION,
        find_projects.DEFINITION,
        find_submittals.DEFINITION,
        get_submittal.DEFINITION,
        find_project_files.DEFINITION,
        download_attachments.definition(local_files=local_files),
        move_submittal.DEFINITION,
        sign_in.DEFINITION,
    ]
