"""Ids in the form each service wants, and never more than one segment of a path."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acc import operations as op
from acc.hosts import AutodeskHosts
from acc.ids import (
    InvalidId,
    ObjectLocation,
    data_management_project_id,
    path_segment,
    submittals_project_id,
    version_urn,
)
from acc.operations import build

PROJECT = "2570d4e5-9aef-4b41-8e45-a454f2f3fd65"


@pytest.mark.parametrize("given_id", [PROJECT, f"b.{PROJECT}", f" B.{PROJECT.upper()} "])
def test_a_project_id_has_one_form_for_each_service(given_id: str) -> None:
    assert submittals_project_id(given_id) == PROJECT
    assert data_management_project_id(given_id) == f"b.{PROJECT}"


@pytest.mark.parametrize(
    "given_id", ["", "b.", "my project", f"b.b.{PROJECT}", f"a.{PROJECT}", f"{PROJECT}/..", PROJECT[:-1]]
)
def test_anything_else_is_no_project_id(given_id: str) -> None:
    with pytest.raises(InvalidId):
        submittals_project_id(given_id)


def test_an_upload_urn_names_a_bucket_and_an_object() -> None:
    urn = "urn:adsk.objects:os.object:wip.dm.emea.2/a9d330bc-411f-4aaf-874a-9844cc002d00.pdf"

    location = ObjectLocation.parse(urn)

    assert location == ObjectLocation("wip.dm.emea.2", "a9d330bc-411f-4aaf-874a-9844cc002d00.pdf")


@pytest.mark.parametrize(
    "urn",
    [
        "",
        "urn:adsk.objects:os.object:",
        "urn:adsk.objects:os.object:bucket",
        "urn:adsk.objects:os.object:bucket/",
        "urn:adsk.objects:os.object:/object",
        "urn:adsk.objects:os.object:bucket/folder/object",
        "bucket/object",
        "urn:adsk.wipprod:dm.lineage:bucket/object",
    ],
)
def test_anything_else_is_no_upload_urn(urn: str) -> None:
    with pytest.raises(InvalidId):
        ObjectLocation.parse(urn)


@pytest.mark.parametrize(
    "urn",
    [
        "urn:adsk.wipprod:dm.lineage:X",
        "urn:adsk.wipprod:fs.file:vf.X",
        "urn:adsk.wipprod:fs.file:vf.X?version=",
        "urn:adsk.wipprod:fs.file:vf.X?version=1&x=2",
        " urn:adsk.wipprod:fs.file:vf.X?version=1",
    ],
)
def test_only_a_urn_with_a_version_is_a_version_urn(urn: str) -> None:
    assert version_urn("urn:adsk.wipemea:fs.file:vf.TQW6YsrTTFGrJVJKAaK_ew?version=12")
    with pytest.raises(InvalidId):
        version_urn(urn)


HOSTILE = st.text(max_size=20) | st.lists(
    st.sampled_from(["/", "..", ".", "?", "#", "%2f", "%2e%2e", "\\", ":", ";", "@", "\r\n", "\0", " ", "x"]),
    max_size=6,
).map("".join)


@settings(deadline=None)
@given(value=HOSTILE)
def test_an_id_stays_one_segment_whatever_it_holds(value: str) -> None:
    try:
        request = build(op.ITEMS_GET, {"project_id": PROJECT, "item_id": value})
        dm = build(op.FOLDER_CONTENTS, {"project_id": f"b.{PROJECT}", "folder_id": value})
    except InvalidId:
        return

    for built, before, after in [
        (request, f"/construction/submittals/v2/projects/{PROJECT}/items/", ""),
        (dm, f"/data/v1/projects/b.{PROJECT}/folders/", "/contents"),
    ]:
        sent = httpx.Request(built.method, built.url(AutodeskHosts.autodesk())).url
        assert sent.host == "developer.api.autodesk.com"
        assert sent.query == b""
        path = sent.raw_path.decode()
        assert path == built.url_path, "httpx must not rewrite what we encoded"
        segment = path.removeprefix(before).removesuffix(after)
        assert path == before + segment + after
        assert "/" not in segment
        assert segment not in {"", ".", ".."}


@settings(deadline=None)
@given(value=HOSTILE)
def test_a_colon_in_a_submittals_id_cannot_name_another_action(value: str) -> None:
    try:
        request = build(op.ITEMS_TRANSITION, {"project_id": PROJECT, "item_id": value})
    except InvalidId:
        return

    assert request.url_path.count(":") == 1
    assert request.url_path.endswith(":transition")


@pytest.mark.parametrize("value", ["", ".", "..", "\ud800"])
def test_an_id_that_no_encoding_keeps_in_its_segment_is_refused(value: str) -> None:
    with pytest.raises(InvalidId):
        path_segment(value)


def test_a_version_urn_is_encoded_whole_and_a_folder_urn_keeps_its_colons() -> None:
    version = build(op.FILE_VERSION, {"project_id": "b.p", "version_urn": "urn:adsk.wipprod:fs.file:vf.X?version=2"})
    folder = build(op.FOLDER, {"project_id": "b.p", "folder_id": "urn:adsk.wipprod:fs.folder:co.X?a/b"})

    assert version.url_path == "/data/v1/projects/b.p/versions/urn%3Aadsk.wipprod%3Afs.file%3Avf.X%3Fversion%3D2"
    assert folder.url_path == "/data/v1/projects/b.p/folders/urn:adsk.wipprod:fs.folder:co.X%3Fa%2Fb"
