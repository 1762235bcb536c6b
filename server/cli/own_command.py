"""How this program is started from anywhere: for chat clients, and for hints that name a command."""

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
_COMMANDS: Final = (
    *("attach", "config", "demo", "doctor", "download", "find", "jobs", "login", "logout", "sandbox", "serve"),
    *("setup", "team", "vault", "whoami", "worker"),
)
_HINT: Final = re.compile(rf"(?<![\w/\\.-]){NAME}(?= (?:{'|'.join(_COMMANDS)})\b)")


def own_command() -> tuple[str, ...]:
    """Return words that start this program from any folder, whatever the PATH is.

    In an environment that uvx made, which is cleared away some day, that is uvx itself; else the installed command.
    """
    if (uvx := shutil.which("uvx")) is not None and _is_uvx_environment(Path(sys.prefix)):
        return (uvx, *_uvx_arguments(_origin()))
    script = installed_script()
    return (str(script),) if script is not None else (sys.executable, "-P", "-m", "server")


def installed_script(folder: str | None = None) -> Path | None:
    """Return the command that was installed beside this Python, or in `folder`."""
    scripts = Path(folder or sysconfig.get_path("scripts"))
    return next((path for name in (NAME, f"{NAME}.exe") if (path := scripts / name).is_file()), None)


@cache
def spoken_command() -> str:
    """Return what a person types in a shell to start this program: its name alone where the PATH leads to it."""
    words = own_command()
    found, script = shutil.which(NAME), installed_script()
    if Path(words[0]).stem == "uvx":  # which puts its environment on the PATH, of the program alone
        words = ("uvx", *words[1:])
    elif found is not None and script is not None and os.path.realpath(found) == os.path.realpath(script):
        return NAME
    return shell_words(*words)


def shell_words(*words: str) -> str:
    """Return words as they are typed in this system's shell."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def callable_hints(text: str) -> str:
    """Return `text` with each command of ours in it as it can be called here."""
    return _HINT.sub(lambda _: spoken_command(), text) if spoken_command() != NAME else text


def _is_uvx_environment(prefix: Path) -> bool:
    """Whether uvx made an environment: those of `uvx` lie in its cache, in `archive-v0` (uv, "Storage")."""
    return prefix.parent.name.startswith("archive-v")


def _origin() -> str | None:
    """Return the folder or file that this program was installed from, None for a registry (PEP 610)."""
    from importlib.metadata import distribution

    text = distribution(NAME).read_text("direct_url.json")
    url = urlsplit(str(json.loads(text).get("url", ""))) if text else None
    if url is None or url.scheme != "file":
        return url.geturl() if url is not None else None
    return url2pathname(unquote(url.path) if sys.platform != "win32" else url.path)


def _uvx_arguments(origin: str | None) -> tuple[str, ...]:
    return ("--from", origin, NAME) if origin is not None else (NAME,)
