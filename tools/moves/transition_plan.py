"""Transition plan: the transition that words mean, the body that ACC takes, and what of it is missing. All pure.

The transitions are those of ACC's `permittedActions` (fact sheet 2.2, 6), and so are their mandatory fields. Mandatory
means known afterwards: a number that the submittal has already need not be sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from acc.models.submittals import Item, ItemState, ReviewResponse, Transition, UserType
from acc.submittals import ItemTransition
from tools.core.presenters import permitted_transitions, state_text, transition_ends
from tools.core.results import Candidate, Party
from tools.errors.exceptions import InvalidArguments, RetryHint, TransitionNotPermitted
from tools.lookup.references import is_id, normalize
from transfers.files.pasted_text import unwrap

_ANY: Final = ""
_WAYS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "submit": (("sbc-1", "mgr-1"),),
    "review": (("mgr-1", "rev"), ("mgr-2", "rev")),
    "return": (("mgr-1", "sbc-1"), ("rev", "mgr-1"), ("mgr-2", "rev")),
    "close": ((_ANY, "sbc-2"),),
    "reopen": (("sbc-2", "mgr-2"),),
    "void": ((_ANY, "void"),),
}
"""What people call the transitions, by the states they lead from and to."""

Role = Literal["manager", "subcontractor"]

_ROLES: Final[Mapping[str, Role]] = {"sbc-1": "subcontractor", "mgr-1": "manager", "mgr-2": "manager"}
"""Who gets the ball in a state, where that is one party of the submittal."""

_DATES: Final = {
    "sbc-1": "submitterDueDate",
    "mgr-1": "managerDueDate",
    "mgr-2": "managerDueDate",
    "rev": "stepDueDate",
}
"""The field that says until when a state is to be left."""

_ARGUMENTS: Final[dict[str | None, str]] = {
    "responseId": "response",
    "responseComment": "comment",
    "mailNote": "comment",
}
_TYPES: Final = {"user": UserType.USER, "company": UserType.COMPANY, "role": UserType.ROLE}


@dataclass(frozen=True)
class MoveValues:
    """What the caller gave, looked up; `copies` are ids of attachments."""

    response: ReviewResponse | None = None
    comment: str | None = None
    due_date: date | None = None
    person: Party | None = None
    copies: tuple[str, ...] = ()


@dataclass(frozen=True)
class TransitionPlan:
    """The body of a transition, and its mandatory fields that are missing, each with the argument that gives it.

    The argument is None where no argument can.
    """

    change: ItemTransition
    missing: tuple[tuple[str, str | None], ...]


def words_onward(item: Item) -> list[str]:
    """Return the words by which a submittal can be sent on once its files are there: `submit`, `review` or none."""
    permitted = permitted_transitions(item)
    return [word for word in ("submit", "review") if any(_is_meant(word, one) for one in permitted)]


def find_transition(item: Item, to: str) -> Transition:
    """Return the permitted transition that `to` means: by its id, its name, the state it leads to, or a word.

    Raises:
        TransitionNotPermitted: None is meant; what is permitted is among the candidates.
    """
    permitted = permitted_transitions(item)
    to = unwrap(to)
    wanted = normalize(to)
    exact = [one for one in permitted if is_id(to, one.id)]
    for found in (
        exact,
        [one for one in permitted if _is_meant(wanted, one)],
        [one for one in permitted if wanted in (normalize(one.name), normalize(transition_ends(one)[1]))],
    ):
        if len(found) == 1:
            return found[0]
    raise not_permitted(item, to)


def not_permitted(
    item: Item, to: str = "", happened: str = "", http_status: int | None = None
) -> TransitionNotPermitted:
    """Return why a submittal cannot go where it was meant to, with the ways that are open."""
    permitted = permitted_transitions(item)
    targets = {target for _, target in _WAYS.get(normalize(to), ())} | {to.partition("::")[2]}
    where = "It is there already: " if item.state_id in targets else "It cannot go there from where it is: "
    candidates = [Candidate(id=one.id, name=one.name) for one in permitted]
    message = f"{happened} {where}{state_text(item)}.".strip()
    if not permitted:
        return TransitionNotPermitted(
            f"{message} ACC lets this person make no transition now.",
            "A person who has the ball in court, or a submittals manager, can; get_submittal shows whose it is. A "
            "reviewer answers an open review task with response alone.",
            "A person who has the ball in court, or a submittals manager, moves it in ACC.",
            http_status=http_status,
        )
    return TransitionNotPermitted(
        message,
        "If the person wants one of the candidates, call {tool} again with its id as to.",
        "Choose one of the candidates.",
        candidates=candidates,
        again=RetryHint(needs=["to"]),
        http_status=http_status,
    )


def plan_transition(item: Item, transition: Transition, values: MoveValues) -> TransitionPlan:
    """Return the body of a transition of `item`, and what is missing in it.

    Raises:
        InvalidArguments: A value does not go with this transition.
    """
    target = transition_ends(transition)[1]
    role, dated = _ROLES.get(target), _DATES.get(target)
    if values.person is not None and role is None:
        raise _does_not_go("to_person", "ACC decides who has the ball then: the reviewers of its steps, or no one")
    if values.due_date is not None and dated is None:
        raise _does_not_go("due_date", "nothing is due then")
    if values.response is not None and target != ItemState.CLOSED:
        raise _does_not_go("response", "ACC takes one where a submittal is closed; without to it answers a review task")
    mandatory = list(dict.fromkeys(transition.mandatory_fields))
    who = _party(values.person) or (_current(item, role) if role in mandatory else None)
    day = values.due_date or (item.submitter_due_date if dated in mandatory and dated == "submitterDueDate" else None)
    change = ItemTransition(
        state_id=target,
        manager=who if role == "manager" else None,
        manager_due_date=day if dated == "managerDueDate" else None,
        subcontractor=who if role == "subcontractor" else None,
        submitter_due_date=day if dated == "submitterDueDate" else None,
        mail_note=values.comment if values.response is None else None,
        step_due_date=day if dated == "stepDueDate" else None,
        response_id=values.response.id if values.response else None,
        response_comment=values.comment if values.response else None,
        copies=values.copies,
    )
    arguments: dict[str | None, str] = {dated: "due_date", role: "to_person"}
    arguments |= _ARGUMENTS
    sent = change.json()
    missing = [
        (name, arguments.get(name))
        for name in mandatory
        if name not in sent and not name.endswith("Type") and _value(item, name) in (None, "")
    ]
    return TransitionPlan(change, tuple(missing))


def ball_after(item: Item, change: ItemTransition) -> tuple[str, str] | None:
    """Return the (id, user type) of who has the ball after a transition to another state than review."""
    role = _ROLES.get(change.state_id)
    return {"manager": change.manager, "subcontractor": change.subcontractor}.get(role or "") or _current(item, role)


def _is_meant(word: str, transition: Transition) -> bool:
    source, target = transition_ends(transition)
    return any(target == to and from_ in (_ANY, source) for from_, to in _WAYS.get(word, ()))


def _party(person: Party | None) -> tuple[str, str] | None:
    return (person.id, _TYPES[person.type]) if person is not None else None


def _current(item: Item, role: Role | None) -> tuple[str, str] | None:
    if role is None:
        return None
    who, kind = (
        (item.manager, item.manager_type) if role == "manager" else (item.subcontractor, item.subcontractor_type)
    )
    return (who, kind or UserType.USER) if who is not None else None


def _value(item: Item, field: str) -> object:
    """Return what a submittal has in a field of ACC's; None where it has nothing, or the field is no member."""
    names = [name for name, one in Item.model_fields.items() if (one.alias or name) == field]
    return next((getattr(item, name) for name in names), None)


def _does_not_go(argument: str, why: str) -> InvalidArguments:
    return InvalidArguments(
        f"'{argument}' does not go with this transition: {why}.",
        f"Call {{tool}} again without {argument}.",
        f"Leave {argument} out.",
        again=RetryHint(without=[argument]),
    )
