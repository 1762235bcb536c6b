"""Doctor checks of this machine: app, data folder, database, vault key, folders, and uploads left unfinished."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Final

from persistence.errors import StorageProblem
from server.auth_wiring import OpenVault, hosts_from, opened_vault
from server.cli.clients.catalog import NO_CLIENT
from server.cli.doctor.report import CheckResult, ok, problem, skipped, warning
from server.cli.jobs import unfinished
from server.cli.own_command import shell_words
from server.settings.limits import SECRETS
from server.settings.model import Settings, variables
from server.settings.problems import SettingsError
from server.settings.remembered import read_answers
from server.settings.types import not_a_folder
from transfers.jobs.report import JobLine

if TYPE_CHECKING:
    from persistence.data_folder import DataFolder


def sandbox(_: Settings) -> Iterator[CheckResult]:
    """Warn if two distributions of the sandbox are installed in this environment."""
    names = sorted(set(packages_distributions().get("acc_sandbox", ())))
    if len(names) > 1:
        yield warning(
            "sandbox",
            f"{' and '.join(names)} are both installed and hold the same package; the one installed last counts",
            f"run pip uninstall {' '.join(names)}, then install the one that you need",
        )


def sources(settings: Settings) -> Iterator[CheckResult]:
    """Report the source of each value that is not a default; of a secret only that it is set."""
    for name, source in settings.sources.items():
        value = getattr(settings, name)
        shown = "is set" if name in SECRETS else f"is {_shown(value)}"
        yield ok("settings", f"{variables()[name]} {shown}, from {source}")


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def app(settings: Settings) -> Iterator[CheckResult]:
    """Check the APS app and the kind of sign-in in the settings."""
    if settings.access_token is not None:
        yield warning(
            "app",
            "the token in APS_ACCESS_TOKEN is used; it expires within the hour and is not refreshed",
            "unset APS_ACCESS_TOKEN, set APS_CLIENT_ID, and run `submittal-mcp login`",
        )
    elif settings.client_id is None:
        yield problem(
            "app",
            "no APS app is named, so signing in is impossible",
            "run `submittal-mcp setup`, or set APS_CLIENT_ID to the Client ID of your app (aps.autodesk.com/myapps)",
        )
    elif settings.service_account_id is not None:
        yield ok("app", f"{settings.client_id} with the service account {settings.service_account_id}")
        yield _key_file(settings.service_account_key_file)
    else:
        kind = "a confidential app (with a secret)" if settings.client_secret else "a public app (no secret, PKCE only)"
        yield ok("app", f"{settings.client_id}, {kind}, answering at {settings.callback_url}")


def _key_file(path: Path | None) -> CheckResult:
    from persistence.private_files import HAS_MODES, mode_of

    check = "service account key"
    if path is None or not os.path.isfile(path):  # noqa: PTH113  # a Path raises where it may not look
        return problem(check, f"there is no file {path}", "name the PEM file in APS_SERVICE_ACCOUNT_KEY_FILE")
    if not os.access(path, os.R_OK):
        return problem(check, f"{path} cannot be read", "give this user the right to read it")
    if HAS_MODES and mode_of(path) & 0o077:
        return warning(check, f"other users can read {path}", f"run {shell_words('chmod', '600', str(path))}")
    return ok(check, f"{path} exists and is private")


def storage(settings: Settings) -> Iterator[CheckResult]:
    """Check the data folder, the audit log, the database and the vault's key."""
    from persistence.data_folder import DataFolder
    from persistence.errors import KeyProblem, StorageProblem

    # With a shared database too: every machine keeps its own audit log.
    try:
        folder = DataFolder.open(settings.data_dir)
    except StorageProblem as error:
        yield problem("data folder", str(error), "see the finding")
        return
    yield _audit_log(folder)
    yield from _modes(folder)
    try:
        with opened_vault(settings) as opened:
            yield ok("database", f"{opened.database.address.shown} opens and is up to date")
            yield _key(opened, settings)
            yield from _mounts(opened, settings)
    except KeyProblem as error:
        yield problem("vault key", str(error), "see the finding")
    except StorageProblem as error:
        yield problem("database", str(error), "see the finding")


def _audit_log(folder: "DataFolder") -> CheckResult:
    from persistence.errors import StorageProblem
    from transfers.audit_log import AuditLog

    try:
        AuditLog(folder.path).check_now()
    except StorageProblem as error:
        return problem("audit log", str(error), "see the finding")
    return ok("audit log", f"{folder.audit_log} can be written; each file is logged before it leaves")


def _modes(folder: "DataFolder") -> Iterator[CheckResult]:
    wide = folder.exposed_paths()
    if wide:
        names = ", ".join(str(path) for path in wide[:5])
        remedy = shell_words("chmod", "-R", "go=", str(folder.path))
        yield warning("data folder", f"the modes of {names} let other users in", f"run {remedy}")
    else:
        yield ok("data folder", f"{folder.path} exists and is private")


def _key(opened: OpenVault, settings: Settings) -> CheckResult:
    from persistence.encryption import NotSealed
    from persistence.errors import KeyMissing

    source = opened.vault.key_location
    try:
        _read_current(opened, settings)
    except KeyMissing as error:
        return problem("vault key", str(error), "or run `submittal-mcp login` to sign in again")
    except NotSealed as error:
        return problem("vault key", str(error), "run `submittal-mcp login`")
    if source is None:
        return ok("vault key", "none yet; the first sign-in makes one")
    if source == "file":
        return warning(
            "vault key",
            "the key lies in a file beside the database: this machine offers no keyring, or it does not answer",
            "a copy of the data folder is enough to be you; where that matters, set SUBMITTAL_MCP_ENCRYPTION_KEYS",
        )
    where = "SUBMITTAL_MCP_ENCRYPTION_KEYS" if source == "environment" else "the system's keyring"
    return ok("vault key", f"from {where}")


def _read_current(opened: OpenVault, settings: Settings) -> None:
    """Check that the current user's sign-in can be decrypted, if there is one."""
    if settings.client_id is None or settings.access_token is not None:
        return
    current = opened.vault.current(hosts_from(settings).api, settings.client_id)
    if current is not None:
        opened.vault.read(current)


def _mounts(opened: OpenVault, settings: Settings) -> Iterator[CheckResult]:
    """Compare the allowed folders with what other machines that share the database see at the same paths."""
    from server.cli.doctor.mounts import compared

    if settings.database_url is None:
        yield skipped("file mounts", "no other machine shares the database, so no other one needs the files")
        return
    for folder, same, strange in compared(opened.database, settings.folders):
        if strange:
            names = ", ".join(
                f"{one.machine} ({datetime.fromtimestamp(one.looked_at, UTC):%d %B})" for one in strange[:5]
            )
            yield problem(
                "file mounts",
                f"{folder} is a different folder on {names}",
                "mount the same share at this path wherever a worker runs, then run doctor there",
            )
        elif same:
            yield ok("file mounts", f"{folder} is the same folder on {', '.join(one.machine for one in same[:5])}")
        else:
            yield ok(
                "file mounts", f"no other machine has looked at {folder} yet; run doctor on each that runs a worker"
            )


def folders(settings: Settings) -> Iterator[CheckResult]:
    """Check the folders from which files may be attached."""
    kept = () if settings.folders else _folders_of_setup(settings)
    for folder in kept:
        yield ok("folders", f"none in this shell; the entry that setup wrote for a chat client allows {folder}")
    if not settings.folders and not kept:
        yield warning(
            "folders",
            "no folder is allowed, so no local file can be attached",
            "set SUBMITTAL_MCP_FOLDERS to the folders that hold the files, or start with --folder",
        )
    source = settings.sources.get("folders")
    named_in = "SUBMITTAL_MCP_FOLDERS" if source in (None, "a flag", "the environment") else source
    for folder in settings.folders:
        if why := not_a_folder(folder):
            yield problem(
                "folders",
                why,
                f"mount or create it (a worker needs it at this very path too), or take it out of {named_in}",
            )
        elif not os.access(folder, os.R_OK | os.X_OK):
            yield problem("folders", f"{folder} cannot be read", "give this user the right to read it")
        else:
            yield ok("folders", f"files beneath {folder} may be attached")


def _folders_of_setup(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that `setup` wrote into a chat client's file."""
    with suppress(SettingsError, StorageProblem):  # findings of their own
        answers = read_answers(settings)
        if answers.client not in (None, NO_CLIENT):
            return answers.folders
    return ()


_CHECK: Final = "transfers"
_MOST: Final = 5


async def transfers(settings: Settings) -> AsyncIterator[CheckResult]:
    """Check for unfinished jobs, and the tables that they are in."""
    try:
        lines, more = await unfinished(settings)
    except StorageProblem as error:
        yield problem(_CHECK, str(error), "see the finding")
        return
    left = [line for line in lines if line.standing not in ("running", "processing")]
    for line in left[:_MOST]:
        yield _left(line)
    if len(left) > _MOST:
        rest = f"{'at least ' if more else ''}{len(left) - _MOST} more were left behind"
        yield warning(_CHECK, rest, "`submittal-mcp jobs list` shows them")
    if not left:
        yield ok(_CHECK, "nothing was left behind")


def _left(line: JobLine) -> CheckResult:
    why = f" ({line.failure} at {line.step})" if line.failure else ""
    what = f"{line.name!r} for submittal {line.submittal or line.item_id}"
    return warning(_CHECK, f"{what} is {line.standing}{why} and waits for {line.waits_for}", line.advice)
