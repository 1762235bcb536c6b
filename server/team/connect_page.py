"""Page on which a user signs in to Autodesk again, in a browser on any machine."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

_LOOK_SECONDS: Final = 1.0
_MOST_CALLBACKS: Final = 100


class ConnectPage:
    """`tools.core.ports.SignInPage` of a team server; its link is the same for all users and names none.

    The user who opens it signs in: Autodesk's response decides whose tokens are refreshed, not the link.
    """

    where = "to open in a browser, signing in with their own Autodesk account"

    def __init__(self, public_url: str, is_connected: Callable[[], Awaitable[bool]]) -> None:
        self._link = f"{public_url}/connect"
        self._is_connected = is_connected
        self._callbacks: deque[Callable[[], Awaitable[None]]] = deque(maxlen=_MOST_CALLBACKS)

    async def link(self, signed_in: Callable[[], Awaitable[None]] | None = None) -> str:
        """Return the link; `signed_in` is called when the person has connected."""
        if signed_in is not None:
            self._callbacks.append(signed_in)
        return self._link

    async def wait(self, seconds: float, *, opened_only: bool = False) -> bool:
        """Wait until the person has connected, on whichever replica; see `tools.core.ports.SignInPage`."""
        if opened_only:
            return False  # the link is the same for all users, so its visitor is unknown
        with anyio.move_on_after(seconds):
            # Perhaps by way of another replica, of which nothing is heard.
            while not await self._is_connected():  # noqa: ASYNC110
                await anyio.sleep(_LOOK_SECONDS)
            return True
        return False

    async def connected(self) -> None:
        """Tell the calls that named the link."""
        callbacks, self._callbacks = self._callbacks, deque(maxlen=_MOST_CALLBACKS)
        for tell in callbacks:
            await tell()
