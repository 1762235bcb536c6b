"""Sealed texts: they open with the right key in the right place, and nowhere else."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.encryption import NotSealed, UnknownKey, key_id_of, seal, unseal
from persistence.keys import EncryptionKey

KEY = EncryptionKey(bytes(range(32)))
OTHER = EncryptionKey.new()
CONTEXT = ("https://developer.api.autodesk.com", "subject", "client", 3)


@given(content=st.binary(), context=st.lists(st.text() | st.integers(min_value=0), max_size=4))
def test_sealed_text_opens_with_any_key_ring_that_has_the_key(content: bytes, context: list[str | int]) -> None:
    assert unseal([OTHER, KEY], seal(KEY, content, context), context) == content


def test_sealing_twice_gives_different_texts_of_the_promised_form() -> None:
    first, second = seal(KEY, b"x", CONTEXT), seal(KEY, b"x", CONTEXT)
    assert first != second
    assert re.fullmatch(r"v1:[0-9a-f]{8}:[A-Za-z0-9_-]{16}:[A-Za-z0-9_-]+", first)
    assert key_id_of(first) == KEY.id


@pytest.mark.parametrize(
    "context",
    [
        ("http://127.0.0.1:8788", "subject", "client", 3),
        ("https://developer.api.autodesk.com", "other", "client", 3),
        ("https://developer.api.autodesk.com", "subject", "other", 3),
        ("https://developer.api.autodesk.com", "subject", "client", 2),
        ("https://developer.api.autodesk.com", "subjectclient", "", 3),
    ],
    ids=["base URL", "person", "app", "generation", "borders"],
)
def test_a_record_does_not_open_in_another_place(context: tuple[str | int, ...]) -> None:
    with pytest.raises(NotSealed):
        unseal([KEY], seal(KEY, b"x", CONTEXT), context)


@given(data=st.data())
def test_a_text_that_was_changed_anywhere_does_not_open(data: st.DataObject) -> None:
    sealed = seal(KEY, b"some content", CONTEXT)
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda one: one != sealed[at]))
    changed = sealed[:at] + other + sealed[at + 1 :]
    with pytest.raises((NotSealed, UnknownKey)):
        unseal([KEY], changed, CONTEXT)


def test_an_unknown_key_is_named_by_its_id() -> None:
    with pytest.raises(UnknownKey) as caught:
        unseal([OTHER], seal(KEY, b"x", CONTEXT), CONTEXT)
    assert caught.value.key_id == KEY.id


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@given(secret=st.binary(min_size=32, max_size=32))
def test_a_key_is_read_in_either_alphabet_with_or_without_padding(encode, secret: bytes) -> None:
    text = encode(secret).decode()
    assert EncryptionKey.parse(text) == EncryptionKey.parse(text.rstrip("=")) == EncryptionKey(secret)


@pytest.mark.parametrize("text", ["", "short", "x" * 43, "!" * 44, base64.b64encode(bytes(31)).decode(), "é" * 43])
def test_a_malformed_key_is_refused_without_quoting_it(text: str) -> None:
    if text == "x" * 43:  # 43 characters are 32 bytes
        assert len(EncryptionKey.parse(text).secret) == 32
        return
    with pytest.raises(ValueError, match="32 bytes") as caught:
        EncryptionKey.parse(text)
    assert not text or text not in str(caught.value)


def test_a_key_is_not_in_its_repr() -> None:
    assert KEY.text not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)
