"""Cached lists of a user's projects and of project members, and the TTL cache behind them.

Hubs allow 50 requests a minute; Submittals knows members by id only (fact sheet 9b).
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from acc.client import AccClient
from acc.errors import AccError, Forbidden, NotFound, RequestRejected
from acc.ids import InvalidId, submittals_project_id
from acc.models.files import ProjectMember
from tools.core.policy import ToolPolicy
from tools.lookup.references import NameWords, all_found, normalize
from transfers.concurrency import gather_all

V = TypeVar("V")

KEEP_SECONDS: Final = 60.0
"""Default TTL: a conversation repeats lookups several times a minute, and users notice older values."""

MOST: Final = 1000


class TtlCache(Generic[V]):
    """Cache with a lifetime of `seconds`; beyond `most` entries the oldest is evicted."""

    def __init__(
        self, most: int = MOST, clock: Callable[[], float] = time.monotonic, seconds: float = KEEP_SECONDS
    ) -> None:
        self._most = most
        self._clock = clock
        self._seconds = seconds
        self._values: dict[tuple[str, ...], tuple[float, V]] = {}

    def get(self, *name: str) -> V | None:
        """Return the cached value; None if it is missing or expired."""
        until, value = self._values.get(name, (0.0, None))
        return value if self._clock() < until else None

    def keep(self, value: V, *name: str) -> V:
        """Store a value, and return it."""
        self._values.pop(name, None)
        self._values[name] = (self._clock() + self._seconds, value)
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]
        return value


class PersonCache(Generic[V]):
    """Cache of ACC's answers to each person, under the key of the person whose token they were asked for with."""

    def __init__(self, cache: TtlCache[V] | None = None) -> None:
        self._kept = cache or TtlCache[V]()

    async def get_or_fetch(
        self,
        acc: AccClient,
        fetch: Callable[[], Awaitable[V]],
        *name: str,
        fresh: bool = False,
        keeps: Callable[[V], bool] = lambda _: True,
    ) -> V:
        """Return what is kept, unless `fresh`, else what `fetch` finds; again if another person signed in meanwhile.

        What `fetch` raises is not kept, nor is what `keeps` says no to.
        """
        while True:
            owner = await acc.owner_key()
            known = self._kept.get(owner, *name)
            if known is not None and not fresh:
                return known
            found = await fetch()
            if await acc.owner_key() == owner:
                return self._kept.keep(found, owner, *name) if keeps(found) else found


@dataclass(frozen=True)
class ProjectSummary:
    """A project of the person's; `type` is ACC, BIM360 or as ACC says. `id` is the bare UUID."""

    id: str
    name: str
    hub_id: str
    hub_name: str
    type: str
    region: str | None = None

    @property
    def supported(self) -> bool:
        """Whether the Submittals API serves it."""
        return self.type.upper() != "BIM360"


@dataclass(frozen=True)
class ProjectList:
    """All projects of a person by name, how many accounts would not answer, and whether none admits the app."""

    projects: tuple[ProjectSummary, ...]
    accounts_unavailable: int
    not_provisioned: bool

    def named(self, words: str) -> list[ProjectSummary]:
        """Return the projects of that name; where there is none, those whose name holds the words in any order."""
        literal = [project for project in self.projects if normalize(project.name) == normalize(words)]
        text = NameWords.of(words)
        return literal or [one for one in self.projects if text.is_called(one.name)] or self.holding(words)

    def holding(self, words: str) -> list[ProjectSummary]:
        """Return the projects whose name holds the words; all of them for none."""
        wanted, text = normalize(words), NameWords.of(words).significant
        return [one for one in self.projects if wanted in normalize(one.name) or (text and all_found(text, one.name))]


class ProjectListCache:
    """Caches the list of a user's projects, of allowed accounts only."""

    def __init__(self, acc: AccClient, policy: ToolPolicy) -> None:
        self._acc = acc
        self._policy = policy
        self._kept = PersonCache[ProjectList]()

    async def get(self) -> ProjectList:
        """Return the list, perhaps a kept one. An empty one is not cached: the user is about to fix that.

        Raises:
            AccError: Autodesk refused or is away.
        """
        return await self._kept.get_or_fetch(self._acc, self._read, keeps=lambda listed: bool(listed.projects))

    async def _read(self) -> ProjectList:
        accounts = await self._acc.projects.hubs()
        found: list[ProjectSummary] = []
        hubs = [hub for hub in accounts.hubs if self._policy.allows_account(hub.id)]
        lists = await gather_all([self._acc.projects.projects(hub.id) for hub in hubs])
        for hub, projects in zip(hubs, lists, strict=True):
            for project in projects:
                try:
                    bare = submittals_project_id(project.id)
                except InvalidId:
                    continue  # a project of another product, which Submittals cannot name
                found.append(
                    ProjectSummary(bare, project.name, hub.id, hub.name, project.project_type, hub.attributes.region)
                )
        found.sort(key=lambda project: (project.name.casefold(), project.id))
        return ProjectList(tuple(found), len(accounts.faults), accounts.app_not_provisioned)


MEMBERS_SECONDS: Final = 600.0
"""TTL of a member list: members seldom change, and a list can have many pages."""

_log = logging.getLogger(__name__)


class MemberNames:
    """Names by Autodesk id, from member lists that are kept by person and project.

    ACC may refuse the list, and an older sign-in lacks its scope: then no member has a name, and nothing fails.
    """

    def __init__(self, acc: AccClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._acc = acc
        self._kept = PersonCache(TtlCache[Sequence[ProjectMember] | None](clock=clock, seconds=MEMBERS_SECONDS))

    async def of_project(self, project_id: str, person_id: str) -> Mapping[str, str]:
        """Return the names of a project's members as `person_id` may see them; empty where ACC gives none."""
        members = await self.members(project_id, person_id)
        return {one.autodesk_id: one.name for one in members if one.autodesk_id and one.name}

    async def members(self, project_id: str, person_id: str) -> Sequence[ProjectMember]:
        """Return a project's members as `person_id` may see them; none where ACC lists none."""
        listed = await self._kept.get_or_fetch(
            self._acc, partial(self._read, project_id), person_id, project_id, keeps=lambda found: found is not None
        )
        return listed or ()

    async def _read(self, project_id: str) -> Sequence[ProjectMember] | None:
        """Return a project's members; None where they could not be asked for."""
        try:
            return await self._acc.projects.members(project_id)
        except (Forbidden, NotFound, RequestRejected) as refused:
            _log.info("names of members are not to be had: %s", refused)
            return ()
        except AccError as failed:
            _log.warning("names of members could not be read: %s", failed)
            return None
