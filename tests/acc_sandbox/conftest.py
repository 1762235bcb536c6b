"""A sandbox of their own for tests, and requests to it that no client of ours has touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

import acc_sandbox
from acc_sandbox import Clock, Item, Sandbox

from .described import Description

SUBMITTALS = "/construction/submittals/v2/projects"
ATTACHMENT = {"name": "beams.pdf", "urnTypeId": "2"}


class Caller:
    """Plain HTTP requests with one person's token."""

    def __init__(self, box: Sandbox, client: httpx.Client, person: str) -> None:
        self.box = box
        self.client = client
        self.person = person

    def __call__(self, method: str, url: str, **more: Any) -> httpx.Response:
        """A request to any path of the API port."""
        return self.client.request(method, url, **more)

    def submittals(self, method: str, path: str, *, project: str = "riverside", **more: Any) -> httpx.Response:
        """A request below the project's Submittals base."""
        return self(method, f"{SUBMITTALS}/{self.box.project(project).id}{path}", **more)

    def actions(self, item: Item) -> dict[str, dict[str, Any]]:
        """The item's permitted actions by id."""
        answer = self.submittals("GET", f"/items/{item.id}")
        assert answer.status_code == 200, answer.text
        return {one["id"]: one for one in answer.json()["permittedActions"]}

    def attach(self, item: Item, **body: Any) -> httpx.Response:
        """POST an attachment; fields given as None are left out."""
        fields = {name: value for name, value in {**ATTACHMENT, **body}.items() if value is not None}
        return self.submittals("POST", f"/items/{item.id}/attachments", json=fields)

    def attachment(self, item: Item, attachment_id: str) -> dict[str, Any]:
        """One attachment of an item, from the list."""
        rows = self.submittals("GET", f"/items/{item.id}/attachments", params={"limit": 50}).json()["results"]
        return next(row for row in rows if row["id"] == attachment_id)

    def put(self, url: str, content: Any, **headers: str) -> httpx.Response:
        """PUT to storage, without the token."""
        return put(url, content, **headers)

    def put_part(self, url: str, content: Any) -> str:
        """PUT to storage; the part's bare hash, as a completion takes it."""
        return put_part(url, content)

    def signed_urls(self, upload_urn: str, **query: Any) -> httpx.Response:
        """GET signeds3upload of an object."""
        return self("GET", object_path(upload_urn), params=query)

    def complete(self, upload_urn: str, **body: Any) -> httpx.Response:
        """POST signeds3upload of an object."""
        return self("POST", object_path(upload_urn), json=body)

    def upload(self, upload_urn: str, content: bytes) -> None:
        """Send bytes as one part, and complete."""
        signed = self.signed_urls(upload_urn).json()
        etag = put_part(signed["urls"][0], content)
        answer = self.complete(upload_urn, uploadKey=signed["uploadKey"], size=len(content), eTags=[etag])
        assert answer.status_code == 200, answer.text

    def confirm(self, item: Item, attachment_id: str, **more: Any) -> httpx.Response:
        """PATCH isFileUploaded."""
        path = f"/items/{item.id}/attachments/{attachment_id}"
        return self.submittals("PATCH", path, json={"isFileUploaded": True}, **more)


def object_path(upload_urn: str, action: str = "signeds3upload") -> str:
    bucket, key = upload_urn.removeprefix("urn:adsk.objects:os.object:").split("/")
    return f"/oss/v2/buckets/{bucket}/objects/{key}/{action}"


def transport() -> httpx.HTTPTransport:
    # Reading the machine's certificates takes longer than a whole sandbox, and nothing here is https.
    return httpx.HTTPTransport(verify=False)


def put(url: str, content: Any, **headers: str) -> httpx.Response:
    """PUT to storage, as a client without any token."""
    with httpx.Client(transport=transport()) as client:
        return client.put(url, content=content, headers=headers)


def put_part(url: str, content: Any) -> str:
    """PUT to storage; the part's bare hash."""
    return put(url, content).headers["etag"].removeprefix('"').removesuffix('"')


def fetch(url: str, **headers: str) -> httpx.Response:
    """GET from storage."""
    with httpx.Client(transport=transport()) as client:
        return client.get(url, headers=headers)


@pytest.fixture
def storage_put() -> Callable[..., httpx.Response]:
    return put


@pytest.fixture
def storage_get() -> Callable[..., httpx.Response]:
    return fetch


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox whose clock stands still until a test moves it."""
    with acc_sandbox.running(clock=Clock(datetime(2026, 3, 2, 8, 30, tzinfo=UTC))) as running:
        yield running


@pytest.fixture
def description(box: Sandbox) -> Description:
    """What /openapi.json says; every answer that `caller`, `manager` and `anonymous` get is held to it."""
    return Description(box)


@pytest.fixture
def caller(box: Sandbox, description: Description) -> Iterator[Callable[..., Caller]]:
    """Makes a `Caller` for a person; further arguments go to `Sandbox.token`."""
    with ExitStack() as stack:

        def as_person(person: str = "manager", **token: Any) -> Caller:
            headers = {"Authorization": f"Bearer {box.token(person, **token)}"}
            client = httpx.Client(
                base_url=box.base_url,
                headers=headers,
                transport=transport(),
                event_hooks={"response": [description.check]},
            )
            return Caller(box, stack.enter_context(client), person)

        yield as_person


@pytest.fixture
def manager(caller: Callable[..., Caller]) -> Caller:
    return caller("manager")


@pytest.fixture
def anonymous(box: Sandbox, description: Description) -> Iterator[httpx.Client]:
    hooks = {"response": [description.check]}
    with httpx.Client(base_url=box.base_url, transport=transport(), event_hooks=hooks) as client:
        yield client
