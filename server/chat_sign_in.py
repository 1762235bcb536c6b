"""Signing in from a chat: one link at a time, waited for in the background while the assistant goes on."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import anyio
import structlog
from anyio.abc import TaskGroup

from auth.attempts import LIFE_SECONDS
from auth.errors import AuthError, CallbackPortTaken
from auth.signing_in import SigningIn, Started
from auth.storage_errors import StorageProblem
from auth.threads import in_thread
from server.identity import Opened, signing_in
from server.settings import Settings

_LEFT_SECONDS = 60.0
"""A link with less time left is not handed out again."""

_log = structlog.get_logger(__name__)


class ChatSignIn:
    """What `tools.asking.SignInPage` asks for. Its tries run in `group`, and end with it."""

    def __init__(self, settings: Settings, opened: Callable[[], Opened], group: TaskGroup) -> None:
        self._settings = settings
        self._opened = opened
        self._group = group
        self._lock = anyio.Lock()
        self._signing_in: SigningIn | None = None
        self._started: Started | None = None
        self._began = 0.0
        self._ended = anyio.Event()
        self._signed_in: str | None = None

    async def link(self) -> str:
        """Return a link that is good for a minute at least.

        Raises:
            StorageProblem: The vault cannot be opened.
            CallbackPortTaken: The link would lead to another program.
        """
        async with self._lock:
            if self._signing_in is None:
                self._signing_in = await in_thread(lambda: signing_in(self._settings, self._opened()))
            fresh = time.monotonic() - self._began < LIFE_SECONDS - _LEFT_SECONDS
            if self._started is None or self._ended.is_set() or not fresh:
                started = await in_thread(self._signing_in.start)
                if not started.heard:
                    raise CallbackPortTaken(urlsplit(self._settings.callback_url).port or 0)
                self._started = started
                self._began = time.monotonic()
                self._ended = anyio.Event()
                self._group.start_soon(self._finish, self._signing_in, self._started, self._ended)
            return self._started.link

    async def wait(self, seconds: float, *, opened_only: bool = False) -> bool:
        """Wait for the try under way; see `tools.asking.SignInPage`."""
        signing, started, ended = self._signing_in, self._started, self._ended
        if signing is None or started is None or ended.is_set():
            return False
        if opened_only and not await in_thread(lambda: signing.is_opened(started)):
            return False
        with anyio.move_on_after(seconds):
            await ended.wait()
        return self._signed_in == started.id

    async def _finish(self, signing: SigningIn, started: Started, ended: anyio.Event) -> None:
        try:
            found = await signing.finish(started)
        except (AuthError, StorageProblem) as problem:
            _log.warning("sign_in_failed", problem=str(problem))
        else:
            self._signed_in = started.id
            _log.info("signed_in", person=found.account.subject)
        finally:
            ended.set()
