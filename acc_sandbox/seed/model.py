"""Seed data of a sandbox, for the default seed and for files alike.

Dataclasses that pydantic reads from a file, under the rules that stand beside their members. It is imported for a file
alone: most sandboxes start with the default seed. People are referred to by key, companies and roles by name or id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

if TYPE_CHECKING:
    from pydantic import ConfigDict, GetCoreSchemaHandler
    from pydantic_core import CoreSchema

from acc_sandbox.state.people import Company, Person

StateName = Literal["draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void"]
RegionName = Literal["US", "CAN", "EMEA", "GBR", "DEU", "IND", "JPN", "AUS"]
"""The platform's regions (fact sheet 9)."""


class ValueRule:
    """A rule for a value that is read from a file, in the words of pydantic's schemas."""

    def __init__(self, **words: Any) -> None:
        self._words = words

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Add the rule to the schema of a type."""
        return {**handler(source), **self._words}


class Respelled:
    """A value that a file may spell in another way, which `read` turns into the usual one."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read the other way before the type's own."""
        from pydantic_core.core_schema import no_info_before_validator_function

        return no_info_before_validator_function(self._read, handler(source))


_CONFIG: Final[ConfigDict] = {"extra": "forbid", "coerce_numbers_to_str": True, "validate_default": True}
_Text = Annotated[str, ValueRule(min_length=1)]
SeedKey = Annotated[str, ValueRule(pattern=r"^[A-Za-z0-9][\w.-]{0,63}$")]


@dataclass(frozen=True)
class SeedItem:
    """A submittal to begin with; `review` lists the steps, each with the assignees of its tasks."""

    __pydantic_config__ = _CONFIG

    spec: str
    number: str | None = None
    title: _Text = ""
    state: StateName = "sbc-1"
    contractor: _Text = ""
    item_type: str = "shop_drawing"
    """In a file also `type`."""
    review: tuple[tuple[str, ...], ...] = ()
    attachments: tuple[_Text, ...] = ()
    package: str | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class SeedReviewer:
    """A task of a review template; a file may spell one that is required as its assignee alone."""

    __pydantic_config__ = _CONFIG

    assigned_to: str
    required: bool = True


def _reviewer(value: Any) -> Any:
    return SeedReviewer(value) if isinstance(value, str) else value


def _item(value: Any) -> Any:
    if isinstance(value, Mapping) and "type" in value and "item_type" not in value:
        return {"item_type" if name == "type" else name: one for name, one in value.items()}
    return value


@dataclass(frozen=True)
class SeedProject:
    """A project; without `members` all people are in it. `files` maps a path to its number of versions."""

    __pydantic_config__ = _CONFIG

    key: SeedKey
    name: _Text
    hub: str | None = None
    """Key of its hub; None for the first."""
    managers: Annotated[tuple[str, ...], ValueRule(min_length=1)] = ()
    admins: tuple[str, ...] = ()
    members: tuple[str, ...] | None = None
    kind: Literal["ACC", "BIM360"] = "ACC"
    numbering: Literal["global", "spec"] = "spec"
    specs: Mapping[str, _Text] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    """Title: spec section."""
    item_types: Mapping[str, _Text] | None = None
    """Key: value; None for the usual ones."""
    templates: Mapping[str, tuple[tuple[Annotated[SeedReviewer, Respelled(_reviewer)], ...], ...]] = field(
        default_factory=dict
    )
    files: Mapping[str, Annotated[int, ValueRule(ge=1, le=100)]] = field(default_factory=dict)
    folder_access: Mapping[str, tuple[_Text, ...]] = field(default_factory=dict)
    """Person: the highest folders that they see; who is not named sees all."""
    items: tuple[Annotated[SeedItem, Respelled(_item)], ...] = ()


@dataclass(frozen=True)
class SeedHub:
    """A hub; without `visible_to` all people see it."""

    __pydantic_config__ = _CONFIG

    key: SeedKey
    name: _Text
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
