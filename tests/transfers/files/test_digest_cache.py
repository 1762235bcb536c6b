"""What files hashed to, kept beside the jobs."""

import time
from pathlib import Path

import pytest

from persistence.database import Database
from persistence.migrations import migrate
from transfers.files.digest_cache import TABLES, DigestCache
from transfers.files.local_file import FileDigests, FileStamp

PATH, IDENTITY = Path("beam.pdf"), FileStamp(device=1, inode=2, size=11, modified_ns=3, changed_ns=4)
LATER = 1_000_000.0
"""Seconds since 1970, long after the file changed."""
DIGESTS = FileDigests("whole", ("first", "second"), 7)


@pytest.fixture
def store(database: Database) -> DigestCache:
    migrate(database, TABLES)
    return DigestCache(database)


def test_a_file_is_known_by_its_path_by_what_it_was_then_and_by_how_it_was_cut(store: DigestCache) -> None:
    store.keep(PATH, IDENTITY, 6, DIGESTS, LATER)
    assert store.find(PATH, IDENTITY, 6) == DIGESTS
    assert store.find(Path("other.pdf"), IDENTITY, 6) is None
    assert store.find(PATH, IDENTITY._replace(modified_ns=4), 6) is None
    assert store.find(PATH, IDENTITY._replace(changed_ns=5), 6) is None
    assert store.find(PATH, IDENTITY, 7) is None


def test_the_newest_digest_of_a_file_replaces_the_one_before(store: DigestCache) -> None:
    store.keep(PATH, IDENTITY, 6, DIGESTS, LATER)
    store.keep(PATH, IDENTITY, 11, FileDigests("other", ("other",), 8), LATER)
    assert (store.find(PATH, IDENTITY, 6), store.find(PATH, IDENTITY, 11)) == (
        None,
        FileDigests("other", ("other",), 8),
    )


def test_old_digests_are_pruned(store: DigestCache) -> None:
    store.keep(PATH, IDENTITY, 6, DIGESTS, LATER)
    store.prune(before=time.time() - 3600)
    assert store.find(PATH, IDENTITY, 6) == DIGESTS
    store.prune(before=time.time() + 3600)
    assert store.find(PATH, IDENTITY, 6) is None


@pytest.mark.parametrize(
    "known", [{"changed_ns": int(LATER * 1e9)}, {"changed_ns": 0, "modified_ns": int(LATER * 1e9)}]
)
@pytest.mark.parametrize(("after", "kept"), [(-3600.0, False), (0.0, False), (1.9, False), (2.1, True)])
def test_a_digest_younger_than_the_clocks_grain_is_not_kept(
    store: DigestCache, known: dict[str, int], after: float, kept: bool
) -> None:
    fresh = IDENTITY._replace(**known)
    store.keep(PATH, fresh, 6, DIGESTS, LATER + after)
    assert (store.find(PATH, fresh, 6) == DIGESTS) is kept


def test_a_digest_that_proved_wrong_is_dropped(store: DigestCache) -> None:
    other = IDENTITY._replace(inode=9)
    store.keep(PATH, IDENTITY, 6, DIGESTS, LATER)
    store.keep(PATH, other, 6, DIGESTS, LATER)
    store.drop(PATH, IDENTITY)
    assert (store.find(PATH, IDENTITY, 6), store.find(PATH, other, 6)) == (None, DIGESTS)
