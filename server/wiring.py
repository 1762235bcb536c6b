"""Composition root: builds the policy and the services of one user from the settings, for servers and commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Final

from acc.retry import RetryPolicy
from server.settings.model import Settings
from tools.core.context import Services
from tools.core.policy import ToolPolicy

if TYPE_CHECKING:
    from acc.client import AccClient
    from acc.connection import TokenSource
    from acc.rate_limit import RateLimiter
    from transfers.jobs.repository import JobRepository
    from transfers.manager import TransferManager


BACKGROUND_RETRIES: Final = RetryPolicy(attempts=8, retry_after_cap=300, deadline=900)
"""Retry policy of commands and workers: they wait out long pauses and survive short outages."""

BACKGROUND_WAIT_SECONDS: Final = 600.0


def policy_of(settings: Settings, *, local_files: bool) -> ToolPolicy:
    """Return the policy that the settings describe. Servers and commands all call this, so none forgets a limit."""
    return ToolPolicy(
        local_files=local_files,
        read_only=settings.read_only,
        projects=frozenset(settings.projects),
        max_wait_seconds=settings.max_wait_seconds,
        asks=settings.confirm == "ask",
        accounts=frozenset(settings.team_accounts),
        downloads=settings.downloads if local_files else None,
    )


def transfer_manager(
    settings: Settings, policy: ToolPolicy, acc: "AccClient", repository: "JobRepository"
) -> "TransferManager":
    """Return the transfer manager of one user."""
    from acc.transport import storage_client
    from server.auth_wiring import state_location
    from transfers.files.allowed_folders import AllowedFolders
    from transfers.files.local_file import FilePolicy
    from transfers.jobs.context import JobContext
    from transfers.manager import TransferManager

    own = (state_location(settings).data_path(), settings.service_account_key_file)
    context = JobContext(
        acc,
        settings.parallel_parts,
        partial(storage_client, acc.hosts),
        repository,
        AllowedFolders(settings.folders if policy.local_files else (), own=tuple(filter(None, own))),
        FilePolicy(frozenset(settings.file_types), settings.max_file_bytes, settings.strict_files),
        asks=policy.asks,
    )
    return TransferManager(context)


def import_services() -> None:
    """Import what the first attach of a process needs, which takes as long as all else of it; blocks."""
    import httpcore  # noqa: F401
    import sqlalchemy.dialects.sqlite  # noqa: F401

    from acc import connection, rate_limit_store, transport  # noqa: F401
    from auth import accounts, oauth, vault  # noqa: F401
    from persistence import data_folder, encryption, keys, locks, migrations  # noqa: F401
    from server import auth_wiring, chat_sign_in  # noqa: F401
    from tools.attachments import following, preconditions  # noqa: F401
    from tools.core import request_quota  # noqa: F401
    from tools.lookup import files, resolver  # noqa: F401
    from tools.next_steps import after_error  # noqa: F401
    from transfers import manager  # noqa: F401
    from transfers.files import digest_cache  # noqa: F401
    from transfers.jobs import repository, tables  # noqa: F401


@asynccontextmanager
async def open_services(
    settings: Settings,
    policy: ToolPolicy,
    tokens: "TokenSource | None",
    person: str | None = None,
    *,
    files_at_once: int = 0,
    patient: bool = False,
    paced: bool = True,
) -> AsyncIterator[Services]:
    """Open the services of one user, and run their transfers until the block ends.

    A worker also takes `files_at_once` jobs from the queue. `patient`: no user waits in a chat, so long pauses are
    waited out. Without `paced` no rate limiter is used (the sandbox has no limits).
    """
    from acc.client import AccClient
    from server.auth_wiring import SignedInUser, hosts_from, open_identity, state_location
    from tools.lookup.resolver import ReferenceResolver
    from transfers.jobs.repository import JobRepository

    hosts, repository = hosts_from(settings), JobRepository(state_location(settings))
    async with (
        nullcontext(SignedInUser(tokens)) if tokens is not None else open_identity(settings, person) as identity,
        AccClient(
            hosts,
            identity.tokens,
            storage_hosts=settings.storage_hosts,
            policy=BACKGROUND_RETRIES if patient else None,
            rate_limiter=_rate_limiter(settings, repository, patient=patient) if paced else None,
        ) as acc,
    ):
        transfers = transfer_manager(settings, policy, acc, repository)
        async with transfers.running(takes_up=None if policy.read_only else policy.allows, files_at_once=files_at_once):
            yield Services(policy, acc, transfers, ReferenceResolver(acc, policy), sign_in_page=identity.page)


def _rate_limiter(settings: Settings, repository: "JobRepository", *, patient: bool) -> "RateLimiter | None":
    """Return the rate limiter of a process, or None.

    On PostgreSQL all processes share token buckets. On SQLite, where one user works, a `patient` process has buckets
    of its own and a chat server has none: it stays far below the limits, and waits out a 429 as always.
    """
    if settings.database_url is None and not patient:
        return None
    from acc.rate_limit import PATIENCE_SECONDS, InMemoryTokenBuckets, RateLimiter
    from acc.rate_limit_store import SharedTokenBuckets

    budgets = SharedTokenBuckets(repository.budget) if settings.database_url is not None else InMemoryTokenBuckets()
    return RateLimiter(budgets, patience=BACKGROUND_WAIT_SECONDS if patient else PATIENCE_SECONDS)
