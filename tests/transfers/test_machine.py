"""Random faults, crashes and repeats: whatever their order, the promises hold.

A crash drops a process at a point of a job, between two instructions, as `kill -9` does (`test_crashes` kills real
ones): nothing is written any more, its lock goes, and the next process has only the database to go by.
"""

import tempfile
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import acc_sandbox
from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.retry import RetryPolicy
from acc.transport import storage_client
from acc_sandbox import Fault, LoseAnswer, Refuse, Reset, ResetAfter
from auth.oauth import StaticTokenSource
from persistence.data_folder import StateLocation
from persistence.keys import EncryptionKey
from tests.transfers.points import POINTS
from transfers.errors import JobStopped
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FilePolicy
from transfers.idempotency import AttachTarget
from transfers.jobs.base import Job, Point
from transfers.jobs.context import JobContext
from transfers.jobs.repository import JobRepository
from transfers.jobs.runner import WaitOptions
from transfers.manager import TransferManager
from transfers.upload.part_plan import MIN_PART_BYTES

KEYS = EncryptionKey.new().text
FILES = {"a.pdf": b"a" * 100, "b.pdf": b"b" * (MIN_PART_BYTES + 1)}
EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
OPERATIONS = (
    "attachments.list",
    "attachments.create",
    "attachments.patch",
    "oss.signeds3upload.get",
    "oss.signeds3upload.complete",
    "storage.put",
)
EFFECTS = (Reset(), ResetAfter(50), LoseAnswer(), Refuse(500), Refuse(503), Refuse(429, headers={"Retry-After": "1"}))

THOROUGH = settings.get_current_profile_name() != "quick"


class Crash(BaseException):
    """The process is gone."""


async def no_pause(_: float) -> None:
    await anyio.lowlevel.checkpoint()


class Attaching(RuleBasedStateMachine):
    """One person's processes, one after the other, that attach two files again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.box = self.stack.enter_context(acc_sandbox.running(urn_delay=0.01))
        self.place = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.portal = self.stack.enter_context(start_blocking_portal())
        self.item = self.box.item("05 12 00-3")
        self.seeded = {row["id"] for row in self.box.attachments(self.item)}
        self.answered: dict[str, str] = {}
        for name, content in FILES.items():
            (self.place / name).write_bytes(content)

    def teardown(self) -> None:
        self.stack.close()

    @rule(operation=st.sampled_from(OPERATIONS), effect=st.sampled_from(EFFECTS), nth=st.integers(1, 3))
    def plan_a_fault(self, operation: str, effect: Any, nth: int) -> None:
        self.box.faults.add(Fault(operation, effect, nth))

    @rule(nth=st.integers(1, 2))
    def let_a_url_expire(self, nth: int) -> None:
        self.box.faults.add(Fault("storage.put", Refuse(403, EXPIRED), nth))

    @rule(name=st.sampled_from(sorted(FILES)), confirm=st.booleans(), die_at=st.none() | st.sampled_from(POINTS))
    def attach(self, name: str, confirm: bool, die_at: Point | None) -> None:
        """A process is asked for an attachment; it may die on the way."""
        answer = self.portal.call(self._process, name, confirm, die_at)
        if answer is None:
            return
        rows = {row["id"]: row for row in self._rows()}
        assert answer in rows
        if name in self.answered and rows[self.answered[name]]["asyncState"] != "4":
            assert self.answered[name] == answer, "the same file again is answered with its first attachment"
        self.answered[name] = answer
        assert self.box.object_bytes(rows[answer]["uploadUrn"]) == FILES[name]
        if confirm:
            assert rows[answer]["isFileUploaded"]

    @invariant()
    def promise_1_at_most_one_is_confirmed(self) -> None:
        for name in FILES:
            assert sum(1 for row in self._rows() if row["name"] == name and row["isFileUploaded"]) <= 1

    @invariant()
    def promise_3_what_is_confirmed_is_the_file_to_the_byte(self) -> None:
        for row in self._rows():
            if row["isFileUploaded"]:
                assert self.box.object_bytes(row["uploadUrn"]) == FILES[row["name"]]

    def _rows(self) -> list[Any]:
        return [row for row in self.box.attachments(self.item) if row["id"] not in self.seeded]

    async def _process(self, name: str, confirm: bool, die_at: Point | None) -> str | None:
        died = False

        def reached(point: Point) -> None:
            nonlocal died
            if point == die_at:
                died = True
                raise Crash

        async def tick(_: Job) -> None:
            """Report to no one."""

        hosts = AutodeskHosts.at(self.box.base_url)
        answer = None
        try:
            async with AsyncExitStack() as process:
                tokens = StaticTokenSource(self.box.token("manager"))
                acc = await process.enter_async_context(
                    AccClient(hosts, tokens, policy=RetryPolicy(attempts=2, base=0, cap=0, retry_after_cap=0))
                )
                repository = JobRepository(StateLocation(self.place / "data", keys=KEYS))
                transfers = TransferManager(
                    JobContext(
                        acc,
                        2,
                        lambda: storage_client(hosts),
                        repository,
                        AllowedFolders([self.place]),
                        FilePolicy(frozenset(), 10**9),
                        sleep=no_pause,
                        reached=reached,
                    )
                )
                await process.enter_async_context(transfers.running())
                outcome = await transfers.attach_file(
                    self._where(), name, None, None, WaitOptions(60, tick), confirm=confirm
                )
                # A process that dies may still have answered a waiting call.
                answer = None if died else outcome.job.reserved.id
        except* (Crash, JobStopped):
            answer = None
        return answer

    def _where(self) -> AttachTarget:
        person = self.box.person("manager").autodesk_id
        item = self.item
        return AttachTarget(self.box.base_url, person, item.project_id, item.id, 0, "for_review", None, None)


def test_promises_1_and_3_hold_whatever_happens_in_whatever_order() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Attaching,
        settings=settings(max_examples=40 if THOROUGH else 3, stateful_step_count=10 if THOROUGH else 6, deadline=None),
    )


@pytest.mark.parametrize("point", POINTS if THOROUGH else ["posted"])
def test_the_crash_of_the_machine_leaves_what_a_kill_leaves(point: Point) -> None:
    machine = Attaching()
    try:
        machine.attach("b.pdf", confirm=True, die_at=point)
        assert machine.answered == {}
        machine.attach("b.pdf", confirm=True, die_at=None)
        assert len(machine._rows()) == 1
    finally:
        machine.teardown()
