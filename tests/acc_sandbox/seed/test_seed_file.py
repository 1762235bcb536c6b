"""A seed of one's own, many items, other regions, and encrypted ports."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys

import httpx
import pytest

import acc_sandbox
from acc_sandbox import Clock, DocumentError, parse_seed, read_seed
from acc_sandbox.seed.bulk import CROWD_ID

SEED = {
    "people": [
        {"key": "boss", "name": "Site Manager", "company": "Builders"},
        {"key": "glazier", "name": "Glazing Contractor", "company": "Glass Works", "roles": ["Reviewers"]},
    ],
    "hubs": [{"key": "home", "name": "Home", "region": "AUS"}],
    "projects": [
        {
            "key": "school",
            "name": "New School",
            "managers": ["boss"],
            "admins": ["boss"],
            "numbering": "global",
            "specs": {"084413": "Curtain Walls"},
            "packages": {"Facade": "084413"},
            "templates": {"Both": [["boss", {"assigned_to": "Reviewers", "required": False}], ["glazier"]]},
            "files": {"Project Files/plan.pdf": 2, "top.txt": 1},
            "items": [
                {
                    "spec": "084413",
                    "number": 7,
                    "title": "Windows",
                    "state": "rev",
                    "contractor": "Glass Works",
                    "review": [["boss"], ["glazier"]],
                    "attachments": ["windows.pdf"],
                    "package": "Facade",
                }
            ],
        }
    ],
}


def test_a_seed_of_ones_own_is_what_the_sandbox_starts_with(tmp_path):
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(SEED), "utf-8")
    with acc_sandbox.running(seed=read_seed(path)) as box:
        assert [one.name for one in box.people] == ["Site Manager", "Glazing Contractor"]
        item = box.item("7", "school")
        assert (item.title, item.state) == ("Windows", "rev")
        assert [one.assigned_to for one in box.tasks(item)] == [one.autodesk_id for one in box.people]
        assert box.file("top.txt", "school").name == "top.txt"
        headers = {"Authorization": f"Bearer {box.token('glazier')}"}
        with httpx.Client(base_url=box.base_url, headers=headers, verify=False) as client:
            [hub] = client.get("/project/v1/hubs").json()["data"]
            assert hub["attributes"]["region"] == "AUS"
            path = f"/construction/submittals/v2/projects/{item.project_id}/items/{item.id}/attachments"
            [attachment] = client.get(path).json()["results"]
        assert attachment["uploadUrn"].startswith("urn:adsk.objects:os.object:wip.dm.aus/")
        assert attachment["urn"].startswith("urn:adsk.wipaus:fs.file:vf.")


def test_a_seed_needs_no_people_of_its_own():
    project = {"key": "small", "name": "Small", "managers": ["manager"], "specs": {"01": "General"}}
    with acc_sandbox.running(seed=parse_seed({"projects": [project]})) as box:
        assert box.project("small").name == "Small"
        assert box.people[0].key == "manager"


def changed(**project):
    return {**SEED, "projects": [{**SEED["projects"][0], **project}]}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"projects": []},
        {**SEED, "colour": 1},
        changed(managers=[]),
        changed(kind="OTHER"),
        changed(files={"a.pdf": 0}),
        changed(items=[{"title": "x"}]),
        changed(items=[{**SEED["projects"][0]["items"][0], "state": "open"}]),
        {**SEED, "projects": SEED["projects"] * 2},
    ],
)
def test_a_seed_that_makes_no_sense_says_where(document):
    with pytest.raises(DocumentError, match="seed: "):
        parse_seed(document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "a seed is an object with projects"),
        (changed(managers=[]), "projects.0.managers: Tuple should have at least 1 item"),
        (changed(colour="red"), "projects.0.colour: Unexpected keyword argument"),
        (
            changed(items=[{"spec": "084413", "title": "x"}]),
            "projects.0.items.0.contractor: String should have at least",
        ),
        (changed(items=[{"spec": "084413", "title": "x", "contractor": "boss", "type": 1.5j}]), "items.0.item_type"),
        ({"projects": [{"key": "a b", "name": "A", "managers": ["manager"]}]}, "projects.0.key: String should match"),
    ],
)
def test_a_mistake_in_a_seed_is_told_with_its_place_and_nothing_else(document, said):
    with pytest.raises(DocumentError) as caught:
        parse_seed(document, "seed.yaml")
    assert said in str(caught.value)
    assert "; " not in str(caught.value)


@pytest.mark.parametrize(
    ("project", "missing"),
    [
        ({"managers": ["nobody"]}, "nobody"),
        ({"hub": "nowhere"}, "nowhere"),
        ({"packages": {"Facade": "99"}}, "99"),
        ({"items": [{"spec": "99", "title": "x", "contractor": "boss"}]}, "99"),
        ({"items": [{"spec": "084413", "title": "x", "contractor": "boss", "package": "none"}]}, "none"),
        ({"items": [{"spec": "084413", "title": "x", "contractor": "strangers"}]}, "strangers"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(project, missing):
    with (
        pytest.raises(LookupError, match=f"^project .*{missing}"),
        acc_sandbox.running(seed=parse_seed(changed(**project))),
    ):
        pass


def test_bulk_items_are_created_on_the_first_list(tmp_path):
    with acc_sandbox.running(data=tmp_path, items=1000) as box:
        headers = {"Authorization": f"Bearer {box.token()}"}
        with httpx.Client(base_url=box.base_url, headers=headers, verify=False) as client:
            base = f"/construction/submittals/v2/projects/{box.project().id}/items"
            first = client.get(base).json()
            assert first["pagination"]["totalResults"] == 1014
            item = client.get(f"{base}/{CROWD_ID}{10:012}").json()
            assert item["folderUrn"]
            [attachment] = client.get(f"{base}/{CROWD_ID}{10:012}/attachments").json()["results"]
            assert attachment["asyncState"] == "3"
            version = attachment["urn"].replace("?", "%3F")
            found = client.get(f"/data/v1/projects/{box.project().dm_id}/versions/{version}").json()
            assert found["data"]["relationships"]["storage"]["data"]["id"] == attachment["uploadUrn"]
            assert client.get(base, params={"search": "sheet 777"}).json()["pagination"]["totalResults"] == 1
            numbers = [row["customIdentifierHumanReadable"] for row in first["results"]]
            assert len(set(numbers)) == 20
        assert box.object_bytes(attachment["uploadUrn"])
    with acc_sandbox.running(data=tmp_path, items=1000) as box:
        assert len(box.items()) == 1015


@pytest.mark.parametrize("count", [1, 9, 10])
def test_a_few_more_items_are_no_problem(count):
    with acc_sandbox.running(items=count) as box:
        assert len(box.items()) == 15 + count


def test_the_european_hub_has_buckets_and_urns_of_its_own(box, caller):
    architect = caller("architect")
    hubs = architect("GET", "/project/v1/hubs").json()["data"]
    assert [one["attributes"]["region"] for one in hubs] == ["US", "EMEA"]
    made = architect.submittals(
        "POST",
        f"/items/{box.item('033100-1', 'canal').id}/attachments",
        project="canal",
        json={"name": "a.pdf", "urnTypeId": "2"},
    ).json()
    assert made["uploadUrn"].startswith("urn:adsk.objects:os.object:wip.dm.emea.2/")
    architect.upload(made["uploadUrn"], b"quay")
    assert box.object_bytes(made["uploadUrn"]) == b"quay"
    assert box.file("Project Files/quay-wall-section.pdf", "canal").version_urn.startswith("urn:adsk.wipemea:fs.file")


def test_a_hub_of_others_is_neither_listed_nor_found(box, caller):
    european = caller("architect")("GET", "/project/v1/hubs").json()["data"][1]["id"]
    manager = caller("manager")
    assert len(manager("GET", "/project/v1/hubs").json()["data"]) == 1
    assert manager("GET", f"/project/v1/hubs/{european}/projects").status_code == 404


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    program = """
import datetime, ipaddress, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox")])
now = datetime.datetime.now(datetime.UTC)
made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    .serial_number(1).not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    .add_extension(x509.BasicConstraints(ca=True, path_length=0), True).sign(key, hashes.SHA256()))
open(sys.argv[1], "wb").write(made.public_bytes(serialization.Encoding.PEM))
open(sys.argv[2], "wb").write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
"""
    files = folder / "certificate.pem", folder / "key.pem"
    subprocess.run([sys.executable, "-c", program, *map(str, files)], check=True, timeout=60)
    return files


def test_with_a_certificate_both_ports_speak_tls(certificate):
    trusted = ssl.create_default_context(cafile=certificate[0])
    with acc_sandbox.running(certificate=certificate[0], private_key=certificate[1]) as box:
        assert box.base_url.startswith("https://")
        headers = {"Authorization": f"Bearer {box.token()}"}
        item = box.item("051200-3")
        with httpx.Client(base_url=box.base_url, headers=headers, verify=trusted) as client:
            base = f"/construction/submittals/v2/projects/{item.project_id}/items"
            assert client.get(base).json()["pagination"].get("nextUrl") is None
            made = client.post(f"{base}/{item.id}/attachments", json={"name": "a.pdf", "urnTypeId": "2"}).json()
            bucket, key = made["uploadUrn"].removeprefix("urn:adsk.objects:os.object:").split("/")
            signed = client.get(f"/oss/v2/buckets/{bucket}/objects/{key}/signeds3upload").json()
            url = signed["urls"][0]
            assert url.startswith("https://")
        with httpx.Client(verify=trusted) as storage:
            assert storage.put(url, content=b"x").status_code == 200
        with httpx.Client(verify=False) as plain, pytest.raises(httpx.TransportError):
            plain.get(box.base_url.replace("https", "http"))


def test_a_certificate_that_is_none_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No such file"), acc_sandbox.running(certificate=tmp_path / "none.pem"):
        pass


def test_the_clock_of_a_seed_is_the_sandboxs_own():
    clock = Clock()
    clock.move(86_400 * 365)
    with acc_sandbox.running(clock=clock) as box:
        assert box.attachments(box.item("051200-3"))[0]["createdAt"] > f"{clock.now().year - 1}"
