"""The scope that a request of the protocol needs, before anything of it is carried out."""

from collections.abc import Mapping
from typing import Any, Final

from auth.issuer.scopes import ATTACH, MOVE, READ

_OPEN_TOOLS: Final = frozenset({"sign_in"})
_CHECKABLE_TOOLS: Final = {"attach_files": ATTACH, "move_submittal": MOVE}
"""Tools that only look unless `check_only` is false, and what they need then."""

_WRITING_TOOLS: Final = {"add_submittal_attachment": ATTACH, "confirm_attachment": ATTACH}
_METHODS: Final = {
    "resources/read": READ,
    "completion/complete": READ,
    "tasks/get": READ,
    "tasks/update": ATTACH,
    "tasks/cancel": ATTACH,
}


def required_scope(message: object) -> str | None:
    """Return the scope that a JSON-RPC message needs; None where any token will do."""
    if not isinstance(message, Mapping):
        return None
    method, params = message.get("method"), message.get("params")
    if method != "tools/call":
        return _METHODS.get(method) if isinstance(method, str) else None
    tool = params.get("name") if isinstance(params, Mapping) else None
    arguments = params.get("arguments") if isinstance(params, Mapping) else None
    return _scope_of_tool(tool, arguments if isinstance(arguments, Mapping) else {})


def _scope_of_tool(tool: object, arguments: Mapping[str, Any]) -> str | None:
    if not isinstance(tool, str) or tool in _OPEN_TOOLS:
        return None
    if tool in _CHECKABLE_TOOLS and arguments.get("check_only") not in (None, True):
        return _CHECKABLE_TOOLS[tool]
    return _WRITING_TOOLS.get(tool, READ)
