"""A seed of one's own: reads a plan from a JSON or YAML file (see docs/sandbox.md for the format)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.seed.loader import DocumentError, read_document
from acc_sandbox.seed.model import RegionName, SeedData, SeedHub, SeedItem, SeedProject, SeedReviewer, StateName
from acc_sandbox.state.people import Company, Person, known_autodesk_id

_FIRST_GROUP = 30_000_001
"""Ids of companies and roles that a file does not number; clear of those of the default seed."""
_Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,63}$")]
_Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class _Person(_Strict):
    key: _Key
    name: _Text
    email: str | None = None
    role: str = ""
    company: str | None = None
    roles: tuple[str, ...] = ()


class _Item(_Strict):
    spec: str
    number: str | None = None
    title: _Text
    state: StateName = "sbc-1"
    contractor: str
    type: str = "shop_drawing"
    review: tuple[tuple[str, ...], ...] = ()
    attachments: tuple[_Text, ...] = ()
    package: str | None = None
    created_by: str | None = None


class _Reviewer(_Strict):
    assigned_to: str
    required: bool = True


class _Hub(_Strict):
    key: _Key
    name: _Text
    region: RegionName = "US"
    visible_to: tuple[str, ...] | None = None


class _Project(_Strict):
    key: _Key
    name: _Text
    hub: str | None = None
    managers: Annotated[tuple[str, ...], Field(min_length=1)]
    admins: tuple[str, ...] = ()
    members: tuple[str, ...] | None = None
    kind: Literal["ACC", "BIM360"] = "ACC"
    numbering: Literal["global", "spec"] = "spec"
    specs: dict[str, _Text] = {}
    packages: dict[str, str] = {}
    item_types: dict[str, _Text] | None = None
    templates: dict[str, tuple[tuple[_Reviewer | str, ...], ...]] = {}
    files: dict[str, Annotated[int, Field(ge=1, le=100)]] = {}
    folder_access: dict[str, tuple[_Text, ...]] = {}
    items: tuple[_Item, ...] = ()


class _File(_Strict):
    """Without people, those of the default seed are there; without hubs, one in the US."""

    people: tuple[_Person, ...] = ()
    hubs: tuple[_Hub, ...] = (_Hub(key="hub", name="Sandbox Construction"),)
    projects: Annotated[tuple[_Project, ...], Field(min_length=1)]


def read_seed(path: Path) -> SeedData:
    """The plan in a file. Raises `DocumentError`, which names every place that is wrong."""
    return parse_seed(read_document(path), str(path))


def parse_seed(document: Any, source: str = "seed") -> SeedData:
    """The plan that a JSON or YAML value describes; `source` is what errors call it. Raises `DocumentError`."""
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        places = (f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors())
        raise DocumentError(f"{source}: {'; '.join(places)}") from None
    people, companies, roles = _people(file) if file.people else (DEFAULT.people, DEFAULT.companies, DEFAULT.roles)
    hubs = tuple(SeedHub(one.key, one.name, one.region, one.visible_to) for one in file.hubs)
    projects = tuple(_project(one, one.hub or hubs[0].key) for one in file.projects)
    keys = [
        *(one.key for one in people),
        *(f"hub {one.key}" for one in hubs),
        *(f"project {one.key}" for one in projects),
    ]
    if len(set(keys)) != len(keys):
        raise DocumentError(f"{source}: two people, hubs or projects have the same key")
    return SeedData(people, companies, roles, hubs, projects)


def _people(file: _File) -> tuple[tuple[Person, ...], tuple[Company, ...], tuple[Company, ...]]:
    company_names = dict.fromkeys(one.company for one in file.people if one.company)
    role_names = dict.fromkeys(name for one in file.people for name in one.roles)
    ids = {name: str(_FIRST_GROUP + place) for place, name in enumerate([*company_names, *role_names])}
    people = tuple(
        Person(
            one.key,
            one.name,
            one.email or f"{one.key}@example.com",
            known_autodesk_id(one.key),
            one.role,
            tuple(ids[name] for name in (one.company, *one.roles) if name),
        )
        for one in file.people
    )
    companies = tuple(Company(ids[name], name) for name in company_names)
    return people, companies, tuple(Company(ids[name], name) for name in role_names)


def _project(file: _Project, hub: str) -> SeedProject:
    return SeedProject(
        key=file.key,
        name=file.name,
        hub=hub,
        managers=file.managers,
        admins=file.admins,
        members=file.members,
        kind=file.kind,
        numbering=file.numbering,
        specs=file.specs,
        packages=file.packages,
        item_types=file.item_types,
        templates={
            name: tuple(tuple(_reviewer(one) for one in step) for step in steps)
            for name, steps in file.templates.items()
        },
        files=file.files,
        folder_access=file.folder_access,
        items=tuple(SeedItem(item_type=one.type, **one.model_dump(exclude={"type"})) for one in file.items),
    )


def _reviewer(one: _Reviewer | str) -> SeedReviewer:
    return SeedReviewer(one) if isinstance(one, str) else SeedReviewer(one.assigned_to, one.required)
