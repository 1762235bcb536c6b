"""Composition of the team server: authorization server, bearer tokens, services by user, and MCP over them."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeVar

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup
from sqlalchemy import literal_column, select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from acc.client import AccClient
from acc.errors import AccError, ApiNotGranted, AppNotProvisioned
from acc.rate_limit import InMemoryTokenBuckets
from acc.rate_limit_store import TABLES, SharedTokenBuckets, TokenBucketTable
from acc.transport import api_client
from auth.errors import SignInFailed, SignInUnavailable
from auth.issuer.admission import AdmissionPolicy
from auth.issuer.browser_sessions import BrowserSessions, SignedInPerson
from auth.issuer.client_documents import ClientDocuments
from auth.issuer.clients import ClientRepository, read_clients
from auth.issuer.consent_flow import ConsentFlow
from auth.issuer.errors import NotAdmitted
from auth.issuer.grants import EndedGrant, GrantRepository, RevocationReason
from auth.issuer.metadata import CALLBACK_PATH
from auth.issuer.pending_requests import PendingRequests
from auth.issuer.routes import RETRY_SECONDS, IssuerRoutes
from auth.issuer.scopes import offered_scopes
from auth.issuer.shared_keys import shared_key
from auth.issuer.token_issuer import IssuerSettings, IssuerStores, RegistrationPolicy, TokenIssuer
from auth.issuer.tokens import TokenRepository, VerifiedToken
from auth.oauth import StaticTokenSource
from auth.token_refresh import RefreshingTokenSource
from persistence.database import Database, DatabaseClock
from persistence.errors import StorageProblem
from persistence.migrations import migrate
from server.auth_wiring import OpenVault, hosts_from, requested_scopes, state_location, token_endpoint
from server.chat_sign_in import ConnectPage
from server.mcp.app import McpHandlers
from server.mcp.http import mcp_app
from server.mcp.http_connections import MAX_BODY_BYTES
from server.mcp.team_authentication import BearerMiddleware, LegacySessions, OpenStreams, current_subject
from server.mcp.tool_adapter import build_tools
from server.settings.model import Settings
from server.team.document_fetcher import GuardedFetcher
from server.team.fair_share import FairRateLimiter
from server.team.middleware import AddressLimitMiddleware, CrossOriginMiddleware, PublicHostMiddleware
from server.team.options import TeamOptions
from server.team.request_limits import CallerAddress, SharedQuota
from server.team.services_pool import ServicesPool
from server.team.team_jobs import TeamJobs
from server.wiring import policy_of, transfer_manager
from tools.core.context import Services, ServicesProvider
from tools.core.cursors import CursorSigner
from tools.core.request_quota import QuotaLimit
from tools.lookup.resolver import ReferenceResolver
from transfers.audit_log import AuditLog
from transfers.jobs.recovery import LOOK_SECONDS
from transfers.jobs.repository import JobRepository

T = TypeVar("T")

_LOOK_SECONDS: Final = 5.0
"""Poll interval for grants revoked by other processes, whose streams are open here."""

_PURGE_SECONDS: Final = 3600.0

_FILLED_SECONDS: Final = 2 * 3600.0
"""Longer than any bucket takes to fill: that of registrations is an hour's."""


class TeamServer:
    """A team server's process. `app` is the ASGI application; nothing is contacted before the first call.

    `protocol` answers MCP's requests in it, and `routes` are those beside `/mcp`.

    Without `paced` Autodesk's limits are not kept, for measuring. `now` is this machine's clock: replicas go by that of
    their database. Quotas are counted by the steady `clock`.
    """

    def __init__(
        self,
        settings: Settings,
        public_url: str,
        opened: OpenVault,
        options: TeamOptions,
        *,
        paced: bool = True,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._public_url = public_url
        self._options = options
        self._opened = opened
        self._clock = clock
        self._policy = policy_of(settings, local_files=False)
        self._hosts = hosts_from(settings)
        self._endpoint = token_endpoint(settings, f"{public_url}{CALLBACK_PATH}")
        self._audit = TeamAuditLog(AuditLog(state_location(settings).folder))
        self._streams = OpenStreams()
        self._client = api_client(self._hosts)
        self._repository = JobRepository(state_location(settings))
        self._group: TaskGroup | None = None
        self._shared = _shared_buckets(opened.database) if settings.database_url is not None else None
        self._share = FairRateLimiter(self._shared or InMemoryTokenBuckets()) if paced else None
        self._cursor_key = shared_key(opened.database, opened.vault, "cursors")
        self._now = now
        self.issuer = self._issuer(DatabaseClock(opened.database, now))
        self.consent_flow = ConsentFlow(
            self.issuer, self._endpoint, accounts_of=self._accounts_of, connected=self._connected, now=now
        )
        self.pool = ServicesPool(
            self._open_person,
            most=self._options.people_at_once,
            idle_seconds=self._options.idle_minutes * 60,
            is_at_work=lambda services: services.transfers.runner.at_work > 0,
        )
        self.jobs = TeamJobs(self.pool, self._repository, self._policy, self._hosts.api, now)
        self.app = self._app()

    def _issuer(self, now: Callable[[], float]) -> TokenIssuer:
        settings, options, opened = self._settings, self._options, self._opened
        registration = settings.team_registration
        policy = RegistrationPolicy(enabled=registration.enabled, domains=registration.domains)
        documents = ClientDocuments(GuardedFetcher(), domains=policy.domains, private_schemes=options.redirect_schemes)
        clients = read_clients(settings.team_clients, options.redirect_schemes) if settings.team_clients else {}
        return TokenIssuer(
            IssuerSettings(
                self._public_url,
                offered_scopes(read_only=settings.read_only),
                requested_scopes(settings),
                policy,
                admission_of(settings),
                options.redirect_schemes,
            ),
            IssuerStores(
                ClientRepository(opened.database, now=now),
                TokenRepository(opened.database, lives=options.lives, now=now, on_revoked=self._revoked),
                GrantRepository(opened.database, now=now, on_revoked=self._revoked),
                PendingRequests(opened.database, opened.vault, now=now),
                BrowserSessions(opened.database, seconds=options.session_hours * 3600, now=now),
                opened.vault,
            ),
            documents if policy.enabled else None,
            known_clients=clients,
            audit=self._audit,
        )

    def _quota(self, name: str, limit: QuotaLimit) -> SharedQuota:
        return SharedQuota(name, limit, self._shared, self._clock)

    def _app(self) -> ASGIApp:
        options, address_of = self._options, CallerAddress(self._options.trusted_proxies)
        handlers = McpHandlers(self._policy, build_tools(self._policy))
        state_key = shared_key(self._opened.database, self._opened.vault, "request state")
        self.routes = [
            Route("/", _to_account, methods=["GET"]),
            Route("/healthz", _alive, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
            *IssuerRoutes(
                self.issuer,
                self.consent_flow,
                address_of.of,
                self._quota("document", QuotaLimit(options.document_per_minute)).take,
            ).routes(),
        ]
        self.protocol = handlers.server_for(self._running, state_key)
        app: ASGIApp = mcp_app(self.protocol, self.routes)
        app = BearerMiddleware(
            app,
            self._verify,
            public_url=self._public_url,
            offered=self.issuer.settings.offered_scopes,
            streams=self._streams,
            sessions=LegacySessions(options.sessions),
            calls=self._quota("calls", QuotaLimit(options.calls_per_minute)),
            writes=self._quota("writes", QuotaLimit(options.writes_per_minute)),
            at_once=options.calls_at_once,
            max_body_bytes=MAX_BODY_BYTES,
            holding=self.pool.holding,
        )
        app = AddressLimitMiddleware(app, options, address_of, self._quota, self._public_url)
        return PublicHostMiddleware(CrossOriginMiddleware(app, options.origins), self._public_url)

    # Background tasks

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[ServicesProvider]:
        try:
            async with anyio.create_task_group() as group, self.pool.running():
                self._group = group
                group.start_soon(self._repository.listen)
                group.start_soon(_repeat, self._end_revoked, _LOOK_SECONDS)
                group.start_soon(_repeat, self._purge, _PURGE_SECONDS)
                if not self._settings.read_only:
                    group.start_soon(_repeat, self.jobs.once, LOOK_SECONDS)
                yield _SubjectServices(self.pool)
                group.cancel_scope.cancel()
        finally:
            self._group = None
            with anyio.CancelScope(shield=True):
                await self._repository.close()
                await self._client.aclose()

    @asynccontextmanager
    async def _open_person(self, subject: str) -> AsyncIterator[Services]:
        account = self.consent_flow.account(subject)
        acc = AccClient(
            self._hosts,
            RefreshingTokenSource(self._opened.vault, account, self._endpoint, now=self._now),
            storage_hosts=self._settings.storage_hosts,
            client=self._client,
            rate_limiter=self._share.for_person(subject) if self._share is not None else None,
        )
        transfers = transfer_manager(self._settings, self._policy, acc, self._repository)
        page = ConnectPage(self._public_url, partial(self._is_connected, subject))
        async with transfers.running(owns_repository=False):
            cursors = CursorSigner(self._cursor_key)
            yield Services(
                self._policy, acc, transfers, ReferenceResolver(acc, self._policy), sign_in_page=page, cursors=cursors
            )

    async def _is_connected(self, subject: str) -> bool:
        account = self.consent_flow.account(subject)
        found = await to_thread.run_sync(lambda: self._opened.vault.read(account))
        return found is not None and not found.is_revoked

    def _connected(self, subject: str) -> None:
        if self._group is not None:
            self._group.start_soon(self._go_on, subject)

    async def _go_on(self, subject: str) -> None:
        """Resume what waited for a user's sign-in."""
        async with _logged("resume"):
            with self.pool.holding(subject):
                page = (await self.pool.get(subject)).sign_in_page
                if isinstance(page, ConnectPage):
                    await page.connected()
            await self.jobs.resume(subject)

    async def _end_revoked(self) -> None:
        if grants := self._streams.grants:
            for grant in await to_thread.run_sync(self.issuer.stores.grants.ended, grants):
                self._streams.end(grant)

    async def _purge(self) -> None:
        clients = await to_thread.run_sync(self.issuer.stores.clients.purge)
        grants = await to_thread.run_sync(self.issuer.stores.grants.purge)
        if self._shared is not None:
            await self._shared.purge(_FILLED_SECONDS)
        structlog.get_logger(__name__).info("registrations_purged", clients=clients, grants=grants)

    # Authentication

    async def _verify(self, token: str) -> VerifiedToken | None:
        verified = await to_thread.run_sync(
            lambda: self.issuer.stores.tokens.verify(token, self.issuer.settings.resource)
        )
        if verified is None:
            return None
        try:
            person = SignedInPerson(verified.subject, "", verified.email)
            self.issuer.settings.admission.check_person(person)
        except NotAdmitted:
            return None
        return verified

    async def _accounts_of(self, access_token: str) -> Collection[str]:
        acc = AccClient(self._hosts, StaticTokenSource(access_token), client=self._client)
        try:
            return [hub.id for hub in (await acc.projects.hubs()).hubs]
        except AppNotProvisioned:
            return ()  # the person's accounts have not admitted the app, so none of them is allowed
        except ApiNotGranted as error:
            raise SignInFailed("unauthorized_client", error.http_status) from error
        except AccError as error:
            raise SignInUnavailable(reason=error.summary) from error

    # Audit log

    def _revoked(self, grant: EndedGrant, reason: RevocationReason) -> None:
        self._audit.note("grant_revoked", person=grant.subject, client=grant.client_id, grant=grant.id, reason=reason)

    async def _ready(self, _request: Request) -> Response:
        try:
            await to_thread.run_sync(self._ask_database)
        except StorageProblem:
            return PlainTextResponse("database\n", 503, {"Retry-After": str(RETRY_SECONDS)})
        return PlainTextResponse("ok\n")

    def _ask_database(self) -> None:
        with self._opened.database.reading() as connection:
            connection.execute(select(literal_column("1")))


class TeamAuditLog:
    """Audit log with the request that each line belongs to; an `auth.issuer.token_issuer.AuditSink`."""

    def __init__(self, lines: AuditLog) -> None:
        self._lines = lines
        self._log = structlog.get_logger(__name__)

    def check(self) -> None:
        """Make sure that a line can be written.

        Raises:
            StorageProblem: It cannot be.
        """
        self._lines.check_now()

    def note(self, event: str, **fields: str | None) -> None:
        """Write one line, and the same into the log; an audit log that cannot take it is an error there."""
        self._log.info(event, **fields)
        try:
            self._lines.note(event, **fields, request=structlog.contextvars.get_contextvars().get("request"))
        except StorageProblem as problem:
            self._log.error("audit_line_not_written", audit_event=event, problem=str(problem))


class _SubjectServices:
    """Provides each call with its own user's services."""

    def __init__(self, pool: ServicesPool) -> None:
        self._pool = pool

    async def services(self) -> Services:
        """Return the caller's services."""
        subject = current_subject()
        if subject is None:
            raise RuntimeError("a call without a person has come through")
        return await self._pool.get(subject)


def _shared_buckets(database: Database) -> SharedTokenBuckets:
    """Return the token buckets of all replicas."""
    migrate(database, TABLES)
    table = TokenBucketTable(database)

    async def ask(question: Callable[[TokenBucketTable], T]) -> T:
        return await to_thread.run_sync(question, table)

    return SharedTokenBuckets(ask)


def admission_of(settings: Settings) -> AdmissionPolicy:
    """Return who may sign in."""
    return AdmissionPolicy(
        frozenset(settings.team_domains), frozenset(settings.team_people), frozenset(settings.team_accounts)
    )


async def _to_account(_request: Request) -> Response:
    # Who opens the address in a browser sees that it works.
    return RedirectResponse("/account", 303)


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _repeat(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Do background work periodically, until cancelled."""
    while True:
        async with _logged(work.__name__):
            await work()
        await anyio.sleep(seconds)


@asynccontextmanager
async def _logged(work: str) -> AsyncIterator[None]:
    """Log what ends background work: one failure must not end the server for everybody."""
    log = structlog.get_logger(__name__)
    try:
        yield
    except (StorageProblem, AccError) as problem:
        log.warning("background_work_failed", work=work, problem=str(problem))
    except Exception:  # the border of the process: no caller waits for this
        log.exception("background_work_crashed", work=work)
