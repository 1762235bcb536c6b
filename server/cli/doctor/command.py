"""`submittal-mcp doctor`: diagnoses the setup from this machine to a submittal and suggests fixes."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
from rich.console import Console
from rich.text import Text

from acc.client import AccClient
from auth.errors import AuthError
from persistence.errors import StorageProblem
from server.auth_wiring import hosts_from, open_identity
from server.cli.doctor import autodesk as doctor_autodesk
from server.cli.doctor import machine as doctor_machine
from server.cli.doctor import record as doctor_record
from server.cli.doctor.autodesk import CheckAborted, DoctorTarget
from server.cli.doctor.record import AnswerRecorder
from server.cli.doctor.report import CheckResult, DoctorReport, Level, ok, problem, skipped
from server.cli.output import json_text
from server.settings.model import Settings
from server.settings.problems import SettingsError
from tools.core.text_sanitizer import visible

_SIGNS: Final[dict[Level, tuple[str, str]]] = {
    "ok": ("ok", "green"),
    "warning": ("warn", "yellow"),
    "problem": ("FIX", "bold red"),
    "skipped": ("-", "dim"),
}
_WIDEST: Final = 25
_INDENT: Final = 7 + _WIDEST


def run(
    load: Callable[[], Settings], person: str | None, target: DoctorTarget, *, as_json: bool, record: Path | None = None
) -> int:
    """Run all checks, print each result (or one JSON object at the end), and return the exit code.

    With `record`, the structure of Autodesk's responses is written to that file, which must not exist yet.
    """
    console = None if as_json else Console(highlight=False, soft_wrap=True)
    try:
        settings = load()
    except SettingsError as error:
        report = DoctorReport()
        for sentence in error.problems:
            _show(
                console,
                report.add(problem("settings", sentence, "correct it, then run `submittal-mcp doctor`")),
            )
    else:
        report = DoctorReport(settings.secrets)
        recorder = AnswerRecorder(record) if record is not None else None
        anyio.run(_examine, settings, person, target, recorder, lambda finding: _show(console, report.add(finding)))
    if as_json:
        sys.stdout.write(json_text(report.as_json(), indent=2) + "\n")
    elif console is not None:
        console.print(Text("\n" + _verdict(report)))
    return report.exit_code


async def _examine(
    settings: Settings,
    person: str | None,
    target: DoctorTarget,
    recorder: AnswerRecorder | None,
    tell: Callable[[CheckResult], None],
) -> None:
    tell(ok("settings", "all are valid"))
    if recorder is not None and (finding := recorder.unusable()):
        tell(finding)
        recorder = None
    seen: set[str] = set()
    for look in (
        doctor_machine.sources,
        doctor_machine.sandbox,
        doctor_machine.app,
        doctor_machine.storage,
        doctor_machine.folders,
    ):
        for finding in look(settings):
            tell(finding)
            seen.add(finding.seen)
    async for finding in doctor_machine.transfers(settings):
        told = finding.seen in seen
        tell(skipped(finding.check, "the database could not be looked into") if told else finding)
    try:
        await _examine_autodesk(settings, person, target, recorder, tell)
    except StorageProblem as error:
        tell(problem("this machine", str(error), "see the finding"))
    if recorder is not None:
        tell(recorder.write(settings, target))


async def _examine_autodesk(
    settings: Settings,
    person: str | None,
    target: DoctorTarget,
    recorder: AnswerRecorder | None,
    tell: Callable[[CheckResult], None],
) -> None:
    with suppress(CheckAborted):
        async for finding in doctor_autodesk.check_network(settings):
            tell(finding)
        async for finding in doctor_autodesk.registration(settings):
            tell(finding)
        await _examine_sign_in(settings, person, target, recorder, tell)


async def _examine_sign_in(
    settings: Settings,
    person: str | None,
    target: DoctorTarget,
    recorder: AnswerRecorder | None,
    tell: Callable[[CheckResult], None],
) -> None:
    on_answer = recorder.take if recorder is not None else None
    async with (
        open_identity(settings, person) as identity,
        AccClient(hosts_from(settings), identity.tokens, on_answer=on_answer) as acc,
    ):
        # Within: a task group would wrap what leaves it.
        with suppress(CheckAborted):
            async for finding in doctor_autodesk.sign_in(settings, identity.tokens, acc):
                tell(finding)
            try:
                async for finding in doctor_autodesk.check_access(settings, acc, target):
                    tell(finding)
                if recorder is not None:
                    await doctor_record.ask_everything(acc, settings, target)
            except AuthError as error:
                tell(problem("sign-in", f"it ended on the way: {error}", "run `submittal-mcp login` again"))


def _show(console: Console | None, finding: CheckResult) -> None:
    if console is None:
        return
    sign, style = _SIGNS[finding.level]
    line = Text(f"{sign:>5}  ", style)
    line.append(f"{finding.check:<{_WIDEST}}", "bold" if finding.level == "problem" else "")
    line.append(visible(finding.seen))
    width = console.width if console.is_terminal else None
    for part in hanging_lines(line, _INDENT, width):
        console.print(part)
    if finding.fix is not None:
        fix = Text(" " * _INDENT + "-> " + visible(finding.fix), "dim" if finding.level == "warning" else "")
        for part in hanging_lines(fix, _INDENT + len("-> "), width):
            console.print(part)


def hanging_lines(line: Text, indent: int, width: int | None) -> list[Text]:
    """Return a line wrapped at words to `width` columns, its further lines indented; whole without a width.

    A narrow terminal gets a small indent. Words that are too long, paths for one, are not broken: they are copied.
    """
    if width is None or len(line) <= width:
        return [line]
    if width < 2 * indent:
        indent = min(4, width // 4)
    parts: list[Text] = []
    rest, room = line, width
    while len(rest) > room:
        # The blanks at the start of the first line are its indent, and no place to break it.
        begins = len(rest.plain) - len(rest.plain.lstrip())
        at = rest.plain.rfind(" ", begins + 1, room + 1)
        at = at if at > begins else rest.plain.find(" ", room)
        if at < 0:
            break
        parts.append(rest[:at])
        rest, room = rest[len(rest) - len(rest.plain[at:].lstrip()) :], width - indent
    parts.append(rest)
    return [parts[0], *(Text(" " * indent) + part for part in parts[1:])]


def _verdict(report: DoctorReport) -> str:
    problems = sum(finding.level == "problem" for finding in report.findings)
    warnings = sum(finding.level == "warning" for finding in report.findings)
    if problems:
        return f"{problems} thing{'s' if problems != 1 else ''} to fix, from the top down."
    return f"It works, with {warnings} warning{'s' if warnings != 1 else ''}." if warnings else "All checks passed."
