"""ASGI middleware: request log, fault injection, `Date` header."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acc_sandbox.faults.plan import FaultPlan
from acc_sandbox.faults.request_log import LARGEST_BODY_KEPT, LoggedRequest, RequestLog, masked_query
from acc_sandbox.http.connection import ConnectionCutError, cut
from acc_sandbox.state.clock import Clock, http_stamp, stamp

_OWN = ("control.", "page.requests", "page.controls")

NameOperation = Callable[[Scope], str]


class FaultInjectionMiddleware:
    """An ASGI application around another: every request is logged, and meets the fault that was planned for it.

    The inner application finds the request's log entry in `scope["state"]["request"]`, to add whose it is. Controls are
    neither logged nor struck, so that a fault can always be taken back. `keep_bodies` keeps bodies in the log.
    """

    def __init__(
        self,
        app: ASGIApp,
        name_operation: NameOperation,
        *,
        log: RequestLog,
        faults: FaultPlan,
        clock: Clock,
        keep_bodies: bool,
    ) -> None:
        self._app = app
        self._name_operation = name_operation
        self._log = log
        self._faults = faults
        self._clock = clock
        self._keep_bodies = keep_bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or play the fault that is planned for it."""
        entry = self._entry(scope)
        scope["state"]["request"] = entry
        send = self._dated(send)
        if entry.operation.startswith(_OWN):
            await self._app(scope, receive, send)
            return
        self._log.add(entry)
        fault = self._faults.strike(entry.operation)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
            elif self._keep_bodies:
                _keep(entry.answered, message)
            await send(message)

        async def request() -> Message:
            message = await receive()
            if self._keep_bodies:
                _keep(entry.sent, message)
            return message

        try:
            if fault is None:
                await self._app(scope, request, answer)
            else:
                from acc_sandbox.faults.playing import play  # pydantic comes with it: see `FaultPlan`

                entry.notes.append(f"fault: {type(fault.effect).__name__}")
                await play(fault, self._faults, self._app, scope, request, answer)
        except ConnectionCutError:
            await cut(scope, receive)

    def _dated(self, send: Send) -> Send:
        """Answers say in `Date` what the sandbox's clock says, which a test may have moved."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                if not any(name.lower() == b"date" for name, _ in headers):
                    date = (b"date", http_stamp(self._clock.now()).encode())
                    message = {**message, "headers": [date, *headers]}
            await send(message)

        return dated

    def _entry(self, scope: Scope) -> LoggedRequest:
        return LoggedRequest(
            operation=self._name_operation(scope),
            method=scope["method"],
            path=scope["path"],
            query=masked_query(scope["query_string"].decode("latin-1")),
            header_names=tuple(name.decode("latin-1") for name, _ in scope["headers"]),
            moment=stamp(self._clock.now()),
        )


def _keep(kept: bytearray, message: Message) -> None:
    room = LARGEST_BODY_KEPT - len(kept)
    if room > 0:
        kept += message.get("body", b"")[:room]
