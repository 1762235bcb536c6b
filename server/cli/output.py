"""What commands print: each line with the names and texts of others made visible."""

import typer


def say(text: str, *, err: bool = False) -> None:
    """Print `text`, whose line ends are ours: names and sentences of others stand on one line each."""
    from tools.core.text_sanitizer import visible

    for line in text.split("\n"):
        typer.echo(visible(line), err=err)
