"""Handle of a running sandbox, for tests and embedders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acc_sandbox.faults.plan import FaultPlan
from acc_sandbox.faults.request_log import RequestLog
from acc_sandbox.oauth.access_tokens import DEFAULT_SCOPES
from acc_sandbox.oauth.service_accounts import ServiceAccount, service_account
from acc_sandbox.seed.bulk import create_bulk_items
from acc_sandbox.seed.files import lineage_urn
from acc_sandbox.state.clock import Clock, stamp
from acc_sandbox.state.people import Person
from acc_sandbox.state.sandbox_state import (
    CONFIDENTIAL_CLIENT_ID,
    CONFIDENTIAL_CLIENT_SECRET,
    PUBLIC_CLIENT_ID,
    SERVER_CLIENT_ID,
    SERVER_CLIENT_SECRET,
    SandboxState,
)
from acc_sandbox.state.store import Row
from acc_sandbox.state.switches import Switches
from acc_sandbox.submittals.item_writes import create_revision
from acc_sandbox.submittals.processing import OBJECT_URN, run_due


@dataclass(frozen=True)
class Project:
    """A project; `id` is the UUID of Submittals, `dm_id` the same with `b.`."""

    key: str
    id: str
    name: str
    kind: str

    @property
    def dm_id(self) -> str:
        """As Data Management wants it."""
        return f"b.{self.id}"


@dataclass(frozen=True)
class Item:
    """A submittal item, as little of it as a test needs to find it."""

    id: str
    project_id: str
    number: str
    title: str
    state: str


@dataclass(frozen=True)
class Task:
    """A review task."""

    id: str
    step_id: str
    status: str
    assigned_to: str


@dataclass(frozen=True)
class File:
    """A file of the Files tool with its newest version."""

    item_urn: str
    version_urn: str
    name: str


class Sandbox:
    """A sandbox that runs: where it listens, who is in it, and the handles that move it.

    Addresses: `base_url`, `storage_url`. Handles: `clock`, `faults`, `requests`, `switches`.
    """

    client_id = PUBLIC_CLIENT_ID
    """A public client: PKCE, no secret."""
    confidential_client = (CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET)
    """Id and secret of a client with a redirect URI and a secret."""
    server_client = (SERVER_CLIENT_ID, SERVER_CLIENT_SECRET)
    """Id and secret of a Server-to-Server client, which owns the service accounts."""

    def __init__(self, state: SandboxState, *, callback_url: str) -> None:
        self._state = state
        self.base_url = state.origin
        self.storage_url = state.storage_origin
        self.callback_url = callback_url
        self.faults: FaultPlan = state.faults
        self.requests: RequestLog = state.requests

    @property
    def clock(self) -> Clock:
        """Time for everything in this sandbox."""
        return self._state.clock

    @property
    def switches(self) -> Switches:
        """Switches for what the documentation leaves open; assign to one and the next request sees it."""
        return self._state.switches

    @property
    def people(self) -> tuple[Person, ...]:
        """The people who can sign in; the first is the project manager."""
        return self._state.people.people

    @property
    def auto_approve(self) -> bool:
        """Whether authorize redirects at once, as the project manager."""
        return self._state.auto_approve

    @auto_approve.setter
    def auto_approve(self, on: bool) -> None:
        self._state.auto_approve = on

    def register_callback(self, url: str) -> None:
        """Add a redirect URI to both clients, exactly as it will be sent."""
        self._state.callback_urls.add(url)

    def reset(self) -> None:
        """Return to the state of a new start: its seed and switches, no faults, no log, the clock where it began."""
        self._state.reset()

    def person(self, key: str) -> Person:
        """A person by key, such as `manager`; `LookupError` for an unknown one."""
        return self._state.people.need_person(key)

    def token(self, person_key: str = "manager", scopes: str = DEFAULT_SCOPES, expires_in: int = 3599) -> str:
        """An access token for a person, as if they had just signed in."""
        return self._state.tokens.access_token(
            now=self.clock.now(),
            client_id=self.client_id,
            scopes=scopes.split(),
            seconds=expires_in,
            autodesk_id=self.person(person_key).autodesk_id,
        )

    def invite(self, email: str, project: str = "riverside", *, manager: bool = False, admin: bool = False) -> None:
        """Make a person a member of a project, as its administrator would; needed for a new service account.

        Raises `LookupError` for an unknown address or project.
        """
        project_id, moment = self.project(project).id, stamp(self.clock.now())
        self._state.people.invite(email, project_id, moment, manager=manager, admin=admin)

    def revise(self, item: Item) -> None:
        """Give an item its next revision, which people do in ACC's own pages; `LookupError` where it can have none."""
        create_revision(self._state, item.id)

    def deactivate(self, value: str, project: str = "riverside") -> None:
        """Take a response or an item type out of use by its words, which people do in ACC's own settings.

        Raises `LookupError` where the project has none of these words.
        """
        project_id = self.project(project).id
        tables = ("responses", "item_types")
        statement = "UPDATE {} SET isActive = 0 WHERE projectId = ? AND value = ?"
        if not sum(self._state.store.run(statement.format(table), project_id, value) for table in tables):
            raise LookupError(f"project {project!r} has no response and no item type {value!r}")

    def service_account(self) -> ServiceAccount:
        """The service account of the Server-to-Server client."""
        return service_account(self._state)

    def project(self, key: str = "riverside") -> Project:
        """A project by key: `riverside` and `harbor` are ACC, `mill` is BIM 360."""
        row = self._state.store.row("SELECT * FROM projects WHERE key = ?", key)
        if row is None:
            known = self._state.store.rows("SELECT key FROM projects ORDER BY rowid")
            raise LookupError(f"there is no project {key!r}; there are {', '.join(one['key'] for one in known)}")
        return Project(row["key"], row["id"], row["name"], row["projectType"])

    def item(self, number: str, project: str = "riverside") -> Item:
        """An item by the number that people see, such as `05 12 00-3`; spaces do not matter."""
        create_bulk_items(self._state)
        row = self._state.store.row(
            "SELECT * FROM item_rows WHERE projectId = ? AND customIdentifierHumanReadable = ?",
            self.project(project).id,
            number.replace(" ", ""),
        )
        if row is None:
            raise LookupError(f"project {project!r} has no submittal {number!r}; `items()` lists those that it has")
        return _item(row)

    def items(self, state: str | None = None, project: str = "riverside") -> list[Item]:
        """Every item of a project, or those in a state, in the order of their running numbers."""
        create_bulk_items(self._state)
        rows = self._state.store.rows(
            "SELECT * FROM item_rows WHERE projectId = ? AND stateId = COALESCE(?, stateId) ORDER BY identifier",
            self.project(project).id,
            state,
        )
        return [_item(row) for row in rows]

    def tasks(self, item: Item) -> list[Task]:
        """The review tasks of an item, in order."""
        rows = self._state.store.rows(
            "SELECT tasks.* FROM tasks JOIN steps ON steps.id = tasks.stepId WHERE tasks.itemId = ?"
            " ORDER BY stepNumber, position",
            item.id,
        )
        return [Task(row["id"], row["stepId"], row["status"], row["assignedTo"]) for row in rows]

    def file(self, path: str, project: str = "riverside") -> File:
        """A seeded file by path, such as `Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf`."""
        row = self._state.store.row(
            "SELECT * FROM files WHERE id = ?", lineage_urn(self._state, self.project(project).key, path)
        )
        if row is None:
            raise LookupError(
                f"project {project!r} has no seeded file {path!r}; its seed names them by their whole path"
            )
        return File(row["id"], row["tipId"], row["displayName"])

    def object_bytes(self, upload_urn: str) -> bytes:
        """The bytes of a completed object, by its `uploadUrn`; `LookupError` when it was never completed."""
        urn = OBJECT_URN + upload_urn.removeprefix(OBJECT_URN)
        stored = self._state.store.row("SELECT * FROM objects WHERE id = ?", urn)
        if stored is None:
            raise LookupError(f"there is no completed object {upload_urn!r}")
        return b"".join(self._state.blob(blob["name"]).read_bytes() for blob in stored["blobs"])

    def attachments(self, item: Item) -> list[Mapping[str, object]]:
        """The stored attachments of an item, oldest first, as ACC would show them once everything due has happened."""
        run_due(self._state)
        rows = self._state.store.rows("SELECT * FROM attachments WHERE itemId = ? ORDER BY createdAt, rowid", item.id)
        return list(rows)


def _item(row: Row) -> Item:
    number = row["customIdentifierHumanReadable"]
    return Item(row["id"], row["projectId"], number, row["title"], row["stateId"])
