"""Doctor checks at Autodesk: network, clock, app, sign-in, and access from account to submittal."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from acc.client import AccClient
from acc.errors import AccError, ApiNotGranted, AppNotProvisioned, Forbidden
from acc.hosts import UPLOAD_HOSTS
from acc.ids import unverified_claims
from acc.responses import http_date
from acc.transport import proxy_set
from auth.errors import (
    AuthError,
    NotSignedIn,
    PrivateKeyUnusable,
    ReauthorizationRequired,
    ServiceAccountRefused,
    SignInFailed,
    SignInUnavailable,
    UserNotSignedIn,
)
from auth.oauth import PkceAttempt, authorize_url
from persistence.errors import StorageProblem
from server.auth_wiring import HttpxAuthTransport, hosts_from, requested_scopes, token_endpoint
from server.cli.doctor.report import CheckResult, ok, problem, skipped, warning
from server.cli.errors import with_candidates
from server.settings.model import Settings
from server.wiring import policy_of
from tools.core.text_sanitizer import clean
from tools.errors.exceptions import ToolError
from tools.lookup.resolver import ReferenceResolver
from transfers.categories_and_states import DISCARDED_SECONDS

if TYPE_CHECKING:
    from acc.connection import TokenSource
    from acc.models.files import ResourceListing
    from acc.models.submittals import Attachment, Item
    from tools.lookup.projects import ProjectSummary

_CLOCK_WARNS: Final = 60.0
_CLOCK_BREAKS: Final = 300.0

_CUSTOM_INTEGRATION: Final = (
    "an administrator of the account opens Hub Admin (Account Admin), Custom Integrations, Add custom integration, "
    "and enters the app's Client ID"
)
_MEND_SERVICE_ACCOUNT: Final = (
    "an app of type Server-to-Server must own the account and the key: compare APS_SERVICE_ACCOUNT_ID, _KEY_ID and "
    "_KEY_FILE with what it was created with"
)
_API_ACCESS: Final = (
    "in aps.autodesk.com/myapps open the app and add, under API Access, Autodesk Construction Cloud API and Data "
    f"Management API; if both are there, {_CUSTOM_INTEGRATION}"
)
_ROLES: Final = {"1": "manager", "2": "user", "4": "administrator"}


class CheckAborted(Exception):  # the walk ends; what broke it has been reported
    """A check failed that the following ones depend on."""


@dataclass(frozen=True)
class DoctorTarget:
    """Project and submittal for the doctor to check, as users name them."""

    project: str | None = None
    submittal: str | None = None


async def check_network(settings: Settings) -> AsyncIterator[CheckResult]:
    """Check the connection to Autodesk, and the clock."""
    hosts = hosts_from(settings)
    started = time.time()
    try:
        status, headers, _ = await HttpxAuthTransport(hosts).get(f"{hosts.api}/.well-known/openid-configuration")
    except SignInUnavailable as error:
        own = "start what APS_BASE_URL names (a sandbox: `submittal-mcp sandbox`), or " if settings.base_url else ""
        proxy = f" (the proxy that is set is {found})" if (found := proxy_set(hosts)) else ""
        yield problem(
            "network",
            f"no answer from {hosts.api}: {error.reason}",
            f"{own}check the connection, HTTPS_PROXY and NO_PROXY{proxy}, whether the network asks for a sign-in in a "
            "browser, and that an inspecting proxy's certificate is trusted",
        )
        raise CheckAborted from None
    yield ok("network", f"{hosts.api} answers (HTTP {status})")
    yield _clock(headers.get("date", ""), started)


def _clock(date: str, started: float) -> CheckResult:
    moment = http_date(date)
    if moment is None:
        return skipped("clock", "Autodesk's response has no Date header")
    away = abs(moment.timestamp() - started)
    if away > _CLOCK_BREAKS:
        return problem(
            "clock", f"this machine's clock is {away / 60:.0f} minutes wrong", "synchronize it with a time server"
        )
    if away > _CLOCK_WARNS:
        return warning(
            "clock", f"this machine's clock is {away:.0f} seconds wrong", "synchronize it with a time server"
        )
    return ok("clock", "right within a minute")


async def registration(settings: Settings) -> AsyncIterator[CheckResult]:
    """Check that Autodesk knows the app, its secret and its callback URL; signs no one in."""
    if settings.access_token is not None or settings.client_id is None:
        yield skipped("app at Autodesk", "no app is used")
        return
    if settings.service_account_id is not None:
        # Whether a Server-to-Server app may ask about refresh tokens is not known; signing in tells as much.
        yield skipped("app at Autodesk", "the service account's own sign-in asks")
        return
    endpoint = token_endpoint(settings)
    try:
        await endpoint.refresh("a-question-of-submittal-mcp-doctor")
    except SignInFailed as failure:
        yield _client(failure, settings)
    url = authorize_url(endpoint.autodesk.api, endpoint.app, PkceAttempt(), requested_scopes(settings))
    try:
        status, headers, _ = await HttpxAuthTransport(hosts_from(settings)).get(url, page=True)
    except SignInUnavailable as error:
        yield warning("callback URL", f"Autodesk's sign-in page cannot be reached: {error.reason}", "try again later")
        return
    yield _callback(status, headers, settings)


def _client(failure: SignInFailed, settings: Settings) -> CheckResult:
    check = "app at Autodesk"
    if failure.error == "invalid_grant" or failure.status == 400:
        return ok(check, "Autodesk knows the Client ID" + (" and the secret" if settings.client_secret else ""))
    if failure.status in (401, 403):
        kind = (
            "APS_CLIENT_SECRET may be wrong, or the app may be a public one, which has none: unset it then"
            if settings.client_secret
            else "the app may be a confidential one (Traditional Web App): set APS_CLIENT_SECRET to its Client Secret"
        )
        return problem(
            check, "Autodesk does not accept the app", f"{kind}; compare APS_CLIENT_ID with aps.autodesk.com/myapps"
        )
    return warning(check, f"Autodesk's sign-in service failed ({failure})", "try again later")


def _callback(status: int, headers: Mapping[str, str], settings: Settings) -> CheckResult:
    check = "callback URL"
    location = headers.get("location", "")
    error = parse_qs(urlsplit(location).query).get("error", [""])[0] if location else ""
    if status in (400, 401, 403, 404):
        return problem(
            check,
            "Autodesk's sign-in page refuses the app or its callback URL",
            f"in aps.autodesk.com/myapps open the app and set Callback URL to {settings.callback_url}, to the letter",
        )
    if location.startswith(settings.callback_url) and error:
        return problem(
            check,
            "Autodesk's sign-in page does not grant what is asked for",
            "in aps.autodesk.com/myapps add the APIs Autodesk Construction Cloud and Data Management to the app",
        )
    return ok(check, f"{settings.callback_url} is registered")


async def sign_in(settings: Settings, tokens: "TokenSource", acc: AccClient) -> AsyncIterator[CheckResult]:
    """Check the sign-in: token, user and scopes."""
    try:
        token = await tokens.access_token()
        who = await acc.userinfo()
    except UserNotSignedIn as error:
        yield problem("sign-in", str(error), "name one of them after --as, or run `submittal-mcp login`")
        raise CheckAborted from None
    except NotSignedIn:
        yield problem("sign-in", "no one is signed in", "run `submittal-mcp login`")
        raise CheckAborted from None
    except (ServiceAccountRefused, PrivateKeyUnusable) as error:
        yield problem("sign-in", str(error), _MEND_SERVICE_ACCOUNT)
        raise CheckAborted from None
    except ReauthorizationRequired as error:
        yield problem("sign-in", f"the sign-in has expired: {error}", "run `submittal-mcp login` again")
        raise CheckAborted from None
    except (AuthError, StorageProblem) as error:
        yield problem("sign-in", str(error), "see the finding")
        raise CheckAborted from None
    except AccError as error:
        yield _from_error("sign-in", error)
        raise CheckAborted from None
    yield ok("sign-in", f"as {who.name} <{who.email}>, Autodesk id {who.sub}")
    yield _scopes(settings, token)


def _scopes(settings: Settings, token: str) -> CheckResult:
    granted = unverified_claims(token).get("scope")
    if not isinstance(granted, list):
        return skipped("scopes", "the token does not name its scopes")
    missing = [scope for scope in requested_scopes(settings) if scope.startswith("data:") and scope not in granted]
    if missing:
        lost = "nothing can be read" if "data:read" in missing else "no file can be attached"
        return warning(
            "scopes",
            f"the sign-in lacks {', '.join(missing)}: {lost}",
            "run `submittal-mcp login` again, without --read-only",
        )
    return ok("scopes", ", ".join(str(scope) for scope in granted))


async def check_access(settings: Settings, acc: AccClient, target: DoctorTarget) -> AsyncIterator[CheckResult]:
    """Check access, from the accounts to the submittal."""
    resolver = ReferenceResolver(acc, policy_of(settings, local_files=True))
    try:
        listing = await acc.projects.hubs()
    except AccError as error:
        yield _no_accounts(error)
    else:
        yield _accounts(listing)
        for region in sorted({hub.attributes.region or "unnamed" for hub in listing.hubs}):
            yield _upload_host(clean(region, 40), settings.storage_hosts)
    if target.project is None:
        yield skipped("project", "none was named; add --project NAME")
        return
    try:
        project = await resolver.project(target.project)
        yield ok("project", f"{project.name}, id {project.id}")
        yield await _role(resolver, project)
        if target.submittal is None:
            yield skipped("submittal", "none was named; add --submittal NUMBER")
            return
        item = await resolver.submittal(project, target.submittal)
        yield _attaching(item)
        yield await _unfinished_attachments(acc, project, item)
    except ToolError as error:
        yield _from_error("submittal" if "submittal" in error.code else "project", error)
    except AccError as error:
        yield _from_error("project", error)


def _no_accounts(error: AccError) -> CheckResult:
    if isinstance(error, ApiNotGranted):
        return problem("account", "the app has no access to the Data Management API", _API_ACCESS)
    if isinstance(error, AppNotProvisioned):
        return problem("account", "the account has not admitted the app", _CUSTOM_INTEGRATION)
    finding = _from_error("account", error)
    return problem("account", finding.seen, _CUSTOM_INTEGRATION) if isinstance(error, Forbidden) else finding


def _accounts(listing: "ResourceListing") -> CheckResult:
    if listing.app_not_provisioned:
        seen = "the integration is not provisioned: no account has admitted the app"
        return problem("account", seen, _CUSTOM_INTEGRATION)
    if not listing.hubs:
        return problem(
            "account",
            "the user is in no ACC account that has admitted the app",
            f"a project administrator invites the person to the project; {_CUSTOM_INTEGRATION}",
        )
    names = ", ".join(hub.name for hub in listing.hubs[:5])
    if listing.faults:
        return warning("account", f"{names}; {len(listing.faults)} more would not answer", "try again later")
    regions = len(listing.warnings)
    elsewhere = f"; no account of this app in {regions} other region{'s' if regions > 1 else ''}" if regions else ""
    return ok("account", names + elsewhere)


def _upload_host(region: str, storage_hosts: tuple[str, ...]) -> CheckResult:
    """Check whether a region's upload host is known; the pattern for the others is inferred."""
    check = "upload host"
    if region in UPLOAD_HOSTS:
        return ok(check, f"region {region}: {UPLOAD_HOSTS[region]}")
    if storage_hosts:
        return ok(check, f"region {region}: not known; SUBMITTAL_MCP_STORAGE_HOSTS admits {', '.join(storage_hosts)}")
    return warning(
        check,
        f"region {region}: not known; what is admitted is inferred from the hosts of {' and '.join(UPLOAD_HOSTS)}",
        "attach a small file: if its upload is refused, the answer names the host; once it is known as Autodesk's, "
        "SUBMITTAL_MCP_STORAGE_HOSTS with its name admits it, and ends this warning",
    )


async def _role(resolver: ReferenceResolver, project: "ProjectSummary") -> CheckResult:
    try:
        me = await resolver.me(project.id)
    except Forbidden:
        return problem(
            "submittals role",
            "the person has no access to Submittals in this project",
            "a project administrator gives the person the Build product and a Submittals permission level",
        )
    roles = ", ".join(_ROLES.get(role, role) for role in me.roles) or "none"
    return ok("submittals role", roles)


def _attaching(item: "Item") -> CheckResult:
    from tools.core.presenters import ATTACH

    name = f"{item.custom_identifier_human_readable or item.identifier} {item.title}"
    if item.permitted(ATTACH) is not None:
        return ok("attaching", f"the person may attach to {name}")
    return problem(
        "attaching",
        f"the person may not attach to {name} in its present state ({item.state_id})",
        "a submittals manager moves the item on, or does it in the person's place",
    )


async def _unfinished_attachments(acc: AccClient, project: "ProjectSummary", item: "Item") -> CheckResult:
    check = "attachments left behind"
    attachments = [one async for one in acc.submittals.all_attachments(project.id, item.id)]
    reserved = [one for one in attachments if not one.is_file_uploaded and one.urn is None]
    since = acc.connection.server_clock.now() - timedelta(seconds=DISCARDED_SECONDS)
    late = [one for one in reserved if one.created_at is not None and one.created_at < since]
    if late:
        return warning(
            check,
            f"{len(late)} were reserved more than 24 hours ago, too late to complete what was sent: {_named(late)}",
            "attach the same file again, which sends all of it; a submittals manager removes leftovers in ACC "
            "itself, since its API cannot",
        )
    if reserved:
        return warning(
            check,
            f"{len(reserved)} of this submittal were reserved and are not confirmed: {_named(reserved)}",
            "attach the same file again within 24 hours of the reservation, or confirm the attachment, to finish one",
        )
    return ok(check, "none in this submittal")


def _named(attachments: Sequence["Attachment"]) -> str:
    return ", ".join(f"{one.name} ({one.id})" for one in attachments[:5])


def _from_error(check: str, error: "AccError | ToolError") -> CheckResult:
    """Return a failed check with the texts of the error catalogue."""
    from tools.errors.description import describe_error

    explained = describe_error(error)
    if explained is None:
        return problem(check, str(error), "try again later")
    return problem(check, explained.row.message, with_candidates(explained.row.shell_hint, explained.candidates))
