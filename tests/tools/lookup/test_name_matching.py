"""Whatever way people name a submittal: the row that is named is found or asked about, and never another one taken."""

# ruff: noqa: RUF001  # look-alike characters are what people paste

import random
from itertools import pairwise

import pytest

from acc_sandbox.seed.default import DEFAULT
from tools.lookup.references import NameWords, all_found, closest, fitting, root

ROWS = [
    (f"{item.spec}-{item.number}" if item.number else "", item.title)
    for project in DEFAULT.projects
    if project.key == "riverside"
    for item in project.items
]
NOUNS = [
    "beam",
    "column",
    "door",
    "window",
    "stair",
    "rail",
    "panel",
    "duct",
    "pump",
    "valve",
    "roof",
    "deck",
    "joist",
    "anchor",
    "bolt",
    "plate",
    "sealant",
    "glazing",
]
KINDS = ["shop drawings", "product data", "samples", "certificates", "test reports", "schedule", "layout drawing"]
SCRIPTS = ["Стальные балки", "鉄骨梁の図面", "رسومات الحديد", "Stahlträger, Übersicht"]
REGISTERS = 2000


def register(dice: random.Random) -> list[tuple[str, str]]:
    """Numbers of one way of numbering, reused now and then, and titles of few words, so that many are much alike."""
    way = dice.choice(["spec", "global", "custom", "spaced"])
    rows = []
    for _ in range(dice.randint(2, 14)):
        section, sequence = dice.choice(["051200", "052100", "033100", "0512001", "051200.13"]), dice.randint(1, 30)
        number = {
            "spec": f"{section}-{sequence}",
            "global": f"{sequence}",
            "custom": f"{dice.choice('ABC')}-{sequence:03}",
            "spaced": f"{section[:2]} {section[2:4]} {section[4:6]}-{sequence:02}",
        }[way]
        words = [*dice.sample(NOUNS, dice.randint(1, 2)), dice.choice(KINDS)]
        title = dice.choice([" ".join(words), f"{words[0]}, level {sequence}", dice.choice(SCRIPTS), number])
        rows.append((number, title.capitalize()))
    return rows


def number_spelt(dice: random.Random, number: str) -> str:
    """A number with the separators, zeros and surroundings that people use."""
    section, dash, sequence = number.rpartition("-")
    if dash and section.isdigit() and len(section) == 6 and dice.random() < 0.5:
        section = dice.choice([" ", "."]).join((section[:2], section[2:4], section[4:]))
    spelt = f"{section}{dice.choice(['-', ' - ', '–', ' – ']) if dash else ''}{sequence}"
    return dice.choice(
        [
            spelt,
            f"#{spelt}",
            f'"{spelt}"',
            f"submittal {spelt}",
            f"Submittal no. {spelt}",
            f"the item {spelt}",
            f"({spelt})",
        ]
    )


def phrasings(dice: random.Random, number: str, title: str) -> list[str]:
    """Ways to name a row: by its number, by its title or words of it in any order, by both."""
    words = [word for word in title.replace(",", " ").split() if len(word) > 1 or word.isdigit()]
    some = dice.sample(words, dice.randint(1, len(words)))
    spelt = number_spelt(dice, number)
    found = [title, title.upper(), f"the {title} submittal", " ".join(some), f"“{' '.join(some)}”"]
    return [*found, spelt, f"{spelt}: {title}", f"{title} ({number})"] if number else found


def check(rows: list[tuple[str, str]], place: int, words: str) -> bool:
    """Whether the row is found alone; fails where another row alone is."""
    _, places = fitting(words, rows)
    assert len(places) != 1 or rows[places[0]] == rows[place], (words, rows[place], rows[places[0]])
    assert place in places or rows[place] in [rows[one] for one in places], (words, rows[place], rows)
    return len(places) == 1


@pytest.mark.parametrize("place", range(len(ROWS)), ids=lambda place: ROWS[place][1])
def test_no_way_to_name_a_row_of_the_sandbox_leads_to_another(place):
    dice = random.Random(place)
    for _ in range(40):
        for words in phrasings(dice, *ROWS[place]):
            check(ROWS, place, words)


def test_no_way_to_name_a_row_of_two_thousand_registers_leads_to_another():
    dice = random.Random(17)
    alone = total = 0
    for _ in range(REGISTERS):
        rows = register(dice)
        place = dice.randrange(len(rows))
        for words in phrasings(dice, *rows[place]):
            alone += check(rows, place, words)
            total += 1
    assert alone / total > 0.5, "most names are those of one row"


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("#051200-3", "051200-3"),
        ('"05 12 00-3"', "051200-3"),
        ("submittal 05.12.00 – 3", "051200-3"),
        ("051200-003", "051200-3"),
        ("the beam drawings", "051200-3"),
        ("drawings of the beam", None),
        ("Beam drawing", "051200-3"),
        ("051200-3 Structural steel beam shop drawings", "051200-3"),
        ("Structural steel beam shop drawings (051200-3)", "051200-3"),
        ("051200-3, revision 1", "051200-3"),
        ("the steel submittal", None),
        ("051200-33", None),
        ("51200-3", "051200-3"),
        ("512003", "051200-3"),
        ("051200-3-1", None),
        ("1 051200-3", None),
        ("beem drawings", None),
        ("gypsum samples", ""),
        ("ｓｔｅｅｌ joists", "052100-1"),
        ("051200-3 east wing column", None),
    ],
)
def test_typed_words_single_out_one_row_or_none(words, number):
    _, places = fitting(words, ROWS)
    assert (ROWS[places[0]][0] if len(places) == 1 else None) == number


def test_a_number_contradicted_by_the_title_of_another_row_is_asked_about():
    quality, places = fitting("051200-3 column shop drawings, east wing", ROWS)
    assert quality == "near"
    assert {ROWS[place][0] for place in places} == {"051200-3", "051200-4"}


def test_of_numbers_reused_in_packages_none_is_taken():
    rows = [("1", "Beams"), ("1", "Columns"), ("2", "Doors")]
    assert fitting("1", rows) == ("exact", [0, 1])
    assert fitting("1 columns", rows) == ("near", [1])
    assert fitting("R-7 joists", [("R-7", "Beams"), ("R-7", "Joists"), ("R-8", "Joists")]) == ("near", [1])


def test_a_title_that_is_the_number_of_another_row_is_asked_about():
    rows = [("051200-3", "Beams"), ("051200-4", "051200-3")]
    assert fitting("051200-3", rows) == ("exact", [0, 1])


def test_close_spellings_are_ranked_and_never_fit():
    titles = [title for _, title in ROWS]
    assert titles[closest("beem drawngs", titles)[0]] == "Structural steel beam shop drawings"
    assert not any(all_found(NameWords.of("beem drawngs").words, title) for title in titles)
    assert closest("zzz qqq", titles) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("drawing", "drawings"),
        ("box", "boxes"),
        ("assembly", "assemblies"),
        ("glass", "glasses"),
        ("007", "7"),
        ("0", "00"),
    ],
)
def test_singular_and_plural_and_zeros_are_one(one, other):
    assert root(one) == root(other)


def test_different_words_have_different_roots():
    words = sorted({*NOUNS, "bus", "glass", "gas", "10", "1", "100"})
    assert all(root(one) != root(other) for one, other in pairwise(words))
