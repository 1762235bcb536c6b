"""Structure of Autodesk's responses without values: members, types, lengths and header names. Pure functions.

A shape goes to other people, so nothing is taken out of it: only what is listed here comes in. A name stands in it
only if each of its words is one of `WORDS`, for keys can be data too, such as ids and people's own field names. A text
stands in it only where its member is one of `_VALUES`, it has that member's form, and its words are in `WORDS` as well.
Of everything else the shape holds the kind and the length.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

_OF_SERVICES: Final = """
about acceleration access account action actions active activities actual add additional address admin
administration administrator adsk after alg algorithm all allowed annotate answer api app approval approved archived
area as assigned assignee async at attachment attachments attempt attribute attributes auth authorization autodesk
back bad ball base basis batch begin bim body bool boolean box bucket build bulk business by can categories category
cause cdn challenge change changed checklists child children claim claims class client close closed cloud code
comment comments companies company complete completed component composite conflict construction contact container
content contents context contractor copied core cost count country court create created creator current custom daily
data date day days debug default defined delete deleted denied depth derivatives description design destroy detail
details detected developer dir disabled discipline display disposition distributed distribution dm doc docs document
documents done download draft drafts due duplicate duplicated e edit eidm element elements email emails empty
enabled encoding end endpoint endpoints entities entitlement entity enum environment error errors etag etags event
events example examples exceeded exclude executive exists exp expand expected expiration expired expires export
extension extensions external extraction failed failure false family fault features field fields file files filter
final finished firm first flag folder folders for forbidden form format formatted found from full generated generic
given grant group groups guid has headers height hidden hint history href http hub hubs human icon id identifier
identifiers ids image import in include included includes index industry info initial inner input instance int
integer internal introspection invalid invitation is issue issuer issues item items job jobs json jsonapi jti jwks
key keys keyset kid kind label language last latest lead length level levels limit lineage lines link links list
local locale location locations lock locked log long mail main manager managers mandatory manual map mapping
mappings mark markups max maximum member members message messages meta metadata method mgr middle mime min minimum
mode modified module more moved ms name names native new next no normal not note notes null number numbers object
objects offset old on online only open operation option optional options order origin original overwrite owner
oxygen package packages page pages pagination param parameter parameters params parent parents part partial parts
path payload payloads pending percent percentage permission permissions permitted person phone photo photos picture
plan plans platform position preferred prefix prev previous primary priority private process processing product
products profile progress project projects properties property public publish published publisher purpose query
range rate read readable reason reasons received recipients record redirect ref reference references refresh refs
region rejected related relationship relationships release remaining replace request requested requests require
required reserved resolved resource resources respond responded response responses result results retrieve retry
return rev review reviewed reviewer reviewers reviews revision revisions revocation rfis role roles rollup root row
rows rule rules save saved sbc schema scope scopes search section select self send sent sequence sequences server
service services set settings shape shared short show signature signed site size sort source spec specs stack stage
start started state states status statuses step steps storage string sub subcontractor subject submit submittal
submittals submitted submitter submitters subsection success suffix summary supported system tab table tag tags
target task tasks tb template templates text thumbnail thumbnails time timestamp timezone tip title to token top
total trace transfer transition transitions translation trigger true type types unauthorized unavailable unique unit
units unknown unprocessable unread unsupported update updated updater upload uploaded uri uris url urls urn urns use
user userid userinfo username users valid validate validation value values vendor verified verifier version versions
view viewable virtual visibility visible void warning warnings watcher watchers wf width with work workflow working
write zone
"""
_OF_HEADERS: Final = """
accelerate accept acl ads age agent alive allow alt amz apigee authenticate b cache cf connection control cookie
correlation credentials cross csp duration elapsed embedder expose frame host keep latency methods nel nosniff
opener pod policy powered pragma proxy ranges ratelimit referrer report reset runtime sampled security severity span
strict svc timing traceid traceparent tracestate transport ua upgrade vary via x xss
"""
WORDS: Final = frozenset(f"{_OF_SERVICES} {_OF_HEADERS}".split())
"""The words that names and values may be made of: those of Autodesk's documentation, and what any JSON service uses."""

_NAMES_AS_THEY_ARE: Final = frozenset({"sha1", "more info"})
_NAME: Final = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)*")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LONGEST_NAME: Final = 64

_STATE: Final = r"(?:draft|void|rev|create|sbc-[12]|mgr-[12])"
_CODE: Final = r"(?:AUTH|ERR)-\d{3}|BIM360DM_ERROR|[A-Za-z]+(?:[_-][A-Za-z]+)*"
_VALUES: Final = {
    name: re.compile(pattern)
    for name, pattern in {
        "stateId": _STATE,
        "statusId": "[1-6]",
        "asyncState": "[1-4]",
        "categoryId": "[1-8]",
        "urnTypeId": "[1-9]",
        # Ids of actions, states and transitions; every other id has another form.
        "id": rf"[A-Z][A-Za-z]+::[a-z]+(?:_[a-z]+)*|{_STATE}(?:::{_STATE})?",
        "actionId": r"ITEM_TRANSITION(?:_(?:CREATE|DRAFT|VOID|REV|SBC[12]|MGR[12])){2}",
        "folderType": "[A-Za-z]+(?:_[A-Za-z]+)*",
        "projectType": "ACC|BIM360",
        "type": r"[a-z]+:autodesk\.(?:bim360|core|a360):[A-Za-z]+",
        "region": "US|EMEA|APAC|CAN|GBR|DEU|IND|JPN|AUS",
        "error": _CODE,
        "errorCode": _CODE,
        "ErrorCode": _CODE,
        "code": _CODE,
    }.items()
}
"""Members whose texts say nothing of a project, by the whole form of what may be shown of them."""

_WITHOUT_WORDS: Final = frozenset({"region", "projectType", "statusId", "asyncState", "categoryId", "urnTypeId"})
_FIXED: Final = re.compile(r"(?:AUTH|ERR)-\d{3}|BIM360DM_ERROR")

_FORMS: Final = (
    ("uuid", re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("timestamp", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")),
    ("digits", re.compile(r"[0-9]+")),
)
_TEXT: Final = "text"


def shape(values: Sequence[Any], member: str = "") -> Any:
    """Return the shape of the JSON values that stand at one place, in the same member of several answers or rows.

    An object's shape is an object, with `?` after the names that are not always there; a list's is
    `{"list of 0 to 3": shape of its elements}`; several kinds at one place are `{"one of": [...]}`.
    """
    kinds: list[Any] = [*_plain(values), *_texts([value for value in values if isinstance(value, str)], member)]
    objects = [value for value in values if isinstance(value, Mapping)]
    if objects:
        kinds.append(_members(objects))
    lists = [value for value in values if isinstance(value, list)]
    if lists:
        kinds.append({f"list of {_range(map(len, lists))}": shape([one for row in lists for one in row], member)})
    if not kinds:
        return "nothing"
    return kinds[0] if len(kinds) == 1 else {"one of": kinds}


def header_names(headers: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the names of answers' headers, with `?` after those that are not always there."""
    return sorted(_members([dict.fromkeys(one) for one in headers]))


def is_plain_name(name: str) -> bool:
    """Whether a name tells nothing but words of `WORDS`."""
    if name in _NAMES_AS_THEY_ARE:
        return True
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None and _is_made_of_words(name)


def _is_made_of_words(text: str) -> bool:
    return all(word.lower() in WORDS for word in _WORD.findall(text))


def _plain(values: Sequence[Any]) -> list[str]:
    kinds = {"null": type(None), "boolean": bool, "integer": int, "number": float}
    return [name for name, kind in kinds.items() if any(type(value) is kind for value in values)]


def _texts(texts: Sequence[str], member: str) -> list[str]:
    shown = {text for text in texts if _may_be_shown(text, member)}
    lengths: dict[str, list[int]] = {}
    for text in texts:
        if text not in shown:
            form = next((name for name, pattern in _FORMS if pattern.fullmatch(text)), _TEXT)
            lengths.setdefault(form, []).append(len(text))
    return [
        *(f"= {text}" for text in sorted(shown)),
        *(f"{form} of {_range(sizes)}" for form, sizes in sorted(lengths.items())),
    ]


def _may_be_shown(text: str, member: str) -> bool:
    pattern = _VALUES.get(member)
    if pattern is None or len(text) > _LONGEST_NAME or pattern.fullmatch(text) is None:
        return False
    return member in _WITHOUT_WORDS or _FIXED.fullmatch(text) is not None or _is_made_of_words(text)


def _members(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    places: dict[str, list[Any]] = {}
    others: list[Any] = []
    unnamed: set[str] = set()
    for one in objects:
        for name, value in one.items():
            if is_plain_name(name):
                places.setdefault(name, []).append(value)
            else:
                unnamed.add(name)
                others.append(value)
    found = {
        name if len(values) == len(objects) else f"{name}?": shape(values, name) for name, values in places.items()
    }
    if unnamed:
        found[f"other names: {len(unnamed)}, of {_range(map(len, unnamed))} characters"] = shape(others)
    return found


def _range(sizes: Iterable[int]) -> str:
    found = sorted(sizes)
    return str(found[0]) if found[0] == found[-1] else f"{found[0]} to {found[-1]}"
