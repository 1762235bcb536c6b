"""Which of ACC's lists hold every submittal that words fit, and each of them once."""

from hypothesis import given
from hypothesis import strategies as st

from acc.models.submittals import Item, Spec
from tools.lookup.references import NameWords, all_found, section_terms
from tools.lookup.submittal_search import MOST_SECTIONS, ListPosition, SubmittalQuery

WORDS = ["steel", "framing", "beam", "beams", "structural", "welding", "door", "doors", "plan", "ab"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
SPECS = st.lists(TEXTS, min_size=1, max_size=5).map(
    lambda titles: [Spec(id=f"spec-{place}", identifier=f"05{place}200", title=one) for place, one in enumerate(titles)]
)


@st.composite
def registers(draw: st.DrawFn) -> tuple[list[Spec], list[Item]]:
    specs = draw(SPECS)
    rows = draw(st.lists(st.tuples(TEXTS, st.sampled_from(specs)), max_size=8))
    items = [
        Item(
            id=f"item-{place}", identifier=place, title=title, specId=spec.id, specIdentifier=spec.identifier,
            specTitle=spec.title,
        )
        for place, (title, spec) in enumerate(rows, start=1)
    ]  # fmt: skip
    return specs, items


def listed_by_acc(items: list[Item], term: str | None, sections: object) -> list[Item]:
    """What ACC lists: parts of titles and of section numbers are searched, titles of sections are not."""
    found = [one for one in items if term is None or term in one.title or term in (one.spec_identifier or "")]
    return [one for one in found if not sections or one.spec_id in sections]  # type: ignore[operator]


@given(registers(), TEXTS)
def test_every_row_that_holds_all_words_is_listed_and_none_of_them_twice(register, words):
    specs, items = register
    query = SubmittalQuery(words, {}, attachable=False, specs=specs)
    found: list[str] = []
    for listing in query.listings:
        for term in listing.terms:
            rows = listed_by_acc(items, term, listing.sections)
            if rows:
                found += [one.id for one in rows if query.fits(one, listing, term)]
                break
    wanted = NameWords.of(words).significant
    texts = {one.id: f"{one.title} {one.spec_identifier} {one.spec_title}" for one in items}
    assert len(found) == len(set(found))
    assert {one for one, text in texts.items() if all_found(wanted, text)} <= set(found)


def test_a_word_of_two_letters_is_looked_for_in_titles_of_sections_too():
    specs = [Spec(id="spec", identifier="050200", title="AB")]
    listings = SubmittalQuery("ab", {}, attachable=False, specs=specs).listings
    assert [(one.terms, one.sections) for one in listings] == [([None], ["spec"]), (["ab"], ())]


def test_a_word_of_very_many_sections_is_looked_for_in_the_whole_register():
    specs = [Spec(id=str(place), identifier=str(place), title="Steel") for place in range(MOST_SECTIONS + 1)]
    [listing] = SubmittalQuery("steel", {}, attachable=False, specs=specs).listings
    assert (listing.terms, listing.sections) == ([None], ())


def test_a_number_asks_for_no_sections():
    assert section_terms("05 12 00")
    [listing] = SubmittalQuery("05 12 00", {}, attachable=False).listings
    assert listing.terms == ["051200", "05 12 00", "05 12 00", None]


@given(st.integers(0, 15), st.integers(0, 2**20 - 1), st.integers(0, 2**32 - 1))
def test_a_position_is_read_as_it_was_written(listing, offset, after):
    place = ListPosition(offset, after, listing)
    assert ListPosition.of(place.position) == place
    assert place.position < 1 << 56
