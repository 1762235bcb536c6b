"""The sandbox against its own OpenAPI description, with requests that schemathesis makes up.

None may end in a 5xx, and every answer must be one that the description allows: status, media type and every field.
Once with ids that exist, so that requests get as far as they can, and once with ids that schemathesis makes up too.
schemathesis brings many packages of its own, so it lives in an environment of its own: see the README.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

import acc_sandbox
from acc_sandbox import Sandbox

PROGRAM = shutil.which(
    "schemathesis",
    path=os.pathsep.join([str(Path(__file__).with_name(".venv") / "bin"), os.environ.get("PATH", "")]),
)
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
UNTOUCHED = "^/sandbox/(faults|clock|switches|requests|reset)"
"""Stalls would stand still for ever, a moved clock would end the token, and the log, which a reset empties, is read at the end."""


BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"


def existing_ids(box: Sandbox) -> str:
    """A configuration that names an item in review with its open task and attachment, and a file of the same project."""
    item, file = box.item("053100-1"), box.file(BEAMS)
    task = next(one for one in box.tasks(item) if one.status == "in-progress")
    attachment = box.attachments(item)[0]
    bucket, _, key = str(attachment["uploadUrn"]).rpartition(":")[2].partition("/")
    with httpx.Client(base_url=box.base_url, headers={"Authorization": f"Bearer {box.token()}"}) as client:
        hub = client.get("/project/v1/hubs").json()["data"][0]["id"]
        top = f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}/topFolders"
        folder = client.get(top).json()["data"][0]["id"]
    submittals = {"projectId": item.project_id, "itemId": item.id, "stepId": task.step_id, "taskId": task.id}
    submittals |= {"attachmentId": attachment["id"], "bucketKey": bucket, "objectKey": key}
    files = {"hubId": hub, "projectId": box.project().dm_id, "folderId": folder}
    # Data Management wants its URNs percent-encoded in a path, which schemathesis does.
    files |= {"itemId": file.item_urn, "versionId": file.version_urn}
    return "\n".join(
        [
            "[parameters]",
            *(f'"path.{name}" = {json.dumps(value)}' for name, value in submittals.items()),
            "[[operations]]",
            'include-path-regex = "^/(data|project)/"',
            "[operations.parameters]",
            *(f'"path.{name}" = {json.dumps(value)}' for name, value in files.items()),
        ]
    )


@pytest.mark.parametrize("known", [True, False], ids=["existing ids", "any ids"])
def test_requests_that_the_description_allows_or_forbids_are_answered_as_it_says(tmp_path: Path, known: bool) -> None:
    assert PROGRAM, "schemathesis is missing: run tests/outside/install"
    configuration = tmp_path / "schemathesis.toml"
    with acc_sandbox.running() as box:
        box.register_callback("http://localhost:1/callback")
        configuration.write_text(existing_ids(box) if known else "", "utf-8")
        words = [PROGRAM, "--config-file", str(configuration), "run", f"{box.base_url}/openapi.json"]
        words += ["--checks", CHECKS, "--max-examples", "15", "--mode", "all", "--seed", "1"]
        words += ["--header", f"Authorization: Bearer {box.token(expires_in=86_400)}"]
        words += ["--exclude-path-regex", UNTOUCHED, "--phases", "examples,coverage,fuzzing"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
        answered = [one.status for one in box.requests]
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert len(answered) > 1000
    assert not [status for status in answered if status is not None and status >= 500]
    if known:
        assert len([status for status in answered if status in (200, 201, 204)]) > 400
