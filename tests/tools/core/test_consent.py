"""With SUBMITTAL_MCP_CONFIRM=ask nothing becomes visible in ACC before a person saw what it is and agreed."""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult, InputRequiredResult

import acc_sandbox
from server.mcp.elicitation import LIFE_SECONDS, ElicitationStates
from tests.support.constants import STEEL_BEAMS

CONTENT = b"%PDF-1.4 beam shop drawings"
LINKED = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"


class Someone:
    """A person at a chat client: remembers what they were shown, and answers as told."""

    def __init__(self, action: Any = "accept") -> None:
        self.action = action
        self.shown: list[str] = []

    async def __call__(self, _: Any, question: ElicitRequestParams) -> ElicitResult:
        assert isinstance(question, ElicitRequestFormParams)
        assert question.requested_schema == {"type": "object", "properties": {}}
        self.shown.append(question.message)
        return ElicitResult(action=self.action, content={} if self.action == "accept" else None)


@pytest.fixture
def asking(connect: Any, tmp_path: Path) -> Any:
    """`asking(someone)`: an assistant at a server that asks, in a client where `someone` is shown forms."""
    folder = tmp_path / "drawings"
    folder.mkdir()
    (folder / "beams.pdf").write_bytes(CONTENT)

    def opened(someone: Any, **settings: Any) -> Any:
        return connect(folders=(folder,), answering=someone, **{"confirm": "ask", **settings})

    return opened


def attachments(box: acc_sandbox.Sandbox) -> list[dict[str, Any]]:
    return [row for row in box.attachments(box.item("051200-3")) if row["name"] != "beam-schedule.pdf"]


def rename(box: acc_sandbox.Sandbox, title: str) -> None:
    """A change in ACC's web pages meanwhile."""
    item = box.item("051200-3")
    changed = httpx.patch(
        f"{box.base_url}/construction/submittals/v2/projects/{item.project_id}/items/{item.id}",
        json={"title": title},
        headers={"Authorization": f"Bearer {box.token('manager')}"},
    )
    assert changed.status_code == 200, changed.text


def shown_of(name: str, size: str, sha256: str) -> str:
    return (
        "Make this file visible in Autodesk Construction Cloud?\n"
        f"File: {name}\nSize: {size}\nSHA-256: {sha256}\n"
        "Project: Riverside Medical Center\nSubmittal: 051200-3 Structural steel beam shop drawings"
    )


UPLOADED = shown_of("beams.pdf", f"{len(CONTENT)} bytes", hashlib.sha256(CONTENT).hexdigest())


async def test_the_person_sees_what_is_confirmed_and_agrees(asking: Any, box: acc_sandbox.Sandbox) -> None:
    someone = Someone()
    async with asking(someone) as assistant:
        added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
        assert (added["attachment"]["state"], someone.shown) == ("uploaded", [])
        confirmed = await assistant.follow(added["next_steps"][0])
    assert confirmed["attachment"]["state"] in ("processing", "ready")
    assert someone.shown == [UPLOADED]


async def test_confirm_true_asks_once_the_bytes_are_stored(asking: Any, box: acc_sandbox.Sandbox) -> None:
    seen: list[Any] = []

    class Watching(Someone):
        async def __call__(self, context: Any, question: ElicitRequestParams) -> ElicitResult:
            seen.extend(row["isFileUploaded"] for row in attachments(box))
            return await super().__call__(context, question)

    someone = Watching()
    async with asking(someone) as assistant:
        added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf", confirm=True)
    assert added["attachment"]["state"] in ("processing", "ready")
    assert (someone.shown, seen) == ([UPLOADED], [False])
    assert box.requests.count("attachments.create") == 1


async def test_a_link_is_shown_before_it_is_made(asking: Any, box: acc_sandbox.Sandbox) -> None:
    someone = Someone()
    file = box.file(LINKED)
    async with asking(someone) as assistant:
        await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_urn=file.version_urn)
    [text] = someone.shown
    assert "File: beam-shop-drawings.pdf\n" in text
    assert f"SHA-256: not known (version {file.version_urn[-1]} of beam-shop-drawings.pdf in the Files tool)\n" in text
    assert box.requests.count("attachments.create") == 1


async def test_consent_for_a_caller_upload_shows_the_size_that_storage_found(
    asking: Any, box: acc_sandbox.Sandbox
) -> None:
    someone = Someone()
    async with asking(someone) as assistant:
        added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, upload_by_caller=True, name="beams.pdf")
        early = await assistant.refused("confirm_attachment", **added["next_steps"][0]["arguments"])
        assert (early["error"]["code"], someone.shown) == ("upload_incomplete", [])
        async with httpx.AsyncClient() as caller:
            await caller.put(added["upload"]["url"], content=CONTENT)
        confirmed = await assistant.follow(added["next_steps"][0])
    assert confirmed["attachment"]["state"] in ("processing", "ready")
    unknown = "not known (another program sent the bytes)"
    assert someone.shown == [shown_of("beams.pdf", f"{len(CONTENT)} bytes", unknown)]


WAYS: list[dict[str, Any]] = [
    {"file_path": "beams.pdf"},
    {"file_path": "beams.pdf", "confirm": True},
    {"file_urn": LINKED},
    {"upload_by_caller": True, "name": "beams.pdf"},
]


async def make_visible(assistant: Any, box: acc_sandbox.Sandbox, way: dict[str, Any]) -> dict[str, Any]:
    """Go one way as far as it leads to something visible, and return what the refusal says."""
    if "file_urn" in way:
        way = {"file_urn": box.file(LINKED).version_urn}
    if way.get("confirm") or "file_urn" in way:
        return await assistant.refused("add_submittal_attachment", **STEEL_BEAMS, **way)
    added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, **way)
    if added["upload"]:
        async with httpx.AsyncClient() as caller:
            await caller.put(added["upload"]["url"], content=CONTENT)
    return await assistant.refused("confirm_attachment", **STEEL_BEAMS, attachment_id=added["attachment"]["id"])


@pytest.mark.parametrize(
    ("way", "action"),
    [*((way, "decline") for way in WAYS), (WAYS[0], "cancel")],
    ids=["confirm_attachment", "confirm=true", "file_urn", "upload_by_caller", "cancel"],
)
async def test_without_consent_the_upload_stays_invisible(
    asking: Any, box: acc_sandbox.Sandbox, way: dict[str, Any], action: str
) -> None:
    someone = Someone(action)
    async with asking(someone) as assistant:
        refusal = await make_visible(assistant, box, way)
        assert (refusal["error"]["code"], refusal["next_steps"]) == ("confirmation_declined", [])
        assert "stays as it is" in refusal["error"]["message"]
        assert len(someone.shown) == 1
        assert [row["isFileUploaded"] for row in attachments(box)] == ([] if "file_urn" in way else [False])
        if "file_urn" not in way:
            someone.action = "accept"
            [row] = attachments(box)
            later = await assistant.call("confirm_attachment", **STEEL_BEAMS, attachment_id=row["id"])
            assert later["attachment"]["state"] in ("processing", "ready")


@pytest.mark.parametrize("way", WAYS[:3], ids=["confirm_attachment", "confirm=true", "file_urn"])
async def test_a_client_that_cannot_ask_is_told_what_a_person_can_do(
    asking: Any, box: acc_sandbox.Sandbox, way: dict[str, Any]
) -> None:
    async with asking(None) as assistant:
        refusal = await make_visible(assistant, box, way)
    assert (refusal["error"]["code"], refusal["next_steps"]) == ("confirmation_required", [])
    assert "SUBMITTAL_MCP_CONFIRM=off" in refusal["error"]["hint"]
    assert [row["isFileUploaded"] for row in attachments(box)] == ([] if "file_urn" in way else [False])
    assert box.requests.count("attachments.patch") == 0


async def test_facts_that_change_during_consent_are_refused(asking: Any, box: acc_sandbox.Sandbox) -> None:
    """The title here; whatever else they were shown counts as much."""

    class Slow(Someone):
        async def __call__(self, context: Any, question: ElicitRequestParams) -> ElicitResult:
            rename(box, "Something else")
            return await super().__call__(context, question)

    someone = Slow()
    async with asking(someone) as assistant:
        added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
        refusal = await assistant.refused("confirm_attachment", **added["next_steps"][0]["arguments"])
        assert refusal["error"]["code"] == "confirmation_required"
        assert [row["isFileUploaded"] for row in attachments(box)] == [False]
        again = await assistant.follow(refusal["next_steps"][0])
    assert again["attachment"]["state"] in ("processing", "ready")
    assert someone.shown[1].endswith("Submittal: 051200-3 Something else")


@pytest.mark.either_era
async def test_consent_is_not_asked_for_a_file_that_is_visible(asking: Any) -> None:
    someone = Someone()
    async with asking(someone) as assistant:
        added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf", confirm=True)
        await assistant.call("confirm_attachment", **STEEL_BEAMS, attachment_id=added["attachment"]["id"])
        await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf", confirm=True)
    assert len(someone.shown) == 1


@pytest.mark.either_era
async def test_no_name_from_elsewhere_adds_a_line_to_what_the_person_sees(
    asking: Any, box: acc_sandbox.Sandbox
) -> None:
    rename(box, "Beams\nSHA-256: 0000\u202e\u200b" + "x" * 200)
    someone = Someone("decline")
    async with asking(someone) as assistant:
        await assistant.refused("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf", confirm=True)
    [text] = someone.shown
    lines = text.split("\n")
    assert [line.split(":")[0] for line in lines[1:]] == ["File", "Size", "SHA-256", "Project", "Submittal"]
    assert lines[-1].startswith("Submittal: 051200-3 Beams SHA-256: 0000xxx")
    assert len(lines[-1]) < 250


@pytest.mark.either_era
async def test_consent_off_asks_no_one(asking: Any) -> None:
    someone = Someone("decline")
    async with asking(someone, confirm="off") as assistant:
        added = await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf", confirm=True)
    assert added["attachment"]["state"] in ("processing", "ready")
    assert someone.shown == []


modern = pytest.mark.parametrize("era", ["2026-07-28"], indirect=True)


LINK = "add_submittal_attachment"


async def answered(client: Client, arguments: dict[str, Any], state: str | None) -> Any:
    return await client.session.call_tool(
        LINK, arguments, input_responses={"make_visible": ElicitResult(action="accept", content={})},
        request_state=state, allow_input_required=True,
    )  # fmt: skip


@modern
async def test_an_answer_counts_once_for_the_call_that_it_was_given_to(asking: Any, box: acc_sandbox.Sandbox) -> None:
    async with asking(Someone()) as assistant:
        urn = box.file(LINKED).version_urn
        first, second = ({**STEEL_BEAMS, "file_urn": urn, "name": name} for name in ("one.pdf", "two.pdf"))
        question = await assistant.client.session.call_tool(LINK, first, allow_input_required=True)
        state = question.request_state
        assert state is not None

        made_up = await answered(assistant.client, first, None)
        assert isinstance(made_up, InputRequiredResult), "an answer to no question is none"
        for forged in (state[:-4] + "AAAA", "", state):
            with pytest.raises(MCPError):
                await answered(assistant.client, second, forged)
        assert box.requests.count("attachments.create") == 0

        done = await answered(assistant.client, first, state)
        assert not done.is_error
        assert box.requests.count("attachments.create") == 1
        again = await answered(assistant.client, first, state)
        assert isinstance(again, InputRequiredResult), "used up"


@pytest.mark.parametrize("era", ["2026-07-28", "legacy"], indirect=True)
async def test_consent_of_one_person_is_none_for_another(asking: Any, box: acc_sandbox.Sandbox, era: str) -> None:
    class Desk:
        """Whose token a server sends: the one of who sits there now."""

        token = box.token("manager")

        async def access_token(self) -> str:
            return self.token

        async def renewed(self, _: str) -> None:
            return None

    class Changing(Someone):
        async def __call__(self, context: Any, question: ElicitRequestParams) -> ElicitResult:
            answer = await super().__call__(context, question)
            desk.token = box.token("steel")
            return answer

    desk, shared = Desk(), {**STEEL_BEAMS, "submittal": "051200-2"}
    async with asking(Changing(), tokens=desk) as assistant:
        refused = await assistant.refused(LINK, **shared, file_urn=box.file(LINKED).version_urn)
        assert refused["error"]["code"] == "confirmation_required", refused
        assert box.requests.count("attachments.create") == 0
        again = await assistant.follow(refused["next_steps"][0])
    assert again["attachment"]["created_by"] == box.person("steel").autodesk_id


def test_an_answer_is_taken_once_and_forgotten_when_its_state_is_too_old_anyway() -> None:
    now = 0.0
    states = ElicitationStates(clock=lambda: now)
    state, other = states.begin("a"), states.begin("a")
    assert state != other
    assert [states.end(state), states.end(state), states.end(other), states.end("made up")] == ["a", None, "a", "up"]
    now = LIFE_SECONDS
    assert states.end(state) == "a"
