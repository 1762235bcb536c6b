"""Limits that settings files set to the environment and the flags: subsets, minima, fixed values."""

import difflib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from server.settings.files import SettingsLayer
from server.settings.types import ClientRegistration, unusable_entry

SECRETS: Final = frozenset({"client_secret", "access_token", "database_url", "encryption_keys", "http_secret"})
"""Fields that stand in no file: other people of the machine can read it."""


class Widening(ValueError):
    """A value that is wider than what a file allows; the text says what is allowed."""


def _fixed(allowed: Any, wanted: Any) -> Any:
    if wanted != allowed:
        raise Widening(f"fixes it to {_shown(allowed)}")
    return allowed


def _subset(allowed: tuple[str, ...], wanted: tuple[str, ...]) -> Any:
    if outside := [entry for entry in wanted if entry not in allowed]:
        raise Widening(f"allows only {_shown(allowed)}, and not {_shown(outside)}")
    return wanted


def _within(allowed: tuple[Path, ...], wanted: tuple[Path, ...]) -> Any:
    roots = [Path(os.path.realpath(root)) for root in allowed]
    outside = [path for path in wanted if not any(Path(os.path.realpath(path)).is_relative_to(root) for root in roots)]
    if outside:
        raise Widening(f"allows only {_shown(allowed) or 'no folder'} and what is in it, and not {_shown(outside)}")
    return wanted


def _one_within(allowed: Path, wanted: Path) -> Any:
    return _within((allowed,), (wanted,))[0]


def _minimum(allowed: int, wanted: int) -> int:
    return min(allowed, wanted)


def _either(allowed: bool, wanted: bool) -> bool:  # noqa: FBT001 - a rule is called by position
    return allowed or wanted


def _ask(allowed: str, wanted: str) -> str:
    return "ask" if "ask" in (allowed, wanted) else wanted


def _registration(allowed: ClientRegistration, wanted: ClientRegistration) -> ClientRegistration:
    if not allowed.enabled or not wanted.enabled:
        return ClientRegistration(enabled=False)
    if not allowed.domains or not wanted.domains:
        return ClientRegistration(domains=allowed.domains or wanted.domains)
    return ClientRegistration(domains=_subset(allowed.domains, wanted.domains))


_RULES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "folders": _within,
    "downloads": _one_within,
    **dict.fromkeys(("file_types", "projects", "storage_hosts"), _subset),
    **dict.fromkeys(("team_domains", "team_people", "team_accounts"), _subset),
    **dict.fromkeys(("max_file_bytes", "parallel_parts", "max_wait_seconds"), _minimum),
    **dict.fromkeys(("read_only", "strict_files"), _either),
    "confirm": _ask,
    "team_registration": _registration,
}
"""How a value narrows; what is not named is fixed, once a file has it."""


def narrow(name: str, allowed: Any, wanted: Any) -> Any:
    """Return the value of setting `name` where a file says `allowed` and the environment or a flag `wanted`.

    Raises:
        Widening: `wanted` goes beyond `allowed`, and nothing would be left of it without a word.
    """
    return _RULES.get(name, _fixed)(allowed, wanted)


def _shown(value: Any) -> str:
    return ", ".join(str(entry) for entry in value) if isinstance(value, (tuple, list)) else str(value)


@dataclass
class AllowedValues:
    """What the files say, the later within the earlier: values and files by field, and one line for each problem."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    machine_wide: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def add(self, layer: SettingsLayer, model: type[BaseSettings], fields: Collection[str]) -> None:
        """Add a file's entries of these `fields`, validated as `model` validates them."""
        for name, value in self._entries(layer, model):
            if name not in fields:
                continue
            try:
                narrowed = narrow(name, self.values[name], value) if name in self.values else value
            except Widening as problem:
                self.problems.append(f"{layer.path}: {name}: {self.places[name]} {problem}; correct this line")
                continue
            if name not in self.values or narrowed != self.values[name]:
                self.places[name] = str(layer.path)
            self.values[name] = narrowed
            if layer.is_machine_wide:
                self.machine_wide.add(name)

    def apply(self, name: str, variable: str, wanted: Any) -> Any:
        """Return what is left of a value that the environment or a flag gives."""
        try:
            return narrow(name, self.values[name], wanted)
        except Widening as problem:
            self.problems.append(f"{variable}: {self.places[name]} {problem}; correct it, or leave it out")
            return self.values[name]

    def _entries(self, layer: SettingsLayer, model: type[BaseSettings]) -> Iterable[tuple[str, Any]]:
        problems = [f"{layer.path}: {name}: {problem}" for name, problem in _unusable_entries(layer.values, model)]
        if not problems:
            try:
                found = _of_values_alone(model)(**layer.values)
            except ValidationError as error:
                fields = {alias: name for name, alias in _aliases(model).items()}
                for detail in error.errors(include_url=False, include_input=False):
                    place, what = str(detail["loc"][0]), detail["msg"].removeprefix("Value error, ")
                    problems.append(f"{layer.path}: {fields.get(place, place)}: {what[:1].lower()}{what[1:]}")
            else:
                return [(name, getattr(found, name)) for name in layer.values]
        self.problems.extend(problems)
        return []


def _aliases(model: type[BaseSettings]) -> dict[str, str]:
    return {name: str(field.validation_alias) for name, field in model.model_fields.items()}


@cache
def _of_values_alone(model: type[BaseSettings]) -> type[BaseSettings]:
    """Return the same model without the environment."""

    class ValuesOfFile(model):  # type: ignore[valid-type,misc]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic passes it by this name
            init_settings: PydanticBaseSettingsSource,
            **_: Any,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings,)

    return ValuesOfFile


def _unusable_entries(values: Mapping[str, Any], model: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    known = [name for name in model.model_fields if name not in SECRETS | {"settings_file"}]
    for name, value in values.items():
        if name in SECRETS:
            yield name, f"a secret does not belong into a file that others can read; set {_aliases(model)[name]}"
        elif name not in known:
            [nearest] = difflib.get_close_matches(name, known, n=1, cutoff=0)
            yield name, f"this version has no such entry; did you mean {nearest}? It knows {', '.join(known)}"
        elif value in ("", []) and name != "folders":
            yield name, "it is empty, which may be meant as a limit or as none; remove the line for none"
        elif problem := unusable_entry(value):
            yield name, problem
