"""Commands `login`, `logout`, `whoami` and `vault rekey`."""

import html
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

from acc.hosts import AUTODESK_API
from server.auth_wiring import OpenVault, login_flow, opened_vault, token_endpoint
from server.cli.errors import CommandError
from server.cli.output import json_text
from server.settings.model import Settings

if TYPE_CHECKING:
    from auth.login.flow import LoginAttempt, LoginFlow
    from auth.oauth import TokenEndpoint
    from auth.vault import StoredLogin, UserAccount

Say = Callable[[str], None]

_KEY_PLACES: Final = {
    "environment": "a key from SUBMITTAL_MCP_ENCRYPTION_KEYS",
    "keyring": "a key from the system's keyring",
    "file": "a key from a file beside the database (this machine offers no keyring)",
}


def login(settings: Settings, *, browser: bool, say: Say) -> None:
    """Sign a user in and make them the current user; raises as `LoginFlow.finish` does."""
    _check_person(settings)
    with opened_vault(settings) as opened:
        flow = login_flow(settings, opened)
        started = flow.start()
        for line in ("Sign in to Autodesk at this address:", "", started.url, ""):
            say(line)
        if browser:
            from auth.login.browser import open_in_browser

            browser = open_in_browser(started.url)
        if browser:
            say("A browser was opened. Waiting for up to five minutes.")
        else:
            _take_pasted(flow, say)
            say("Open it in any browser. On another machine the last page will not load: copy its whole")
            say("address, paste it here and press Enter. Waiting for up to five minutes.")
        found = anyio.run(_finished, flow, started, browser)
        say("")
        _tell(found, say)
        say(f"The sign-in is stored in {opened.database.address.shown}, encrypted with {_key_place(opened)}.")


def keep_app(settings: Settings, *, say: Say) -> None:
    """Remember the app of these settings for the commands and servers of this machine."""
    from server.settings.remembered import remember_app

    remember_app(settings)
    say("The app is remembered, so that APS_CLIENT_ID need not be set on this machine.")
    if settings.client_secret is not None:
        say("Its secret is not: set APS_CLIENT_SECRET wherever the program runs.")


async def _finished(flow: "LoginFlow", started: "LoginAttempt", must_listen: bool) -> "StoredLogin":  # noqa: FBT001  # anyio.run
    return await flow.finish(started, must_listen=must_listen)


def _take_pasted(flow: "LoginFlow", say: Say) -> None:
    """Accept a pasted redirect URL, beside the callback. End of input means nothing: stdin may be closed."""
    from transfers.files.pasted_text import unwrap

    def read() -> None:
        for line in sys.stdin:
            if line.strip() and not flow.paste(html.unescape(unwrap(line))):
                say("That is not the address of this sign-in's last page; it begins with the callback URL.")

    threading.Thread(target=read, name="paste", daemon=True).start()


def whoami(settings: Settings, *, say: Say, as_json: bool = False) -> None:
    """Show who is signed in, without a request to Autodesk.

    Raises:
        NotSignedIn: No user is signed in.
    """
    from auth.errors import NotSignedIn

    if as_json and (settings.access_token is not None or settings.service_account_id is not None):
        _print_facts("token" if settings.access_token is not None else "service_account")
        return
    if settings.access_token is not None:
        say("The owner of APS_ACCESS_TOKEN; `submittal-mcp doctor` asks Autodesk who that is.")
        return
    if settings.service_account_id is not None:
        say(f"The service account {settings.service_account_id}, on the app {settings.client_id}.")
        return
    endpoint = token_endpoint(settings)
    with opened_vault(settings) as opened:
        people = opened.vault.accounts(endpoint.autodesk.api, endpoint.app.client_id)
        current = opened.vault.current(endpoint.autodesk.api, endpoint.app.client_id)
        found = opened.vault.read(current) if current is not None else None
        if found is None and not people:
            raise NotSignedIn
        others = [email or account.subject for account, email in people.items() if account != current]
        if as_json:
            _print_facts("person", found, others)
            return
        if found is not None:
            _tell(found, say)
        else:
            say("There is no current user; `submittal-mcp login` sets one.")
        if others:
            say(f"Also signed in: {', '.join(others)}. `submittal-mcp serve --as EMAIL` serves as one of them.")


def logout(settings: Settings, *, person: str | None, revoke: bool, say: Say) -> None:
    """Revoke the sign-in at Autodesk and delete it.

    Raises:
        NotSignedIn: There is none.
        CommandError: Autodesk did not revoke it; it is still there.
    """
    _check_person(settings)
    from auth.accounts import signed_in_account

    endpoint = token_endpoint(settings)
    with opened_vault(settings) as opened:
        account = signed_in_account(opened.vault, endpoint, person)
        found = anyio.run(partial(end_sign_in, opened, account, endpoint, revoke=revoke))
    say(f"{_person(found)} is signed out of {endpoint.autodesk.api}.")
    if not revoke:
        say("The tokens were removed locally but not revoked; they stay valid at Autodesk until they expire.")


async def end_sign_in(
    opened: OpenVault, account: "UserAccount", endpoint: "TokenEndpoint", *, revoke: bool
) -> "StoredLogin":
    """Revoke a sign-in at Autodesk and delete it; without `revoke` delete it alone. Return whose it was.

    Raises:
        NotSignedIn: There is none.
        CommandError: Autodesk did not revoke it; it is still there.
    """
    from auth.errors import SignInFailed
    from auth.login.flow import sign_out

    try:
        return await sign_out(opened.vault, account, endpoint, revoke=revoke)
    except SignInFailed as error:
        why = f"HTTP {error.status}" if error.status else "it could not be reached"
        raise CommandError(
            f"Autodesk did not end the sign-in ({why}), so it is still kept here; try again, or forget it here alone "
            "with --local"
        ) from error


def rekey(settings: Settings, *, say: Say) -> None:
    """Re-encrypt everything with a new key; running servers are not interrupted."""
    with opened_vault(settings) as opened:
        count = opened.vault.rekey()
        say(f"{count} sign-in{'s are' if count != 1 else ' is'} now encrypted with {_key_place(opened)}.")
        if settings.encryption_keys is not None:
            say("Keys after the first one in SUBMITTAL_MCP_ENCRYPTION_KEYS are no longer needed for them.")


def _check_person(settings: Settings) -> None:
    """Refuse to sign in or out where a token or a service account takes precedence."""
    if settings.access_token is not None:
        raise CommandError("APS_ACCESS_TOKEN is set and takes precedence over a sign-in; unset it first")
    if settings.service_account_id is not None:
        raise CommandError("APS_SERVICE_ACCOUNT_ID is set and takes precedence over a sign-in; unset it first")


def _tell(found: "StoredLogin", say: Say) -> None:
    autodesk = "" if found.account.base_url == AUTODESK_API else f" at {found.account.base_url}"
    say(f"Signed in as {_person(found)}, on the app {found.account.client_id}{autodesk}.")
    if found.is_revoked:
        say("Autodesk has ended this sign-in: run `submittal-mcp login` again.")
        return
    until = datetime.fromtimestamp(found.tokens.refresh_expires_at, UTC)
    say(f"It lasts until {until:%d %B %Y}, and for another 15 days from each use.")


def _print_facts(kind: str, found: "StoredLogin | None" = None, others: Sequence[str] = ()) -> None:
    """Print who is signed in as JSON: a `person`, the owner of a `token`, or a `service_account`."""
    facts = found and {
        "name": found.name,
        "email": found.email,
        "autodesk_id": found.account.subject,
        "client_id": found.account.client_id,
        "base_url": found.account.base_url,
        "lasts_until": datetime.fromtimestamp(found.tokens.refresh_expires_at, UTC).isoformat(),
        "has_ended": found.is_revoked,
    }
    sys.stdout.write(json_text({"kind": kind, "current": facts, "also_signed_in": list(others)}) + "\n")


def _person(found: "StoredLogin") -> str:
    return f"{found.name} <{found.email}>" if found.email else found.name or found.account.subject


def _key_place(opened: OpenVault) -> str:
    return _KEY_PLACES.get(opened.vault.key_location or "", "a key")
