"""Names in a move: which response, person or attachment words mean. All pure, and nothing is guessed.

A name fits where it is the text, or else where all words of the text are in it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Literal

from acc.models.submittals import AsyncState, Attachment, Item, ReviewResponse, Task, UserType
from tools.attachments.following import attachment_called
from tools.core.results import Candidate, Party
from tools.errors.exceptions import (
    AmbiguousReference,
    InvalidArguments,
    PersonNotFound,
    RetryHint,
)
from tools.lookup.references import NameWords, all_found, closest, is_id, normalize
from tools.lookup.submittal_names import how_many
from transfers.errors import AttachmentMissing
from transfers.files.pasted_text import unwrap

ALL: Final = "all"

_AUTODESK_ID: Final = re.compile(r"(?=.*[A-Z])(?=.*[0-9])[A-Z0-9]{8,40}")
_ME: Final = ("me", "myself", "i")
_KINDS: Final[Mapping[str, Literal["user", "company", "role"]]] = {
    UserType.USER: "user",
    UserType.COMPANY: "company",
    UserType.ROLE: "role",
}
_ROLES: Final[Mapping[str, str]] = {
    "manager": "manager",
    "contractor": "subcontractor",
    "subcontractor": "subcontractor",
    "responsiblecontractor": "subcontractor",
}
"""Words for the two parties that every submittal has a place for."""


def fitting(text: str, names: Sequence[str]) -> list[int]:
    """Return the places of the names that a text is, else of those that hold all its words."""
    words = NameWords.of(text)
    called = [place for place, name in enumerate(names) if words.words and words.is_called(name)]
    if called or not words.significant:
        return called
    return [place for place, name in enumerate(names) if all_found(words.significant, name)]


def match_response(text: str, responses: Sequence[ReviewResponse]) -> ReviewResponse:
    """Return the active response that is meant, by its id or its words.

    Raises:
        InvalidArguments: None is, or only one that is no longer active.
        AmbiguousReference: Several are.
    """
    active = [one for one in responses if is_active(one)]
    found = [one for one in active if is_id(text, one.id)] or [
        active[place] for place in fitting(text, [one.value for one in active])
    ]
    if len(found) == 1:
        return found[0]
    again = RetryHint(needs=["response"])
    if found:
        raise AmbiguousReference(
            f"{how_many(len(found), 'responses')} these words.",
            "Call {tool} again with the id of one of the candidates as response.",
            "Write the whole name of one of the candidates.",
            candidates=[Candidate(id=one.id, name=one.value) for one in found],
            again=again,
        )
    retired = [one for one in responses if not is_active(one)]
    gone = [one for one in retired if is_id(text, one.id)] or fitting(text, [one.value for one in retired])
    raise InvalidArguments(
        "This response is no longer active in the project." if gone else "'response' is none of the project's.",
        "Call {tool} again with one of the candidates as response.",
        "Write one of the candidates.",
        candidates=[Candidate(id=one.id, name=one.value) for one in active],
        again=again,
    )


def is_active(response: ReviewResponse) -> bool:
    """Whether a response can be given; one of which ACC does not say so can."""
    return response.is_active or "is_active" not in response.model_fields_set


def match_party(text: str, me: str, item: Item, tasks: Iterable[Task], members: Mapping[str, str]) -> Party:
    """Return the person, company or role that `text` means; `members` are names by Autodesk id, where ACC gives them.

    Raises:
        PersonNotFound: None is.
        AmbiguousReference: Several are.
    """
    named = _named_parties(item, tasks)

    def party(who: str, kind: str) -> Party:
        return Party(type=_KINDS.get(kind, "user"), id=who, name=members.get(who) if kind == UserType.USER else None)

    word = "".join(NameWords.of(text).significant)
    if word in _ME:
        return party(me, UserType.USER)
    role = _ROLES.get(word)
    holder: str | None = getattr(item, role) if role else None
    if role and holder:
        return party(holder, named[holder])
    for who, kind in named.items():
        if is_id(text, who):
            return party(who, kind)
    known = {**{one: members.get(one, "") for one, kind in named.items() if kind == UserType.USER}, **members}
    text = next((one for one in known if is_id(text, one)), unwrap(text))
    if text in known or (not members and _AUTODESK_ID.fullmatch(text)):
        return party(text, UserType.USER)
    people = list(known)
    found = [people[place] for place in fitting(text, list(known.values()))]
    if len(found) == 1:
        return party(found[0], UserType.USER)
    again = RetryHint(needs=["to_person"])
    if found:
        raise AmbiguousReference(
            f"{how_many(len(found), 'people')} this name.",
            "Call {tool} again with the id of one of the candidates as to_person.",
            "Write the id of one of the candidates.",
            candidates=[Candidate(id=one, name=known[one]) for one in found],
            again=again,
        )
    near = [people[place] for place in closest(text, list(known.values()))]
    offered = near or [one for one, kind in named.items() if kind != UserType.USER or known.get(one)]
    raise PersonNotFound(
        "No member of the project and no party of the submittal is called so."
        if members
        else "No party of the submittal is called so, and ACC does not show this person the project's members.",
        "Call {tool} again with the id of a candidate, `me`, or the whole name; companies and roles go by the id that "
        "the submittal has.",
        "Write the id of a candidate or the whole name.",
        candidates=[Candidate(id=one, name=known.get(one) or None) for one in offered],
        again=again,
    )


def choose_copies(texts: Sequence[str], rows: Sequence[Attachment]) -> list[Attachment]:
    """Return the attachments to take along, of the `rows` of a submittal's revision; `all` those without a copy yet.

    Raises:
        AttachmentMissing: There is none of that id or name.
        InvalidArguments: It is not visible yet, or failed.
        AmbiguousReference: Several have the name.
    """
    usable = [row for row in rows if row.is_file_uploaded and row.async_state != AsyncState.FAILURE]
    copied = {row.duplicated_from for row in usable}
    chosen: dict[str, Attachment] = {}
    for text in texts:
        if normalize(unwrap(text)) == ALL and not any(normalize(row.name) == ALL for row in rows):
            found = [row for row in usable if row.id not in copied]
        else:
            found = [_one_attachment(text, rows, usable)]
        chosen |= {row.id: row for row in found}
    return list(chosen.values())


def _one_attachment(text: str, rows: Sequence[Attachment], usable: Sequence[Attachment]) -> Attachment:
    try:
        return attachment_called(text, usable, "copy_attachments")
    except AttachmentMissing:
        with suppress(AmbiguousReference):
            attachment_called(text, rows, "copy_attachments")
    raise InvalidArguments(
        "An attachment in 'copy_attachments' is not visible yet, or ACC could not process it.",
        "Call confirm_attachment first, or leave it out of copy_attachments.",
        "Confirm it first, or leave it out.",
        again=RetryHint(needs=["copy_attachments"]),
    )


def _named_parties(item: Item, tasks: Iterable[Task]) -> dict[str, str]:
    """Return the user types by id of all whom a submittal and its review name."""
    parties = [
        (item.manager, item.manager_type),
        (item.subcontractor, item.subcontractor_type),
        *((one, UserType.USER) for one in item.ball_in_court_users),
        *((one, UserType.COMPANY) for one in item.ball_in_court_companies),
        *((one, UserType.ROLE) for one in item.ball_in_court_roles),
        *((task.assigned_to, task.assigned_to_type) for task in tasks),
        *((one.id, one.user_type) for one in item.watchers),
        *((one, UserType.USER) for one in (item.created_by, item.submitted_by, item.sent_to_review_by)),
    ]
    found: dict[str, str] = {}
    for who, kind in parties:
        if who:
            found.setdefault(who, kind or UserType.USER)
    return found
