"""`doctor --record`: records the structure of Autodesk's responses, never their values."""

import json
import os
from collections import deque
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic_core import from_json

import server
from acc.errors import AccError
from acc.ids import InvalidId, ObjectLocation
from server.cli.doctor.recorded_shapes import header_names, shape
from server.cli.doctor.report import CheckResult, ok, problem, warning
from server.settings.model import Settings
from server.settings.types import not_a_folder
from server.wiring import policy_of
from tools.errors.exceptions import ToolError
from tools.lookup.resolver import ReferenceResolver

if TYPE_CHECKING:
    from acc.client import AccClient
    from acc.models.files import FileItem
    from acc.models.submittals import Item
    from acc.operations import ApiOperation
    from acc.responses import HttpResponse
    from server.cli.doctor.autodesk import DoctorTarget
    from tools.lookup.projects import ProjectSummary

T = TypeVar("T")

CHECK: Final = "record"

_ABOUT: Final = (
    "Shapes of Autodesk's answers: members, kinds, lengths and names of headers. No value is in it but states, "
    "categories, kinds, regions and error codes."
)
_MOST_ANSWERS: Final = 20
"""Answers of one kind whose shapes are joined; more would only take memory."""

_MOST_FOLDERS: Final = 20
"""Folders that are looked into for a first file."""

_MOST_STEPS: Final = 3


class AnswerRecorder:
    """Collects Autodesk's responses, and writes their structure to a new file at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answers: dict[tuple[ApiOperation[Any], int], list[HttpResponse]] = {}

    def unusable(self) -> CheckResult | None:
        """Return why the file cannot be created, or None; looked at before any request."""
        folder = self._path.absolute().parent
        if os.path.lexists(self._path):
            return problem(CHECK, f"{self._path} is there already and is not overwritten", _ANOTHER)
        if reason := not_a_folder(folder):
            return problem(CHECK, reason, _ANOTHER)
        if not os.access(folder, os.W_OK | os.X_OK):
            return problem(CHECK, f"{folder} cannot be written to", _ANOTHER)
        return None

    def take(self, operation: "ApiOperation[Any]", answer: "HttpResponse") -> None:
        """Keep a response of any status."""
        kept = self._answers.setdefault((operation, answer.status), [])
        if len(kept) < _MOST_ANSWERS:
            kept.append(answer)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the structures, one entry per operation and status."""
        return [
            {
                "operation": operation.name,
                "request": f"{operation.method} {operation.path}",
                "status": status,
                "answers": len(answers),
                "headers": header_names(answer.headers for answer in answers),
                "body": _body(answers),
            }
            for (operation, status), answers in sorted(
                self._answers.items(), key=lambda one: (one[0][0].name, one[0][1])
            )
        ]

    def write(self, settings: Settings, target: "DoctorTarget") -> CheckResult:
        """Write the file, readable by this user only, and report its content."""
        from persistence import private_files

        if not self._answers:
            return problem(
                CHECK, "no response came that could be recorded", "fix the problems above, then run it again"
            )
        whose = "another host, named by APS_BASE_URL" if settings.base_url else "Autodesk"
        record = {
            "about": _ABOUT,
            "program": f"submittal-mcp {server.__version__}",
            "service": whose,
            "answers": self.as_json(),
        }
        try:
            private_files.create(self._path, (json.dumps(record, indent=1) + "\n").encode("ascii"))
        except OSError as error:
            return problem(CHECK, f"{self._path} cannot be written: {error.strerror or type(error).__name__}", _ANOTHER)
        seen = f"the shapes of {len(self._answers)} kinds of answers are in {self._path}; look through it, then send it"
        if target.project is None or target.submittal is None:
            return warning(CHECK, seen, "for the rest, add --project NAME and --submittal NUMBER, and record again")
        return ok(CHECK, seen)


_ANOTHER: Final = "name a new file in a folder of yours, such as --record shapes.json"


def _body(answers: "list[HttpResponse]") -> Any:
    values, others = [], []
    for answer in answers:
        try:
            values.append(from_json(answer.body))
        except ValueError:
            others.append(len(answer.body))
    if not others:
        return shape(values)
    no_json = f"no JSON, bytes: {min(others)} to {max(others)}"
    return {"one of": [no_json, shape(values)]} if values else no_json


async def ask_everything(acc: "AccClient", settings: Settings, target: "DoctorTarget") -> None:
    """Send every read operation for the named project; errors are recorded too."""
    hubs = await _tried(acc.projects.hubs())
    resolver = ReferenceResolver(acc, policy_of(settings, local_files=True))
    project = await _tried(resolver.project(target.project)) if target.project is not None else None
    if project is None:
        if hubs is not None and hubs.hubs:
            await _tried(acc.projects.projects(hubs.hubs[0].id))
        return
    await _tried(acc.projects.members(project.id))
    await _tried(acc.submittals.me(project.id))
    await _tried(acc.submittals.items(project.id, limit=20))
    await _ask_files(acc, project)
    item = await _tried(resolver.submittal(project, target.submittal)) if target.submittal is not None else None
    if item is not None:
        await _ask_item(acc, project, item)


async def _ask_files(acc: "AccClient", project: "ProjectSummary") -> None:
    files = acc.files
    top = await _tried(files.top_folders(project.hub_id, project.id)) or []
    if top:
        await _tried(files.folder(project.id, top[0].id))
    # A file of people's own, rather than an attachment of some other tool.
    waiting = deque(folder.id for folder in sorted(top, key=lambda folder: folder.of_another_tool))
    found: list[FileItem] = []
    for _ in range(_MOST_FOLDERS):
        if found or not waiting:
            break
        listing = await _tried(files.contents(project.id, waiting.popleft()))
        if listing is not None:
            waiting.extend(folder.id for folder in listing.folders)
            found = listing.items
    if found:
        await _tried(files.item(project.id, found[0].id))
        if found[0].tip_id is not None:
            await _tried(files.version(project.id, found[0].tip_id))


async def _ask_item(acc: "AccClient", project: "ProjectSummary", item: "Item") -> None:
    submittals = acc.submittals
    await _tried(submittals.item(project.id, item.id))
    attachments = await _tried(submittals.attachments(project.id, item.id))
    for step in (await _tried(submittals.steps(project.id, item.id)) or [])[:_MOST_STEPS]:
        await _tried(submittals.tasks(project.id, item.id, step.id))
    uploaded = [one for one in attachments.results if one.is_file_uploaded] if attachments is not None else []
    if uploaded:
        await _tried(_ask_download(acc, uploaded[0].upload_urn or ""))


async def _ask_download(acc: "AccClient", upload_urn: str) -> None:
    await acc.storage.download_link(ObjectLocation.parse(upload_urn))


async def _tried(asking: "Awaitable[T]") -> T | None:
    try:
        return await asking
    except (AccError, InvalidId, ToolError):
        return None
