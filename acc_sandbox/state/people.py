"""People, companies and roles: what they are, and those of the sandbox's own seed, named by what they do."""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass

_NAMESPACE = uuid.UUID("6c1f9a52-6a6f-4c62-9b5e-6a8a5d3f1c00")


def known_id(name: str) -> str:
    """The same UUID for the same name in every sandbox, so that tests and documents can print it."""
    return str(uuid.uuid5(_NAMESPACE, name))


def known_urn_tail(name: str) -> str:
    """The same 22 characters for the same name, as the end of folder, lineage and version URNs."""
    return base64.urlsafe_b64encode(uuid.UUID(known_id(name)).bytes).rstrip(b"=").decode()


def known_autodesk_id(key: str) -> str:
    """A 12-character upper-case id for a person, as `MFEGJ9W5GGQL` in the samples (fact sheet 0)."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()[:12]


@dataclass(frozen=True)
class Company:
    """A company of the account; `id` is the numeric `memberGroupId` that stands for it in Submittals."""

    id: str
    name: str


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in.

    `role` says in plain words what the person is in the main project; `groups` holds the `memberGroupId`s of the
    person's company and project roles.
    """

    key: str
    name: str
    email: str
    autodesk_id: str
    role: str
    groups: tuple[str, ...] = ()

    @property
    def user_name(self) -> str:
        """The part of the address before the @, which /userinfo gives as preferred_username."""
        return self.email.partition("@")[0]


BUILDER = Company("20031001", "General Contractor")
STEELWORKS = Company("20031002", "Steel Works")
CONCRETEWORKS = Company("20031003", "Concrete Works")
ENGINEERS = Company("20031004", "Structural Engineers")
ARCHITECTS = Company("20031005", "Architects")
COMPANIES = (BUILDER, STEELWORKS, CONCRETEWORKS, ENGINEERS, ARCHITECTS)

REVIEW_ROLE = Company("20032001", "Design Reviewers")
"""A project role; roles share the id space of companies."""


ROLES = (REVIEW_ROLE,)


def _person(key: str, name: str, role: str, *groups: Company) -> Person:
    address = f"{name.lower().replace(' ', '.')}@example.com"
    return Person(key, name, address, known_autodesk_id(key), role, tuple(group.id for group in groups))


PEOPLE = (
    _person("manager", "Project Manager", "Submittals manager", BUILDER),
    _person("steel", "Steel Subcontractor", "responsible contractor for steel", STEELWORKS),
    _person("concrete", "Concrete Subcontractor", "responsible contractor for concrete", CONCRETEWORKS),
    _person("engineer", "Structural Engineer", "reviewer", ENGINEERS),
    _person("architect", "Design Architect", "reviewer", ARCHITECTS, REVIEW_ROLE),
    _person("member", "Site Observer", "project member who only reads", BUILDER),
    _person("admin", "Project Administrator", "Submittals administrator", BUILDER),
    _person("outsider", "Account Visitor", "signs in, but is in no project"),
)
"""Everybody who can sign in; the first is the project manager."""
