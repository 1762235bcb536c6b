"""JSON and YAML files that people write for a sandbox: seeds and fault plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError


class DocumentError(ValueError):
    """A file or message cannot be used; the text says where and why."""


def describe_errors(error: ValidationError) -> str:
    """Errors that pydantic found, each with its place in the document."""
    found = error.errors(include_url=False, include_input=False)
    # A list whose only entry is wrong counts as empty, which would lead away from the entry.
    beneath = {one["loc"][:length] for one in found for length in range(len(one["loc"]))}
    told = [one for one in found if not (one["type"] == "too_short" and one["loc"] in beneath)]
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'value'}: {one['msg']}" for one in told)


def read_document(path: Path) -> Any:
    """The value in a `.yaml`, `.yml` or JSON file. Raises `DocumentError`."""
    try:
        content = path.read_text("utf-8")
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    if path.suffix in (".yaml", ".yml"):
        return _read_yaml(path, content)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{path}: {error}") from None


def _read_yaml(path: Path, content: str) -> Any:
    import yaml  # type: ignore[import-untyped]  # it ships no types

    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentError(f"{path}: {error}") from None
