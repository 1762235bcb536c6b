"""Revisions: made in ACC's own pages, read over the API (fact sheet 2.8, 3.1, 12)."""

from __future__ import annotations

import pytest


def test_a_revision_moves_attachments_to_the_previous_categories(box, manager):
    item = box.item("051200-3")
    before = manager.submittals("GET", f"/items/{item.id}").json()
    box.revise(item)
    after = manager.submittals("GET", f"/items/{item.id}").json()
    assert (after["revision"], after["stateId"], after["ballInCourtType"]) == (1, "sbc-1", "subcontractor")
    assert (after["folderUrn"], list(after["revisionsFoldersUrns"])) == (None, ["0"])
    rows = manager.submittals("GET", f"/items/{item.id}/attachments").json()["results"]
    assert [(row["categoryId"], row["revision"]) for row in rows] == [("5", 0)]
    history = manager.submittals("GET", f"/items/{item.id}/revisions").json()["results"]
    assert [row["revision"] for row in history] == [1, 0]
    assert history[1]["submittedBy"] == before["submittedBy"]
    box.clock.move(1)
    settled = manager.submittals("GET", f"/items/{item.id}").json()
    assert list(settled["revisionsFoldersUrns"]) == ["0", "1"]
    assert settled["folderUrn"] == settled["revisionsFoldersUrns"]["1"]["folderUrn"]
    assert manager.attach(item).json()["revision"] == 1


def test_revisions_come_on_pages_with_links(box, manager):
    item = box.item("051200-3")
    box.revise(item)
    box.revise(item)
    first = manager.submittals("GET", f"/items/{item.id}/revisions", params={"limit": 2}).json()
    assert ([row["revision"] for row in first["results"]], "previousUrl" in first["pagination"]) == ([2, 1], False)
    last = manager("GET", first["pagination"]["nextUrl"]).json()
    assert [row["revision"] for row in last["results"]] == [0]
    assert manager("GET", last["pagination"]["previousUrl"]).json()["results"] == first["results"]


@pytest.mark.parametrize("state", ["draft", "void"])
def test_a_draft_or_void_item_has_no_next_revision(box, anonymous, state):
    item = box.items(state)[0]
    with pytest.raises(LookupError):
        box.revise(item)
    assert anonymous.post("/sandbox/revisions", json={"item": item.id}).status_code == 404


def test_an_unknown_item_has_no_next_revision(anonymous):
    unknown = "11111111-1111-4111-8111-111111111111"
    assert anonymous.post("/sandbox/revisions", json={"item": unknown}).status_code == 404
    assert anonymous.post("/controls/revisions", data={"item": unknown}).status_code == 404
