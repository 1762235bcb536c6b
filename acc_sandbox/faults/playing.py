"""Fault player: what a request meets instead of, or on its way through, the application."""

from __future__ import annotations

import asyncio
import json

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acc_sandbox.faults.effects import Expire, Fault, LoseAnswer, Refuse, Reset, ResetAfter, Slow, Stall
from acc_sandbox.faults.plan import FaultPlan
from acc_sandbox.http.connection import ConnectionCutError


async def play(fault: Fault, faults: FaultPlan, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that `fault` strikes; `app` is what would have answered it.

    Raises `ConnectionCutError` where the fault cuts the connection.
    """
    effect = fault.effect
    if isinstance(effect, Refuse):
        fault.reached.set()
        await _refusal(effect)(scope, receive, send)
    elif isinstance(effect, Reset):
        fault.reached.set()
        raise ConnectionCutError
    elif isinstance(effect, Stall) and effect.size == 0:
        await faults.wait(fault)
        await app(scope, receive, send)
    elif isinstance(effect, (Stall, ResetAfter)):
        await app(scope, _BodyCounter(receive, fault, faults), send)
    elif isinstance(effect, Slow):
        fault.reached.set()
        await app(scope, _slow_receive(receive, effect), _slow_send(send, effect))
    elif isinstance(effect, Expire):
        fault.reached.set()
        scope["state"]["expired"] = True
        await app(scope, receive, send)
    elif isinstance(effect, LoseAnswer):
        await app(scope, receive, _lost(send, fault))


def _lost(send: Send, fault: Fault) -> Send:
    async def lost(message: Message) -> None:
        if message["type"] == "http.response.start":
            fault.reached.set()
            raise ConnectionCutError
        await send(message)

    return lost


class _BodyCounter:
    """A request's body that stops, or ends the connection, after so many bytes."""

    def __init__(self, receive: Receive, fault: Fault, faults: FaultPlan) -> None:
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
                raise ConnectionCutError
        return message


def _slow_receive(receive: Receive, effect: Slow) -> Receive:
    async def paced() -> Message:
        message = await receive()
        await asyncio.sleep(len(message.get("body", b"")) / effect.bytes_per_second)
        return message

    return paced


def _slow_send(send: Send, effect: Slow) -> Send:
    # A tenth of a second's worth at a time, so that the client sees bytes trickle and not one late lump.
    piece = max(1, effect.bytes_per_second // 10)

    async def paced(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or len(body) <= piece:
            await asyncio.sleep(len(body) / effect.bytes_per_second)
            await send(message)
            return
        for start in range(0, len(body), piece):
            rest = start + piece < len(body)
            block = {**message, "body": body[start : start + piece]}
            await asyncio.sleep(len(block["body"]) / effect.bytes_per_second)
            await send(block | {"more_body": rest or message.get("more_body", False)})

    return paced


def _refusal(effect: Refuse) -> Response:
    if effect.body is None or isinstance(effect.body, str):
        return Response(effect.body or b"", effect.status, dict(effect.headers))
    headers = {"Content-Type": "application/json", **effect.headers}
    return Response(json.dumps(effect.body), effect.status, headers)
