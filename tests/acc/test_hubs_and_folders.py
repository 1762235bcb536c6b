"""Hubs and top folders as recordings show them: what is a fault beside the rows, and which folders people see."""

import json
from pathlib import Path
from typing import Any

import pytest

from acc.models.files import Folder, ResourceListing

PAYLOADS = json.loads((Path(__file__).parents[1] / "facts" / "autodesk_payloads.json").read_text("utf-8"))
[RECORDED] = [one["payload"] for one in PAYLOADS if one["shape"] == "top folders"]


@pytest.mark.parametrize(("rows", "faults"), [([], ["403", "500"]), ([{"type": "hubs", "id": "b.1"}], ["500"])])
def test_a_403_beside_rows_is_no_fault(rows: object, faults: list[str]) -> None:
    warnings = [{"HttpStatusCode": "403"}, {"HttpStatusCode": "500"}]
    listing = ResourceListing.model_validate({"data": rows, "meta": {"warnings": warnings}})

    assert [one.http_status_code for one in listing.faults] == faults


@pytest.mark.parametrize(
    ("parents", "names"),
    [
        ([{"title": "Project Files", "isRoot": True}, {"title": "Steel", "isRoot": False}], ["Project Files", "Steel"]),
        ([{"title": "Steel", "isRoot": False}, {"title": "Project Files", "isRoot": True}], ["Project Files", "Steel"]),
        ([{"title": "Project Files", "isRoot": True}], ["Project Files"]),
        ([{"title": "Steel"}, {"title": None}, "Steel", {}, {"title": ""}], ["Steel"]),
        ("Steel", []),
        (None, []),
    ],
)
def test_the_parents_of_a_folder_are_named_from_the_top_down(parents: object, names: list[str]) -> None:
    attributes = {"name": "Beams", "displayName": "reserved", "extension": {"data": {"folderParents": parents}}}
    folder = Folder.model_validate({"type": "folders", "id": "f", "attributes": attributes})

    assert (folder.parents, folder.name) == (names, "Beams")


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder["name"])
def test_people_see_three_of_the_recorded_top_folders(folder: dict[str, Any]) -> None:
    data = {"folderType": folder["folderType"], "isRoot": folder.get("isRoot", False)}
    attributes = {"name": folder["name"], "hidden": folder.get("hidden", False), "extension": {"data": data}}
    found = Folder.model_validate({"type": "folders", "id": "f", "attributes": attributes})

    assert found.of_another_tool is (folder["name"] not in ("Project Files", "For the Field", "Photos"))
