"""From the settings to the desk on which tools work: for the server, and for commands, which need nothing of MCP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from server.settings.model import Settings
from tools.core.context import Services
from tools.core.policy import Policy

if TYPE_CHECKING:
    import httpx

    from acc.client import AccClient
    from acc.connection import TokenSource
    from transfers.jobs.repository import JobRepository
    from transfers.manager import TransferManager


def policy_of(settings: Settings, *, local_files: bool) -> Policy:
    """Return what the settings allow, for whoever opens a desk: no command may forget one of them."""
    return Policy(
        local_files=local_files,
        read_only=settings.read_only,
        projects=frozenset(settings.projects),
        max_wait_seconds=settings.max_wait_seconds,
        asks=settings.confirm == "ask",
        accounts=frozenset(settings.team_accounts),
    )


def transfer_manager(
    settings: Settings, policy: Policy, acc: "AccClient", repository: "JobRepository"
) -> "TransferManager":
    """Return what moves one person's attachments along."""
    from transfers.files.allowed_folders import AllowedFolders
    from transfers.files.local_file import FilePolicy
    from transfers.jobs.context import JobContext
    from transfers.manager import TransferManager

    def new_storage_client() -> "httpx.Client":
        from acc.transport import storage_client

        return storage_client(acc.hosts)

    context = JobContext(
        acc,
        settings.parallel_parts,
        new_storage_client,
        repository,
        AllowedFolders(settings.folders if policy.local_files else ()),
        FilePolicy(frozenset(settings.file_types), settings.max_file_bytes),
        asks=policy.asks,
    )
    return TransferManager(context)


@asynccontextmanager
async def open_desk(
    settings: Settings,
    policy: Policy,
    tokens: "TokenSource | None",
    person: str | None = None,
    *,
    files_at_once: int = 0,
    patient: bool = False,
    paced: bool = True,
) -> AsyncIterator[Services]:
    """Yield the desk and keep its transfers going until the server ends; a worker's also so many of the queue.

    `patient` where nobody in a chat waits. Requests are not `paced` where there are no limits.
    """
    from acc.client import AccClient
    from server.auth_wiring import SignedInUser, hosts_from, open_identity, place_of
    from server.pace import PATIENT, pace_of
    from tools.lookup.resolver import ReferenceResolver
    from transfers.jobs.repository import JobRepository

    hosts, repository = hosts_from(settings), JobRepository(place_of(settings))
    async with (
        nullcontext(SignedInUser(tokens)) if tokens is not None else open_identity(settings, person) as identity,
        AccClient(
            hosts,
            identity.tokens,
            storage_hosts=settings.storage_hosts,
            policy=PATIENT if patient else None,
            pace=pace_of(settings, repository, patient=patient) if paced else None,
        ) as acc,
    ):
        transfers = transfer_manager(settings, policy, acc, repository)
        async with transfers.running(takes_up=None if policy.read_only else policy.allows, files_at_once=files_at_once):
            yield Services(policy, acc, transfers, ReferenceResolver(acc, policy), sign_in_page=identity.page)
