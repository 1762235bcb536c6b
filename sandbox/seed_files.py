"""The Files tool of a new sandbox: a small folder tree, files with several versions, real bytes in storage."""

from __future__ import annotations

from pathlib import PurePosixPath

from sandbox.people import BY_KEY, known_id, known_urn_tail
from sandbox.processing import BUCKET, OBJECT_URN
from sandbox.world import World

HIDDEN_FOLDER = "submittals-attachments"
_MIME_TYPES = {"pdf": "application/pdf", "dwg": "image/vnd.dwg", "csv": "text/csv", "txt": "text/plain"}

TREES: dict[str, dict[str, int]] = {
    "riverside": {
        "Project Files/01 Drawings/A-101 First Floor Plan.pdf": 3,
        "Project Files/01 Drawings/S-201 Level 2 Framing Plan.pdf": 2,
        "Project Files/02 Specifications/051200 Structural Steel Framing.pdf": 1,
        "Project Files/03 Shop Drawings/03 Concrete/rebar-shop-drawings.pdf": 1,
        "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf": 2,
        "Project Files/03 Shop Drawings/05 Steel/column-shop-drawings.pdf": 1,
        "Project Files/03 Shop Drawings/05 Steel/joist-layout.dwg": 1,
        "Project Files/04 Product Data/joint-sealant-data-sheet.pdf": 1,
        "Project Files/04 Product Data/mill-certificates.csv": 1,
    },
    "harbor": {"Project Files/03 Shop Drawings/pile-cap-drawings.pdf": 1},
    "mill": {"Project Files/reading-room-plan.pdf": 1},
}
"""Path in the project: number of versions."""


def version_urn(project: str, path: str, number: int) -> str:
    """The URN of a seeded file's version."""
    return f"urn:adsk.wipprod:fs.file:vf.{known_urn_tail(f'{project}/{path}')}?version={number}"


def lineage_urn(project: str, path: str) -> str:
    """The URN of a seeded file."""
    return f"urn:adsk.wipprod:dm.lineage:{known_urn_tail(f'{project}/{path}')}"


def folder_urn(project: str, path: str) -> str:
    """The URN of a seeded folder; the root's path is `root`."""
    return f"urn:adsk.wipprod:fs.folder:co.{known_urn_tail(f'{project}/{path}')}"


def seed_files(world: World, project: str, begun: str) -> None:
    """Make the project's folders and files."""
    _folder(world, project, HIDDEN_FOLDER, "root", begun)
    made = {"."}
    for path, versions in TREES[project].items():
        for parent in reversed(PurePosixPath(path).parents):
            if str(parent) not in made:
                made.add(str(parent))
                above = str(parent.parent)
                _folder(world, project, str(parent), "root" if above == "." else above, begun)
        _file(world, project, path, versions, begun)


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


def _folder(world: World, project: str, path: str, parent: str, begun: str) -> None:
    world.store.insert(
        "folders",
        {
            "id": folder_urn(project, path),
            "projectId": known_id(f"project/{project}"),
            "parentId": folder_urn(project, parent),
            "name": PurePosixPath(path).name,
            "hidden": path == HIDDEN_FOLDER,
            "createTime": begun,
            "createUserId": BY_KEY["admin"].autodesk_id,
        },
    )


def _file(world: World, project: str, path: str, versions: int, begun: str) -> None:
    name, suffix = PurePosixPath(path).name, PurePosixPath(path).suffix.lstrip(".")
    shared = {
        "projectId": known_id(f"project/{project}"),
        "createTime": begun,
        "createUserId": BY_KEY["manager"].autodesk_id,
    }
    file_id = lineage_urn(project, path)
    world.store.insert(
        "files",
        {
            "id": file_id,
            "folderId": folder_urn(project, str(PurePosixPath(path).parent)),
            "displayName": name,
            "hidden": False,
            "tipId": version_urn(project, path, versions),
            **shared,
        },
    )
    for number in range(1, versions + 1):
        content = sample_bytes(name, number)
        storage = f"{OBJECT_URN}{BUCKET}/{known_id(f'{project}/{path}/{number}')}.{suffix}"
        put_object(world, storage, content, _MIME_TYPES[suffix], begun)
        world.store.insert(
            "versions",
            {
                "id": version_urn(project, path, number),
                "fileId": file_id,
                "name": name,
                "versionNumber": number,
                "storageUrn": storage,
                "storageSize": len(content),
                "mimeType": _MIME_TYPES[suffix],
                "fileType": suffix,
                **shared,
            },
        )


def put_object(world: World, urn: str, content: bytes, content_type: str, moment: str) -> None:
    """Store bytes as a completed object."""
    world.store.insert(
        "objects",
        {
            "id": urn,
            "size": len(content),
            "contentType": content_type,
            "disposition": None,
            "sha1": None,
            "blobs": [{"name": world.keep_blob(content), "size": len(content)}],
            "assembledAt": moment,
        },
    )
