"""What a sandbox starts with, as data: the default is in `default_plan`, one's own comes from a file.

People are referred to by key, companies and roles by name or id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acc_sandbox.state.people import Company, Person

StateName = Literal["draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void"]
RegionName = Literal["US", "CAN", "EMEA", "GBR", "DEU", "IND", "JPN", "AUS"]
"""The platform's regions (fact sheet 9)."""


@dataclass(frozen=True)
class SeedItem:
    """A submittal to begin with; `review` lists the steps, each with the assignees of its tasks."""

    spec: str
    number: str | None
    title: str
    state: StateName
    contractor: str
    item_type: str = "shop_drawing"
    review: tuple[tuple[str, ...], ...] = ()
    attachments: tuple[str, ...] = ()
    package: str | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class SeedReviewer:
    """Whom a review template asks."""

    assigned_to: str
    required: bool = True


@dataclass(frozen=True)
class SeedProject:
    """A project; without `members` everybody is in it. `files` maps a path to its number of versions."""

    key: str
    name: str
    hub: str
    managers: tuple[str, ...]
    admins: tuple[str, ...] = ()
    members: tuple[str, ...] | None = None
    kind: Literal["ACC", "BIM360"] = "ACC"
    numbering: Literal["global", "spec"] = "spec"
    specs: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    """Title: spec section."""
    item_types: Mapping[str, str] | None = None
    """Key: value; None for the usual ones."""
    templates: Mapping[str, tuple[tuple[SeedReviewer, ...], ...]] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    folder_access: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Person: the highest folders that they see; who is not named sees all."""
    items: tuple[SeedItem, ...] = ()


@dataclass(frozen=True)
class SeedHub:
    """A hub; without `visible_to` everybody sees it."""

    key: str
    name: str
    region: RegionName = "US"
    visible_to: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class SeedData:
    """A whole sandbox; a plan is equal to itself alone, so that what was made of it can be found again."""

    people: tuple[Person, ...]
    companies: tuple[Company, ...]
    roles: tuple[Company, ...]
    hubs: tuple[SeedHub, ...]
    projects: tuple[SeedProject, ...]
