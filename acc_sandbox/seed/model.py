"""Seed data of a sandbox: pydantic dataclasses, for the default seed and for files alike.

People are referred to by key, companies and roles by name or id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from acc_sandbox.state.people import Company, Person

StateName = Literal["draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void"]
RegionName = Literal["US", "CAN", "EMEA", "GBR", "DEU", "IND", "JPN", "AUS"]
"""The platform's regions (fact sheet 9)."""


_CONFIG: Final = ConfigDict(extra="forbid", coerce_numbers_to_str=True)
_Text = Annotated[str, Field(min_length=1)]
_Needed = Annotated[str, Field(min_length=1, validate_default=True)]
"""Text that must be given, in a field that follows one with a default."""
SeedKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,63}$")]


@dataclass(frozen=True, config=_CONFIG)
class SeedItem:
    """A submittal to begin with; `review` lists the steps, each with the assignees of its tasks."""

    spec: str
    number: str | None = None
    title: _Needed = ""
    state: StateName = "sbc-1"
    contractor: _Needed = ""
    item_type: Annotated[str, Field(validation_alias=AliasChoices("type", "item_type"))] = "shop_drawing"
    review: tuple[tuple[str, ...], ...] = ()
    attachments: tuple[_Text, ...] = ()
    package: str | None = None
    created_by: str | None = None


@dataclass(frozen=True, config=_CONFIG)
class SeedReviewer:
    """A task of a review template; a file may spell one that is required as its assignee alone."""

    assigned_to: str
    required: bool = True


def _reviewer(value: Any) -> Any:
    return SeedReviewer(value) if isinstance(value, str) else value


@dataclass(frozen=True, config=_CONFIG)
class SeedProject:
    """A project; without `members` all people are in it. `files` maps a path to its number of versions."""

    key: SeedKey
    name: _Text
    hub: str | None = None
    """Key of its hub; None for the first."""
    managers: tuple[str, ...] = Field(default=(), min_length=1, validate_default=True)
    admins: tuple[str, ...] = ()
    members: tuple[str, ...] | None = None
    kind: Literal["ACC", "BIM360"] = "ACC"
    numbering: Literal["global", "spec"] = "spec"
    specs: Mapping[str, _Text] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    """Title: spec section."""
    item_types: Mapping[str, _Text] | None = None
    """Key: value; None for the usual ones."""
    templates: Mapping[str, tuple[tuple[Annotated[SeedReviewer, BeforeValidator(_reviewer)], ...], ...]] = field(
        default_factory=dict
    )
    files: Mapping[str, Annotated[int, Field(ge=1, le=100)]] = field(default_factory=dict)
    folder_access: Mapping[str, tuple[_Text, ...]] = field(default_factory=dict)
    """Person: the highest folders that they see; who is not named sees all."""
    items: tuple[SeedItem, ...] = ()


@dataclass(frozen=True, config=_CONFIG)
class SeedHub:
    """A hub; without `visible_to` all people see it."""

    key: SeedKey
    name: _Text
    region: RegionName = "US"
    visible_to: tuple[str, ...] | None = None


@plain_dataclass(frozen=True, eq=False)
class SeedData:
    """A whole sandbox; a plan is equal to itself alone, so that what was made of it can be found again."""

    people: tuple[Person, ...]
    companies: tuple[Company, ...]
    roles: tuple[Company, ...]
    hubs: tuple[SeedHub, ...]
    projects: tuple[SeedProject, ...]
