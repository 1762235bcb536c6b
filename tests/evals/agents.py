"""Scripted agents: each does what its kind of model does, and knows no more than the person said and the answers tell.

`Follower` makes the call and then takes the first next step, always. `Impatient` gives up waiting and calls again, twice
at once. `Mangler` gets one call wrong, and has the text of the error to put it right.
"""

import difflib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import anyio
import anyio.to_thread
import httpx

import acc_sandbox
from acc_sandbox import Fault, Stall

from .request import Request

MOST_CALLS: Final = 12
WRITES: Final = ("add_submittal_attachment", "confirm_attachment")

Answer = dict[str, Any]


class NoEnd(AssertionError):
    """An agent that only follows goes round in circles."""


class Follower:
    """Makes the call that the request asks for, then takes the first step of each answer.

    `ask` calls a tool and returns its content, errors too. `sent` are the bytes for an upload of the caller's own, and
    `upload` says where they go, if an earlier answer did.
    """

    def __init__(
        self, ask: Any, box: acc_sandbox.Sandbox, request: Request, sent: bytes, upload: Answer | None = None
    ) -> None:
        self.ask = ask
        self.box = box
        self.request = request
        self.sent = sent
        self.upload = upload
        self.answers: list[Answer] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []

    @property
    def errors(self) -> list[str]:
        """The codes met on the way."""
        return [code for code in map(_code, self.answers) if code is not None]

    async def finish(self) -> Answer:
        """Carry the request to its end and return the last answer."""
        first = await self.begin(self.request.tool, self.request.arguments)
        answer = await self.follow(first)
        for step in first["next_steps"][1:] if self.request.every_step else []:
            answer = await self.follow(await self.call(step["tool"], step["arguments"]))
        for more in self.request.also:
            answer = await self.follow(await self.call(self.request.tool, self.request.arguments | more))
        return answer

    async def follow(self, answer: Answer) -> Answer:
        """Take the first step of each answer, and return the last answer."""
        while (following := self.following(answer)) is not None:
            if len(self.calls) >= MOST_CALLS:
                raise NoEnd(self.calls)
            answer = await self.call(*following)
        return answer

    async def begin(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Make the first call."""
        return await self.call(tool, arguments)

    async def call(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Call a tool, and send the bytes where its answer says that the caller does."""
        self.calls.append((tool, arguments))
        answer = await self.answer_of(tool, arguments)
        self.answers.append(answer)
        self.upload = answer.get("upload") or self.upload
        if self.upload and (answer.get("upload") or _code(answer) == "upload_incomplete"):
            await self.send(self.upload)
        return answer

    async def answer_of(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Ask, and do nothing else before the answer is there."""
        answer: Answer = await self.ask(tool, arguments)
        return answer

    async def send(self, upload: Answer) -> None:
        """Do what the command of an answer does."""
        async with httpx.AsyncClient(verify=False) as storage:
            response = await storage.request(
                upload["method"], upload["url"], headers=upload["headers"], content=self.sent
            )
        assert response.status_code == 200

    def following(self, answer: Answer) -> tuple[str, dict[str, Any]] | None:
        """Return the call of the first step; None at the end, or where the user cannot say what it needs."""
        if self.request.is_question and "error" not in answer:
            return None
        if self.upload and _code(answer) == "upload_incomplete":
            return self.calls[-1]  # the bytes have been sent since
        for step in answer["next_steps"][:1]:
            supplied = {name: self.supply(name, answer) for name in step["needs"]}
            if None not in supplied.values():
                return step["tool"], {**step["arguments"], **supplied}
        return None

    def supply(self, name: str, answer: Answer) -> Any:
        """Ask the person for an argument; among candidates they point at one."""
        said = self.request.answers.get(name, self.request.arguments.get(name))
        candidates = answer.get("error", {}).get("candidates", [])
        meant = [
            one["id"] for one in candidates if said in one["id"] or any(said in str(text) for text in one.values())
        ]
        return meant[0] if len(meant) == 1 else said


class Impatient(Follower):
    """Cancels its first call in the middle of a request to Autodesk, then makes it twice at once."""

    async def begin(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Give up once."""
        if not self.request.faults:
            await self.give_up(tool, arguments)
        return await self.call(tool, arguments)

    async def answer_of(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Make each call that changes something twice at once; both answer about the same attachment."""
        if tool not in WRITES or self.request.faults:
            return await super().answer_of(tool, arguments)
        answers: list[Answer] = []

        async def ask() -> None:
            answers.append(await self.ask(tool, arguments))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            group.start_soon(ask)
        assert _about(answers[0]) == _about(answers[1]), answers
        return answers[1]

    async def give_up(self, tool: str, arguments: dict[str, Any]) -> None:
        """Call, and cancel the call while one of its requests hangs; which one depends on the words of the person."""
        middles = _middles(self.request, arguments)
        fault = self.box.faults.add(Fault(middles[len(self.request.says) % len(middles)], Stall()))

        async def call() -> None:
            try:
                await self.ask(tool, arguments)
            finally:
                fault.reached.set()

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await anyio.to_thread.run_sync(fault.reached.wait)
            group.cancel_scope.cancel()
        assert fault.seen or self.request.errors or tool not in WRITES, "the call was not cut off in the middle"
        self.box.faults.clear()


def _middles(request: Request, arguments: dict[str, Any]) -> tuple[str, ...]:
    """Return the requests to Autodesk, in the middle of which a call can be given up."""
    if request.tool == "confirm_attachment":
        return ("items.get", "attachments.patch")
    if request.tool != "add_submittal_attachment" or request.earlier:
        return ("items.get",)
    if "file_path" not in arguments:
        return ("items.get", "attachments.create")
    sending = ("oss.signeds3upload.get", "storage.put", "oss.signeds3upload.complete")
    return ("items.get", "attachments.create", *sending)


class Mangler(Follower):
    """Gets the first call wrong in the given way, and corrects it by the error.

    It no longer knows what it meant: only what a step `needs` can it ask the person for again.
    """

    def __init__(
        self, ask: Any, box: acc_sandbox.Sandbox, request: Request, sent: bytes, upload: Answer | None, way: str
    ) -> None:
        super().__init__(ask, box, request, sent, upload)
        self.way = way

    async def begin(self, tool: str, arguments: dict[str, Any]) -> Answer:
        """Make the mangled call, and the corrected one."""
        wrong = WAYS[self.way](arguments)
        answer = await self.call(tool, wrong)
        if _code(answer) != "invalid_arguments":
            assert _code(answer) in self.request.errors, "an impossible call is refused before its spelling"
            return answer
        tool, corrected = self.corrected(wrong, answer)
        return await self.call(tool, corrected)

    def corrected(self, wrong: dict[str, Any], answer: Answer) -> tuple[str, dict[str, Any]]:
        """Return the call that the error leads to, from its sentences and its first step."""
        message = answer["error"]["message"]
        [step, *_] = answer["next_steps"]
        arguments = dict(step["arguments"])
        for name, choices in re.findall(r"'(\w+)' must be ((?:'[\w-]+'(?:, | or )?)+)", message):
            near = difflib.get_close_matches(str(wrong[name]), re.findall(r"'([\w-]+)'", choices), n=1, cutoff=0)
            arguments[name] = near[0]
        for name in re.findall(r"'(\w+)' must be true or false", message):
            arguments[name] = "yes" in str(wrong[name])
        for name in re.findall(r"'(\w+)' must be a whole number", message):
            arguments[name] = int(re.sub(r"\D", "", str(wrong[name])))
        missing = [name for name in step["needs"] if name not in arguments]
        given = {**self.request.answers, **self.request.arguments}
        return step["tool"], arguments | {name: given[name] for name in missing}


def _code(answer: Answer) -> str | None:
    return answer["error"]["code"] if "error" in answer else None


def _about(answer: Answer) -> str:
    """What an answer is about: the id of an attachment, or the code of an error."""
    return _code(answer) or answer["attachment"]["id"]


def _renamed(arguments: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in arguments.items()}


def _typo(arguments: dict[str, Any]) -> dict[str, Any]:
    """The last argument's name lacks a letter: file_pat."""
    last = list(arguments)[-1]
    return _renamed(arguments, last, last[:-1])


def _camel_case(arguments: dict[str, Any]) -> dict[str, Any]:
    """An argument as JavaScript would spell it: filePath."""
    name = next(name for name in arguments if "_" in name)
    return _renamed(arguments, name, re.sub(r"_(\w)", lambda match: match[1].upper(), name))


def _no_such_choice(arguments: dict[str, Any]) -> dict[str, Any]:
    """A choice in words of one's own: Final Response."""
    name = next(name for name in ("category", "state") if name in arguments)
    [chosen] = [arguments[name]] if isinstance(arguments[name], str) else arguments[name]
    return arguments | {name: chosen.replace("_", " ").title() + "s"}


def _yes(arguments: dict[str, Any]) -> dict[str, Any]:
    """A text where true is meant."""
    return {name: "yes, please" if value is True else value for name, value in arguments.items()}


def _number_in_words(arguments: dict[str, Any]) -> dict[str, Any]:
    """A number with its unit."""
    name = next(name for name, value in arguments.items() if type(value) is int)
    return arguments | {name: f"{arguments[name]} please"}


def _object(arguments: dict[str, Any]) -> dict[str, Any]:
    """An object where a text is meant."""
    return arguments | {"project": {"name": arguments["project"]}}


def _invented(arguments: dict[str, Any]) -> dict[str, Any]:
    """An argument that no tool has."""
    return arguments | {"notify_reviewers": True}


def _forgotten(arguments: dict[str, Any]) -> dict[str, Any]:
    """No project."""
    return {name: value for name, value in arguments.items() if name != "project"}


def _two_sources(arguments: dict[str, Any]) -> dict[str, Any]:
    """The file named in two ways."""
    return arguments | {"file_urn": "urn:adsk.wipprod:fs.file:vf.beam?version=1"}


WAYS: Final[Mapping[str, Any]] = {
    "typo": _typo,
    "camel case": _camel_case,
    "no such choice": _no_such_choice,
    "yes": _yes,
    "number in words": _number_in_words,
    "object": _object,
    "invented": _invented,
    "forgotten": _forgotten,
    "two sources": _two_sources,
}
"""How a call goes wrong."""


def mistakes(requests: Mapping[str, Request]) -> dict[str, str]:
    """Return how the call of each request goes wrong: of the ways that fit it, the one that was taken least so far."""
    taken: Counter[str] = Counter()
    chosen: dict[str, str] = {}
    for name, request in requests.items():
        chosen[name] = min(_ways(request), key=lambda way: taken[way])
        taken[chosen[name]] += 1
    return chosen


def _ways(request: Request) -> list[str]:
    arguments = request.arguments
    fits = {
        "no such choice": any(name in arguments for name in ("category", "state")),
        "yes": any(value is True for value in arguments.values()),
        "number in words": any(type(value) is int for value in arguments.values()),
        "camel case": any("_" in name for name in arguments),
        "two sources": "file_path" in arguments and not request.http,
        "typo": bool(arguments),
        "forgotten": "project" in arguments,
        "object": "project" in arguments,
        "invented": True,
    }
    return [way for way in fits if fits[way]]
