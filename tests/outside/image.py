"""The image without Docker: the lines of the Dockerfile in namespaces of Linux, and containers of what they made.

This machine's own system stands in for the base image, under a layer that takes what is written; so what the base
brings besides Python is not tried. Needs root, and a kernel that lets it make namespaces and overlays.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Self

BASE = Path(sys.base_prefix)
INSTRUCTION = re.compile(r"^([A-Z]+) +((?:.*\\\n)*.*)$", re.MULTILINE)
SYSTEM_PATH = f"{BASE}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of a Dockerfile with their arguments on one line."""
    bare = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for word, rest in INSTRUCTION.findall(bare):
        yield word, rest.replace("\\\n", " ")


def build_context(root: Path, names: Sequence[str], target: Path) -> None:
    """Copy what `.dockerignore` lets into the build: nothing but the names after its exclamation marks."""
    ignored, *rest = (root / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored == "*"
    allowed = tuple(line.removeprefix("!") for line in rest if line.startswith("!"))
    for name in names:
        if name in allowed or name.startswith(tuple(one for one in allowed if one.endswith("/"))):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, target / name)


@dataclass
class ImageStage:
    """A stage of the Dockerfile while its lines run: its root folder, and what they set."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": SYSTEM_PATH})
    folder: str = "/"
    user: str = "0"
    words: dict[str, list[str]] = field(default_factory=dict)
    """Of ENTRYPOINT, CMD and HEALTHCHECK."""


class ImageBuilder:
    """Runs the lines of a Dockerfile; the layers are in memory, and gone at the end of the block."""

    def __init__(self, context: Path, place: Path) -> None:
        self._context = context
        self._place = place
        mounts = f"mount -t tmpfs tmpfs {place} && echo ready && exec cat"
        self._namespace = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-euc", mounts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.stages: dict[str, ImageStage] = {}

    def __enter__(self) -> Self:
        assert self._namespace.stdout
        assert self._namespace.stdout.readline() == b"ready\n", "this kernel lets no namespace be made here"
        return self

    def __exit__(self, *_: object) -> None:
        self._namespace.communicate()

    def inside(self, *words: str) -> list[str]:
        """Return a command line that runs another one where the layers are mounted."""
        return ["nsenter", "--target", str(self._namespace.pid), "--mount", *words]

    def build(self, dockerfile: str, settings: Mapping[str, str]) -> ImageStage:
        """Run every line; return the last stage. `settings` are pip's of this machine."""
        stage = ImageStage(Path())
        for word, rest in instructions(dockerfile):
            match word:
                case "FROM":
                    _, _, name = rest.partition(" AS ")
                    stage = self.stages[name] = self._base(f"stage{len(self.stages)}")
                case "RUN":
                    self._in(stage, rest, settings)
                case "COPY":
                    self._copy(stage, rest.split())
                case "ENV":
                    filled = Template(rest).substitute(stage.environment)
                    stage.environment |= dict(pair.split("=", 1) for pair in shlex.split(filled))
                case "WORKDIR":
                    stage.folder = rest
                    self._in(stage, f"mkdir -p {rest}", {}, folder="/")
                case "USER":
                    stage.user = rest
                case "ENTRYPOINT" | "CMD" | "HEALTHCHECK":
                    stage.words[word] = json.loads(rest[rest.index("[") :])
                case _:
                    assert word in ("ARG", "LABEL", "VOLUME"), word
        return stage

    def _base(self, name: str) -> ImageStage:
        """Lay an empty layer over this machine's system, with a Python that every user can start."""
        layer, root = self._place / name, self._place / f"{name}-root"
        readable = " ".join(f"{root}{parent}" for parent in (BASE, *BASE.parents[:-1]))
        script = (
            f"mkdir {layer} {layer}/upper {layer}/work {root}; "
            f"mount -t overlay overlay -o lowerdir=/,upperdir={layer}/upper,workdir={layer}/work {root}; "
            f"mount --rbind /dev {root}/dev; mount -t proc proc {root}/proc; "
            f"chmod a+rx {readable}; [ -e {root}{BASE}/bin/python ] || ln -s python3 {root}{BASE}/bin/python"
        )
        subprocess.run(self.inside("sh", "-euc", script), check=True)
        return ImageStage(root)

    def _in(self, stage: ImageStage, line: str, settings: Mapping[str, str], folder: str | None = None) -> None:
        pairs = [f"{name}={value}" for name, value in {**settings, **stage.environment}.items()]
        words = ["chroot", str(stage.root), "env", "-i", "-C", folder or stage.folder, *pairs, "sh", "-euc", line]
        done = subprocess.run(self.inside(*words), capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr)

    def _copy(self, stage: ImageStage, words: list[str]) -> None:
        """Copy files, or the contents of a folder, from the context or another stage; owned by root as Docker does."""
        source: Path = self._context
        if words[0].startswith("--from="):
            source = self.stages[words.pop(0).removeprefix("--from=")].root
        *names, target = words
        place = Path(target) if target.startswith("/") else Path(stage.folder, target)
        there = Path(f"{stage.root}{place}")
        for name in names:
            origin = source / name.lstrip("/")
            into = there / origin.name if target.endswith("./") and not name.endswith("/") else there
            script = f"mkdir -p {into.parent}; if [ -d {origin} ]; then mkdir -p {into}; cp -RP {origin}/. {into}; else cp {origin} {into}; fi"
            subprocess.run(self.inside("sh", "-euc", script), check=True)


@contextmanager
def container(
    builder: ImageBuilder,
    image: ImageStage,
    command: Sequence[str] = (),
    *,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    temporary: Sequence[str] = (),
    configs: Mapping[str, Path] | None = None,
) -> Iterator["RunningContainer"]:
    """Run the image with a read-only root, `/data` in a volume, no rights, and process ids and a network of its own."""
    root = f"{image.root}-run{time.monotonic_ns()}"
    mounts = [
        f"mkdir {root}",
        f"mount --rbind {image.root} {root}",
        *(f"touch {root}{there}; mount --bind {here} {root}{there}" for there, here in (configs or {}).items()),
        f"mount -o remount,ro,bind {root}",
        f"mount -t tmpfs -o uid=10001,gid=0,mode=0770 tmpfs {root}/data",
        *(f"mount -t tmpfs -o mode=1777 tmpfs {root}{place}" for place in temporary),
        f"mount -t proc proc {root}/proc",
        "ip link set lo up",
    ]
    variables = {**image.environment, **(environment or {})}
    rights = f"--reuid={user or image.user} --regid=0 --clear-groups --no-new-privs --bounding-set=-all"
    words = [
        *shlex.split(f"exec chroot {root} setpriv {rights}"),
        *("env", "-i", "-C", image.folder, *(f"{name}={value}" for name, value in variables.items())),
        *image.words["ENTRYPOINT"],
        *(command or image.words["CMD"]),
    ]
    script = "; ".join([*mounts, shlex.join(words)])
    alone = ("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child=SIGKILL", "sh", "-euc", script)
    with subprocess.Popen(
        builder.inside(*alone), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        running = RunningContainer(process, image, variables)
        try:
            yield running
        finally:
            running.stop()


@dataclass
class RunningContainer:
    """A container: its first process, and its health."""

    process: "subprocess.Popen[str]"
    image: ImageStage
    environment: Mapping[str, str]

    def first_process(self) -> int:
        """Return the id that the first process of the container has on this machine."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0])

    def said(self, stream: str, words: str) -> str:
        """Read `stdout` or `stderr` up to a line that holds `words`, and return it."""
        lines = []
        for line in getattr(self.process, stream):
            lines.append(line)
            if words in line:
                return str(line)
        raise AssertionError("".join(lines))

    def health(self) -> int:
        """Run the image's health check inside, as Docker does; return its exit code."""
        pairs = [f"{name}={value}" for name, value in self.environment.items()]
        enter = ["nsenter", "--target", str(self.first_process()), "--mount", "--pid", "--net", "--root", "--wd"]
        return subprocess.run([*enter, "env", "-i", *pairs, *self.image.words["HEALTHCHECK"]], check=False).returncode

    def is_healthy(self) -> bool:
        """Whether one of three checks in a row succeeds, which is how many Docker allows a busy container."""
        return any(self.health() == 0 for _ in range(3))

    def stop(self) -> int:
        """Send SIGTERM, as `docker stop` does; return the exit code."""
        with suppress(FileNotFoundError, IndexError, ProcessLookupError):  # it has ended by itself
            os.kill(self.first_process(), signal.SIGTERM)
        try:
            self.process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            self.process.kill()  # `--kill-child` ends what is in it
            raise
        return self.process.returncode
