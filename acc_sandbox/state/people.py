"""People, companies and project roles: the classes, stable ids, and the directory of a sandbox."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from acc_sandbox.state.store import Row, StateStore

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
    """A person who can sign in.

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


class PeopleDirectory:
    """Directory of all people by key, id and address, kept in the store and read from it once."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._people: dict[str, Person] = {}
        self._accounts: dict[str, Person] = {}
        self._groups: dict[str, tuple[str, str]] = {}
        self.read()

    def read(self) -> None:
        """Take over what the store holds."""
        rows = self._store.rows("SELECT * FROM people ORDER BY rowid")
        self._people = {row["id"]: _person(row) for row in rows if row["clientId"] is None}
        self._accounts = {row["id"]: _person(row) for row in rows if row["clientId"] is not None}
        rows = self._store.rows("SELECT * FROM people_groups ORDER BY rowid")
        self._groups = {row["id"]: (row["userType"], row["name"]) for row in rows}

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody who can sign in; the first is who auto-approval signs in."""
        return tuple(self._people.values())

    def by_key(self, key: str) -> Person | None:
        """A person who can sign in, by key."""
        return next((one for one in self._people.values() if one.key == key), None)

    def by_id(self, autodesk_id: str) -> Person | None:
        """A person or a service account by Autodesk id."""
        return self._people.get(autodesk_id) or self._accounts.get(autodesk_id)

    def by_email(self, email: str) -> Person | None:
        """A person or a service account by address."""
        everybody = (*self._people.values(), *self._accounts.values())
        return next((one for one in everybody if one.email == email), None)

    def name_of(self, member: str | None) -> str:
        """Name that a person reads in place of an id; `-` for none."""
        if not member:
            return "-"
        person = self.by_id(member)
        return person.name if person else self._groups.get(member, ("", member))[1]

    def user_type_of(self, member: str) -> str:
        """`"1"` user, `"2"` company or `"3"` role for an id (fact sheet 0)."""
        return self._groups.get(member, ("1", ""))[0]

    def is_group(self, member: str, user_type: str) -> bool:
        """Whether an id is that of a company (`"2"`) or role (`"3"`)."""
        return self._groups.get(member, ("", ""))[0] == user_type

    def need(self, reference: str) -> str:
        """The id behind a person's key, or the name or id of a company or role; `LookupError` for an unknown one."""
        person = self.by_key(reference)
        if person is not None:
            return person.autodesk_id
        for group, (_, name) in self._groups.items():
            if reference in (group, name):
                return group
        raise LookupError(f"there is no person, company or role {reference}")

    def need_person(self, key: str) -> Person:
        """A person who can sign in, by key; `LookupError` for an unknown one."""
        person = self.by_key(key)
        if person is None:
            raise LookupError(f"there is no person {key!r}; there are {', '.join(one.key for one in self.people)}")
        return person

    def fill(self, people: Iterable[Person], companies: Iterable[Company], roles: Iterable[Company]) -> None:
        """Write a new sandbox's people and groups, and read them."""
        for user_type, groups in (("2", companies), ("3", roles)):
            for group in groups:
                row = {"id": group.id, "name": group.name, "userType": user_type}
                self._store.insert("people_groups", row)
        for person in people:
            self._insert(person, None)
        self.read()

    def add_account(self, account: Person, client_id: str) -> None:
        """A service account that an application has made."""
        self._insert(account, client_id)
        self._accounts[account.autodesk_id] = account

    def invite(self, email: str, project_id: str, moment: str, *, manager: bool, admin: bool) -> None:
        """Make a person or service account a member of a project, as Submittals manager or administrator if wanted.

        Administrators do so in ACC's own pages. Raises `LookupError` for an unknown address.
        """
        person = self.by_email(email)
        if person is None:
            raise LookupError(f"there is no person or service account with the address {email}")
        who = {"projectId": project_id, "autodeskId": person.autodesk_id}
        with self._store.transaction():
            self._store.run(
                "INSERT INTO members (projectId, autodeskId, isAdmin) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET isAdmin = MAX(isAdmin, excluded.isAdmin)",
                *who.values(),
                int(admin),
            )
            known = self._store.row("SELECT id FROM mappings WHERE projectId = ? AND autodeskId = ?", *who.values())
            if manager and known is None:
                row = {"id": str(uuid.uuid4()), "userType": "1", "submittalsRole": "1", **who}
                row |= {"createdAt": moment, "createdBy": person.autodesk_id}
                self._store.insert("mappings", row | {"updatedAt": moment, "updatedBy": person.autodesk_id})

    def remove_account(self, account_id: str) -> None:
        """Forget a service account."""
        self._store.run("DELETE FROM people WHERE id = ? AND clientId IS NOT NULL", account_id)
        self._accounts.pop(account_id, None)

    def _insert(self, person: Person, client_id: str | None) -> None:
        self._store.insert(
            "people",
            {
                "id": person.autodesk_id,
                "key": person.key,
                "name": person.name,
                "email": person.email,
                "role": person.role,
                "memberOf": list(person.groups),
                "clientId": client_id,
            },
        )


def _person(row: Row) -> Person:
    return Person(row["key"], row["name"], row["email"], row["id"], row["role"], tuple(row["memberOf"]))
