"""Whatever a file is called: it goes to the submittal that its name singles out, or is left out, and never elsewhere."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tools.lookup.file_matching import RegisterRow, SubmittalRegister

TABLE = (Path(__file__).parent / "file_names.txt").read_text(encoding="utf-8").splitlines()
ROWS = tuple(
    RegisterRow(number, number, title, re.sub(r"\D", "", number)[:6])
    for number, bar, title in (line.partition(" | ") for line in TABLE)
    if bar
)
NAMES = {name: expected for name, arrow, expected in (line.rpartition(" -> ") for line in TABLE) if arrow}
REGISTER = SubmittalRegister(ROWS)


def outcome(register: SubmittalRegister, name: str) -> str:
    found = register.match(name)
    return f"{found.row.number} by {found.matched_by}" if found.row else str(found.failure)


@pytest.mark.parametrize("name", NAMES)
def test_file_name_goes_to_the_submittal_it_singles_out_or_is_left_out(name: str) -> None:
    assert outcome(REGISTER, name) == NAMES[name]


def test_table_holds_names_of_every_kind() -> None:
    kinds = Counter(expected.rpartition(" ")[2] for expected in NAMES.values())
    assert len(NAMES) >= 200
    assert (
        min(kinds[kind] for kind in ("number", "spec_section", "title", "none", "several", "uncertain", "temporary"))
        >= 10
    )


def test_candidates_of_an_ambiguous_name_are_told() -> None:
    found = REGISTER.match("051200-3 and 033100-1.pdf")
    assert [row.number for row in found.candidates] == ["051200-3", "033100-1"]


SHORT = (
    RegisterRow("a", "12", "Door schedule"),
    RegisterRow("b", "13", "Window schedule"),
    RegisterRow("c", "A-012", "Carpet samples"),
    RegisterRow("d", "14", "Level 3 ceilings"),
    RegisterRow("e", "2.03", "Slab reinforcement"),
    RegisterRow("f", "5", "Rebar shop drawings"),
    RegisterRow("g", "60", "Rebar mill certificates"),
    RegisterRow("h", "2", "Copper pipe"),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("12 door schedule.pdf", "12 by number"),
        ("012_Door_Schedule_RevB.pdf", "12 by number"),
        ("Submittal 12.pdf", "12 by number"),
        ("SUB-013 windows.pdf", "13 by number"),
        ("A-012 carpet.pdf", "A-012 by number"),
        ("A012 carpet.pdf", "A-012 by number"),
        ("A-012 floor plan.pdf", "none"),
        ("12 sets of drawings.pdf", "none"),
        ("2.3 slab.pdf", "2.03 by number"),
        ("23 slab.pdf", "none"),
        ("12.5 mm board.pdf", "none"),
        ("12 windows.pdf", "none"),
        ("3 ceilings level.pdf", "14 by title"),
        ("Submittal 13 door schedule.pdf", "several"),
        ("Door schedule level 12.pdf", "none"),
        ("Scan 12.pdf", "none"),
        ("2026-03-12.pdf", "none"),
        ("12.pdf", "none"),
        ("A-012.pdf", "none"),
        ("12% doors.pdf", "none"),
        ("Transmittal 12 door schedule.pdf", "none"),
        ("Invoice 12 door schedule.pdf", "none"),
        ("Submittal 12 and 13.pdf", "several"),
        ("Submittal 12, 13 doors.pdf", "several"),
        ("14 ceilings level 4.pdf", "uncertain"),
        ("#5 rebar.pdf", "uncertain"),
        ("No. 5 rebar.pdf", "uncertain"),
        ("5 rebar mats.pdf", "uncertain"),
        ("5 - Rebar.pdf", "5 by number"),
        ("#5 rebar shop drawings.pdf", "5 by number"),
        ("Section 5 rebar shop drawings.pdf", "uncertain"),
        ("60 ksi rebar mill certs.pdf", "none"),
        ('2" copper pipe.pdf', "none"),
        ("2# copper pipe.pdf", "none"),
        ("2 in copper pipe.pdf", "none"),
        ("2 copper pipe.pdf", "2 by number"),
        ("A012 carpet floor plan.pdf", "uncertain"),
        ("Submittal 2 day review.pdf", "none"),
        ("Submittals 2 60.pdf", "several"),
    ],
)
def test_number_without_a_section_needs_something_that_bears_it_out(name: str, expected: str) -> None:
    assert outcome(SubmittalRegister(SHORT), name) == expected


LABELLED = (
    RegisterRow("a", "055100-1", "Handrail shop drawings, stair A", "055100"),
    RegisterRow("b", "055100-2", "Handrail shop drawings, stair B", "055100"),
    RegisterRow("c", "078413-1", "Penetration firestopping, level 2 phase 1", "078413"),
    RegisterRow("d", "078413-2", "Penetration firestopping, levels 3 and 4 phase 2", "078413"),
    RegisterRow("e", "032000-1", "Foundation rebar part 1", "032000"),
    RegisterRow("f", "072100-1", "Batt insulation R-19", "072100"),
    RegisterRow("g", "265100-1", "Light fixtures, levels 2-5", "265100"),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Handrail stair B shops.pdf", "055100-2 by title"),
        ("055100 handrail stair A.pdf", "055100-1 by spec_section"),
        ("Handrail stair C shops.pdf", "none"),
        ("055100-2 stair A.pdf", "several"),
        ("Penetration firestopping phase 2.pdf", "078413-2 by title"),
        ("078413 level 4.pdf", "078413-2 by spec_section"),
        ("078413 level 1.pdf", "none"),
        ("Penetration firestopping level 2 phase 1 (3).pdf", "078413-1 by title"),
        ("Foundation rebar part 1.pdf", "032000-1 by title"),
        ("Foundation rebar part 2.pdf", "none"),
        ("078413-1 L3.pdf", "several"),
        ("Penetration firestopping L2 phase 1.pdf", "078413-1 by title"),
        ("Batt insulation R13.pdf", "none"),
        ("265100-1 fixtures level 4.pdf", "265100-1 by number"),
        ("265100-1 fixtures level 6.pdf", "uncertain"),
    ],
)
def test_level_stair_or_part_in_a_name_is_the_one_of_the_title(name: str, expected: str) -> None:
    assert outcome(SubmittalRegister(LABELLED), name) == expected


SECTIONS = ["051200", "052100", "033100", "081416", "079200"]
WORDS = ["beam", "column", "stair", "anchor", "glazing", "insulation", "railing", "sealant"]
KINDS = {"shop drawings": "drawings", "samples": "samples", "product data": "data", "": ""}
LABELS = ["level 2", "level 3", "area a", "area b", ""]
LABELLED_OTHERWISE = [(LABELS[one], LABELS[one ^ 1]) for one in range(4)]
BEFORE = ["", "", "", "0", "1", "x", "abc", "A-", "10 ", "+49 ", "555 ", "INV-", "P.O. ", "factura ", "Invoice No. "]
AFTER = ["", "", "", "0", "a", "-7", ".5", " y 4", " bis 4"]
STRANGE = r"(?:555 |INV-|P\.O\. |factura )"
BESIDE = ["RevB", "2026-03-14", "signed", "(2)", "heat 051200", "20260314", "sheet 3 of 7", "FINAL", "ABC", "4", "0512"]


@st.composite
def registers(draw: st.DrawFn) -> list[RegisterRow]:
    """Submittals of few sections and words, so that many are much alike; sometimes numbered without a section."""
    rows = []
    for place in range(draw(st.integers(1, 10))):
        section, sequence = draw(st.sampled_from(SECTIONS)), draw(st.integers(1, 12))
        words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True))
        title = " ".join([*words, draw(st.sampled_from(LABELS)), draw(st.sampled_from(list(KINDS)))])
        title = " ".join(title.split())
        number = draw(st.sampled_from([f"{section}-{sequence}", f"{section}-{sequence:02}", f"{sequence}"]))
        rows.append(RegisterRow(str(place), number, title, section, revision=draw(st.integers(0, 2))))
    return rows


@st.composite
def names(draw: st.DrawFn) -> str:
    """What offices call files: numbers, sections and words in all orders, and what looks like them."""
    section, sequence = draw(st.sampled_from(SECTIONS)), draw(st.integers(1, 12))
    spaced = draw(st.sampled_from([section, f"{section[:2]} {section[2:4]} {section[4:]}", f"{int(section)}"]))
    dash = draw(st.sampled_from(["-", " - ", "_", " ", "\u2013"]))
    spelt = draw(st.sampled_from([f"{spaced}{dash}{sequence}", f"{spaced}{dash}{sequence:03}", spaced, str(sequence)]))
    spelt = f"{draw(st.sampled_from(BEFORE))}{spelt}{draw(st.sampled_from(AFTER))}"
    words = draw(st.lists(st.sampled_from([*WORDS, "beams", "paint", *KINDS, *LABELS]), max_size=3, unique=True))
    beside = draw(st.lists(st.sampled_from(BESIDE), max_size=2, unique=True))
    parts = draw(st.permutations([*draw(st.sampled_from([[spelt], []])), *words, *beside]))
    return draw(st.sampled_from([" ", "_", " - "])).join(part for part in parts if part) + ".pdf"


def spells(name: str, row: RegisterRow, before: str = "") -> bool:
    """Whether a name holds a row's number by itself: its digits in order, between them nothing but separators.

    Neither digits nor letters belong to it, nor does a dash or dot tie any to it, but for a word like SUB.
    """
    section, dash, sequence = row.number.rpartition("-")
    between = r"[\s_.\u2013-]*"
    spelt = rf"0?{between.join(section.lstrip('0'))}[\s_.\u2013-]+0*{int(sequence)}" if dash else rf"0*{int(sequence)}"
    alone = r"(?<![^\W_])(?<!\d[.-])(?<!\b[A-Za-z][.-])(?<!\+49 )"
    return re.search(rf"{before or alone}{spelt}(?![^\W_]|[.-]\d|(?: y| bis) 4)", name) is not None


def words_in(name: str) -> set[str]:
    return {word for word in WORDS if word in name}


ONE = [RegisterRow("0", "051200-1", "beam"), RegisterRow("1", "051200-11", "beam")]


@given(registers(), names())
@example(ONE, "051200-1 beam.pdf")
@example(ONE, "0051200-1 x.pdf")
@example(ONE, "factura 051200-1.pdf")
@example(ONE, "Invoice No. 051200-1.pdf")
@example(ONE, "051200-1 y 4.pdf")
@example([RegisterRow("0", "051200-1", "beam level 2 area a", "051200")], "beam area a level 3.pdf")
def test_no_name_goes_to_a_submittal_that_it_does_not_single_out(rows: list[RegisterRow], name: str) -> None:
    found = SubmittalRegister(rows).match(name)
    if found.row is None:
        assert found.matched_by is None
        assert found.failure is not None
        return
    row, others = found.row, [one for one in rows if one is not found.row]
    if found.matched_by == "number":
        assert spells(name, row)
        assert not spells(name, row, STRANGE) or any(word in name for word in row.title.split())
        assert not spells(name, row, "Invoice No. ")
        assert not any(one.number.lstrip("0") == row.number.lstrip("0") for one in others)
        assert not any("-" in one.number and int(one.number.rpartition("-")[2]) != int(row.number.rpartition("-")[2])
                       and spells(name, one) for one in others)  # fmt: skip
    else:
        alike = [one for one in others if found.matched_by == "title" or section_of(one) == section_of(row)]
        assert all(word in row.title for word in words_in(name))
        assert "paint" not in name
        assert not any(one in name and one not in row.title and other in row.title for one, other in LABELLED_OTHERWISE)
        assert not any(same_title(one, row) for one in alike)
        if found.matched_by == "spec_section":
            assert str(int(section_of(row))) in re.sub(r"[\s_.-]", "", name)
        else:
            assert words_in(name)


def section_of(row: RegisterRow) -> str:
    return row.number.rpartition("-")[0] or row.section


def same_title(one: RegisterRow, other: RegisterRow) -> bool:
    return set(one.title.split()) == set(other.title.split())


@given(registers(), names(), st.randoms())
def test_order_of_the_register_changes_no_match(rows: list[RegisterRow], name: str, dice: random.Random) -> None:
    shuffled = list(rows)
    dice.shuffle(shuffled)
    assert outcome(SubmittalRegister(shuffled), name) == outcome(SubmittalRegister(rows), name)


@given(registers(), names())
def test_second_submittal_of_the_same_number_and_title_makes_a_name_ambiguous(
    rows: list[RegisterRow], name: str
) -> None:
    found = SubmittalRegister(rows).match(name)
    if found.row is not None:
        twin = replace(found.row, id="twin")
        assert outcome(SubmittalRegister([*rows, twin]), name) in ("several", "uncertain", "none")


@given(registers(), names())
def test_number_of_a_submittal_that_is_gone_goes_to_no_other(rows: Sequence[RegisterRow], name: str) -> None:
    found = SubmittalRegister(rows).match(name)
    if found.row is not None and found.matched_by == "number" and "-" in found.row.number:
        left = [row for row in rows if row is not found.row]
        again = SubmittalRegister(left).match(name)
        assert again.row is None or again.matched_by == "number"
        assert again.row is None or "-" not in again.row.number


@given(st.text(max_size=60), registers())
def test_any_text_is_matched_without_a_failure(name: str, rows: list[RegisterRow]) -> None:
    SubmittalRegister([*rows, RegisterRow("x", name, name, name)]).match(name)
