"""A program that inspects one PDF: `python -P pdf_inspector.py < FILE` prints a JSON object, or dies at its limits.

Hostile PDFs (bombs, loops, a hundred thousand objects) take memory and time, so they are read here and not in the
server: the kernel ends this process at `MAX_BYTES` of memory or `CPU_SECONDS` of processor time (on Windows it does
not), and its caller does after `transfers.files.document_check.INSPECTION_SECONDS`. It imports nothing of ours.
"""

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_BYTES = 256 * 1024**2
"""Address space of this process, interpreter included."""

CPU_SECONDS = 3
"""Processor time, so that a busy machine shortens no inspection."""

MAX_PAGES = 2000
"""Autodesk's viewer opens no PDF with more pages (help page of Autodesk Docs, "Upload files")."""


def limit_resources() -> None:
    """Set limits at which the kernel ends this process, without a core file."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    if sys.platform == "linux":  # macOS takes this limit for no process
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))


def inspect(stream: Any) -> dict[str, Any]:
    """Return `encrypted` ("password", "restricted" or null), `damaged`, and `pages`: at most one above the limit.

    Pages are counted in the tree, since the count that a PDF states of itself may be anything.
    """
    from pypdf import PdfReader

    try:
        reader = PdfReader(stream)
        if reader.is_encrypted and not reader.decrypt(""):
            return {"encrypted": "password", "damaged": False, "pages": None}
        pages = count_pages(reader)
    except (MemoryError, RecursionError):
        raise  # a limit says nothing of the file
    except Exception:  # noqa: BLE001 - the process's border: pypdf raises errors of many kinds for a broken file
        return {"encrypted": None, "damaged": True, "pages": None}
    return {"encrypted": "restricted" if reader.is_encrypted else None, "damaged": not pages, "pages": pages}


def count_pages(reader: "PdfReader") -> int:
    """Return the leaves of the page tree, each node once, and no more than one above `MAX_PAGES`."""
    from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

    found, seen = 0, set()
    nodes: list[Any] = [reader.root_object["/Pages"]]
    while nodes and found <= MAX_PAGES:
        node = nodes.pop()
        if isinstance(node, IndirectObject):
            if (node.idnum, node.generation) in seen:
                continue
            seen.add((node.idnum, node.generation))
            node = node.get_object()
        if not isinstance(node, DictionaryObject):
            continue
        children = node.get("/Kids")
        children = children.get_object() if children is not None else None
        if isinstance(children, ArrayObject):
            nodes.extend(list(children))
        elif node.get("/Type") != "/Pages":
            found += 1
    return found


def main() -> None:
    """Inspect the PDF on standard input."""
    limit_resources()
    sys.stdout.write(json.dumps(inspect(sys.stdin.buffer)))


if __name__ == "__main__":
    main()
