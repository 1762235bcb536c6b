"""`submittal-mcp attach`: attaches files from arguments or a manifest, for users and pipelines.

Everything is checked before anything is sent. Interrupted or failed, the same command goes on where it stopped: jobs
and fingerprints, not this module, know what is done.
"""

import difflib
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import anyio

from server.cli.attach.folder_plan import plan_folder, print_plan, write_manifest
from server.cli.attach.manifest import AttachManifest, BadRow, ManifestRow, ManifestUnusable, read_manifest
from server.cli.attach.preflight import check_rows
from server.cli.attach.progress import view_for
from server.cli.attach.prompt import TerminalConsentPrompt, agreed, can_ask
from server.cli.attach.queue import QueueSubmitter
from server.cli.attach.results import ResultFile, RowResult, as_json, refused_rows, summary
from server.cli.attach.runner import AttachRunner
from server.cli.errors import FAILED, USAGE, CommandError
from server.cli.options import meant_path
from server.cli.output import json_text, say
from server.settings.model import Settings
from server.shutdown import INTERRUPTED, STDIO_SECONDS, force_exit_after, on_shutdown_signal
from server.wiring import open_services, policy_of
from tools.core.context import Services
from transfers.concurrency import background_task

PATIENCE_SECONDS: Final = 24 * 3600
"""Timeout of one file: as long as storage keeps its parts."""

SHOWN: Final = 100
"""So many rows are named on the terminal; the results name all."""

_LOST_ANSWER: Final = (
    "An answer of ACC was lost. These may be empty twins of its attachment, which a person can delete in ACC: {}"
)


class UnusableOptions(CommandError):
    """Options that let no file be attached; the text says why and how to fix it."""


@dataclass(frozen=True)
class AttachOptions:
    """Options of the command line: `files`, a `folder` or a `manifest`, and defaults for all of them.

    Of a folder a plan is made first; `check` only prints it, and `plan_manifest` is where it is written as a manifest.

    `result` is where the results go; by default beside the manifest.
    """

    files: tuple[Path, ...]
    folder: str | None
    check: bool
    plan_manifest: Path | None
    yes: bool
    manifest: Path | None
    project: str | None
    submittal: str | None
    name: str | None
    category: str | None
    task: str | None
    confirm: bool
    wait: bool
    result: Path | None
    as_json: bool
    queue: bool
    at_once: int
    person: str | None

    @property
    def only_plans(self) -> bool:
        """Whether nothing is to be sent."""
        return self.check or self.plan_manifest is not None


def run(settings: Settings, options: AttachOptions) -> int:
    """Attach the files, and return the exit code: 0 when every file is attached.

    Raises:
        UnusableOptions: Nothing was sent, for a reason that concerns all files.
        ManifestUnusable: The manifest cannot be read.
        ResultFileUnusable: The results cannot be written.
    """
    _check(settings, options)
    manifest = _rows(options)
    results = _result_file(options, manifest.rows)

    async def work() -> int:
        return await _AttachSession(settings, options, manifest, results).work()

    return anyio.run(work)


def _check(settings: Settings, options: AttachOptions) -> None:
    """Refuse options that could only fail after all uploads."""
    if options.queue and settings.database_url is None:
        raise UnusableOptions(
            "Workers share the queue of a PostgreSQL database: set SUBMITTAL_MCP_DATABASE_URL for --queue."
        )
    if options.only_plans:
        return
    if options.folder is not None and not options.yes and not can_ask():
        raise UnusableOptions(
            "There is no terminal to ask in before the files of a folder are sent. Look at the plan with --check, then "
            "give --yes; or write it with --write-manifest, and attach that with --manifest."
        )
    if settings.confirm != "ask" or not options.confirm:
        return
    if options.queue:
        raise UnusableOptions(
            "With SUBMITTAL_MCP_CONFIRM=ask a worker cannot ask for consent, so it may make nothing visible. Give "
            "--no-confirm, and run the command without --queue in a terminal when the files are stored."
        )
    if not can_ask():
        raise UnusableOptions(
            "SUBMITTAL_MCP_CONFIRM=ask: a person has to agree before a file becomes visible, and there is no terminal "
            "to ask them. Run the command in a terminal, or give --no-confirm to store the files only."
        )


class _AttachSession:
    """One run of the command."""

    def __init__(
        self, settings: Settings, options: AttachOptions, manifest: AttachManifest, file: ResultFile | None
    ) -> None:
        self._settings = settings
        self._options = options
        self._manifest = manifest
        self._file = file
        self._results = [RowResult.of(row) for row in manifest.rows]
        self._interrupted = anyio.CancelScope()

    async def work(self) -> int:
        """Run, and return the exit code."""
        settings = self._settings
        policy = replace(policy_of(settings, local_files=True), max_wait_seconds=PATIENCE_SECONDS)
        if not self._options.only_plans:
            policy.check_writing()
        on_shutdown_signal(self._interrupt)
        async with open_services(settings, policy, None, self._options.person, patient=True) as services:
            with self._interrupted:
                if self._options.folder is not None and not await self._planned(services, self._options.folder):
                    return 0
                await self._attach(services)
            # Before the services close: a slow shutdown is cut short, and the summary must have been printed by then.
            self._tell()
        return self._exit_code()

    def _interrupt(self) -> None:
        force_exit_after(STDIO_SECONDS, INTERRUPTED)
        self._interrupted.cancel()

    async def _planned(self, services: Services, folder: str) -> bool:
        """Print the plan of a folder, and return whether its files are to be sent.

        Raises:
            CommandError: The plan cannot be written, or the user did not agree to it.
        """
        options = self._options
        plan = await plan_folder(
            services, folder, project=options.project or "", submittal=options.submittal, category=options.category
        )
        rows = plan.manifest_rows
        if options.as_json and options.only_plans:
            sys.stdout.write(json_text(plan.json) + "\n")
        else:
            print_plan(plan, sys.stdout if options.only_plans else sys.stderr)
        if options.plan_manifest is not None:
            write_manifest(options.plan_manifest, plan)
            say(f"{options.plan_manifest}: {len(rows)} {'row' if len(rows) == 1 else 'rows'}.", err=True)
        if options.only_plans or not rows:
            return False
        if not options.yes and not await agreed(f"Attach {len(rows)} {'file' if len(rows) == 1 else 'files'}? "):
            raise UnusableOptions("Nothing was sent.")
        self._manifest = AttachManifest(tuple(rows))
        self._results = [RowResult.of(row) for row in rows]
        return True

    async def _attach(self, services: Services) -> None:
        options, rows = self._options, self._manifest.rows
        view = view_for(sys.stderr)
        with view.showing():
            found = await check_rows(services, rows, confirm=options.confirm, report=view.checked)
            bad = [*self._manifest.bad, *found.bad]
            if bad:
                self._results = refused_rows(rows, bad)
                self._write()
                _tell_bad(bad)
                return
            self._write()  # better refused now than when all is sent
            view.begins(len(found.good), sum(one.size for one in found.good))
            run = AttachRunner(
                services,
                view,
                found.good,
                confirm=options.confirm,
                wait=options.wait,
                consent_prompt=TerminalConsentPrompt(view),
            )
            try:
                if options.queue:
                    handing_over = QueueSubmitter(services, view, options.at_once, confirm=options.confirm)
                    async with background_task(handing_over.watch):
                        await run.attach(len(found.good), handing_over.first)
                else:
                    await run.attach(options.at_once)
            finally:
                self._results = run.results
                self._write()

    def _write(self) -> None:
        if self._file is not None:
            self._file.write(self._results)

    def _exit_code(self) -> int:
        outcomes = {one.outcome for one in self._results}
        if self._interrupted.cancelled_caught:
            return INTERRUPTED
        if "refused" in outcomes:
            return USAGE
        return FAILED if outcomes - {"done"} else 0

    def _tell(self) -> None:
        failed = [one for one in self._results if one.outcome == "failed"]
        for one in failed[:SHOWN]:
            if one.error is not None:
                error = one.error
                say(f"row {one.row} ({one.file}): {error.code}: {error.message} {error.hint}", err=True)
        for one in self._results:
            if one.look_alikes:
                say(f"row {one.row} ({one.file}): {_LOST_ANSWER.format(' '.join(one.look_alikes))}", err=True)
        if self._interrupted.cancelled_caught and self._options.queue:
            sys.stderr.write("What was handed over stays in the queue, for the workers.\n")
        if self._interrupted.cancelled_caught or failed:
            sys.stderr.write("The same command again goes on where this one stopped; what is done is not repeated.\n")
        if self._options.as_json:
            sys.stdout.write(json_text({"rows": as_json(self._results)}) + "\n")
        else:
            say(summary(self._results))
            if self._file is not None:
                say(f"Results: {self._file.path}")
        sys.stdout.flush()


def _names_beside(path: Path) -> list[str]:
    """Return the names of what is in the folder of a path that cannot be read."""
    with suppress(OSError):
        return [one.name for one in path.parent.iterdir()]
    return []


def _rows(options: AttachOptions) -> AttachManifest:
    common = {
        "project": options.project,
        "submittal": options.submittal,
        "category": options.category,
        "task": options.task,
    }
    if options.manifest is not None:
        try:
            data = options.manifest.read_bytes()
        except OSError as error:
            why = error.strerror or type(error).__name__
            names = [name for name in _names_beside(options.manifest) if name != options.manifest.name]
            near = difflib.get_close_matches(options.manifest.name, names, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise ManifestUnusable(f"The manifest {options.manifest} cannot be read: {why}.{meant}") from error
        manifest = read_manifest(data, common)
        # A path is meant as it is written beside the files: relative to the manifest, wherever it is read.
        beside = options.manifest.absolute().parent
        return AttachManifest(tuple(_at(row, beside) for row in manifest.rows), manifest.bad)
    project, submittal = options.project or "", options.submittal or ""
    rows = [
        ManifestRow(number, str(file), project, submittal, options.name, options.category, options.task)
        for number, file in enumerate(options.files, start=1)
    ]
    return AttachManifest(tuple(_at(row, Path.cwd()) for row in rows))


def _at(row: ManifestRow, folder: Path) -> ManifestRow:
    return replace(row, file=str(meant_path(row.file, folder)))


def _result_file(options: AttachOptions, rows: Sequence[ManifestRow]) -> ResultFile | None:
    path = options.result
    if path is None and options.manifest is not None:
        path = options.manifest.with_name(f"{options.manifest.stem}.results.csv")
    if path is None:
        return None
    file = ResultFile(path)
    file.refuse_overwriting([*([options.manifest] if options.manifest else []), *(Path(row.file) for row in rows)])
    return file


def _tell_bad(bad: Sequence[BadRow]) -> None:
    """Print the invalid rows, up to a limit."""
    for one in sorted(bad, key=lambda one: one.number)[:SHOWN]:
        where = f"row {one.number}" + (f" ({one.file})" if one.file else "")
        say(f"{where}: {one.code}: {one.message} {one.hint}", err=True)
    if len(bad) > SHOWN:
        sys.stderr.write(f"… and {len(bad) - SHOWN} more.\n")
    sys.stderr.write("Nothing was sent.\n")
