"""Icons of tools, prompts and the server as data URIs, so that no client has to fetch one."""

from typing import Final

from mcp_types import Icon

_FRAME: Final = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='#0b6bcb' stroke-width='2' "
    "stroke-linecap='round' stroke-linejoin='round'>{}</svg>"
)


def _drawn(shape: str) -> list[Icon]:
    # Only reserved characters are escaped; base64 would be half as long again.
    svg = _FRAME.format(shape).replace("%", "%25").replace("#", "%23").replace("<", "%3C").replace(">", "%3E")
    return [Icon(src=f"data:image/svg+xml,{svg.replace(' ', '%20')}", mime_type="image/svg+xml", sizes=["any"])]


ATTACH: Final = _drawn("<path d='M20 11.5 12 19.5a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7L10 17'/>")
"""A paperclip: what attaches."""

LOOK: Final = _drawn("<circle cx='10.5' cy='10.5' r='6.5'/><path d='M15.5 15.5 21 21'/>")
"""A magnifying glass: what only looks."""


SERVER: Final = _drawn("<path d='M14 3H6v18h12V7zM14 3v4h4'/><path d='M12 17v-6M9.5 13.5 12 11l2.5 2.5'/>")
"""A sheet with an arrow up."""
