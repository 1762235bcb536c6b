"""Prints the demo: each call, the gist of its result, and the next step; without color where no terminal is.

Text from answers is printed as it is, never as markup.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from server.cli.output import json_text
from tools.core.text_sanitizer import visible

Answer = Mapping[str, Any]

_INDENT = "     "


class DemoPrinter:
    """Prints a demonstration on a console; colours only on a terminal.

    One line a call, unless `verbose`: then its arguments, the facts of its result with their ids, and the next step.
    """

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        self._calls = 0
        self.ended = False

    def heading(self, title: str, *lines: str) -> None:
        """Print a heading."""
        self._print(_line(title, "bold"))
        for line in lines:
            self._print(_line(line, "dim"))
        self._print(Text())

    def call(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Print a call before it is made."""
        self._calls += 1
        line = Text(f"{self._calls:>3}  ", "dim")
        line.append(f"{tool:<{0 if self._verbose else 25}}", "bold cyan")
        if self._verbose:
            line.append(" " + json_text(arguments))
        self._print(line, end="\n" if self._verbose else "")

    def answer(self, answer: Answer) -> None:
        """Print the result of the call."""
        if not self._verbose:
            self._print(_line(summary(answer), "red" if "error" in answer else ""))
            return
        for name, value in gist(answer):
            line = Text(f"{_INDENT}{name:<12} ", "dim")
            line.append(visible(value), _STYLES.get(value.split(" ")[0], ""))
            self._print(line)
        steps = answer.get("next_steps") or []
        if steps:
            step = steps[0]
            needs = f", you supply {', '.join(step['needs'])}" if step["needs"] else ""
            self._print(_line(f"{_INDENT}next         {step['tool']}{needs}: {step['reason']}", "green"))
        self._print(Text())

    def end(self, title: str, *lines: str) -> None:
        """Print the outcome."""
        if not self._verbose:
            self._print(Text())
        self._print(_line(title, "bold green"))
        for line in lines:
            self._print(_line(line))

    def page(self, how: str, url: str) -> None:
        """Print the address of a page, on a line of its own; nothing comes after it."""
        self.ended = True
        self._print(_line(how))
        self._print(_line(url, "cyan"))

    def failure(self, reason: str, details: str = "") -> None:
        """Print the failure."""
        self._print(Text())
        self._print(_line(f"The demo failed: {reason}", "bold red"))
        for line in details.splitlines():
            self._print(_line(line, "dim"))

    def _print(self, text: Text, end: str = "\n") -> None:
        self._console.print(text, soft_wrap=True, highlight=False, end=end)


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style)


_STYLES = {"ready": "bold green", "uploaded": "yellow", "processing": "yellow"}


def summary(answer: Answer) -> str:
    """Return a result as one line without ids."""
    if "error" in answer:
        return f"{answer['error']['code']}: {answer['error']['message']}"
    if attachment := answer.get("attachment"):
        seen = ": reviewers can open it" if attachment["state"] == "ready" else ""
        return f"{attachment['name']} is {attachment['state']}{seen}"
    if submittal := answer.get("submittal"):
        count = len(answer["attachments"])
        return f"{submittal['number']} {submittal['title']}: {count} attachment{'s' if count != 1 else ''}"
    return "done"


def gist(answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield the main facts of a result, as (name, value)."""
    if "error" in answer:
        error = answer["error"]
        yield "error", f"{error['code']}: {error['message']}"
        yield "hint", error["hint"]
    if submittal := answer.get("submittal"):
        yield "submittal", f"{submittal['number']}  {submittal['title']}"
        yield "state", f"{submittal['state']}, in the {submittal['court']}'s court"
        yield (
            "may attach",
            f"{'yes' if submittal['can_attach'] else 'no'}, as {', '.join(submittal['allowed_categories'])}",
        )
        yield "attachments", str(len(answer["attachments"]))
    if attachment := answer.get("attachment"):
        yield from _attachment(attachment)


def _attachment(attachment: Answer) -> Iterator[tuple[str, str]]:
    yield "attachment", f"{attachment['name']}  ({attachment['category']})"
    yield "state", attachment["state"]
    if attachment["sha256"]:
        yield "bytes", f"{attachment['size_bytes']:,}  SHA-256 {attachment['sha256']}"
    if attachment["version_urn"]:
        yield "version", attachment["version_urn"]
    if attachment["permittedActions"]:
        yield "permitted", ", ".join(action["id"] for action in attachment["permittedActions"])
