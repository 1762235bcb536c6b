"""Cached names of project members, whom Submittals knows by id only (fact sheet 9b)."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from acc.client import AccClient
from acc.errors import AccError, Forbidden, NotFound, RequestRejected
from acc.models import ProjectMember
from tools.core.ttl_cache import TtlCache

MEMBERS_SECONDS: Final = 600.0
"""TTL of a member list: members seldom change, and a list can have many pages."""

_log = logging.getLogger(__name__)


class MemberNames:
    """Names by Autodesk id, from member lists that are kept by person and project.

    ACC may refuse the list, and an older sign-in lacks its scope: then no member has a name, and nothing fails.
    """

    def __init__(self, acc: AccClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._acc = acc
        self._kept = TtlCache[Sequence[ProjectMember]](clock=clock, seconds=MEMBERS_SECONDS)

    async def of_project(self, project_id: str, person_id: str) -> Mapping[str, str]:
        """Return the names of a project's members as `person_id` may see them; empty where ACC gives none."""
        members = await self.members(project_id, person_id)
        return {one.autodesk_id: one.name for one in members if one.autodesk_id and one.name}

    async def members(self, project_id: str, person_id: str) -> Sequence[ProjectMember]:
        """Return a project's members as `person_id` may see them; none where ACC lists none."""
        kept = self._kept.get(person_id, project_id)
        if kept is not None:
            return kept
        try:
            members = await self._acc.projects.members(project_id)
        except (Forbidden, NotFound, RequestRejected) as refused:
            _log.info("names of members are not to be had: %s", refused)
            members = []
        except AccError as failed:
            _log.warning("names of members could not be read: %s", failed)
            return []
        return self._kept.keep(members, person_id, project_id)
