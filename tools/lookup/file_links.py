"""Resolves `file_urn` to a version in the Files tool: a version's URN, a file's URN (newest version), or a URL."""

from typing import TYPE_CHECKING

from acc.errors import Forbidden, NotFound, RequestRejected
from acc.ids import InvalidId, VersionUrn
from tools.core.context import Services
from tools.errors.exceptions import FileVersionNotFound, InvalidArguments, RetryHint
from tools.lookup.references import LINEAGE, NotAReference, file_reference

if TYPE_CHECKING:
    from acc.models import FileVersion

_ANOTHER = RetryHint(needs=["file_urn"])


async def linked_version(services: Services, project_id: str, text: str) -> "FileVersion":
    """Return the version, read in the target project: one of another project is not there.

    Raises:
        InvalidArguments: `text` names no file.
        FileVersionNotFound: The project has no such file.
        FileProblem: Its type or size is not to be attached.
        AccError: Data Management refused or is away.
    """
    files = services.acc.files
    try:
        urn = file_reference(text)
        if LINEAGE.fullmatch(urn):
            urn = (await files.item(project_id, urn)).data.tip_id or ""
        VersionUrn.parse(urn)
        version = await files.version(project_id, urn)
    except (InvalidId, NotAReference):
        raise InvalidArguments(
            "'file_urn' is not a version URN (urn:adsk.…:fs.file:vf.…?version=N), nor a file's address in ACC.",
            "Take version_urn from find_project_files.",
            "Copy the file's address in ACC.",
            again=_ANOTHER,
        ) from None
    except (Forbidden, NotFound, RequestRejected):
        raise FileVersionNotFound(
            "This project has no such file version, or this person may not see it.",
            "Only versions of the submittal's own project can be linked; look for it with find_project_files.",
            "Only versions of the submittal's own project can be linked: look for it in the project's Files tool.",
            again=_ANOTHER,
        ) from None
    services.transfers.context.rules.check(version.name, version.size_bytes)
    return version
