"""Cached list of a user's projects in all accounts; hubs allow 50 requests a minute."""

from dataclasses import dataclass

from acc.client import AccClient
from acc.ids import InvalidId, submittals_project_id
from tools.core.concurrency import gather_all
from tools.core.policy import ToolPolicy
from tools.core.ttl_cache import TtlCache
from tools.lookup.name_matching import NameWords, all_found
from tools.lookup.references import normalize


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
    accounts_unavailable: int = 0
    not_provisioned: bool = False

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
        self._kept = TtlCache[ProjectList]()

    async def get(self) -> ProjectList:
        """Return the list, perhaps a kept one. An empty one is not cached: the user is about to fix that.

        Raises:
            AccError: Autodesk refused or is away.
        """
        owner = await self._acc.owner_key()
        kept = self._kept.get(owner)
        if kept is not None:
            return kept
        listed = await self._read()
        return self._kept.keep(listed, owner) if listed.projects else listed

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
