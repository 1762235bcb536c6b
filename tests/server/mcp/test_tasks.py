"""The tasks extension: what goes on is a task for clients that take one, and a view of the durable job."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Literal

import anyio
import pytest
from mcp import MCPError
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp_types import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    Request,
    RequestParams,
    Result,
)
from pydantic import ConfigDict

from acc_sandbox import Fault, Refuse, Stall
from server.mcp.tasks import IDENTIFIER
from tests.support.constants import STEEL_BEAMS

ADD = "add_submittal_attachment"
CONTENT = b"beams" * 1000
KNOWN = {"status", "statusMessage", "taskId", "createdAt", "lastUpdatedAt", "ttlMs", "pollIntervalMs"}


class TaskParams(RequestParams):
    task_id: str


class TaskRequest(Request[TaskParams, str]):
    name_param: ClassVar[str | None] = "taskId"


class Created(Result):
    """What the extension calls `CreateTaskResult`."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    status_message: str
    created_at: str
    last_updated_at: str
    ttl_ms: int | None
    poll_interval_ms: int


class Told(Result):
    """A task, or nothing."""

    model_config = ConfigDict(extra="allow")


async def ask(session: Any, method: str, task_id: str) -> dict[str, Any]:
    told = await session.send_request(TaskRequest(method=method, params=TaskParams(task_id=task_id)), Told)
    return told.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Polling(ClientExtension):
    """A client that takes tasks, and asks how they are until there is a result."""

    identifier = IDENTIFIER

    def __init__(self) -> None:
        self.seen: list[Created] = []
        self.told: list[dict[str, Any]] = []
        self.asked = anyio.Event()

    def claims(self) -> list[ResultClaim[Created]]:
        return [ResultClaim(result_type="task", model=Created, resolve=self.resolve)]

    async def resolve(self, created: Created, context: ClaimContext) -> CallToolResult:
        self.seen.append(created)
        while True:
            self.told.append(await ask(context.session, "tasks/get", created.task_id))
            if self.told[-1]["status"] != "working":
                return CallToolResult.model_validate(self.told[-1]["result"])
            self.asked.set()
            await anyio.sleep(0.05)


@pytest.fixture
def era() -> str:
    """What client and server agree on: 2026-07-28, the only protocol that can carry a task."""
    return "auto"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "beams.pdf").write_bytes(CONTENT)
    return folder


@pytest.fixture
async def serve(connect, box, folder):
    """`serve(polling)`: an assistant at a server of its own; all servers share one data folder."""

    @asynccontextmanager
    async def served(*extensions: ClientExtension, person: str = "manager", **settings: Any) -> AsyncIterator[Any]:
        with anyio.fail_after(240):
            async with connect(person, folders=(folder,), extensions=extensions, **settings) as assistant:
                try:
                    yield assistant
                finally:
                    box.faults.release()  # a thread that stalls cannot be cancelled

    return served


async def begun(assistant: Any) -> str:
    """The id of the task that an attachment becomes."""
    session = assistant.client.session
    created = await session.call_tool(ADD, {**STEEL_BEAMS, "file_path": "beams.pdf"}, allow_claimed=True)
    assert isinstance(created, Created)
    return created.task_id


async def until(assistant: Any, task_id: str, status: str) -> dict[str, Any]:
    while True:
        told = await ask(assistant.client.session, "tasks/get", task_id)
        if told["status"] == status:
            return told
        await anyio.sleep(0.05)


async def reached(fault: Fault) -> None:
    await anyio.to_thread.run_sync(fault.reached.wait)


def attached(box) -> list[Any]:
    return [row for row in box.attachments(box.item(STEEL_BEAMS["submittal"])) if row["name"] == "beams.pdf"]


async def test_the_extension_is_told_of_and_what_is_over_is_answered_at_once(serve):
    polling = Polling()
    async with serve(polling) as assistant:
        assert assistant.client.server_capabilities.extensions == {IDENTIFIER: {}}
        refusal = await assistant.refused(ADD, **STEEL_BEAMS, file_path="columns.pdf")
    assert refusal["error"]["code"] == "file_not_found"
    assert polling.seen == []


async def test_an_upload_that_takes_its_time_is_a_task_and_its_result_the_tools_answer(serve, box):
    polling = Polling()
    sending = box.faults.add(Fault("storage.put", Stall()))
    answers: list[Any] = []

    async def attach(assistant: Any) -> None:
        answers.append(await assistant.call(ADD, **STEEL_BEAMS, file_path="beams.pdf"))

    async with serve(polling) as assistant, anyio.create_task_group() as group:
        group.start_soon(attach, assistant)
        await reached(sending)
        polling.asked = anyio.Event()
        await polling.asked.wait()
        under_way = polling.told[-1]
        box.faults.release()
    [created] = polling.seen
    assert (created.status, created.ttl_ms, created.poll_interval_ms) == ("working", None, 1000)
    assert set(under_way) - {"_meta", "resultType"} == KNOWN
    assert (under_way["resultType"], under_way["taskId"], under_way["ttlMs"]) == ("complete", created.task_id, None)
    assert under_way["statusMessage"].startswith("uploading: ")
    assert under_way["statusMessage"].endswith(f" of {len(CONTENT)} bytes")
    ended = polling.told[-1]
    assert set(ended) - {"_meta", "resultType"} == KNOWN | {"result"}
    assert ended["result"]["_meta"] == ended["_meta"], "every result says which server answers, also one within a task"
    [shown] = answers
    assert (shown["attachment"]["state"], shown["already_attached"]) == ("uploaded", False)
    assert shown["attachment"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert shown["next_steps"][0]["tool"] == "confirm_attachment"


async def test_waiting_for_acc_is_a_task_that_ends_with_ready(serve, box):
    box.switches.urn_delay = 600.0
    polling = Polling()
    answers: list[Any] = []
    async with serve() as assistant:
        added = await assistant.call(ADD, **STEEL_BEAMS, file_path="beams.pdf", confirm=True)
    assert added["attachment"]["state"] == "processing"
    follow = added["next_steps"][0]

    async def wait(assistant: Any) -> None:
        answers.append(await assistant.follow(follow))

    async with serve(polling) as assistant, anyio.create_task_group() as group:
        group.start_soon(wait, assistant)
        await polling.asked.wait()
        box.clock.move(601)
    [created] = polling.seen
    assert (created.status_message, created.poll_interval_ms) == ("processing", 5000)
    assert polling.told[0]["statusMessage"] == "processing"
    assert answers[0]["attachment"]["state"] == "ready"


async def test_cancelling_a_task_stops_its_job(serve, box):
    sending = box.faults.add(Fault("storage.put", Stall()))
    async with serve(Polling()) as assistant:
        task_id = await begun(assistant)
        await reached(sending)
        assert (await ask(assistant.client.session, "tasks/cancel", task_id))["resultType"] == "complete"
        told = await until(assistant, task_id, "cancelled")
        assert "result" not in told
        assert (await ask(assistant.client.session, "tasks/cancel", task_id))["resultType"] == "complete"
    [row] = attached(box)
    assert row["isFileUploaded"] is False


async def test_cancelling_a_task_that_joined_anothers_job_leaves_the_job_alone(serve, box):
    sending = box.faults.add(Fault("storage.put", Stall()))
    async with serve(Polling()) as assistant:
        first = await begun(assistant)
        await reached(sending)
        second = await begun(assistant)
        assert first != second
        await ask(assistant.client.session, "tasks/cancel", second)
        assert (await ask(assistant.client.session, "tasks/get", second))["status"] == "working"
        box.faults.release()
        told = await until(assistant, second, "completed")
    assert told["result"]["structuredContent"]["already_attached"] is True
    assert len(attached(box)) == 1


async def test_a_job_that_fails_is_a_completed_task_with_the_tools_error_and_the_call_that_goes_on(serve, box):
    signing = box.faults.add(Fault("oss.signeds3upload.get", Stall()))
    box.faults.add(Fault("storage.put", Refuse(400, "<Error><Code>EntityTooSmall</Code></Error>")))
    async with serve(Polling()) as assistant:
        task_id = await begun(assistant)
        await reached(signing)
        box.faults.release()
        told = await until(assistant, task_id, "completed")
        assert told["result"]["isError"] is True
        failed = told["result"]["structuredContent"]
        assert (failed["error"]["code"], failed["error"]["failed_step"]) == ("storage_unavailable", "send")
        again = await assistant.follow(failed["next_steps"][0])
    assert again["attachment"]["state"] == "uploaded"
    assert len(attached(box)) == 1


async def test_a_task_is_visible_to_its_own_user_only(serve, box):
    box.faults.add(Fault("storage.put", Stall()))
    async with serve(Polling()) as assistant:
        task_id = await begun(assistant)
        async with serve(Polling(), person="steel") as other:
            for method in ("tasks/get", "tasks/update", "tasks/cancel"):
                with pytest.raises(MCPError) as caught:
                    await ask(other.client.session, method, task_id)
                assert (caught.value.code, caught.value.message) == (INVALID_PARAMS, "There is no such task.")
        assert (await ask(assistant.client.session, "tasks/get", task_id))["status"] == "working"


async def test_an_unknown_task_is_an_invalid_parameter_and_unrequested_input_is_accepted(serve, box):
    unknown = ["", "job", "job.1.0." + "0" * 32, "attachment.1.a.b.c", "job.1.2." + "0" * 32, "x" * 5000]
    async with serve(Polling()) as assistant:
        for task_id in unknown:
            with pytest.raises(MCPError) as caught:
                await ask(assistant.client.session, "tasks/get", task_id)
            assert caught.value.code == INVALID_PARAMS
        box.faults.add(Fault("storage.put", Stall()))
        assert (await ask(assistant.client.session, "tasks/update", await begun(assistant)))["resultType"] == "complete"


async def test_a_client_that_does_not_take_tasks_is_given_none_and_told_what_it_lacks(serve, box):
    box.faults.add(Fault("storage.put", Stall()))
    async with serve(max_wait_seconds=1) as assistant:
        await assistant.call("sign_in")  # which opens what an attach needs
        answer = await assistant.call(ADD, **STEEL_BEAMS, file_path="beams.pdf")
        assert answer["attachment"]["state"] in ("preparing", "uploading")
        with pytest.raises(MCPError) as caught:
            await ask(assistant.client.session, "tasks/get", "job.1.0." + "0" * 32)
    assert caught.value.code == MISSING_REQUIRED_CLIENT_CAPABILITY
    assert caught.value.error.data["requiredCapabilities"]["extensions"] == {IDENTIFIER: {}}


@pytest.mark.parametrize("era", ["legacy"])
async def test_the_older_protocol_has_no_tasks(serve):
    async with serve(Polling()) as assistant:
        assert (await assistant.call(ADD, **STEEL_BEAMS, file_path="beams.pdf"))["attachment"]["state"] == "uploaded"
        with pytest.raises(MCPError) as caught:
            await ask(assistant.client.session, "tasks/get", "job.1.0." + "0" * 32)
    assert caught.value.code == METHOD_NOT_FOUND


async def test_a_look_at_a_task_is_answered_in_time_while_acc_hangs(serve, box):
    item = box.item("051200-3")
    [seeded] = box.attachments(item)
    async with serve(Polling(), max_wait_seconds=1) as assistant:
        await assistant.call("sign_in")  # which opens what a look needs
        box.faults.add(Fault("hubs.list", Stall()))
        with pytest.raises(MCPError, match="did not answer within 6 seconds"):
            await ask(assistant.client.session, "tasks/get", f"attachment.1.{item.project_id}.{item.id}.{seeded['id']}")
