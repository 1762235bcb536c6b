"""Names that ACC takes (fact sheet 3.3), and the nearest one to a name that it refuses."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.odd_text import odd_texts
from transfers.errors import InvalidName
from transfers.files.names import MAX_NAME, attachment_name, extension_of, suggest_name

FORBIDDEN_BY_ACC = "/\n\r\t\0\f?*\\<>|:"

# Any code point, lone surrogates included: file systems hand those out for names that are no UTF-8.
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=400)
legal_stems = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ()_-]{0,40}[A-Za-z0-9]", fullmatch=True)


@given(texts)
@example("")
@example(".pdf")
@example("a" * 300 + ".pdf")
@example("a" * 250 + " .abcdefgh" + "i" * 20)
@example("e\u0301\u0338" * 200)
@example("\udcff.pdf")
def test_a_suggestion_is_always_a_name_that_would_be_taken(name: str) -> None:
    suggestion = suggest_name(name)
    assert attachment_name(suggestion, suggestion) == suggestion
    assert not set(suggestion) & set(FORBIDDEN_BY_ACC)
    assert 1 <= len(suggestion) <= MAX_NAME
    suggestion.encode("utf-8")


@given(texts)
@example("a" * 250 + " .abcdefgh" + "i" * 20)
def test_the_suggestion_for_a_suggestion_is_itself(name: str) -> None:
    assert suggest_name(suggest_name(name)) == suggest_name(name)


@given(st.text(max_size=400), st.sampled_from([".pdf", ".DWG", ".x1"]))
def test_a_suggestion_keeps_the_extension(stem: str, extension: str) -> None:
    assert suggest_name(stem + extension).endswith(extension)


@given(texts)
def test_an_accepted_name_is_in_nfc(name: str) -> None:
    try:
        accepted = attachment_name(name, "source.pdf")
    except InvalidName as refused:
        accepted = refused.suggestion
    assert unicodedata.is_normalized("NFC", accepted)
    assert accepted.lower().endswith(".pdf")


@given(legal_stems)
def test_without_a_wish_a_file_keeps_its_own_name(stem: str) -> None:
    assert attachment_name(None, f"{stem}.pdf") == f"{stem}.pdf"


@pytest.mark.parametrize(
    ("wish", "source", "name"),
    [
        ("Beam drawings", "x.pdf", "Beam drawings.pdf"),
        ("Beam drawings.PDF", "x.pdf", "Beam drawings.PDF"),
        ("Beam drawings.pdf", "x.PDF", "Beam drawings.pdf"),
        ("rev 2.1", "x.pdf", "rev 2.1.pdf"),
        ("Beam drawings", "no extension", "Beam drawings"),
        ("Beam drawings", ".hidden", "Beam drawings"),
        ("cafe\u0301", "x.pdf", "caf\u00e9.pdf"),
    ],
)
def test_a_wish_gets_the_extension_that_viewers_need(wish: str, source: str, name: str) -> None:
    assert attachment_name(wish, source) == name


@pytest.mark.parametrize(
    ("wish", "why", "suggestion"),
    [
        ("", "blank", "attachment.pdf"),
        ("  ", "blank", "attachment.pdf"),
        (" beam.pdf", "space_at_the_ends", "beam.pdf"),
        ("a/b:c.pdf", "forbidden_character", "a-b-c.pdf"),
        ("line\nbreak.pdf", "forbidden_character", "line-break.pdf"),
        ("a\x85b.pdf", "forbidden_character", "a-b.pdf"),
        ("x" * 252 + ".pdf", "too_long", "x" * 251 + ".pdf"),
    ],
)
def test_a_bad_wish_is_refused_with_a_suggestion(wish: str, why: str, suggestion: str) -> None:
    with pytest.raises(InvalidName) as refused:
        attachment_name(wish, "source.pdf")
    assert (refused.value.why, refused.value.suggestion) == (why, suggestion)


@pytest.mark.parametrize("character", FORBIDDEN_BY_ACC + "\x01\x7f\x9f\udc80")
def test_each_forbidden_character_is_refused(character: str) -> None:
    with pytest.raises(InvalidName) as refused:
        attachment_name(None, f"be{character}am.pdf")
    assert refused.value.why == "forbidden_character"


def test_255_characters_are_taken() -> None:
    name = "x" * 251 + ".pdf"
    assert attachment_name(None, name) == name


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.pdf", ".pdf"), ("a.tar.gz", ".gz"), (".pdf", ""), ("a.", ""), ("a.p df", ""), ("a.pdf\n", ""), ("a", "")],
)
def test_an_extension_is_letters_and_digits_at_the_very_end(name: str, extension: str) -> None:
    assert extension_of(name) == extension


UNSEEN = [chr(code) for code in (*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0x200B, 0xFEFF, 0x200E, 0xAD)]
UNSEEN += [chr(code) for code in (0x34F, 0x115F, 0x180E, 0x3164, 0xFFA0, 0xFFF9, 0xE0041)]


@pytest.mark.parametrize("unseen", UNSEEN, ids=[f"U+{ord(one):04X}" for one in UNSEEN])
@pytest.mark.parametrize("name", ["{}beam.pdf", "be{}am.pdf", "beam{}.pdf", "beam.pdf{}"])
def test_a_name_with_an_invisible_character_is_refused_with_the_clean_one(name: str, unseen: str) -> None:
    for wish, source in ((None, name.format(unseen)), (name.format(unseen), "draft.pdf")):
        with pytest.raises(InvalidName) as refused:
            attachment_name(wish, source)
        assert (refused.value.why, refused.value.suggestion) == ("unseen_character", "beam.pdf")


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",  # Persian, with U+200C between letters
        "\u0915\u094d\u200d\u0937.pdf",  # Hindi, with U+200D after a sign
        "crew \U0001f468\u200d\U0001f469\u200d\U0001f467.jpg",
        "\U0001f3f3\ufe0f\u200d\U0001f308.png",
        "\U0001f477\U0001f3fd\u200d\u2640\ufe0f.png",
        "\u845b\U000e0100.pdf",  # a form of a Japanese name's letter
        "\u2714\ufe0f done.pdf",
    ],
)
def test_joiners_between_letters_and_in_emoji_stay(name: str) -> None:
    assert attachment_name(None, name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", ["beam\u200d.pdf", "\u200cbeam.pdf", "beam 1\u200d2.pdf", "beam\u200d\u200b1.pdf"])
def test_joiners_that_join_nothing_are_refused(name: str) -> None:
    with pytest.raises(InvalidName) as refused:
        attachment_name(None, name)
    assert "\u200d" not in refused.value.suggestion
    assert "\u200c" not in refused.value.suggestion


@given(odd_texts())
def test_odd_text_is_a_name_that_is_seen_whole_or_refused(name: str) -> None:
    try:
        accepted = attachment_name(None, name)
    except InvalidName as refused:
        accepted = refused.suggestion
    assert attachment_name(None, accepted) == accepted
    assert not set(accepted) & {*UNSEEN}
