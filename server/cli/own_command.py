"""The command that starts this program from any folder: for chat clients, and for hints that name a command."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

NAME: Final = "submittal-mcp"
COMMANDS: Final = (
    *("demo", "setup", "config", "doctor", "login", "logout", "whoami", "attach", "find", "download", "jobs"),
    *("serve", "worker", "team", "vault", "sandbox"),
)
"""Every command, in the order of the help: a person's first day first."""

RUNNERS: Final = {"uvx": ("--from",), "pipx": ("run", "--spec")}
"""Programs that make an environment for a run, with the words before the place that this program comes from."""
_HINT: Final = re.compile(rf"(?<![\w/\\.-]){NAME}(?= (?:{'|'.join(COMMANDS)}|--help)\b)")


def own_command() -> tuple[str, ...]:
    """Return words that start this program from any folder, whatever the PATH is.

    In an environment that a runner made, which is cleared away some day, it is the runner; else the installed command.
    """
    runner = _runner(Path(sys.prefix))
    if runner is not None and (path := shutil.which(runner)) is not None:
        *run, option = RUNNERS[runner]
        origin = _origin()
        return (path, *run, *((option, origin) if origin is not None else ()), NAME)
    script = installed_script()
    return (str(script),) if script is not None else (sys.executable, "-P", "-m", "server")


def installed_script() -> Path | None:
    """Return the command that was installed beside this Python."""
    scripts = Path(sysconfig.get_path("scripts"))
    return next((path for name in (NAME, f"{NAME}.exe") if (path := scripts / name).is_file()), None)


@cache
def spoken_command() -> str:
    """Return what a person types in a shell to start this program: its name alone where the PATH leads to it."""
    words = own_command()
    found, script = shutil.which(NAME), installed_script()
    if (runner := Path(words[0]).stem) in RUNNERS:  # uvx puts its environment on the PATH, of the program alone
        words = (runner, *words[1:])
    elif found is not None and script is not None and os.path.realpath(found) == os.path.realpath(script):
        return NAME
    return shell_words(*words)


def shell_words(*words: str) -> str:
    """Return words as they are typed in this system's shell."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def callable_hints(text: str) -> str:
    """Return `text` with each command of ours in it as it can be called here."""
    return _HINT.sub(lambda _: spoken_command(), text) if spoken_command() != NAME else text


def _runner(prefix: Path) -> str | None:
    """Return which runner made an environment; None for one that is kept.

    Those of `uvx` lie in its cache, in `archive-v0` (uv, "Storage"), those of `pipx run` under a hash in place of the
    package's name (pipx 1.18, `commands/run.py`).
    """
    if prefix.parent.name.startswith("archive-v"):
        return "uvx"
    is_hash = re.fullmatch("[0-9a-f]{15}", prefix.name) is not None
    return "pipx" if is_hash and (prefix / "pipx_metadata.json").is_file() else None


def _origin() -> str | None:
    """Return the folder or file that this program was installed from, None for a registry (PEP 610)."""
    from importlib.metadata import distribution

    text = distribution(NAME).read_text("direct_url.json")
    url = urlsplit(str(json.loads(text).get("url", ""))) if text else None
    if url is None or url.scheme != "file":
        return url.geturl() if url is not None else None
    return url2pathname(unquote(url.path) if sys.platform != "win32" else url.path)
