"""Report of the doctor: the result of each check, and a fix where it failed."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final, Literal

from server.cli.own_command import callable_hints
from server.redaction import LogRedactor

Level = Literal["ok", "warning", "problem", "skipped"]

_EXIT_CODES: Final[dict[Level, int]] = {"ok": 0, "skipped": 0, "warning": 1, "problem": 2}


@dataclass(frozen=True)
class CheckResult:
    """Result of one check: its name, whether it passed, what was found, and a fix. Holds no secrets."""

    check: str
    level: Level
    seen: str
    fix: str | None = None


def ok(check: str, seen: str) -> CheckResult:
    """A check that passed."""
    return CheckResult(check, "ok", seen)


def warning(check: str, seen: str, fix: str) -> CheckResult:
    """A check that passed with a limitation."""
    return CheckResult(check, "warning", seen, fix)


def problem(check: str, seen: str, fix: str) -> CheckResult:
    """A check that failed."""
    return CheckResult(check, "problem", seen, fix)


def skipped(check: str, seen: str) -> CheckResult:
    """A check that was skipped, and why."""
    return CheckResult(check, "skipped", seen)


class DoctorReport:
    """All results in order. Each is redacted when added, since reports are pasted into tickets."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._redaction = LogRedactor(secrets)
        self.findings: list[CheckResult] = []

    def add(self, finding: CheckResult) -> CheckResult:
        """Add a result, and return its redacted form."""
        shown = CheckResult(
            finding.check,
            finding.level,
            callable_hints(self._redaction.text(finding.seen)),
            callable_hints(self._redaction.text(finding.fix)) if finding.fix is not None else None,
        )
        self.findings.append(shown)
        return shown

    @property
    def exit_code(self) -> int:
        """0 when all checks passed, 1 with a warning, 2 with a problem."""
        return max((_EXIT_CODES[finding.level] for finding in self.findings), default=0)

    def as_json(self) -> dict[str, object]:
        """The report as data."""
        return {"exit_code": self.exit_code, "findings": [asdict(finding) for finding in self.findings]}
