"""Making somebody a member of a project, which administrators do in ACC's own pages."""

from __future__ import annotations

import uuid

from acc_sandbox.state.clock import stamp
from acc_sandbox.state.sandbox_state import SandboxState


def invite(sandbox: SandboxState, email: str, project_id: str, *, manager: bool, admin: bool) -> None:
    """Put a person or service account into a project, as Submittals manager or administrator if wanted.

    Raises `LookupError` for an address that nobody has.
    """
    person = sandbox.people.by_email(email)
    if person is None:
        raise LookupError(f"nobody has the address {email}")
    store, now = sandbox.store, stamp(sandbox.clock.now())
    with store.transaction():
        store.run(
            "INSERT INTO members (projectId, autodeskId, isAdmin) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET isAdmin = MAX(isAdmin, excluded.isAdmin)",
            project_id,
            person.autodesk_id,
            int(admin),
        )
        known = store.row(
            "SELECT id FROM mappings WHERE projectId = ? AND autodeskId = ?", project_id, person.autodesk_id
        )
        if manager and known is None:
            row = {"id": str(uuid.uuid4()), "projectId": project_id, "userType": "1", "submittalsRole": "1"}
            row |= {"createdAt": now, "createdBy": person.autodesk_id, "updatedAt": now}
            store.insert("mappings", row | {"updatedBy": person.autodesk_id, "autodeskId": person.autodesk_id})
