"""Linking a version of the Files tool: one POST, no bytes, no PATCH (fact sheet 7)."""

from typing import Any

import pytest

from acc_sandbox import Fault, LoseAnswer
from transfers.errors import ConsentMissing, FileTypeNotAllowed, IdempotencyConflict, JobStopped
from transfers.files.local_file import FilePolicy
from transfers.jobs.caller_upload import CallerUploadJob
from transfers.jobs.linked_file import LinkedFileJob

BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"
CREATE = "attachments.create"


async def test_a_link_takes_one_post(working: Any) -> None:
    async with working() as site:
        outcome = await site.link(site.box.file(BEAMS).version_urn)
        [row] = site.rows()
        assert outcome.job.reserved.id == row["id"]
        assert (outcome.existed, outcome.job.uploaded, outcome.job.size) == (False, True, None)
        counts = [site.box.requests.count(one) for one in (CREATE, "attachments.patch", "storage.put")]
        assert counts == [1, 0, 0]


async def test_the_same_link_is_made_once(working: Any) -> None:
    async with working() as site:
        urn = site.box.file(BEAMS).version_urn
        first = await site.link(urn)
        again = await site.link(urn)
        assert (again.job, again.existed) == (first.job, True)
        assert (await site.confirm(first.job.reserved.id)).id == first.job.reserved.id
        assert site.box.requests.count("attachments.patch") == 0


async def test_promise_1_a_link_whose_answer_is_lost_is_found_again(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(CREATE, LoseAnswer()))
        outcome = await site.link(site.box.file(BEAMS).version_urn)
        [row] = site.rows()
        assert outcome.job.reserved.id == row["id"]


async def test_a_link_that_another_process_began_waits_for_consent(working: Any) -> None:
    """With SUBMITTAL_MCP_CONFIRM=ask: a process that takes a job up has no user to ask."""
    async with working(asks=True) as site:
        found = LinkedFileJob(site.where, "linked.pdf", version_urn=site.box.file(BEAMS).version_urn)
        job = await site.transfers.find_or_add("as another process wrote it down", found)
        await site.transfers.runner.start(job)
        with pytest.raises(JobStopped) as stopped:
            await site.transfers.runner.wait(job, site.patience())
        assert isinstance(stopped.value.cause, ConsentMissing)
        assert (site.rows(), site.box.requests.count(CREATE)) == ([], 0)


@pytest.mark.parametrize("kind", ["link", "caller's bytes"])
async def test_a_job_that_another_process_began_keeps_the_types_of_this_one(working: Any, kind: str) -> None:
    async with working() as site:
        site.transfers.context.rules = FilePolicy(frozenset({"dwg"}), 10**12)
        urn = site.box.file(BEAMS).version_urn
        found = (
            LinkedFileJob(site.where, "linked.pdf", version_urn=urn)
            if kind == "link"
            else CallerUploadJob(site.where, "linked.pdf")
        )
        job = await site.transfers.find_or_add("as another process wrote it down", found)
        with pytest.raises(JobStopped) as stopped:
            await site.transfers.runner.wait(job, site.patience())
        assert isinstance(stopped.value.cause, FileTypeNotAllowed)
        assert site.box.requests.count(CREATE) == 0


async def test_a_key_of_a_link_is_not_good_for_a_file(working: Any) -> None:
    async with working() as site:
        await site.link(site.box.file(BEAMS).version_urn, name="beam.pdf", key="k")
        with pytest.raises(JobStopped) as stopped:
            await site.attach(key="k")
        assert isinstance(stopped.value.cause, IdempotencyConflict)
