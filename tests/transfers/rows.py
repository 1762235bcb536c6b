"""A row of the table of jobs, for tests that care for one or two of its fields."""

from transfers.jobs.rows import OPEN, JobRow

ROW = JobRow(
    id="one",
    asked="asked",
    fingerprint=None,
    attempt=0,
    status=OPEN,
    owner=None,
    base_url="http://127.0.0.1",
    person_id="ME",
    project_id="project",
    item_id="item",
    attachment_id=None,
    name="beam.pdf",
    posting=False,
    record="{}",
    bytes_hashed=0,
    bytes_sent=0,
    cancelled=False,
    created=1.0,
    updated=1.0,
)
