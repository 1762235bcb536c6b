"""Jobs of a team: each goes on as its own person, beside the jobs of others; one without a sign-in waits for it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from pydantic import SecretStr

import acc_sandbox
from acc_sandbox import Fault, Refuse, Stall
from persistence.data_folder import DATABASE_NAME
from persistence.database import Database, DatabaseAddress
from transfers.jobs.rows import CANCELLED
from transfers.jobs.tables import JobTables

from .modern import PATIENCE
from .site import TeamSite, running_team


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110
        await anyio.sleep(0.05)


async def a_link(assistant: Any) -> dict[str, Any]:
    """The arguments of a call that links a file of the Files tool."""
    row = (await assistant.call("find_submittals", project="Riverside", attachable=True))["submittals"][0]
    file = (await assistant.call("find_project_files", project="Riverside", query="beam"))["files"][0]
    return {"project": "Riverside", "submittal": row["id"], "file_urn": file["version_urn"]}


def attached(box: acc_sandbox.Sandbox, item_id: str, person: str) -> int:
    """How many attachments of a submittal a person has made."""
    [item] = [item for item in box.items() if item.id == item_id]
    return sum(row["createdBy"] == box.person(person).autodesk_id for row in box.attachments(item))


async def test_a_job_whose_sign_in_is_lost_waits_and_goes_on_once_its_person_has_connected(
    team: TeamSite, era: str
) -> None:
    tokens = await team.tokens("manager")
    with anyio.fail_after(PATIENCE):
        async with team.assistant(tokens["access_token"], era) as assistant:
            link = await a_link(assistant)
            before = attached(team.box, link["submittal"], "manager")
            _spoil_refresh_token(team, "manager")
            team.box.faults.add(Fault("attachments.create", Refuse(401)))
            refused = await assistant.refused("add_submittal_attachment", **link)
            assert refused["error"]["code"] == "reauthorization_required"
            assert f"{team.url}/connect" in refused["error"]["hint"]
            assert attached(team.box, link["submittal"], "manager") == before
            async with team.browser("manager") as browser:
                done = await browser.submit(await browser.visit(f"{team.url}/connect"))
                assert "Autodesk is connected" in done.text
            # No call comes: it goes on by itself.
            await until(lambda: attached(team.box, link["submittal"], "manager") == before + 1)


def _spoil_refresh_token(team: TeamSite, person: str) -> None:
    vault = team.opened.vault
    account = team.server.consent_flow.account(team.box.person(person).autodesk_id)
    kept = vault.read(account)
    assert kept is not None
    changes = {"issued_at": time.time() - 600, "refresh_token": SecretStr("no-longer-good")}
    vault.save_login(account, kept.name, kept.email, kept.tokens.model_copy(update=changes), current=False)


async def test_jobs_of_a_dead_process_go_on_as_their_own_people(box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    """But for one that was to be cancelled when its process died."""
    folder, people = tmp_path / "data", ("manager", "steel", "concrete")
    links: dict[str, dict[str, Any]] = {}
    with anyio.fail_after(PATIENCE):
        with running_team(box, folder) as team:
            stalled = [box.faults.add(Fault("attachments.create", Stall(), nth=number)) for number in (1, 2, 3)]
            async with anyio.create_task_group() as group:
                for person in people:
                    tokens = await team.tokens(person)

                    async def ask(person: str = person, token: str = tokens["access_token"]) -> None:
                        async with team.assistant(token, "2026-07-28") as assistant:
                            links[person] = await a_link(assistant)
                            await assistant.answer("add_submittal_attachment", **links[person])

                    group.start_soon(ask)
                for one in stalled:
                    await anyio.to_thread.run_sync(one.reached.wait)
                group.cancel_scope.cancel()
        box.faults.clear()
        assert [attached(box, links[person]["submittal"], person) for person in people] == [0, 0, 0]
        with Database.open(DatabaseAddress.sqlite(folder / DATABASE_NAME)) as database:
            jobs = JobTables(database)
            rows = {row.person_id: row.id for row in jobs.recent(limit=3)}
            cancelled = rows[box.person("concrete").autodesk_id]
            assert not jobs.request_cancel(cancelled)
            with running_team(box, folder) as team:
                for person in ("manager", "steel"):
                    await until(lambda person=person: attached(box, links[person]["submittal"], person) == 1)
                await until(lambda: jobs.row(cancelled).status == CANCELLED)
                assert attached(box, links["concrete"]["submittal"], "concrete") == 0
                assert len(team.server.pool) == 3
