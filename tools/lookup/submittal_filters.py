"""What people call sections, contractors and responses, as the ids by which ACC filters submittals."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from acc.client import AccClient
from acc.errors import Forbidden, NotFound, RequestRejected
from acc.models.submittals import ReviewResponse, Spec
from tools.core.results import Candidate
from tools.errors.exceptions import MAX_CANDIDATES, InvalidArguments, RetryHint
from tools.lookup.projects import MemberNames, PersonCache
from tools.lookup.references import (
    SHORTEST_SECTION,
    NameWords,
    all_found,
    closest,
    is_id,
    normalize,
    root,
    section_terms,
    without_section_words,
    word_terms,
)
from transfers.files.pasted_text import unwrap

T = TypeVar("T")

_ID: Final = re.compile(r"[A-Z0-9]{8,}|[0-9]+")
"""A person's Autodesk id, or the number of a company or role (fact sheet 0)."""

_ME: Final = frozenset({"me", "myself", "i", "mine", "us"})


class SubmittalFilters:
    """Ids of a project's sections, contractors and responses by their names; its lists are kept for a minute."""

    def __init__(self, acc: AccClient, members: MemberNames) -> None:
        self._acc = acc
        self._members = members
        self._specs = PersonCache[Sequence[Spec]]()
        self._responses = PersonCache[Sequence[ReviewResponse]]()

    async def specs(self, project_id: str) -> Sequence[Spec]:
        """Return the sections of a project's specification.

        Raises:
            AccError: ACC refused or is away.
        """
        fetch = partial(self._acc.submittals.specs, project_id)
        return await self._specs.get_or_fetch(self._acc, fetch, project_id)

    async def specs_for(self, project_id: str, words: str) -> Sequence[Spec]:
        """Return the sections by whose titles `words` may be found; none for a number, or where ACC lists none.

        Raises:
            AccError: ACC is away.
        """
        if section_terms(words) or not word_terms(words):
            return ()
        try:
            return await self.specs(project_id)
        except (Forbidden, NotFound, RequestRejected):
            return ()

    async def response_names(self, project_id: str) -> Mapping[str, str]:
        """Return the answers that reviewers can give in a project, by id.

        Raises:
            AccError: ACC refused or is away.
        """
        return {one.id: one.value for one in await self.responses(project_id)}

    async def spec_ids(self, project_id: str, text: str | None) -> list[str] | None:
        """Return the sections that a number, the beginning of one, or words of a title stand for; None for no text.

        Raises:
            InvalidArguments: None does.
            AccError: ACC refused or is away.
        """
        if text is None:
            return None
        specs = await self.specs(project_id)
        found = sections_called(text, specs)
        if found:
            return [one.id for one in found]
        raise _nothing("spec", "section", text, specs, lambda one: f"{one.identifier or ''} {one.title}")

    async def response_ids(self, project_id: str, text: str | None) -> list[str] | None:
        """Return the responses that are called so, else those whose words hold the text's; None for no text.

        Raises:
            InvalidArguments: None is.
            AccError: ACC refused or is away.
        """
        if text is None:
            return None
        responses = await self.responses(project_id)
        found = called(text, responses, lambda one: one.value)
        if found:
            return [one.id for one in found]
        raise _nothing("response", "response", text, responses, lambda one: one.value)

    async def contractor_ids(self, project_id: str, person_id: str, text: str | None) -> list[str] | None:
        """Return the people that a name stands for, theirs or their company's; an id of ACC's, or `me`, is itself.

        None for no text.

        ACC gives no name for the company that is itself a contractor (fact sheet 9b), so such a one needs its id.

        Raises:
            InvalidArguments: No member is called so, or ACC names none.
            AccError: ACC refused or is away.
        """
        if text is None:
            return None
        if unwrap(text).casefold() in _ME:
            return [person_id]
        members = [one for one in await self._members.members(project_id, person_id) if one.autodesk_id]
        named = [one for one in members if is_id(text, one.autodesk_id or "")]
        if named or _ID.fullmatch(unwrap(text)):
            return [one.autodesk_id for one in named if one.autodesk_id] or [unwrap(text)]
        found = called(text, members, lambda one: one.name) or called(text, members, lambda one: one.company_name)
        if found:
            return [one.autodesk_id for one in found if one.autodesk_id]
        remedy = "A contractor's id (get_submittal) and me are taken too."
        names = [*(one.name for one in members), *(one.company_name for one in members)]
        raise _nothing("contractor", "member", text, names, str, remedy=remedy)

    async def responses(self, project_id: str, *, fresh: bool = False) -> Sequence[ReviewResponse]:
        """Return the answers that can be given in a project, and those that could once; `fresh` as they are now.

        Raises:
            AccError: ACC refused or is away.
        """
        fetch = partial(self._acc.submittals.responses, project_id)
        return await self._responses.get_or_fetch(self._acc, fetch, project_id, fresh=fresh)


def sections_called(text: str, specs: Sequence[Spec]) -> list[Spec]:
    """Return the sections of that number or title; else those whose number begins so, or that hold the words."""
    bare = without_section_words(unwrap(text))
    numbers = {normalize(term) for term in section_terms(bare)} | {normalize(bare)}
    exact = [one for one in specs if normalize(one.identifier or "") in numbers]
    # JSON and spreadsheets take the zero in front of a number away.
    long = {root(one) for one in numbers if one.isdigit() and len(one) >= SHORTEST_SECTION}
    exact = exact or [one for one in specs if root(normalize(one.identifier or "")) in long]
    if exact:
        return exact
    digits = normalize(bare)
    if digits.isdigit():
        return [one for one in specs if normalize(one.identifier or "").startswith(digits)]
    return called(bare, specs, lambda one: one.title) or [
        one for one in specs if all_found(NameWords.of(bare).significant, f"{one.identifier or ''} {one.title}")
    ]


def called(text: str, things: Sequence[T], name: Callable[[T], str]) -> list[T]:
    """Return the things of that name; where there is none, those whose name holds the words in any order."""
    words = NameWords.of(text)
    exact = [one for one in things if name(one) and words.is_called(name(one))]
    return exact or [one for one in things if words.significant and all_found(words.significant, name(one))]


def _nothing(
    argument: str, what: str, text: str, things: Sequence[T], name: Callable[[T], str], *, remedy: str = ""
) -> InvalidArguments:
    """Return the error of an argument that means nothing here, with the names that come closest."""
    names = list(dict.fromkeys(filter(None, map(name, things))))
    shown = [names[place] for place in closest(text, names)] or names[:MAX_CANDIDATES]
    unnamed = f"ACC names no {what} to this person" if not names else f"'{argument}' is no {what} of this project"
    hint = " ".join(
        [*(["Call {tool} again with a candidate."] if shown else []), remedy or f"Else leave {argument} out."]
    )
    return InvalidArguments(
        f"{unnamed}.",
        hint,
        "Write one of the candidates." if shown else "Leave it out.",
        candidates=[Candidate(id=one, name=one) for one in shown],
        again=RetryHint(needs=[argument]) if shown or remedy else RetryHint(without=[argument]),
    )
