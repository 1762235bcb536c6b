"""What makes two requests the same: every field, and nothing else."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from transfers.idempotency import AttachmentIdentity, idempotency_fingerprint

requests = st.builds(AttachmentIdentity)
BOUND_BY_A_KEY = {"base_url", "person_id", "project_id", "item_id"}


@given(requests)
def test_equal_requests_have_equal_fingerprints(request_: AttachmentIdentity) -> None:
    assert request_.fingerprint() == replace(request_).fingerprint()


@given(requests, requests)
def test_different_requests_have_different_fingerprints(one: AttachmentIdentity, other: AttachmentIdentity) -> None:
    assert (one.fingerprint() == other.fingerprint()) == (one == other)


@pytest.mark.parametrize("name", [field.name for field in fields(AttachmentIdentity)])
@settings(max_examples=20)
@given(request_=requests, data=st.data())
def test_any_field_alone_changes_the_fingerprint(name: str, request_: AttachmentIdentity, data: st.DataObject) -> None:
    other = _with_another(request_, name, data)
    assert other.fingerprint() != request_.fingerprint()


@pytest.mark.parametrize("name", [field.name for field in fields(AttachmentIdentity)])
@settings(max_examples=20)
@given(request_=requests, key=st.text(), data=st.data())
def test_a_key_is_bound_to_person_and_submittal_and_to_nothing_else(
    name: str, request_: AttachmentIdentity, key: str, data: st.DataObject
) -> None:
    other = _with_another(request_, name, data)
    assert (idempotency_fingerprint(request_, key) != idempotency_fingerprint(other, key)) == (name in BOUND_BY_A_KEY)


@given(requests, st.text(), st.text())
def test_another_key_is_another_fingerprint(request_: AttachmentIdentity, one: str, other: str) -> None:
    assert (idempotency_fingerprint(request_, one) == idempotency_fingerprint(request_, other)) == (one == other)


@given(requests, st.text())
def test_a_key_never_meets_a_computed_fingerprint(request_: AttachmentIdentity, key: str) -> None:
    assert idempotency_fingerprint(request_, key) != request_.fingerprint()


def _with_another(request: AttachmentIdentity, name: str, data: st.DataObject) -> AttachmentIdentity:
    before: Any = getattr(request, name)
    if isinstance(before, int):
        after: Any = data.draw(st.integers())
    else:
        after = data.draw(st.text() | st.none() if name == "task_id" else st.text())
    assume(after != before)
    return replace(request, **{name: after})
