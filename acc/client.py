"""`AccClient`: everything of Autodesk that one person needs, behind one object."""

import hashlib
from collections.abc import Callable, Collection
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from acc import operations as op
from acc.data_management import FilesService, ProjectsService
from acc.hosts import AutodeskHosts
from acc.ids import unverified_claims
from acc.models.files import UserInfo
from acc.models.submittals import SubmittalsUser
from acc.object_storage import ObjectStorage
from acc.operations import build
from acc.submittals import SubmittalsService

if TYPE_CHECKING:
    import httpx

    from acc.connection import AccConnection, RequestCheck, RequestGate, TokenSource
    from acc.operations import ApiOperation
    from acc.responses import HttpResponse
    from acc.retry import RetryPolicy


PEOPLE: Final = 1000
"""People and projects that are kept in the cache."""


def owner_key(token: str) -> str:
    """Return a word for the person of a token: the id in its claims, else a digest of the token itself."""
    claims = unverified_claims(token)
    return str(claims.get("userid") or claims.get("sub") or hashlib.sha256(token.encode()).hexdigest())


class AccClient:
    """Client of one person at one Autodesk.

    Making it costs nothing: httpx is loaded, and a client made, when the first service is used. A given `client` is
    left open; `storage_hosts` are hosts that file bytes may go to beside the documented ones; `rate_limiter` says when
    a request may be sent; `on_answer` is shown every answer as it came.

        async with AccClient(Hosts.autodesk(), tokens) as acc:
            item = await acc.submittals.item(project_id, item_id)
    """

    def __init__(
        self,
        hosts: AutodeskHosts,
        tokens: "TokenSource",
        *,
        storage_hosts: Collection[str] = (),
        client: "httpx.AsyncClient | None" = None,
        policy: "RetryPolicy | None" = None,
        rate_limiter: "RequestGate | None" = None,
        on_answer: "Callable[[ApiOperation[Any], HttpResponse], None] | None" = None,
    ) -> None:
        self.hosts = hosts
        self._tokens = tokens
        self._storage_hosts = frozenset(storage_hosts)
        self._client = client
        self._policy = policy
        self._rate_limiter = rate_limiter
        self._on_answer = on_answer
        self._people: dict[tuple[str, str], SubmittalsUser] = {}

    @cached_property
    def connection(self) -> "AccConnection":
        """Connection that sends the requests."""
        from acc.connection import AccConnection

        return AccConnection(
            self.hosts,
            self._tokens,
            client=self._client,
            policy=self._policy,
            rate_limiter=self._rate_limiter,
            on_answer=self._on_answer,
        )

    def guarded(self, check: "RequestCheck") -> "AccClient":
        """Return the same client, on which `check` is awaited right before each request."""
        guarded = AccClient(self.hosts, self._tokens, storage_hosts=self._storage_hosts)
        guarded.connection = self.connection.guarded(check)
        return guarded

    async def owner_key(self) -> str:
        """Return what tells the person whose token would be sent now from every other; for names of cached answers.

        Raises:
            Exception: What the token source raises.
        """
        return owner_key(await self._tokens.access_token())

    async def person(self, project_id: str) -> SubmittalsUser:
        """Return who the signed-in person is in a project; Autodesk is asked once for each of them.

        Raises:
            AccError: ACC refused or is away.
        """
        while True:
            found = await self.person_of(project_id, await self.owner_key())
            if found is not None:
                return found

    async def person_of(self, project_id: str, owner: str) -> SubmittalsUser | None:
        """Return who the person with an `owner_key` is in a project; None if they are not known, nor signed in now.

        Raises:
            AccError: ACC refused or is away.
        """
        known = self._people.get((owner, project_id))
        if known is None:
            known = await self.submittals.me(project_id)
            if await self.owner_key() != owner:
                return None  # another user has signed in meanwhile
            if len(self._people) >= PEOPLE:
                self._people.clear()
            self._people[owner, project_id] = known
        return known

    @cached_property
    def submittals(self) -> SubmittalsService:
        """Submittal items, reviews and attachments."""
        return SubmittalsService(self.connection)

    @cached_property
    def storage(self) -> ObjectStorage:
        """Signed uploads."""
        return ObjectStorage(self.connection, extra_hosts=self._storage_hosts)

    @cached_property
    def projects(self) -> ProjectsService:
        """Hubs and projects."""
        return ProjectsService(self.connection)

    @cached_property
    def files(self) -> FilesService:
        """The Files tool."""
        return FilesService(self.connection)

    async def userinfo(self) -> UserInfo:
        """The person whose token is sent (fact sheet 10).

        Raises:
            AccError: see `acc.errors`.
        """
        return await self.connection.send(build(op.USERINFO))

    async def aclose(self) -> None:
        """Close what was opened. The object may be used again; it then opens a new client."""
        if "connection" in self.__dict__:
            await self.connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
