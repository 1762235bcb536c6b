"""What a person at a shell is told of a job, by where it stands and how long."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from transfers.jobs.report import job_line
from transfers.jobs.rows import CANCELLED, ENDED, FOLLOWING, OPEN, JobRow
from transfers.jobs.serialization import FORMAT, JobRecord

WHERE = {
    "base_url": "https://acc",
    "person_id": "me",
    "project_id": "project",
    "item_id": "item",
    "revision": 0,
    "category": "for_review",
    "category_id": None,
    "task_id": None,
}
NOW = 2_000_000_000.0
HOUR = 3600.0
TOOLS = [
    *("add_submittal_attachment", "confirm_attachment", "get_attachment_status", "get_submittal", "find_submittals"),
    *("attach_files", "download_attachments", "move_submittal", "find_projects", "find_project_files"),
]
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-"
ROW = JobRow(
    "0123456789ab", "asked", "fp", 1, OPEN, None, "https://acc", "me", "project", "item", "attachment", "beam.pdf",
    False, "{}", 0, 7, False, NOW - HOUR, NOW,
)  # fmt: skip


def row(owner: str | None = None, status: str = OPEN, created: float = NOW - HOUR, **record: Any) -> JobRow:
    fields = {
        "kind": "local_file",
        "destination": WHERE,
        "path": __file__,
        "name": "beam.pdf",
        "size": 10,
        "identity": (1, 1, 10, 0),
    } | record
    return replace(ROW, owner=owner, status=status, created=created, record=JobRecord(**fields).model_dump_json())


STOPPED = {"error": {"kind": "storage_stalled"}}


@pytest.mark.parametrize(
    ("job", "alive", "standing", "failure", "advice"),
    [
        (row(owner="one"), True, "running", None, "jobs cancel 0123456789ab"),
        (row(owner="one"), False, "interrupted", None, "jobs resume 0123456789ab"),
        (row(owner="one", status=FOLLOWING, stored=True), True, "processing", None, "Nothing is left to do"),
        (row(owner="one", status=FOLLOWING, stored=True), False, "processing", None, "Nothing is left to do"),
        (replace(row(owner="one", status=FOLLOWING, stored=True), updated=NOW - HOUR), False, "ended", None, ""),
        (row(**STOPPED), False, "stopped", "storage_stalled", "goes on from the step that failed"),
        (row(**STOPPED, path=str(Path(__file__)), begun=NOW - 25 * HOUR), False, "stopped", "upload_expired", "sends the whole file again"),
        (row(**STOPPED, path="/gone/beam.pdf", begun=NOW - 25 * HOUR), False, "stopped", "upload_expired", "no longer at /gone/beam.pdf"),
        (row(stored=True), False, "uploaded", None, "makes it visible in ACC"),
        (row(kind="caller_upload"), False, "waiting", None, "none has arrived yet"),
        (row(kind="caller_upload", created=NOW - 25 * HOUR), False, "waiting", "upload_expired", "Ask the assistant to upload the file again"),
        (row(kind="caller_upload", created=NOW - 25 * HOUR, begun=NOW - HOUR), False, "waiting", None, "none has arrived yet"),
        (row(status=ENDED), False, "ended", None, ""),
        (row(status=CANCELLED), False, "cancelled", None, "stays in ACC"),
        (replace(row(status=CANCELLED), attachment_id=None), False, "cancelled", None, ""),
        (replace(row(status=CANCELLED), attachment_id=None, posting=True), False, "cancelled", None, "stays in ACC"),
        (row(format=FORMAT + 1), False, "unreadable", None, "newer version"),
    ],
)  # fmt: skip
def test_a_job_is_told_with_its_standing_and_what_finishes_it(
    job: JobRow, alive: bool, standing: str, failure: str | None, advice: str
) -> None:
    line = job_line(job, alive=alive, now=NOW)
    assert (line.standing, line.failure) == (standing, failure)
    assert advice in line.advice
    assert bool(line.advice) is bool(advice)
    assert not re.search(rf"{'|'.join(TOOLS)}|upload_by_caller|{UUID}", f"{line.advice} {line.waits_for}")
