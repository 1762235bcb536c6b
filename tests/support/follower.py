"""An agent that knows what it was asked and only ever takes the first step, and the people around it."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

import acc_sandbox

MAX_CALLS = 25
"""More than any way needs: who calls more often goes round in circles."""

ADD = "add_submittal_attachment"

NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The sandbox speaks no TLS, and to read the certificates of the world takes longer than a call."""


@dataclass(frozen=True)
class End:
    """How the agent ended: `ready`, or the code and the hint of the last error it met."""

    code: str
    hint: str = ""


@dataclass
class Follower:
    """`request` is the call that attaches; what it holds, a choice among candidates and the bytes are all it can give."""

    request: dict[str, Any]
    content: bytes
    calls: list[str] = field(default_factory=list)

    async def follow(
        self,
        call: Callable[..., Awaitable[dict[str, Any]]],
        between: Callable[[int], Awaitable[bool]] | None = None,
    ) -> End:
        """Follow first steps to the end; `between` happens before each call and tells whether to start again."""
        tool, arguments, asked = ADD, self.request, False
        error: dict[str, Any] | None = None
        for number in range(MAX_CALLS):
            if between is not None and await between(number):
                tool, arguments, asked = ADD, self.request, False
            before, self.calls = error, [*self.calls, tool]
            answer = await call(tool, arguments)
            error = answer.get("error") or error
            if answer.get("attachment", {}).get("state") == "ready":
                return End("ready")
            if answer.get("upload"):
                await self.send(answer["upload"])
            step = answer["next_steps"][0] if answer["next_steps"] else None
            supplied = self.supply(step, answer) if step else None
            # Giving once more what was refused would be no following but insisting.
            insists = asked and before is not None and error is not None and before["code"] == error["code"]
            if step is None or supplied is None or (insists and step["needs"]):
                assert error is not None, f"{tool} ends without an error: {answer}"
                return End(error["code"], error["hint"])
            tool, arguments, asked = step["tool"], step["arguments"] | supplied, bool(step["needs"])
        raise AssertionError(f"no end: {self.calls}")

    def supply(self, step: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any] | None:
        """What a step needs, as far as this agent knows it; None where it does not."""
        rows = [*(answer.get("error") or {}).get("candidates", ()), *answer.get("submittals", ())]
        found: dict[str, Any] = {}
        for name in step["needs"]:
            if name in ("task_id", "category") and rows:
                found[name] = rows[0]["id"]
            elif name == "submittal" and rows:
                found.update((name, row["id"]) for row in rows if row["number"] == self.request[name])
            elif name in self.request:
                found[name] = self.request[name]
        return found if set(found) == set(step["needs"]) else None

    async def send(self, upload: dict[str, Any]) -> None:
        """Send the bytes where the answer says, as curl would: again when storage is away."""
        async with httpx.AsyncClient(verify=NO_TRUST) as client:
            for _ in range(5):
                with suppress(httpx.TransportError):
                    sent = await client.request(
                        upload["method"], upload["url"], headers=upload["headers"], content=self.content
                    )
                    if sent.is_success:
                        return
        raise AssertionError("storage takes no bytes")


@dataclass(frozen=True)
class Others:
    """The people around the agent, who do with a submittal what ACC lets them."""

    box: acc_sandbox.Sandbox
    item: acc_sandbox.Item

    def move(self, state: str) -> None:
        """Have the manager move the submittal; nothing happens where ACC has no such way."""
        manager = self.box.person("manager").autodesk_id
        seen = self._ask("manager", "GET").json()
        ways = [
            way for action in seen["permittedActions"] for way in action["transitions"] if way["stateTo"]["id"] == state
        ]
        if ways:
            known = {
                "manager": manager,
                "managerType": "1",
                "subcontractor": manager,
                "subcontractorType": "1",
                "submitterDueDate": "2030-01-31",
                "stepDueDate": "2030-01-31",
                "responseId": self._response(),
                "customIdentifier": seen["customIdentifier"] or f"new-{self.item.id[:8]}",
            }
            body = {name: known[name] for name in ways[0]["mandatoryFields"] or ()}
            self._ask("manager", "POST", ":transition", {**body, "stateId": state})

    def close_tasks(self, *of: str) -> None:
        """Have reviewers answer the tasks that are theirs: those `of` some people, or all."""
        people = {person.autodesk_id: person.key for person in self.box.people}
        for task in self.box.tasks(self.item):
            if of and people[task.assigned_to] not in of:
                continue
            path = f"/steps/{task.step_id}/tasks/{task.id}:close"
            self._ask(people[task.assigned_to], "POST", path, {"responseId": self._response()})

    def _response(self) -> str:
        responses = self._get("manager", f"/projects/{self.item.project_id}/responses")
        return str(responses.json()["results"][0]["id"])

    def _get(self, person: str, path: str) -> httpx.Response:
        return self._send(person, "GET", path, None)

    def _ask(self, person: str, method: str, path: str = "", body: object = None) -> httpx.Response:
        return self._send(person, method, f"/projects/{self.item.project_id}/items/{self.item.id}{path}", body)

    def _send(self, person: str, method: str, path: str, body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.box.token(person)}"}
        url = f"{self.box.base_url}/construction/submittals/v2{path}"
        return httpx.request(method, url, headers=headers, json=body, verify=NO_TRUST)
