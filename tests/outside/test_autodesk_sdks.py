"""Autodesk's own SDKs, unmodified, against the sandbox: what works, and what their own models do not take.

Each answer comes from the package; what the sandbox refused would stand in its log. docs/sandbox.md has the same table.
"""

import base64
import hashlib
import json
from pathlib import Path

import httpx
import pytest

import acc_sandbox

HERE = Path(__file__).parent
BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CONTENT = "what the SDK sends\n" * 10
NULL_IN_TRANSITIONS = {"submittals.get_permissions", "submittals.list_items", "submittals.get_item"}
"""What `autodesk-platform-sdk` cannot read: the null `transitionFields` and `mandatoryFields` that the tutorials show."""


@pytest.fixture
def box():
    with acc_sandbox.running() as running:
        running.auto_approve = True
        yield running


@pytest.fixture
def get(box):
    """Read a path of the sandbox, or make something there."""
    with httpx.Client(base_url=box.base_url, headers={"Authorization": f"Bearer {box.token()}"}) as client:

        def read(path, body=None):
            answer = client.get(path) if body is None else client.post(path, json=body)
            assert answer.is_success, answer.text
            return answer.json()

        yield read


@pytest.fixture
def python(run):
    """Run a script of this folder in the environment of a package, which `install` makes."""

    def start(environment, script, asked):
        interpreter = HERE / f".venv-{environment}" / "bin" / "python"
        if not interpreter.exists():
            pytest.fail(f"{environment} is missing: run tests/outside/install")
        done = run(str(interpreter), str(HERE / script), json.dumps(asked))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return start


def refused(box):
    return [(one.method, one.path, one.answer) for one in box.requests if one.status is None or one.status >= 400]


def test_autodesks_node_sdk_signs_in_reads_files_and_uploads(node, box, get):
    project, item, file = box.project(), box.item("051200-3"), box.file(BEAMS)
    attachments = f"/construction/submittals/v2/projects/{project.id}/items/{item.id}/attachments"
    urn = get(attachments, {"name": "node-sdk.txt", "urnTypeId": "2"})["uploadUrn"]
    asked = {
        "url": box.base_url,
        "public": box.client_id,
        "confidential": box.confidential_client,
        "callback": box.callback_url,
        "challenge": CHALLENGE,
        "verifier": VERIFIER,
        "token": box.token(),
        "project": project.dm_id,
        "file": file.item_urn,
        "version": file.version_urn,
        "object": urn.removeprefix("urn:adsk.objects:os.object:").split("/"),
        "content": CONTENT,
    }
    done = node("autodesk_sdk.mjs", json.dumps(asked))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: answer["error"] for name, answer in found.items() if "error" in answer} == {}
    assert refused(box) == []
    assert len(found) == 30
    assert found["authentication.authorize"]["state"] == "state-1"
    assert found["authentication.getUserInfo"]["sub"] == box.people[0].autodesk_id
    assert found["data-management.getProjectHub"]["data"] == found["data-management.getHubs"]["data"][0]
    assert found["data-management.getVersionItem"]["data"]["id"] == file.item_urn
    assert found["oss.downloadObject"]["text"] == CONTENT
    assert box.object_bytes(urn) == CONTENT.encode()
    # Its requests begin with the doubled slash that the gateway takes for one.
    assert "//project/v1/hubs" in {one.path for one in box.requests}


def test_autodesks_acc_sdk_reads_submittals_and_reserves_an_attachment(python, box):
    item = box.item("051200-3")
    asked = {"url": box.base_url, "token": box.token(), "project": box.project().id, "item": item.id}
    found = python("acc-sdk", "acc_sdk.py", asked)
    assert {name: answer for name, answer in found.items() if "error" in answer} == {}
    assert refused(box) == []
    assert len(found) == 13
    assert found["items[].get"]["id"] == item.id
    assert found["items[].attachments.post"]["id"] == box.attachments(item)[-1]["id"]


def test_autodesks_platform_sdk_reads_files_attaches_and_manages_service_accounts(python, box, get):
    if not (HERE / ".venv-platform-sdk").exists():
        pytest.skip("autodesk-platform-sdk needs Python 3.12, which this machine does not have")
    project, item, file = box.project(), box.item("051200-3"), box.file(BEAMS)
    asked = {
        "url": box.base_url,
        "token": box.token(),
        "server": box.server_client,
        "project": project.id,
        "item": item.id,
        "file": file.item_urn,
        "version": file.version_urn,
        "folder": get(f"/data/v1/projects/{project.dm_id}/items/{file.item_urn}/parent")["data"]["id"],
        "spec": get(f"/construction/submittals/v2/projects/{project.id}/specs")["results"][0]["id"],
    }
    found = python("platform-sdk", "platform_sdk.py", asked)
    assert {name for name, answer in found.items() if answer != "ok"} == NULL_IN_TRANSITIONS
    assert all("ValidationError" in found[name] for name in NULL_IN_TRANSITIONS)
    assert refused(box) == []
    assert len(found) == 33
    made = box.attachments(item)[-1]
    assert (made["name"], box.object_bytes(str(made["uploadUrn"]))) == ("platform-sdk.pdf", b"x" * 100)
