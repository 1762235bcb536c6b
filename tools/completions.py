"""Completing the arguments of prompts and of resource addresses while a person types them."""

from collections.abc import Collection, Mapping
from typing import Final

import structlog
from mcp import MCPError
from mcp_types import INVALID_PARAMS, Completion

from tools.cleaner import clean
from tools.desk import Desk, Door
from tools.explaining import explain

NOTHING: Final = Completion(values=[], total=0, has_more=False)
COMPLETED: Final = ("project", "submittal")
"""The arguments that live data completes; of the others nothing is suggested."""


async def complete(
    door: Door, names: Collection[str] | None, argument: str, typed: str, settled: Mapping[str, str]
) -> Completion:
    """Suggest values for an argument of something that has arguments `names`; `settled` are those already filled in.

    Raises:
        MCPError: There is no such thing (`names` is None), or no such argument of it.
    """
    if names is None or argument not in names:
        what = f"argument {clean(argument, 60)!r}" if names is not None else "prompt or resource"
        raise MCPError(INVALID_PARAMS, f"There is no such {what} to complete.")
    if argument not in COMPLETED:
        return NOTHING
    try:
        return await _suggested(await door.opened(), argument, typed, settled)
    except Exception as error:  # the border: nobody who types is helped by an error, and the tool will tell it
        explained = explain(error)
        if explained is None:
            raise
        structlog.get_logger(__name__).info("nothing_to_suggest", error_code=explained.body.code)
        return NOTHING


async def _suggested(desk: Desk, argument: str, typed: str, settled: Mapping[str, str]) -> Completion:
    if argument == "project":
        return await desk.suggestions.projects(typed)
    project = settled.get("project", "")
    return await desk.suggestions.submittals(project, typed) if project.strip() else NOTHING
