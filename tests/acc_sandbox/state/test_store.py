"""The database behind a sandbox: long lists page by page, and what a bulk of items leaves behind."""

from contextlib import suppress
from pathlib import Path

import httpx
import pytest

import acc_sandbox
from acc_sandbox.state.store import StateStore
from tests.conftest import NO_TRUST

COUNT = "SELECT COUNT(*) FROM specs"
INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name"


def test_pages_of_a_long_list_are_the_same_however_often_it_was_paged_through() -> None:
    with acc_sandbox.running(items=1500) as box:
        project = box.project().id
        base = f"{box.base_url}/construction/submittals/v2/projects/{project}/items"
        headers = {"Authorization": f"Bearer {box.token()}"}
        with httpx.Client(verify=NO_TRUST, headers=headers) as http:

            def pages() -> list[str]:
                found: list[str] = []
                for offset in range(0, 1550, 50):
                    answer = http.get(base, params={"limit": 50, "offset": offset}).json()
                    found += [row["id"] for row in answer["results"]]
                assert answer["pagination"]["totalResults"] == len(found)
                return found

            first = pages()
            assert len(set(first)) == len(first) > 1500
            assert pages() == first
            box.revise(box.item("051200-3"))
            assert pages() == first


def test_a_change_is_seen_on_the_next_page() -> None:
    store = StateStore(None)
    store.run("INSERT INTO facts (name, value) VALUES ('x', 'y')")
    for number in range(2000):
        store.insert("timers", {"number": number, "dueAt": f"{number:05}", "kind": "k", "subject": "s"})
    ordered = "SELECT number FROM timers WHERE kind = ? ORDER BY dueAt"

    def far() -> list[int]:
        return store.page(ordered, "k", limit=3, offset=1000)

    assert [far() for _ in range(3)] == [[1000, 1001, 1002]] * 3
    store.run("DELETE FROM timers WHERE number = 5")
    assert [far() for _ in range(3)] == [[1001, 1002, 1003]] * 3
    with suppress(ZeroDivisionError), store.transaction():
        store.run("DELETE FROM timers WHERE number < 900")
        assert [far() for _ in range(2)] == [[1900, 1901, 1902]] * 2
        raise ZeroDivisionError
    assert [far() for _ in range(2)] == [[1001, 1002, 1003]] * 2
    store.close()


@pytest.mark.parametrize("items", [0, 50])
def test_a_bulk_of_items_leaves_every_index(tmp_path: Path, items: int) -> None:
    with acc_sandbox.running(data=tmp_path / "data", items=items) as box:
        assert box.items()
        path = f"/construction/submittals/v2/projects/{box.project().id}/items?limit=1"
        headers = {"Authorization": f"Bearer {box.token()}"}
        assert httpx.get(f"{box.base_url}{path}", headers=headers, verify=NO_TRUST).status_code == 200
    store, empty = StateStore(tmp_path / "data" / "sandbox.sqlite3"), StateStore(None)
    assert store.column(INDEXES) == empty.column(INDEXES)
    store.close()
    empty.close()


def test_a_count_follows_each_change_and_none_that_was_rolled_back() -> None:
    store = StateStore(None)
    store.insert("specs", {"id": "1", "projectId": "p", "identifier": "099100", "title": "Paint"})
    assert store.count(COUNT) == 1
    store.insert("specs", {"id": "2", "projectId": "p", "identifier": "099200", "title": "Varnish"})
    assert store.count(COUNT) == 2
    with suppress(ZeroDivisionError), store.transaction():
        store.run("DELETE FROM specs")
        assert store.count(COUNT) == 0
        raise ZeroDivisionError
    assert store.count(COUNT) == 2
    store.close()
