"""`submittal-mcp team`: administers a team server, beside the processes that serve it."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.errors import CommandError, command_context
from server.cli.options import AllowBaseUrl
from server.cli.output import json_text, say

if TYPE_CHECKING:
    from auth.issuer.grants import GrantRepository
    from server.auth_wiring import OpenVault
    from server.settings.model import Settings

team = typer.Typer(help="Look after a team server: who lets which client do what.", no_args_is_help=True)

_AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]


@team.command()
def grants(
    *,
    person: Annotated[str | None, typer.Option(metavar="ID-OR-EMAIL", help="This person's alone.")] = None,
    as_json: _AsJson = False,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """List grants: user, client and scope."""
    from server.auth_wiring import opened_vault

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        with opened_vault(settings) as opened:
            repository = _grants(opened)
            subject = _subject(repository, opened, settings, person) if person is not None else None
            rows = repository.list(subject)
        if as_json:
            _print_json([_times(row) for row in rows])
            return
        for row in rows:
            used = _day(row["last_used_at"])
            say(f"{row['name'] or row['subject']} ({row['email'] or row['subject']})")
            say(f"    lets {row['client_name']} at {row['redirect_host']}")
            say(f"    client {row['client_id']}, grant {row['id']}")
            say(f"    {row['scopes']}")
            say(f"    since {_day(row['created_at'])}, last used {used}")
        if not rows:
            say(f"No client works in anybody's name in {opened.database.address.shown}.")


@team.command()
def clients(*, as_json: _AsJson = False, allow_base_url: AllowBaseUrl = False) -> None:
    """List the clients that have registered themselves."""
    from auth.issuer.clients import ClientRepository
    from server.auth_wiring import opened_vault

    with command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings:
        with opened_vault(settings) as opened:
            rows = ClientRepository(opened.database).list()
        if as_json:
            secret = ("secret_digest", "address_digest")
            shown = [{**_times(row), "redirect_uris": json.loads(row["redirect_uris"])} for row in rows]
            _print_json([{name: one for name, one in row.items() if name not in secret} for row in shown])
            return
        for row in rows:
            used = f"last used {_day(row['last_used_at'])}" if row["last_used_at"] else "never used"
            say(f"{row['client_id']}  {row['name']}; since {_day(row['created_at'])}, {used}")
            say(f"    {', '.join(json.loads(row['redirect_uris']))}")
        if not rows:
            say(f"No client has registered itself in {opened.database.address.shown}.")


@team.command()
def revoke(
    *,
    person: Annotated[str | None, typer.Option(metavar="ID-OR-EMAIL", help="All of a person, who has left.")] = None,
    client: Annotated[str | None, typer.Option(metavar="ID", help="All of a client, or of --person for it.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of everybody.")] = False,
    local: Annotated[
        bool, typer.Option("--local", help="Do not tell Autodesk, which cannot be reached, that a person has left.")
    ] = False,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """End grants at once; with --all or --person alone also browser sessions, and the person's sign-in at Autodesk."""
    import anyio

    from server.auth_wiring import opened_vault

    if (person is None and client is None) != everything:
        raise typer.BadParameter("say whose grants end: --person, --client, or --all")
    with (
        command_context(allow_base_url=allow_base_url, allow_wide_folder=True) as settings,
        opened_vault(settings) as opened,
    ):
        repository = _grants(opened, settings)
        subject = _subject(repository, opened, settings, person) if person is not None else None
        ended = repository.revoke("administrator", subject=subject, client_id=client)
        if client is not None and subject is None:
            from auth.issuer.clients import ClientRepository

            if not (ClientRepository(opened.database).remove(client) or ended):
                raise CommandError(f"no grant is of a client {client!r}; `submittal-mcp team grants` lists the clients")
        if everything:
            from auth.issuer.browser_sessions import BrowserSessions

            BrowserSessions(opened.database).end()
        say("1 grant has ended." if len(ended) == 1 else f"{len(ended)} grants have ended.")
        if subject is not None and client is None:
            anyio.run(partial(_forget, opened, settings, subject, tell_autodesk=not local))


@team.command("check-url")
def check_url(
    url: Annotated[str, typer.Argument(help="The public URL, or the address of /mcp.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON object.")] = False,
) -> None:
    """Check a team server's public URL as chat clients do, and report what a proxy breaks."""
    import anyio

    from server.cli.doctor.report import DoctorReport
    from server.cli.team.url_check import check_public_url

    report = DoctorReport()
    for finding in anyio.run(check_public_url, url):
        shown = report.add(finding)
        if not as_json:
            say(f"{shown.level:8} {shown.check}: {shown.seen}")
            if shown.fix:
                say(f"         {shown.fix}")
    if as_json:
        sys.stdout.write(json_text(report.as_json()) + "\n")
    raise typer.Exit(report.exit_code)


async def _forget(opened: "OpenVault", settings: "Settings", subject: str, *, tell_autodesk: bool) -> None:
    """End a person's browser sessions and their sign-in at Autodesk."""
    from auth.errors import NotSignedIn
    from auth.issuer.browser_sessions import BrowserSessions
    from auth.vault import UserAccount
    from server.auth_wiring import token_endpoint
    from server.cli.login import end_sign_in

    BrowserSessions(opened.database).end(subject=subject)
    endpoint = token_endpoint(settings)
    account = UserAccount(endpoint.autodesk.api, endpoint.app.client_id, subject)
    try:
        await end_sign_in(opened, account, endpoint, revoke=tell_autodesk)
    except NotSignedIn:
        say("There was no sign-in at Autodesk to end.")
        return
    where = "at Autodesk and here" if tell_autodesk else "here; at Autodesk it ends by itself within 15 days"
    say(f"Their sign-in has ended {where}.")


def _grants(opened: "OpenVault", settings: "Settings | None" = None) -> "GrantRepository":
    from auth.issuer.grants import EndedGrant, GrantRepository, RevocationReason
    from server.auth_wiring import state_location
    from transfers.audit_log import AuditLog

    if settings is None:
        return GrantRepository(opened.database)
    log = AuditLog(state_location(settings).folder)

    def note(grant: EndedGrant, reason: RevocationReason) -> None:
        log.note("grant_revoked", person=grant.subject, client=grant.client_id, grant=grant.id, reason=reason)

    return GrantRepository(opened.database, on_revoked=note)


def _subject(repository: "GrantRepository", opened: "OpenVault", settings: "Settings", person: str) -> str:
    """Return the Autodesk id of a person who is named by it or by e-mail address.

    Raises:
        CommandError: No user has that name.
    """
    from server.auth_wiring import token_endpoint

    endpoint = token_endpoint(settings)
    known = opened.vault.accounts(endpoint.autodesk.api, endpoint.app.client_id)
    people = {account.subject: email for account, email in known.items()}
    people |= {str(row["subject"]): row["email"] for row in repository.list(ended=True) if row["email"]}
    wanted = person.strip().casefold()
    found = [one for one, email in people.items() if wanted and wanted in (one.casefold(), (email or "").casefold())]
    if not found and any(row["subject"] == person for row in repository.list(ended=True)):
        return person
    if len(found) != 1:
        raise CommandError(f"this server knows no user {person!r}; `submittal-mcp team grants` lists the users")
    return found[0]


def _times(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _stamp(value) if name.endswith("_at") and value is not None else value for name, value in row.items()}


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(seconds: float) -> str:
    return _stamp(seconds)[:10]


def _print_json(rows: Sequence[Mapping[str, Any]]) -> None:
    sys.stdout.write(json_text(rows) + "\n")
