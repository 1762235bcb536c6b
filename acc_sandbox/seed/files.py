"""The Files tool of a new sandbox: folders, files with several versions, real bytes in storage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from acc_sandbox.data_management.hubs import Region, region_of
from acc_sandbox.seed.model import SeedProject
from acc_sandbox.state.people import known_id, known_urn_tail
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.processing import ATTACHMENTS_FOLDER, CONTAINER, OBJECT_URN

PROJECT_FILES: Final = "Project Files"
_TOP_FOLDERS: Final = (
    (PROJECT_FILES, "normal", False),
    ("For the Field", "shared", False),
    ("Photos", "PHOTO", False),
    ("ProjectTb", "PROJECT_TB", True),
    (ATTACHMENTS_FOLDER, CONTAINER, False),
    *((name, CONTAINER, False) for name in ("issue_{}", "correspondence-project-{}", "dailylog_{}", "checklist_{}")),
    ("COST Root Folder {}", CONTAINER, False),
    *(("{}", CONTAINER, True) for _ in range(6)),
)
"""Name, type and whether it is hidden, of the top folders recorded in a real project (fact sheet 9). Whether those
with a word in their name are hidden was not recorded: they are not, so that a client has to read the type."""
_MIME_TYPES = {"pdf": "application/pdf", "dwg": "image/vnd.dwg", "csv": "text/csv", "txt": "text/plain"}


def lineage_urn(sandbox: SandboxState, project: str, path: str) -> str:
    """The URN of a seeded file."""
    return region_of(sandbox, known_id(f"project/{project}")).urn("dm.lineage:", known_urn_tail(f"{project}/{path}"))


def seed_files(sandbox: SandboxState, plan: SeedProject, begun: str, creator: str) -> None:
    """Make the project's folders and files."""
    project_id = known_id(f"project/{plan.key}")
    site = _FilesContext(sandbox, plan.key, project_id, region_of(sandbox, project_id), begun, creator)
    made = {"."}
    if plan.kind == "ACC":
        for place, (name, kind, hidden) in enumerate(_TOP_FOLDERS):
            named = name.format(known_id(f"{plan.key}/container/{place}"))
            site.folder(named, "root", kind=kind, hidden=hidden)
            made.add(named)
    for path, versions in plan.files.items():
        for parent in reversed(PurePosixPath(path).parents):
            if str(parent) not in made:
                made.add(str(parent))
                above = str(parent.parent)
                site.folder(str(parent), "root" if above == "." else above)
        site.file(path, versions)
    for person, paths in plan.folder_access.items():
        site.limit(sandbox.people.need_person(person).autodesk_id, paths)


def sample_bytes(name: str, version: int) -> bytes:
    """Contents of a seeded file: a one-page PDF, or a line of text where the name says otherwise."""
    line = f"{name}, version {version}"
    if not name.endswith(".pdf"):
        return f"{line}\n".encode()
    shown = line.replace("\\", "").replace("(", "").replace(")", "")
    drawing = f"BT /F1 18 Tf 72 720 Td ({shown}) Tj ET".encode("ascii", "replace")
    return _pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )


def _pdf(*objects: bytes) -> bytes:
    content, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(content)
    lines = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    content += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, lines)
    return content + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


@dataclass(frozen=True)
class _FilesContext:
    """A project whose files are being made."""

    sandbox: SandboxState
    project: str
    project_id: str
    region: Region
    begun: str
    creator: str

    def folder(self, path: str, parent: str, *, kind: str = "normal", hidden: bool = False) -> None:
        self.sandbox.store.insert(
            "folders",
            {
                "id": self._urn("fs.folder:co.", path),
                "projectId": self.project_id,
                "parentId": self._urn("fs.folder:co.", parent),
                "name": PurePosixPath(path).name,
                "hidden": hidden,
                "folderType": kind,
                "isRoot": path == PROJECT_FILES,
                "createTime": self.begun,
                "createUserId": self.creator,
            },
        )

    def limit(self, autodesk_id: str, paths: tuple[str, ...]) -> None:
        """Show a person these folders, and what is below them, alone."""
        folders = {path: self._urn("fs.folder:co.", path) for path in paths}
        for path, folder in folders.items():
            if self.sandbox.store.row("SELECT 1 FROM folders WHERE id = ?", folder) is None:
                raise LookupError(f"project {self.project}: folder_access names {path}, which holds no file")
        self.sandbox.store.run(
            "UPDATE members SET topFolders = ? WHERE projectId = ? AND autodeskId = ?",
            json.dumps(list(folders.values())),
            self.project_id,
            autodesk_id,
        )

    def file(self, path: str, versions: int) -> None:
        file_id = self._urn("dm.lineage:", path)
        row: Row = {"id": file_id, "projectId": self.project_id}
        row |= {"createTime": self.begun, "createUserId": self.creator}
        row |= {"displayName": PurePosixPath(path).name, "hidden": False, "tipId": self._version_urn(path, versions)}
        # A file at the very top lies in the root folder itself.
        folder = path.rpartition("/")[0] or "root"
        self.sandbox.store.insert("files", row | {"folderId": self._urn("fs.folder:co.", folder)})
        for number in range(1, versions + 1):
            self._version(path, file_id, number)

    def _version(self, path: str, file_id: str, number: int) -> None:
        name, suffix = PurePosixPath(path).name, PurePosixPath(path).suffix
        content = sample_bytes(name, number)
        mime_type = _MIME_TYPES.get(suffix.lstrip("."), "application/octet-stream")
        storage = f"{OBJECT_URN}{self.region.bucket}/{known_id(f'{self.project}/{path}/{number}')}{suffix}"
        put_object(self.sandbox, storage, content, mime_type, self.begun)
        self.sandbox.store.insert(
            "versions",
            {
                "id": self._version_urn(path, number),
                "fileId": file_id,
                "projectId": self.project_id,
                "name": name,
                "versionNumber": number,
                "createTime": self.begun,
                "createUserId": self.creator,
                "storageUrn": storage,
                "storageSize": len(content),
                "mimeType": mime_type,
                "fileType": suffix.lstrip("."),
            },
        )

    def _urn(self, kind: str, path: str) -> str:
        return self.region.urn(kind, known_urn_tail(f"{self.project}/{path}"))

    def _version_urn(self, path: str, number: int) -> str:
        return f"{self._urn('fs.file:vf.', path)}?version={number}"


def put_object(sandbox: SandboxState, urn: str, content: bytes, content_type: str, moment: str) -> None:
    """Store bytes as a completed object."""
    sandbox.store.insert(
        "objects",
        {
            "id": urn,
            "size": len(content),
            "contentType": content_type,
            "headers": {},
            "sha1": None,
            "blobs": [{"name": sandbox.keep_blob(content), "size": len(content)}],
            "assembledAt": moment,
        },
    )
