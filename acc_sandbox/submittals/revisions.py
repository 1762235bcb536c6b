"""A new revision of an item, which people make in ACC's own pages: the public API has no way (fact sheet 1, 12)."""

from __future__ import annotations

from acc_sandbox.state.clock import stamp
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.items import revision_json, stored_item
from acc_sandbox.submittals.reviews import reset_steps
from acc_sandbox.submittals.states import STATUS_OF_STATE, court

_KEPT = ("manager", "managerType", "subcontractor", "subcontractorType", "submitterDueDate", "managerDueDate")
_CLEARED = (
    *("receivedFromSubmitter", "submittedBy", "sentToReview", "sentToReviewBy", "receivedFromReview"),
    *("publishedDate", "publishedBy", "responseId", "respondedAt", "respondedBy", "folderUrn"),
)


def create_revision(sandbox: SandboxState, item_id: str) -> None:
    """Give an item its next revision, and back to the contractor with it.

    What it was stays in its history; its attachments get the categories 5 to 8; its folder follows as for a new item.
    Raises `LookupError` for an item that does not exist, or is a draft or void.
    """
    with sandbox.store.transaction():
        item = stored_item(sandbox, item_id)
        if item["stateId"] in ("draft", "void"):
            raise LookupError(f"an item in {item['stateId']} has no next revision")
        now = stamp(sandbox.clock.now())
        past = {"itemId": item_id, "revision": item["revision"], "body": revision_json(sandbox, item)}
        sandbox.store.insert("past_revisions", past)
        # 1 to 4 become 5 to 8 in this order (fact sheet 6, inferred).
        sandbox.store.run(
            "UPDATE attachments SET categoryId = CAST(categoryId + 4 AS TEXT) WHERE itemId = ? AND categoryId < '5'",
            item_id,
        )
        reset_steps(sandbox, item)
        changes: Row = {
            **dict.fromkeys(_CLEARED),
            **{name: item[name] for name in _KEPT},
            "revision": item["revision"] + 1,
            "stateId": "sbc-1",
            "statusId": STATUS_OF_STATE["sbc-1"],
            "responseComment": "",
            "sentToSubmitter": now,
            "dueDate": item["submitterDueDate"],
            "updatedAt": now,
            "updatedBy": item["manager"] or item["createdBy"],
        }
        sandbox.store.update("items", item_id, changes | court("sbc-1", item, [], sandbox.people))
        sandbox.schedule("item.folder", item_id, sandbox.switches.folder_delay)
