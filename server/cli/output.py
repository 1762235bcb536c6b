"""What commands print: each line with the names and texts of others made visible."""

import typer


def say(text: str, *, err: bool = False) -> None:
    """Print `text`, whose line ends are ours: names and sentences of others stand on one line each.

    A command of ours in it is printed as it can be called here.
    """
    from server.cli.own_command import callable_hints
    from tools.core.text_sanitizer import visible

    for line in text.split("\n"):
        typer.echo(visible(callable_hints(line)), err=err)
