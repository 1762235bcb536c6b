"""The table of settings for docs/settings.md, made from `Settings` so that it cannot drift.

`python -m server.settings.docs FILE…` writes the table between the markers of each file; with `--check` it writes
nothing and exits with 1 where a file does not hold the current table.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from server.settings.model import Settings, variables

START: Final = "<!-- settings -->"
END: Final = "<!-- /settings -->"

_DEFAULTS: Final = {
    "client_id": "none: signing in is impossible",
    "client_secret": "none",
    "service_account_id": "none",
    "service_account_key_id": "none",
    "service_account_key_file": "none",
    "data_dir": "the platform's folder for a program's data",
    "database_url": "SQLite in the data folder",
    "encryption_keys": "the system's keyring, else a file of mode 0600 in the data folder",
    "base_url": "Autodesk's own hosts",
    "access_token": "none",
    "folders": "none: local files are refused, and the answer says how to allow a folder",
    "downloads": "none: downloads are refused, and the answer says how to allow them",
    "file_types": "all",
    "max_file_bytes": "5 TiB",
    "strict_files": "off",
    "read_only": "off",
    "projects": "all",
    "public_url": "none",
    "team_domains": "all",
    "team_people": "everybody whom Autodesk signs in",
    "team_accounts": "all",
    "team_clients": "none",
    "team_registration": "`on`",
    "settings_file": "none",
    "storage_hosts": "none",
    "http_secret": "made at start and shown once, on a terminal; elsewhere it must be set",
    "log_level": "`info`, over stdio `warning`",
    "log_format": "`console` on a terminal, else `json`",
}
"""Defaults that say more in words than as a Python value."""


class MarkersMissingError(ValueError):
    """The text has no place for the table: the two marker lines, in their order."""


def table() -> str:
    """Return the settings as a Markdown table, without a closing line break."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for name, variable in variables().items():
        field = Settings.model_fields[name]
        rows.append(f"| `{variable}` | {field.description} | {_DEFAULTS.get(name, f'`{field.default}`')} |")
    return "\n".join(rows)


def with_table(text: str) -> str:
    """Return `text` with what stands between the markers replaced by the current table.

    Raises:
        MarkersMissingError: The markers are not there.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise MarkersMissingError(f"there is no {START!r} followed by {END!r}")
    return f"{before}{START}\n{table()}\n{END}{after}"


def main(arguments: Sequence[str]) -> int:
    """Write or check the table in the files named in `arguments`; return the exit code."""
    check = "--check" in arguments
    stale = False
    for path in (Path(argument) for argument in arguments if argument != "--check"):
        text = path.read_text(encoding="utf-8")
        current = with_table(text)
        if text != current and check:
            stale = True
            sys.stderr.write(f"{path}: the table of settings is not current; run scripts/tables\n")
        elif text != current:
            path.write_text(current, encoding="utf-8", newline="\n")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
