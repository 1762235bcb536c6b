"""Every example of the facts, sent to the sandbox as it stands.

Rule of substitution: an example's method, path, query, header names and body are sent unchanged, except that hosts,
tokens, ids, upload keys, codes and sizes in them are replaced by ones that exist here: `common` for ids that many
examples share, `BEFORE` for what one example needs to have happened, `ITEM`, `PERSON` and `PROJECT` for whose and
which. Answers are compared in status and shape: for Submittals the very same keys, elsewhere at least the example's
keys (those examples are abridged); the same JSON type wherever neither value is null; of lists, the first member.
Keys that are data (fields of a permitted action, revisions, object names) and links to neighbour pages are not
compared. An example whose note says excerpt is held to be a part; permitted actions have a test module of their own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import httpx
import jwt
import pytest

EXAMPLES = {
    one["name"]: one
    for one in json.loads(Path(__file__).parents[1].joinpath("facts/acc_examples.json").read_text("utf-8"))["examples"]
}
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CALLBACK = "http://localhost:8765/callback"
BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"
ATTACHMENT = "c14eabff-d79c-4429-9fa4-504a7aff7a37"
UPLOAD_KEY = "AQICAHgdUabB…quo="
PART = 5 * 1024 * 1024
UNCOMPARED = ("permittedActions", "revisionsFoldersUrns", "nextUrl", "previousUrl", "links")

ITEM = {
    **dict.fromkeys(("submittals.items.get", "submittals.items.patch", "submittals.items.transition.mgr1"), "051200-4"),
    **{
        f"submittals.{name}": "052100-1"
        for name in ("steps.list", "steps.get", "tasks.list", "tasks.get", "tasks.close")
    },
    "submittals.items.get.rev_permittedActions": "052100-1",
    "submittals.items.get.closed": "033100-1",
    "submittals.items.transition.close": "033100-2",
    "submittals.items.revisions": "033100-2",
    "submittals.attachments.create.local": "051200-4",
    "submittals.attachments.create.local_review_task": "052100-1",
    "submittals.attachments.create.files_tool": "051200-4",
}
PERSON = {
    "submittals.items.create.user_mgr1": "member",
    **dict.fromkeys(("submittals.templates", "submittals.mappings.create", "submittals.mappings.delete"), "admin"),
    **dict.fromkeys(("submittals.change-sequence-type", "submittals.async-jobs.get"), "admin"),
}
PROJECT = {
    f"submittals.{name}": "harbor"
    for name in ("change-sequence-type", "async-jobs.get", "items.validate-custom-identifier")
}


KNOWN = {}
"""What `common` found, by project and item: the ids of a seed are the same in every sandbox."""


class Stage:
    """One example with the people and things that it needs."""

    def __init__(self, name, box, caller):
        self.name, self.box = name, box
        self.who = caller(PERSON.get(name, "manager"))
        self.manager = caller("manager")
        self.project = box.project(PROJECT.get(name, "riverside"))
        self.item = box.item(ITEM.get(name, "051200-3"))
        place = (self.project.key, self.item.number)
        if place not in KNOWN:
            KNOWN[place] = common(self, caller("admin"))
        self.replace = dict(KNOWN[place])
        self.replace.update(BEFORE.get(name, lambda stage: {})(self))

    def said(self, value):
        """A piece of the example with everything replaced."""
        if isinstance(value, dict):
            return {key: self.said(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.said(one) for one in value]
        if value in self.replace:
            return self.replace[value]
        if isinstance(value, str):
            # One pass, so that nothing is found inside what was just put in.
            known = sorted(filter(is_text, self.replace), key=len, reverse=True)
            value = re.sub("|".join(map(re.escape, known)), lambda found: self.replace[found[0]], value)
        return value

    def send(self):
        request = EXAMPLES[self.name]["request"]
        headers = {name: value for name, value in request["headers"].items() if name != "Authorization"}
        body = self.said(request.get("body"))
        content = None if body is None else json.dumps(body)
        return self.who(request["method"], self.said(request["url"]), headers=headers, content=content)


def is_text(value):
    return isinstance(value, str)


def common(stage, admin):
    def first(path, who=stage.manager):
        return who.submittals("GET", path, project=stage.project.key).json()["results"][0]["id"]

    box, tasks = stage.box, stage.box.tasks(stage.item)
    hub = stage.manager("GET", "/project/v1/hubs").json()["data"][0]["id"]
    folders = f"/project/v1/hubs/{hub}/projects/{stage.project.dm_id}/topFolders"
    top = stage.manager("GET", folders).json()["data"][0]["id"]
    file = stage.manager("GET", f"/data/v1/projects/{box.project().dm_id}/items/{box.file(BEAMS).item_urn}").json()
    return {
        "https://developer.api.autodesk.com": "",
        "https://api.userprofile.autodesk.com": "",
        "2570d4e5-9aef-4b41-8e45-a454f2f3fd65": stage.project.id,
        "938eb16d-5603-4df9-adcd-00f75d48e145": stage.item.id,
        "MFEGJ9W5GGQL": box.person("manager").autodesk_id,
        "65bf7408-93f3-462e-84ab-17e5710c7536": first("/specs"),
        "3379aa42-1650-4375-a5df-94b33a51020e": first("/item-types"),
        "8d5a3a43-3f6b-4b05-9c3d-0f3f3f0d3c11": first("/responses"),
        "0f2f2b1e-2c1e-4b2f-8e1f-6a3c0b7d9a01": first("/packages"),
        "c4a6f0ea-7f8c-4a9e-9d4e-3f7ed7a8e2b3": first("/templates", admin),
        "7b9d2c54-1c1d-4f9c-9a55-2b7d3d1f4a10": first("/settings/mappings"),
        "6f0c3b52-0c3c-4b6c-9d51-0c1a4a2d7f11": tasks[0].step_id if tasks else "none",
        "1ab2ae43-fb33-4868-be85-03f4873915fc": tasks[0].id if tasks else "none",
        "b.622cb5d1-581b-4a46-a6d9-4ebc68ea4051": hub,
        "urn:adsk.wipprod:fs.folder:co.x": top,
        "urn:adsk.wipprod:fs.folder:co.lw7b0sXUQ-6hWRgf34hBuw": file["data"]["relationships"]["parent"]["data"]["id"],
        "urn:adsk.wipprod:dm.lineage:TQW6YsrTTFGrJVJKAaK_ew": box.file(BEAMS).item_urn,
        "urn:adsk.wipprod:fs.file:vf.TQW6YsrTTFGrJVJKAaK_ew?version=1": box.file(BEAMS).version_urn,
    }


def reserved(stage):
    task = next((one.id for one in stage.box.tasks(stage.item) if one.status == "in-progress"), None)
    made = stage.manager.attach(stage.item, taskId=task).json()
    key = made["uploadUrn"].rpartition("/")[2]
    return {
        "a9d330bc-411f-4aaf-874a-9844cc002d00.pdf": key,
        "a.pdf": key,
        "b.pdf": stage.manager.attach(stage.item, taskId=task).json()["uploadUrn"].rpartition("/")[2],
        ATTACHMENT: made["id"],
        "urn": made["uploadUrn"],
    }


def uploaded(stage):
    before = reserved(stage)
    stage.manager.upload(before["urn"], b"x" * 100)
    return before


def processed(stage):
    return confirmed(stage, uploaded(stage))


def failed(stage):
    return confirmed(stage, reserved(stage))


def confirmed(stage, before):
    stage.manager.confirm(stage.item, before[ATTACHMENT])
    stage.box.clock.move(1)
    return before


def signed(stage, parts=1, size=100):
    before = reserved(stage)
    answer = stage.manager.signed_urls(before["urn"], parts=parts).json()
    etag = stage.manager.put(answer["urls"][0], b"x" * size).headers["etag"]
    tags = dict.fromkeys(("c4ca4238a0b923820dcc509a6f75849b", "9aec28c3d07e2978e6502f6427c515da"), etag.strip('"'))
    sizes = {4729968: size, 100: size}
    return before | tags | sizes | {UPLOAD_KEY: answer["uploadKey"], "<urlencoded uploadKey>": answer["uploadKey"]}


def job_started(stage):
    path = "/settings/custom-identifier:change-sequence-type"
    job = stage.who.submittals("POST", path, project="harbor", json={"sequenceType": "2"}).json()
    stage.box.clock.move(1)
    return {"5d5c7f2a-1111-4222-8333-444455556666": job["id"]}


def not_provisioned(stage):
    stage.box.switches.provisioned = False
    return {}


BEFORE = {
    "submittals.items.transition.mgr1": processed,
    "submittals.tasks.close": processed,
    "submittals.attachments.list": processed,
    "submittals.attachments.patch": uploaded,
    "submittals.attachments.poll.success": processed,
    "submittals.attachments.poll.failure": failed,
    "submittals.mappings.create": lambda stage: {"MFEGJ9W5GGQL": stage.box.person("steel").autodesk_id},
    "submittals.specs.create": lambda stage: {"033100": "033500"},
    "submittals.async-jobs.get": job_started,
    "oss.signeds3upload.get": reserved,
    "oss.signeds3upload.get.refresh": lambda stage: signed(stage, parts=2),
    "oss.signeds3upload.complete": signed,
    "oss.signeds3upload.complete.bad_parts": lambda stage: signed(stage, parts=2, size=PART),
    "oss.error": reserved,
    "oss.batchsigneds3upload": reserved,
    "oss.batchcompleteupload": signed,
    "oss.signeds3download": uploaded,
    "dm.hubs.not_provisioned": not_provisioned,
}
ELSEWHERE = {name for name in EXAMPLES if name.startswith(("auth.", "s3.", "gateway."))}
"""Sent by the tests at the end of this module."""


def compare(name, answer):
    """Status and shape of an answer; the shape by the rule at the top of the module."""
    example = EXAMPLES[name]
    assert answer.status_code == example["response"]["status"], answer.text
    expected = example["response"].get("body")
    if expected is not None:
        exact = name.startswith("submittals.") and "excerpt" not in example.get("note", "")
        compare_shape(expected, answer.json(), exact=exact, where=name)


def compare_shape(expected, found, *, exact, where):
    if expected is None or found is None:
        return
    assert type(found) is type(expected), f"{where}: {found!r} is not like {expected!r}"
    if isinstance(expected, dict):
        wanted, there = set(expected) - set(UNCOMPARED), set(found) - set(UNCOMPARED)
        assert there == wanted if exact else wanted <= there, f"{where}: {wanted ^ there}"
        for key in wanted:
            compare_shape(expected[key], found[key], exact=exact, where=f"{where}.{key}")
    elif isinstance(expected, list) and expected and found:
        compare_shape(expected[0], found[0], exact=exact, where=f"{where}[0]")


@pytest.mark.parametrize(
    "name", sorted(EXAMPLES.keys() - ELSEWHERE - {"oss.batchsigneds3upload", "oss.batchcompleteupload"})
)
def test_an_example_is_accepted_and_answered_in_its_shape(name, box, caller):
    compare(name, Stage(name, box, caller).send())


@pytest.mark.parametrize("name", ["oss.batchsigneds3upload", "oss.batchcompleteupload"])
def test_a_batch_answers_for_each_object(name, box, caller):
    """Here the keys of `results` are object names, so members are compared one by one."""
    stage = Stage(name, box, caller)
    answer, example = stage.send(), EXAMPLES[name]["response"]
    assert answer.status_code == example["status"]
    for key, expected in example["body"]["results"].items():
        compare_shape(expected, answer.json()["results"][stage.said(key)], exact=False, where=f"{name}.{key}")


@pytest.mark.parametrize(
    "name", ["submittals.items.list", "submittals.steps.list", "submittals.responses", "submittals.item-types"]
)
def test_a_list_that_is_asked_for_nothing_has_the_samples_limit(name, box, caller):
    answer = Stage(name, box, caller).send().json()
    assert answer["pagination"]["limit"] == EXAMPLES[name]["response"]["body"]["pagination"]["limit"]


def form(name, **replace):
    body = EXAMPLES[name]["request"]["body"].replace("[", "").split("]")[0].replace("…", "")
    return dict(pair.split("=", 1) for pair in body.split("&")) | replace


def basic(box):
    return httpx.BasicAuth(*box.confidential_client)


def code(box, anonymous, client_id, **more):
    query = {"response_type": "code", "client_id": client_id, "redirect_uri": CALLBACK, "scope": "data:read data:write"}
    answer = anonymous.get("/authentication/v2/authorize", params={**query, "sandbox_person": "manager", **more})
    return httpx.URL(answer.headers["location"]).params["code"]


def tokens(box, anonymous):
    data = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    data["code"] = code(box, anonymous, box.confidential_client[0])
    return anonymous.post("/authentication/v2/token", data=data, auth=basic(box)).json()


def test_the_authorize_example_redirects_with_a_code(box, anonymous):
    box.auto_approve = True
    url = EXAMPLES["auth.authorize"]["request"]["url"].removeprefix("https://developer.api.autodesk.com")
    url = url.replace("CID", box.client_id).replace("http%3A%2F%2Flocalhost%3A8080%2Fcb", CALLBACK)
    answer = anonymous.get(url.replace("code_challenge=CC", f"code_challenge={CHALLENGE}"))
    assert answer.status_code == EXAMPLES["auth.authorize"]["response"]["status"]
    assert httpx.URL(answer.headers["location"]).params["state"] == "S"


def test_the_token_examples_are_answered_in_their_shape(box, anonymous):
    url, client = "/authentication/v2/token", box.confidential_client[0]
    confidential = form("auth.token.code.confidential", code=code(box, anonymous, client), redirect_uri=CALLBACK)
    compare("auth.token.code.confidential", anonymous.post(url, data=confidential, auth=basic(box)))
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    public = form(
        "auth.token.code.pkce_public",
        client_id=box.client_id,
        code=code(box, anonymous, box.client_id, **challenge),
        redirect_uri=CALLBACK,
        code_verifier=VERIFIER,
    )
    compare("auth.token.code.pkce_public", anonymous.post(url, data=public))
    refresh_token = tokens(box, anonymous)["refresh_token"]
    for name in ("auth.token.refresh", "auth.token.refresh.reused"):
        data = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        compare(name, anonymous.post(url, data=data, auth=basic(box)))
    credentials = form("auth.token.client_credentials")
    compare("auth.token.client_credentials", anonymous.post(url, data=credentials, auth=basic(box)))


def assertion(box, *scopes):
    """What the service account signs to get a token."""
    account = box.service_account()
    claims = {
        "iss": account.client_id,
        "sub": account.id,
        "aud": "https://developer.api.autodesk.com/authentication/v2/token",
        "exp": int(box.clock.now().timestamp()) + 300,
        "scope": scopes,
    }
    return jwt.encode(claims, account.private_key, algorithm="RS256", headers={"kid": account.key_id})


def test_the_service_account_example_is_answered_in_its_shape(box, anonymous):
    data = form("auth.token.ssa_jwt", assertion=assertion(box, "data:read", "data:write"))
    compare("auth.token.ssa_jwt", anonymous.post("/authentication/v2/token", data=data, auth=box.server_client))


def test_the_introspect_and_revoke_examples_are_answered_in_their_shape(box, anonymous):
    granted = tokens(box, anonymous)
    data = {"token": granted["access_token"]}
    compare("auth.introspect", anonymous.post("/authentication/v2/introspect", data=data, auth=basic(box)))
    data = {"token": granted["refresh_token"], "token_type_hint": "refresh_token"}
    answer = anonymous.post("/authentication/v2/revoke", data=data, auth=basic(box))
    assert (answer.status_code, answer.content) == (EXAMPLES["auth.revoke"]["response"]["status"], b"")


def test_the_userinfo_example_is_answered_in_its_shape(manager):
    compare("auth.userinfo", manager("GET", "/userinfo"))


def test_the_storage_examples_are_answered_in_their_shape(box, manager):
    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]
    url = manager.signed_urls(urn).json()["urls"][0]
    sample = httpx.URL(EXAMPLES["s3.put"]["request"]["url"])
    assert set(httpx.URL(url).params) == set(sample.params)
    answer = manager.put(url, b"x")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == f'"{hashlib.md5(b"x").hexdigest()}"'
    box.clock.move(121)
    expired = manager.put(url, b"x")
    assert expired.status_code == EXAMPLES["s3.put.expired"]["response"]["status"]
    for piece in (
        "<Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>120</X-Amz-Expires><Expires>",
    ):
        assert piece in expired.text
        assert piece in EXAMPLES["s3.put.expired"]["response"]["body"]


def test_the_gateway_examples_are_answered_in_their_shape(box, caller, anonymous):
    path = f"/construction/submittals/v2/projects/{box.project().id}/items"
    compare("gateway.401", anonymous.get(path))
    writing = caller("manager", scopes="data:read").attach(box.item("051200-3"))
    compare("gateway.403.scope", writing)
    box.switches.app_apis = "data_management"
    compare("gateway.403.app", caller().submittals("GET", "/items"))


def test_the_rate_limit_example_is_answered_in_its_shape(anonymous, box):
    """The count itself is tested beside the limits; here only the shape."""
    import acc_sandbox

    with (
        acc_sandbox.running(rate_limits=True) as limited,
        httpx.Client(base_url=limited.base_url, verify=False) as client,
    ):
        client.headers["Authorization"] = f"Bearer {limited.token()}"
        answer = next(one for one in (client.get("/project/v1/hubs") for _ in range(60)) if one.status_code != 200)
    compare("gateway.429", answer)
    assert int(answer.headers["retry-after"]) > 0
