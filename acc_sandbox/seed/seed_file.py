"""A seed of one's own: reads a plan from a JSON or YAML file (see docs/sandbox.md for the format)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.seed.loader import DocumentError, describe_errors, read_document
from acc_sandbox.seed.model import SeedData, SeedHub, SeedKey, SeedProject
from acc_sandbox.state.people import Company, Person, known_autodesk_id

_FIRST_GROUP = 30_000_001
"""Ids of companies and roles that a file does not number; clear of those of the default seed."""
_Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class _Person(_Strict):
    key: SeedKey
    name: _Text
    email: str | None = None
    role: str = ""
    company: str | None = None
    roles: tuple[str, ...] = ()


class _File(_Strict):
    """Without people, those of the default seed are there; without hubs, one in the US."""

    people: tuple[_Person, ...] = ()
    hubs: tuple[SeedHub, ...] = (SeedHub("hub", "Sandbox Construction"),)
    projects: Annotated[tuple[SeedProject, ...], Field(min_length=1)]


def read_seed(path: Path) -> SeedData:
    """The plan in a file. Raises `DocumentError`, which names every place that is wrong."""
    return parse_seed(read_document(path), str(path))


def parse_seed(document: Any, source: str = "seed") -> SeedData:
    """The plan that a JSON or YAML value describes; `source` is what errors call it. Raises `DocumentError`."""
    if not isinstance(document, dict):
        raise DocumentError(f"{source}: a seed is an object with projects, and perhaps people and hubs")
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise DocumentError(f"{source}: {describe_errors(error)}") from None
    people, companies, roles = _people(file) if file.people else (DEFAULT.people, DEFAULT.companies, DEFAULT.roles)
    hubs = file.hubs
    projects = tuple(one if one.hub else replace(one, hub=hubs[0].key) for one in file.projects)
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
