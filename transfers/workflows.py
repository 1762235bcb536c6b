"""Jobs as DBOS workflows: every step that is done is written down by DBOS, and not done again by whoever takes over.

What is peculiar here was found by trying (docs/architecture.md):

- Every process has an executor id of its own, and a queue of that name, which nobody else listens to. DBOS's own
  recovery would hand a dead process's jobs to any process; ours takes up one job at a time, if it may.
- What steps take, return and raise is JSON of ours; by default DBOS pickles exceptions whole.
- DBOS is one object a process, so what is launched here is shared by every server in it, and they share one database.

Nothing of DBOS is imported before the first job.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import anyio.to_thread

from transfers.failures import failure_from_json, failure_to_json

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.pool import ConnectionPoolEntry

    from auth.database import DatabaseAddress

NAME: Final = "submittal-mcp"
VERSION: Final = "jobs-1"
"""The application version that DBOS compares: ours, not the program's, so that an upgrade finishes old jobs.

Counted up when the steps change so much that a job begun by the version before cannot be gone on with.
"""

WORKFLOW: Final = "attach"
PRUNED_AT_ONCE: Final = 500
POLL_SECONDS: Final = 0.5
"""How often DBOS looks for jobs that were taken over; every other job starts at once."""

MESSAGES_SECONDS: Final = 0.05
"""How often DBOS looks for messages to workflows. None ever comes, but whoever closes it waits for its next look."""

T = TypeVar("T")
Body = Callable[[], Awaitable[None]]


@dataclass(eq=False)
class _Run:
    """A body under way: what calls it off, and how it ended."""

    body: Body
    ended: anyio.Event = field(default_factory=anyio.Event)
    begun: bool = False
    # Not the task itself, whose cancellation reaches only what it waits for, and not the tasks that were begun in it.
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    error: BaseException | None = None


class StepFailed(Exception):
    """What ended a step, as it is written down."""

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__(found["kind"])
        self.found = found


class Workflows:
    """The DBOS of this process, launched from the event loop that the jobs shall run on."""

    def __init__(self) -> None:
        self._address: DatabaseAddress | None = None
        self._users = 0
        self._turn = anyio.Lock()
        self._runs: dict[str, _Run] = {}
        self._queue = False
        self._workflow: Any = None
        self._executor = ""
        self._engine: Engine | None = None

    @property
    def launched(self) -> bool:
        """Whether it runs."""
        return self._workflow is not None

    async def launch(self, address: "DatabaseAddress", executor: str) -> str:
        """Launch DBOS on a database, unless that is done, and return the executor id it runs under.

        Raises:
            RuntimeError: This process has launched it on another database.
        """
        async with self._turn:
            if self._users and address != self._address:
                raise RuntimeError("one process keeps its jobs in one database")
            if not self._users:
                # The import takes half a second of a thread; the launch has to be on the loop, which DBOS then uses.
                await anyio.to_thread.run_sync(_import)
                self._launch(address, executor)
                self._address, self._executor = address, executor
            self._users += 1
        return self._executor

    async def close(self) -> None:
        """Give it up, after all of one's own runs have ended."""
        from dbos import DBOS

        with anyio.CancelScope(shield=True):
            async with self._turn:
                self._users -= 1
                if not self._users:
                    self._workflow, self._queue = None, False
                    await anyio.to_thread.run_sync(lambda: DBOS.destroy(destroy_registry=True))
                    if self._engine is not None:
                        _shut(self._engine)
                        await anyio.to_thread.run_sync(self._engine.dispose)

    async def run(self, workflow_id: str, body: Body) -> bool:
        """Run a workflow from its start, or on from where its dead process left it; false when it had ended before.

        Cancelled, it leaves the workflow where it is, for whoever takes it up.

        Raises:
            Exception: What `body` raised.
        """
        from dbos import DBOS, SetWorkflowID

        status = await DBOS.get_workflow_status_async(workflow_id)
        if status is not None and status.status in ("SUCCESS", "ERROR", "CANCELLED"):
            return False
        run = self._runs[workflow_id] = _Run(body)
        try:
            if status is None:
                with SetWorkflowID(workflow_id):
                    await DBOS.start_workflow_async(self._workflow, workflow_id)
            else:
                await self._listen()
                await DBOS.resume_workflow_async(workflow_id, queue_name=self._executor)
            await run.ended.wait()
        finally:
            del self._runs[workflow_id]
            if run.begun and not run.ended.is_set():
                run.scope.cancel()
                with anyio.CancelScope(shield=True):
                    await run.ended.wait()
        if run.error is not None:
            raise run.error
        return True

    async def cancel(self, workflow_id: str) -> None:
        """Let nobody go on with a workflow."""
        from dbos import DBOS

        await DBOS.cancel_workflow_async(workflow_id)

    async def prune(self, before: datetime) -> None:
        """Delete what DBOS keeps of workflows that were begun before a time, some hundreds at once.

        Also of those that never ended, being called off or replaced: a job that is still open begins a new one, and
        each of its steps sees for itself what is done.
        """
        from dbos import DBOS

        until = before.isoformat()
        while old := await DBOS.list_workflows_async(
            end_time=until, limit=PRUNED_AT_ONCE, load_input=False, load_output=False
        ):
            await DBOS.delete_workflows_async([one.workflow_id for one in old])

    async def step(self, name: str, work: Callable[[], Awaitable[T]], /) -> T:
        """Do `work` as a step of the workflow that this is called from, unless it is written down as done.

        Raises:
            Exception: What `work` raised, now or before; then made again from what was written down.
        """
        from dbos import DBOS

        async def recorded() -> T:
            try:
                return await work()
            except Exception as error:
                raise StepFailed(failure_to_json(error)) from error

        try:
            return await DBOS.run_step_async({"name": name}, recorded)
        except StepFailed as failure:
            raise failure.__cause__ or failure_from_json(failure.found) from None

    async def _listen(self) -> None:
        """Listen to the queue of this process, by which it is given what it takes over."""
        from dbos import DBOS

        if not self._queue:
            await DBOS.register_queue_async(self._executor, polling_interval_sec=POLL_SECONDS)
            self._queue = True

    def _launch(self, address: "DatabaseAddress", executor: str) -> None:
        from dbos import DBOS, DBOSConfig

        from transfers.json_serializer import JsonSerializer

        # With a handler of ours in place DBOS adds none of its own, and its lines go the way of all others.
        chatter = logging.getLogger("dbos")
        chatter.handlers[:] = [logging.NullHandler()]
        chatter.propagate = True
        chatter.addFilter(_is_news)  # harmless the second time
        self._engine = _engine(address)
        DBOS(
            config=DBOSConfig(
                name=NAME,
                system_database_url=address.url.render_as_string(hide_password=False),
                system_database_engine=self._engine,
                serializer=JsonSerializer(),
                executor_id=executor,
                application_version=VERSION,
                use_listen_notify=False,
                notification_listener_polling_interval_sec=MESSAGES_SECONDS,
                log_level="WARNING",
            )
        )
        DBOS.listen_queues([executor])

        async def attach(workflow_id: str) -> None:  # DBOS sets attributes on it, which a method has not
            await self._attach(workflow_id)

        self._workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(attach)
        DBOS.launch()

    async def _attach(self, workflow_id: str) -> None:
        run = self._runs.get(workflow_id)
        if run is None:
            # Called off between being taken over and being begun: as if this process had died then.
            raise asyncio.CancelledError
        run.begun = True
        try:
            with run.scope:
                await run.body()
        except BaseException as error:
            run.error = error
            if isinstance(error, Exception):
                raise StepFailed(failure_to_json(error)) from None
            raise
        finally:
            run.ended.set()
        if run.scope.cancelled_caught:
            raise asyncio.CancelledError  # which leaves the workflow where it is, as a crash does


PROCESS: Final = Workflows()
"""DBOS is one object a process."""


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of DBOS's is worth writing.

    An orderly end cancels what runs, and it warns of every step. What ended a step is told by its job.
    """
    told = record.exc_info is not None and isinstance(record.exc_info[1], StepFailed)
    return not told and not record.getMessage().startswith("Asyncio task cancelled for workflow or step")


def _import() -> None:
    import dbos  # noqa: F401  # loaded, so that the launch finds it loaded


def _shut(engine: "Engine") -> None:
    """Let nobody connect any more: a thread of DBOS's that waits for a database that is away would try for ever."""
    from sqlalchemy import event

    @event.listens_for(engine, "checkin")
    def _close(_: object, record: "ConnectionPoolEntry") -> None:
        record.invalidate()

    @event.listens_for(engine, "do_connect")
    def _refuse(*_: object) -> None:
        raise RuntimeError("the job engine has ended")  # which is no reason to try again


def _engine(address: "DatabaseAddress") -> "Engine":
    """Return an engine as DBOS wants one; on SQLite each of its transactions takes the write lock at its start."""
    import sqlite3

    from sqlalchemy import create_engine, event

    from auth.database import BUSY_SECONDS

    if address.file is None:
        return create_engine(address.url, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(address.url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        # FULL: a step that is written down as done stays done when the power goes.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    return engine
