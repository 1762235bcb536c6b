"""A written request: what a person says, what an agent makes of it, and how the world is afterwards."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

FOLDER: Final = Path(__file__).parent / "requests"

CATEGORIES: Final = {"submission": "1", "for_review": "2", "review_response": "3", "final_response": "4"}
"""ACC's numbers, as the sandbox keeps them."""


class Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attached(Written):
    """An attachment that is there afterwards and was not before."""

    project: str = "riverside"
    submittal: str
    name: str
    category: str
    content: str = "local"
    """Whose bytes they are: those of the `local` file, those the caller `sent`, or the URN of a linked version."""
    task: int | None = None
    """Which of the submittal's review tasks it belongs to, counted from 1."""
    confirmed: bool = True
    failed: bool = False
    """Whether ACC could not process it."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Ends(Written):
    """How it ends. Whatever is not named did not change."""

    attached: Annotated[list[Attached], BeforeValidator(_listed)] = []
    moved: dict[str, str] = {}
    """States that submittals are in then, by their numbers."""
    result: dict[str, Any] = {}
    """Of the last answer: fields by path; over a list, the field of each row."""
    told: list[str] = []
    """Words of the errors on the way."""
    unseen: list[str] = []
    """What no answer holds."""


class Mishap(Written):
    """A fault of the sandbox, once."""

    operation: str
    status: int | None = None
    retry_after: int | None = None
    lose_answer: bool = False


class Call(Written):
    """A tool and its arguments; `person` where it is another user's."""

    tool: str
    arguments: dict[str, Any] = {}
    person: str | None = None


class Request(Written):
    """One request, said by `person`. In texts `${…}` stands for ids that are known only when the sandbox runs."""

    says: str
    person: str = "manager"
    coordinator: list[int] = []
    """Which of the sixty requests of `coordinator.yaml` it is, counted from 1."""
    calls: int | None = None
    """The most calls that an agent may take which only follows steps."""
    http: bool = False
    settings: dict[str, Any] = {}
    folder: list[str] = []
    """Files of the person's, each with its own bytes."""
    empty: list[str] = []
    megabytes: int = 0
    """How large those files are; 0 for a line of text."""
    no_folder: bool = False
    faults: list[Mishap] = []
    processing_fails_once: bool = False
    earlier: list[Call] = []
    """What was called before; `${earlier}` is the attachment that it made."""
    tool: str
    arguments: dict[str, Any] = {}
    also: list[dict[str, Any]] = []
    """Other arguments of further calls of the tool, one after the other."""
    every_step: bool = False
    """Whether the agent takes every step of the first answer, not the first alone."""
    answers: dict[str, Any] = {}
    """What the person says when an agent asks for an argument; null when they give up."""
    errors: list[str] = []
    """Codes that an agent meets on the way that only follows steps."""
    ends: Ends

    @property
    def is_question(self) -> bool:
        """Whether it ends with an answer rather than with a change in ACC."""
        return not (self.ends.attached or self.ends.moved)


def written() -> dict[str, Request]:
    """Every request by family and place in it, such as `states 3`."""
    return {
        f"{path.stem} {number}": Request.model_validate(one)
        for path in sorted(FOLDER.glob("*.yaml"))
        for number, one in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), start=1)
    }


_PLACE: Final = re.compile(r"\$\{(\w+):?([^}]*)\}")


def filled(value: Any, known: Mapping[str, Callable[[str], str]]) -> Any:
    """Return a value with every `${kind:name}` in it replaced by what `known[kind]` says of `name`."""
    if isinstance(value, str):
        return _PLACE.sub(lambda place: known[place[1]](place[2]), value)
    if isinstance(value, list):
        return [filled(one, known) for one in value]
    if isinstance(value, dict):
        return {name: filled(one, known) for name, one in value.items()}
    return value


def field(answer: Any, path: str) -> Any:
    """Return what stands at a path such as `submittals.number`; over a list, what stands there in each row."""
    for name in path.split("."):
        answer = [row[name] for row in answer] if isinstance(answer, list) else answer[name]
    return answer
