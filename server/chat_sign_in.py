"""Sign-in from a chat: one pending link, awaited in the background while the assistant continues.

At a team server the link is a page of the server's own.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup

from auth.errors import AuthError, CallbackPortTaken
from auth.login.flow import LoginAttempt, LoginFlow
from auth.login.pending_logins import LIFE_SECONDS
from persistence.errors import StorageProblem

_LEFT_SECONDS = 60.0
"""A link with less time left is not handed out again."""

_MOST_CALLBACKS = 100
"""Upper bound of callbacks per link; the last ones are kept."""

_log = structlog.get_logger(__name__)


@dataclass
class _SignInAttempt:
    """A pending sign-in attempt, and the callbacks for its success."""

    started: LoginAttempt
    began: float = field(default_factory=time.monotonic)
    ended: anyio.Event = field(default_factory=anyio.Event)
    signed_in: bool = False
    callbacks: deque[Callable[[], Awaitable[None]]] = field(default_factory=lambda: deque(maxlen=_MOST_CALLBACKS))

    @property
    def is_fresh(self) -> bool:
        """Whether its link may still be handed out."""
        return not self.ended.is_set() and time.monotonic() - self.began < LIFE_SECONDS - _LEFT_SECONDS


class ChatSignIn:
    """Sign-in from a chat, as `tools.core.ports.SignInPage` wants it. Attempts run in `group`, and end with it.

    `open_signing_in` is called once, in a thread, for the first link.
    """

    where = "to open within five minutes in a browser on the computer where this server runs"

    def __init__(self, open_signing_in: Callable[[], LoginFlow], callback_url: str, group: TaskGroup) -> None:
        self._open = open_signing_in
        self._port = urlsplit(callback_url).port or 0
        self._group = group
        self._lock = anyio.Lock()
        self._signing_in: LoginFlow | None = None
        self._try: _SignInAttempt | None = None

    async def link(self, signed_in: Callable[[], Awaitable[None]] | None = None) -> str:
        """Return a link that is good for a minute at least; see `tools.core.ports.SignInPage`.

        Raises:
            StorageProblem: The vault cannot be opened.
            CallbackPortTaken: The link would lead to another program.
        """
        async with self._lock:
            if self._signing_in is None:
                self._signing_in = await to_thread.run_sync(self._open)
            if self._try is None or not self._try.is_fresh:
                started = await to_thread.run_sync(self._signing_in.start)
                if not started.heard:
                    raise CallbackPortTaken(self._port)
                self._try = _SignInAttempt(started)
                self._group.start_soon(self._finish, self._signing_in, self._try)
            if signed_in is not None:
                self._try.callbacks.append(signed_in)
            return self._try.started.link

    async def wait(self, seconds: float, *, opened_only: bool = False) -> bool:
        """Wait for the pending attempt; see `tools.core.ports.SignInPage`."""
        signing, current = self._signing_in, self._try
        if signing is None or current is None or current.ended.is_set():
            return False
        if opened_only and not await to_thread.run_sync(lambda: signing.is_opened(current.started)):
            return False
        with anyio.move_on_after(seconds):
            await current.ended.wait()
        return current.signed_in

    async def _finish(self, signing: LoginFlow, current: _SignInAttempt) -> None:
        try:
            found = await signing.finish(current.started)
        except (AuthError, StorageProblem) as problem:
            _log.warning("sign_in_failed", problem=str(problem))
        else:
            current.signed_in = True
            _log.info("signed_in", person=found.account.subject)
        finally:
            current.ended.set()
        if current.signed_in:
            for tell in current.callbacks:
                await tell()


_LOOK_SECONDS: Final = 1.0


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
        """Notify the calls that named the link."""
        callbacks, self._callbacks = self._callbacks, deque(maxlen=_MOST_CALLBACKS)
        for tell in callbacks:
            await tell()
