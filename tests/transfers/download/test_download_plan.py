"""Names that every system takes, the stretches that URLs hold, and what an answer to a range means."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acc.models.files import DownloadLink, SignedUrl
from transfers.download.download_plan import (
    MANIFEST,
    MAX_BYTES,
    ByteSegment,
    UnusableLink,
    answer_start,
    folder_name,
    free_name,
    range_header,
    safe_name,
    segments,
)

URL = SignedUrl("https://storage.example/object")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
texts = st.text(max_size=300) | st.text(alphabet="./\\: aCONnul1\u202e\u0301é", max_size=40)


@given(texts)
def test_a_safe_name_is_one_component_that_every_system_takes(name):
    safe = safe_name(name)
    assert safe
    assert safe_name(safe) == safe
    assert len(safe.encode()) <= MAX_BYTES
    assert not set(safe) & set('<>:"/\\|?*\0\n\r\t')
    assert safe.isprintable() or all(one.isprintable() or unicodedata.category(one)[0] in "CZ" for one in safe)
    assert safe not in (".", "..")
    assert not safe.startswith(".")
    assert safe == safe.strip() == safe.rstrip(".")
    assert not RESERVED.fullmatch(safe.partition(".")[0].strip())


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Beam shops Rev B.pdf", "Beam shops Rev B.pdf"),
        ("Träger \u2013 Übersicht.pdf", "Träger \u2013 Übersicht.pdf"),
        ("a/b\\c:d.pdf", "a-b-c-d.pdf"),
        ("../../.ssh/id", "_.-..-.ssh-id"),
        ("CON.pdf", "_CON.pdf"),
        ("com1", "_com1"),
        (".bashrc", "_bashrc"),
        ("report.pdf. . ", "report.pdf"),
        ("", "attachment"),
        ("...", "attachment"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_names_as_people_and_attackers_write_them(name, safe):
    assert safe_name(name) == safe


def test_a_folder_is_called_by_number_and_title():
    assert folder_name("051200-3", "Beams / columns") == "051200-3 - Beams - columns"
    assert folder_name("", "") == "submittal"


@given(texts, st.lists(texts, max_size=8))
def test_a_free_name_is_safe_and_none_of_those_that_are_taken(name, others):
    taken = [safe_name(one) for one in others]
    free = free_name(safe_name(name), taken)
    keys = {unicodedata.normalize("NFKC", one).casefold() for one in (*taken, MANIFEST)}
    assert unicodedata.normalize("NFKC", free).casefold() not in keys


def test_names_that_differ_in_case_only_do_not_meet_on_a_disk():
    assert free_name("Beam.PDF", ["beam.pdf"]) == "Beam (2).PDF"
    assert free_name("a.pdf", ["A.pdf", "a (2).pdf"]) == "a (3).pdf"
    assert free_name(MANIFEST, []) == "submittal-manifest (2).json"


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_urls_of_byte_ranges_hold_the_object_in_order_without_gap(sizes, random):
    urls, place = {}, 0
    for size in sizes:
        urls[f"{place}-{place + size - 1}"] = URL.value
        place += size
    shuffled = list(urls.items())
    random.shuffle(shuffled)
    found = segments(DownloadLink.model_validate({"status": "chunked", "urls": dict(shuffled), "size": place}))
    assert [one.start for one in found] == [0, *(one.end for one in found[:-1])]
    assert found[-1].end == place


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"urls": {}},
        {"urls": {"0-9": URL.value, "11-19": URL.value}, "size": 20},
        {"urls": {"0-9": URL.value, "9-19": URL.value}, "size": 20},
        {"urls": {"5-9": URL.value}, "size": 10},
        {"urls": {"0-9": URL.value}, "size": 20},
        {"urls": {"all": URL.value}, "size": 20},
        {"urls": {"9-0": URL.value}},
    ],
)
def test_a_link_that_does_not_hold_the_whole_object_is_not_used(link):
    with pytest.raises(UnusableLink):
        segments(DownloadLink.model_validate({"status": "chunked", **link}))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9))
def test_an_answer_to_a_range_begins_where_the_file_ends(start, have, more):
    segment = ByteSegment(URL, start, start + have + more)
    place = start + have
    assert range_header(segment, place) == ({"Range": f"bytes={have}-"} if have else {})
    total = have + more
    right = {"content-range": f"bytes {have}-{total - 1}/{total}"}
    assert answer_start(segment, place, 206, right) == place
    assert answer_start(segment, place, 200, {}) == start
    assert answer_start(segment, place, 206, {"content-range": f"bytes {have + 1}-{total}/{total}"}) is None
    for status, headers in ((206, {}), (403, right), (416, right), (302, {}), (206, {"content-range": "bytes */9"})):
        assert answer_start(segment, place, status, headers) is None
