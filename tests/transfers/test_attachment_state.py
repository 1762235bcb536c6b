"""Where an attachment stands, as a table over everything that decides it (design, section 5)."""

import itertools
from typing import Any

import pytest

from acc.models import Attachment
from transfers.attachment_state import AttachmentState, attachment_state

URN = "urn:adsk.wipprod:fs.file:vf.x?version=1"


def row(**fields: Any) -> Attachment:
    return Attachment.model_validate({"id": "a", "asyncState": "1", "isFileUploaded": False, "urn": None, **fields})


@pytest.mark.parametrize(
    ("fields", "sending", "stored", "state"),
    [
        ({}, False, False, "reserved"),
        ({}, True, False, "uploading"),
        ({}, False, True, "uploaded"),
        ({}, True, True, "uploaded"),
        ({"isFileUploaded": True}, False, True, "processing"),
        ({"isFileUploaded": True}, False, False, "processing"),
        ({"isFileUploaded": True, "asyncState": "2"}, False, False, "processing"),
        ({"isFileUploaded": True, "asyncState": "3"}, False, False, "ready"),
        ({"isFileUploaded": True, "asyncState": "3", "urn": URN}, False, False, "ready"),
        ({"isFileUploaded": True, "urn": URN}, False, False, "ready"),
        ({"isFileUploaded": True, "asyncState": "4"}, False, True, "failed"),
        ({"isFileUploaded": True, "asyncState": "4", "urn": URN}, False, True, "failed"),
        ({"asyncState": None}, False, False, "reserved"),
        ({"asyncState": "9"}, False, False, "reserved"),
    ],
)
def test_state_of_an_attachment(fields: dict[str, Any], sending: bool, stored: bool, state: AttachmentState) -> None:
    assert attachment_state(row(**fields), sending=sending, stored=stored) == state


def test_a_pending_async_state_says_nothing_alone() -> None:
    """`asyncState` is "1" before any upload (fact sheet 3.1), so it must never tell two states apart."""
    for sending, stored, uploaded in itertools.product([False, True], repeat=3):
        pending = attachment_state(row(isFileUploaded=uploaded), sending=sending, stored=stored)
        unknown = attachment_state(row(isFileUploaded=uploaded, asyncState=None), sending=sending, stored=stored)
        assert pending == unknown
