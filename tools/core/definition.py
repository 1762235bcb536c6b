"""What a tool is, whoever calls it; nothing of MCP is needed for that, and a person's command loads nothing of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tools.core.arguments import Arguments
from tools.core.context import Services, ToolCall
from tools.core.results import Result

A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Definition(Generic[A]):
    """What a tool is: how a model knows it, what it takes, what it may answer, whether it writes, and what it does."""

    name: str
    title: str
    description: str
    arguments: type[A]
    results: tuple[type[Result], ...]
    writes: bool
    idempotent: bool
    run: Callable[[Services, ToolCall, A], Awaitable[Result]]
