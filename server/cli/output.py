"""What commands print: each line with the names and texts of others made visible."""

import json
from typing import Any

import typer


def say(text: str, *, err: bool = False) -> None:
    """Print `text`, whose line ends are ours: names and sentences of others stand on one line each.

    A command of ours in it is printed as it can be called here.
    """
    from server.cli.own_command import callable_hints
    from tools.core.text_sanitizer import visible

    for line in text.split("\n"):
        typer.echo(visible(callable_hints(line)), err=err)


def json_text(value: Any, indent: int | None = None) -> str:
    """Return `value` as JSON, with what a reader cannot see as the escapes of JSON: no data is changed by that."""
    from tools.core.text_sanitizer import escape_invisible

    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return escape_invisible(text, lambda character: json.dumps(character)[1:-1])
