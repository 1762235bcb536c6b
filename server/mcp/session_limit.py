"""Limit of sessions of the older protocol: a new one beyond it ends the one that was idle for longest."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_SESSIONS: Final = 200
SPARE_SESSIONS: Final = 16
"""Sessions that the SDK takes beyond those: a new one is there before an old one has ended."""

_HEADER: Final = b"mcp-session-id"

SessionChange = Literal["opened", "used", "ended"]


def session_change(scope: Scope, answer: Message) -> tuple[SessionChange, bytes] | None:
    """Return what the start of an answer says of a session, and its id; None where it is of none.

    A refusal opens none, though the SDK names one in it, and ends none, but for 404: the SDK knows no such session.
    """
    asked, status = dict(scope["headers"]).get(_HEADER), answer["status"]
    if asked is not None:
        ended = status == 404 or (scope["method"] == "DELETE" and status < 300)
        return "ended" if ended else "used", asked
    opened = dict(answer["headers"]).get(_HEADER)
    return ("opened", opened) if opened is not None and status < 300 else None


@dataclass
class _LegacySession:
    """A session: when it was last used, a request of its caller, and how many of its requests are under way."""

    used: float
    scope: Scope
    under_way: int = 0


class SessionLimitMiddleware:
    """Middleware that learns the ids of sessions from answers, and ends one by DELETE, as its own client would."""

    def __init__(self, app: ASGIApp, most: int = MAX_SESSIONS, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._most = most
        self._clock = clock
        self._sessions: OrderedDict[bytes, _LegacySession] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = dict(scope["headers"]).get(_HEADER)
        session = self._sessions.get(asked) if asked is not None else None
        opened: list[bytes] = []

        async def watched(message: Message) -> None:
            change = session_change(scope, message) if message["type"] == "http.response.start" else None
            if change is not None and change[0] == "ended":
                self._sessions.pop(change[1], None)
            elif change is not None and change[0] == "opened":
                opened.append(change[1])
                self._sessions[change[1]] = _LegacySession(self._clock(), scope)
            await send(message)

        if session is not None:
            session.under_way += 1
        try:
            await self._app(scope, receive, watched)
        finally:
            if session is not None:
                session.under_way -= 1
            self._use(asked)
        if opened and len(self._sessions) > self._most:
            await self._end_idlest(opened[0])

    def _use(self, id_: bytes | None) -> None:
        if id_ is not None and id_ in self._sessions:
            self._sessions[id_].used = self._clock()
            self._sessions.move_to_end(id_)

    async def _end_idlest(self, new: bytes) -> None:
        """End the session that was idle for longest; one with a stream open counts from its last request too."""
        others = [(one.under_way > 0, one.used, id_) for id_, one in self._sessions.items() if id_ != new]
        _, _, id_ = min(others)
        ended = self._sessions.pop(id_)
        structlog.get_logger(__name__).info("session_gave_way", idle_seconds=round(self._clock() - ended.used))
        headers = [(name, value) for name, value in ended.scope["headers"] if not name.startswith(b"content-")]
        scope = {**ended.scope, "method": "DELETE", "headers": [*headers, (_HEADER, id_)]}
        await self._app(scope, _nothing, _unheard)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unheard(_message: Message) -> None:
    """Let the answer to a request of our own go."""
