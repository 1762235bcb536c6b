"""The outermost layer of both doors: writes the request log and plays the fault plan."""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.clock import Clock, stamp
from sandbox.connection import cut
from sandbox.faults import Fault, Faults, LoseAnswer, Refuse, Reset, ResetAfter, Stall
from sandbox.requests import Request, RequestLog, masked_query

NameOperation = Callable[[Scope], str]


class _CutError(Exception):
    """The connection is cut; nothing more is to be read or sent."""


class Watched:
    """An ASGI application around another: every request is logged, and meets the fault that was planned for it.

    The inner application finds the request's log entry in `scope["state"]["request"]`, to add whose it is.
    """

    def __init__(
        self, app: ASGIApp, name_operation: NameOperation, *, log: RequestLog, faults: Faults, clock: Clock
    ) -> None:
        self._app = app
        self._name_operation = name_operation
        self._log = log
        self._faults = faults
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or play the fault that is planned for it."""
        entry = self._entry(scope)
        self._log.add(entry)
        scope["state"]["request"] = entry
        fault = self._faults.strike(entry.operation)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if fault is not None and isinstance(fault.effect, LoseAnswer):
                    fault.reached.set()
                    raise _CutError
                entry.status = message["status"]
            await send(message)

        try:
            if fault is None:
                await self._app(scope, receive, answer)
            else:
                entry.notes.append(f"fault: {type(fault.effect).__name__}")
                await self._play(fault, scope, receive, answer)
        except _CutError:
            await cut(scope, receive)

    async def _play(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        effect = fault.effect
        if isinstance(effect, Refuse):
            fault.reached.set()
            await _refusal(effect)(scope, receive, send)
        elif isinstance(effect, Reset):
            fault.reached.set()
            raise _CutError
        elif isinstance(effect, Stall) and effect.size == 0:
            await self._faults.wait(fault)
            await self._app(scope, receive, send)
        elif isinstance(effect, (Stall, ResetAfter)):
            await self._app(scope, _Counted(receive, fault, self._faults), send)
        else:
            await self._app(scope, receive, send)

    def _entry(self, scope: Scope) -> Request:
        return Request(
            operation=self._name_operation(scope),
            method=scope["method"],
            path=scope["path"],
            query=masked_query(scope["query_string"].decode("latin-1")),
            header_names=tuple(name.decode("latin-1") for name, _ in scope["headers"]),
            moment=stamp(self._clock.now()),
        )


class _Counted:
    """A request's body that stops, or ends the connection, after so many bytes."""

    def __init__(self, receive: Receive, fault: Fault, faults: Faults) -> None:
        self._receive = receive
        self._fault = fault
        self._faults = faults
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        effect = self._fault.effect
        if isinstance(effect, (Stall, ResetAfter)) and self._seen >= effect.size and not self._fault.reached.is_set():
            if isinstance(effect, Stall):
                await self._faults.wait(self._fault)
            else:
                self._fault.reached.set()
                raise _CutError
        return message


def _refusal(effect: Refuse) -> Response:
    if effect.body is None or isinstance(effect.body, str):
        return Response(effect.body or b"", effect.status, dict(effect.headers))
    headers = {"Content-Type": "application/json", **effect.headers}
    return Response(json.dumps(effect.body), effect.status, headers)
