"""The table of settings for docs/settings.md, made from `Settings` so that it cannot drift.

`python -m scripts.settings_table` writes the table between the markers of the page; with `--check` it says whether the
page is current.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from server.settings.model import Settings, variables

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
START: Final = "<!-- settings -->"
END: Final = "<!-- /settings -->"

DEFAULTS: Final = {
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


def table() -> str:
    """Return the settings as a Markdown table, without a closing line break."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for name, variable in variables().items():
        field = Settings.model_fields[name]
        rows.append(f"| `{variable}` | {field.description} | {DEFAULTS.get(name, f'`{field.default}`')} |")
    return "\n".join(rows)


def main(arguments: Sequence[str]) -> int:
    """Write the table, or with `--check` say whether it is current, and return the exit code."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    current = f"{before}{START}\n{table()}\n{END}{after}"
    if "--check" not in arguments:
        PAGE.write_text(current, encoding="utf-8", newline="\n")
    elif text != current:
        sys.stderr.write("docs/settings.md is not current: run scripts/tables\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
