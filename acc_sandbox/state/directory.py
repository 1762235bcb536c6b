"""Who there is in one sandbox: people, companies, project roles, and service accounts."""

from __future__ import annotations

from collections.abc import Iterable

from acc_sandbox.state.people import Company, Person
from acc_sandbox.state.store import Row, StateStore


class PeopleDirectory:
    """Everybody by key, id and address, kept in the store and read from it once."""

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
        """Somebody who can sign in, by key."""
        return next((one for one in self._people.values() if one.key == key), None)

    def by_id(self, autodesk_id: str) -> Person | None:
        """A person or a service account by Autodesk id."""
        return self._people.get(autodesk_id) or self._accounts.get(autodesk_id)

    def by_email(self, email: str) -> Person | None:
        """A person or a service account by address."""
        everybody = (*self._people.values(), *self._accounts.values())
        return next((one for one in everybody if one.email == email), None)

    def name_of(self, member: str | None) -> str:
        """What a person reads in place of an id; `-` for nobody."""
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
        """The id behind a person's key, or the name or id of a company or role; `LookupError` for nobody."""
        person = self.by_key(reference)
        if person is not None:
            return person.autodesk_id
        for group, (_, name) in self._groups.items():
            if reference in (group, name):
                return group
        raise LookupError(f"there is no person, company or role {reference}")

    def need_person(self, key: str) -> Person:
        """Somebody who can sign in, by key; `LookupError` for nobody."""
        person = self.by_key(key)
        if person is None:
            raise LookupError(f"there is no person {key}")
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
