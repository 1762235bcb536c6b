"""Switches: one for each question that the documentation leaves open; the default is the documented guess."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from acc_sandbox.seed.loader import DocumentError

_LARGEST = 10_000_000


def _switch(default: Any, section: str, meaning: str) -> Any:
    """A field that knows where in the fact sheet its question is asked."""
    return field(default=default, metadata={"section": section, "meaning": meaning})


class SwitchDescription(NamedTuple):
    """One switch, for a list that people read; `choices` is empty for a number."""

    name: str
    value: object
    section: str
    meaning: str
    choices: tuple[str, ...]


@dataclass
class Switches:
    """Answers to the open questions; change one at any time, the next request sees it."""

    submittals_error_body: Literal["developerMessage", "detail", "message", "html", "empty"] = _switch(
        "developerMessage", "0, 13.1", "shape of an error of the Submittals service itself"
    )
    b_prefix: Literal["refuse", "accept"] = _switch(
        "refuse", "0", "whether Submittals takes a project id with its b. prefix"
    )
    unknown_query: Literal["refuse", "ignore"] = _switch(
        "refuse", "0", "what a service does with a query parameter that it does not name, or that comes twice"
    )
    unknown_fields: Literal["refuse", "ignore"] = _switch(
        "refuse",
        "0",
        "what a service does with a field of a body or form that it does not know, or not in that state, or with a body"
        " where it takes none",
    )
    text_booleans: Literal["refuse", "accept"] = _switch(
        "refuse", "0", 'a boolean sent as text, as the reference prints it in answers ("isFileUploaded": "true")'
    )
    null_fields: Literal["refuse", "accept"] = _switch(
        "refuse",
        "2.4",
        "null in a field of a body of Submittals; of the examples only packageId is sent as null",
    )
    content_type: Literal["need", "ignore"] = _switch(
        "need", "0", "whether Submittals and service accounts refuse a body without Content-Type: application/json"
    )
    wrong_method_status: Literal[404, 405] = _switch(405, "1", "HTTP status of a method that a path does not have")
    bim_360_status: Literal[403, 404] = _switch(403, "1", "HTTP status of Submittals for a BIM 360 project")
    conflict_status: Literal[400, 409] = _switch(
        400, "2.7", "HTTP status of a number, spec or mapping that exists already, outside validate-custom-identifier"
    )
    hidden_draft_status: Literal[403, 404] = _switch(
        404, "2.3", "HTTP status of a draft for a person who is not a manager"
    )
    refused_transition_status: Literal[400, 403] = _switch(
        403, "2.6", "HTTP status of a transition that permittedActions do not list"
    )
    return_for_review: Literal["last_step", "first_step"] = _switch(
        "last_step", "6", "which step mgr-2::rev opens again"
    )
    return_to_manager: Literal["reset", "keep"] = _switch(
        "reset", "6", "what rev::mgr-1 does with steps that are answered already: reset them, or keep the answers"
    )
    foreign_urn_status: Literal[400, 404] = _switch(
        404, "3.3", "HTTP status of a urn that is no file version of the project"
    )
    last_page_next_url: Literal["absent", "null"] = _switch(
        "absent", "0", "whether the last page leaves nextUrl out or sends null"
    )
    limit_too_large: Literal["cap", "refuse", "honour"] = _switch(
        "cap", "0, 13.12", "a limit above the largest page: cut it, refuse it, or serve it"
    )
    encoded_colon: Literal["refuse", "accept"] = _switch(
        "refuse", "2.6, 13.13", "whether %3A stands for the colon of :transition and :close"
    )
    permitted_actions: Literal["tutorial", "reference"] = _switch(
        "tutorial",
        "2.2",
        "shapes in permittedActions: the tutorials' empty transitions and flat lists, or the reference pages' [\"\"] on"
        " attachments, steps and tasks and a list in a list in users/me",
    )
    attach_in_draft: bool = _switch(
        default=True, section="3.5, 13.4", meaning="whether a manager may attach to a draft"
    )
    attach_in_void: bool = _switch(
        default=False, section="3.5, 13.4", meaning="whether a manager may attach to a void item"
    )
    non_managers_attach: bool = _switch(
        default=True,
        section="3.5, 13.4",
        meaning="whether the subcontractor in court and a reviewer with an open task may attach",
    )
    managers_attach_in_review: bool = _switch(
        default=True,
        section="3.5, 13.16",
        meaning="whether a manager without a review task may attach in review, to any task in progress",
    )
    managers_close_any_task: bool = _switch(
        default=False,
        section="3.5, 4",
        meaning="whether a manager may answer, and attach to, a task that is assigned to another person",
    )
    members_list_members: bool = _switch(
        default=True,
        section="9b",
        meaning="whether a plain member may list a project's members with their names, or administrators only",
    )
    admins_act_as_managers: bool = _switch(
        default=False, section="5", meaning="whether a Submittals admin may do what a manager may"
    )
    patch_before_upload: Literal["fail", "refuse"] = _switch(
        "fail", "3.4, 13.6", "isFileUploaded without a completed object: asyncState 4 later, or 400 at once"
    )
    patch_twice: Literal["repeat", "refuse"] = _switch(
        "repeat", "3.4, 13.6", "a second PATCH: the same answer again, or 400"
    )
    processing_fails: bool = _switch(
        default=False, section="3.1", meaning="whether every attachment ends in asyncState 4, whatever was uploaded"
    )
    urn_delay: float = _switch(
        0.2, "3.1, 13.7", "seconds from the PATCH (or the link of a file) to asyncState 3, and for a settings job"
    )
    folder_delay: float = _switch(1.0, "2.1", "seconds from an item's creation to its folderUrn")
    linked_async_state: Literal["1", "3"] = _switch(
        "1", "13.5", "asyncState of a Files-tool attachment right after POST"
    )
    linked_urn_rewritten: bool = _switch(
        default=False, section="13.5", meaning="whether a Files-tool attachment's urn becomes that of its copy"
    )
    duplicate_category: Literal["stage", "keep"] = _switch(
        "stage", "4, 13.3", "category of a duplicated attachment: that of the new stage, or the source's"
    )
    duplicate_names: Literal["accept", "refuse"] = _switch(
        "accept", "3.3, 13.11", "a second attachment of the same name on an item and revision"
    )
    reservation_hours: float = _switch(
        0.0, "13.14", "hours for which an attachment's object can be uploaded to; 0 is for ever"
    )
    longest_name: int = _switch(255, "13.11", "characters an attachment's name may have")
    draft_category: Literal["1", "2"] = _switch("1", "3.5, 13.4", "category of an attachment to a draft")
    bearer_at_storage: Literal["refuse", "accept"] = _switch(
        "refuse", "8", "a bearer token sent to a signed URL: 400 for two auth mechanisms, or let it pass"
    )
    chunked_at_storage: Literal["refuse", "accept"] = _switch(
        "refuse", "8", "a part sent without Content-Length: 411, or taken"
    )
    auth_error_body: Literal["oauth", "platform"] = _switch(
        "oauth", "10", "shape of a token error: error and error_description, or the platform's developerMessage"
    )
    more_info: Literal["more info", "moreInfo"] = _switch("more info", "0, 10", "the gateway's name for its link")
    public_needs_pkce: bool = _switch(
        default=True, section="10", meaning="whether a public application must send a code_challenge"
    )
    loopback_port: Literal["exact", "any"] = _switch(
        "exact", "10", "whether a loopback redirect URI must match the registered one in its port"
    )
    service_key_lines: Literal["escaped", "plain"] = _switch(
        "escaped", "10", "line ends in the private key of a service account: a backslash and an n, or line ends"
    )
    response_categories: Literal["reference", "tutorial"] = _switch(
        "reference", "5", "whether 2 is Revise and resubmit and 3 Rejected, or the other way round"
    )
    refresh_grace_seconds: float = _switch(0.0, "10, 13.8", "seconds for which a used refresh token is still taken")
    refresh_reuse: Literal["refuse", "revoke_family"] = _switch(
        "refuse",
        "10, 13.8",
        "a used refresh token shown again: refused, or refused and everything of that sign-in revoked with it",
    )
    invalid_parts_status: Literal[200, 400] = _switch(400, "8, 13.10", "HTTP status of MissingOrInvalidParts")
    quoted_etags: Literal["refuse", "accept"] = _switch(
        "refuse", "8", "an eTag of a completion in the quotes of storage's header: Unexpected, or as the hash in them"
    )
    complete_twice: Literal["refuse", "repeat"] = _switch(
        "refuse", "8, 13.10", "completing an upload again: 400, or the same answer"
    )
    url_expiration_overstated: float = _switch(
        10.0, "8", "seconds by which urlExpiration is later than the signed URL really lasts"
    )
    assembly_delay: float = _switch(
        0.0, "8", "seconds for which an object of several parts answers `chunked` after completion"
    )
    delete_mapping_status: Literal[200, 204] = _switch(204, "1, 13.2", "HTTP status of a deleted mapping")
    change_sequence_status: Literal[200, 201, 202] = _switch(200, "1, 13.2", "HTTP status of change-sequence-type")
    other_region_names: Literal["own", "us"] = _switch(
        "own", "8, 13.9", "buckets and URNs outside US and EMEA: named after their region, or as in the US"
    )
    provisioned: bool = _switch(
        default=True, section="9, 12", meaning="whether the hub's admin has added the app; if not: no hubs, and 403"
    )
    app_apis: Literal["all", "data_management", "construction_cloud", "none"] = _switch(
        "all", "10, 12", "which APIs the app itself was given; the others answer 403 with AUTH-001"
    )
    region_warnings: int = _switch(
        1, "9", "how many regions without a hub of the person's answer with a 403 warning beside the hubs"
    )
    attachment_folders_hidden: bool = _switch(
        default=False, section="9, 12", meaning="whether the folder of an item's attachments is hidden"
    )
    folder_display_name: Literal["name", "other"] = _switch(
        "name", "9", "the reserved displayName of folders: their name, or another text"
    )

    def __setattr__(self, name: str, value: object) -> None:
        """Assign a value that the switch can have; raises `DocumentError` (a `ValueError`) for any other."""
        super().__setattr__(name, switch_value(name, value))


@cache
def _type_hints() -> dict[str, Any]:
    return get_type_hints(Switches)


def switch_value(name: str, value: object) -> Any:
    """A value for a switch, from JSON or from the words of a command line. Raises `DocumentError`."""
    hints = _type_hints()
    if name not in hints:
        near = get_close_matches(name, hints, n=3)
        raise DocumentError(f"there is no switch {name}; try {' or '.join(near) or '--list-switches, which names all'}")
    options = switch_choices(name)
    for option in options:
        if value == option and type(value) is type(option):
            return option
        if isinstance(value, str) and value.lower() == str(option).lower():
            return option
    if options:
        raise DocumentError(f"{name} is one of {', '.join(str(one).lower() for one in options)}")
    return _number(name, value, hints[name])


def _number(name: str, value: object, kind: type) -> int | float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number: int | float = kind(value)
        except (ValueError, OverflowError):
            number = -1
        if 0 <= number <= _LARGEST and (kind is float or number == float(value)):
            return number
    raise DocumentError(f"{name} is a number from 0 to {_LARGEST}")


def describe(switches: Switches) -> tuple[SwitchDescription, ...]:
    """Every switch with its present value, in the order of its class."""
    return tuple(
        SwitchDescription(
            one.name,
            getattr(switches, one.name),
            one.metadata["section"],
            one.metadata["meaning"],
            tuple(
                str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in switch_choices(one.name)
            ),
        )
        for one in fields(switches)
    )


def switch_choices(name: str) -> tuple[Any, ...]:
    """Values that a switch may have; empty for a number."""
    kind = _type_hints()[name]
    if get_origin(kind) is Literal:
        return get_args(kind)
    return (True, False) if kind is bool else ()
