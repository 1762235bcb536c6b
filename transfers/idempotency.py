"""Idempotency: targets and fingerprints that make two attach requests the same request (design, section 6)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from transfers.attachments import AttachmentRequest


@dataclass(frozen=True)
class AttachmentIdentity:
    """The facts that identify an attachment.

    `content` is the SHA-256 of a local file ("sha256:…"), the URN of a linked version, or, for bytes that the caller
    sends, the word "caller": such a reservation is the same one only while its upload is open.
    """

    base_url: str
    person_id: str
    project_id: str
    item_id: str
    revision: int
    category: str
    task_id: str | None
    name: str
    content: str

    def fingerprint(self) -> str:
        """Return a hex SHA-256 over all fields."""
        return _digest(asdict(self))


@dataclass(frozen=True)
class AttachTarget:
    """Target of an attachment, resolved before anything is created; part of what makes a request the same.

    `category_id` is what is sent (None lets ACC choose), `category` the word for what it will be. `submittal` is its
    number and title for a person, and no part of the request.
    """

    base_url: str
    person_id: str
    project_id: str
    item_id: str
    revision: int
    category: str
    category_id: str | None
    task_id: str | None
    submittal: str = field(default="", compare=False, repr=False)

    def request(self, name: str, content: str) -> AttachmentIdentity:
        """Return what tells an attachment called `name` from every other; `content` as in `AttachmentIdentity`."""
        return AttachmentIdentity(
            base_url=self.base_url,
            person_id=self.person_id,
            project_id=self.project_id,
            item_id=self.item_id,
            revision=self.revision,
            category=self.category,
            task_id=self.task_id,
            name=name,
            content=content,
        )

    def reservation(self, name: str, urn: str | None) -> AttachmentRequest:
        """Return what has to be created at ACC for an attachment called `name`."""
        return AttachmentRequest(
            self.project_id, self.item_id, name, self.person_id, self.category_id, self.task_id, urn, self.revision
        )


def idempotency_fingerprint(request: AttachmentIdentity, key: str) -> str:
    """Return the fingerprint that a caller's `idempotency_key` puts in place of the computed one.

    It stays bound to the base URL, the person and the submittal, so that two people who choose the same key never meet.
    """
    return _digest(
        {
            "base_url": request.base_url,
            "person_id": request.person_id,
            "project_id": request.project_id,
            "item_id": request.item_id,
            "key": key,
        }
    )


def _digest(fields: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True, default=_compared).encode("ascii")).hexdigest()


def _compared(value: Any) -> dict[str, object]:
    """Return the fields of a dataclass that make it another one."""
    return {one.name: getattr(value, one.name) for one in fields(value) if one.compare}


def request_digest(words: Sequence[object]) -> str:
    """Return what stands for a request in the very words it was made in, before anything was read or hashed."""
    return _digest({"asked": words})
