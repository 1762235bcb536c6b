"""`submittal-mcp setup`: the way from nothing to a chat client that can attach, with each answer kept.

Questions come first: a sign-in without a browser reads what is pasted, and would read the answers too.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import typer

from auth.login.browser import open_in_browser
from server.auth_wiring import opened_vault, token_endpoint
from server.cli import login as signing
from server.cli.attach.prompt import discard_input
from server.cli.clients import command
from server.cli.clients.catalog import CLIENTS, NO_CLIENT, PLAIN_JSON, ChatClient, HostSystem
from server.cli.doctor import command as examination
from server.cli.doctor.autodesk import DoctorTarget
from server.cli.errors import CommandError
from server.cli.options import check_client_id, meant_path
from server.cli.output import say
from server.settings.model import Settings
from server.settings.remembered import SOURCE, keep_answers, read_answers, remember_app
from server.settings.types import not_a_folder, too_wide

APPS_PAGE: Final = "https://aps.autodesk.com/myapps"

_Answer = TypeVar("_Answer")


def run(settings: Settings, client: str | None, *, browser: bool, allow_base_url: bool) -> int:
    """Ask what is not known yet, sign in, run the doctor, and configure the chat client; return the exit code.

    `client` is a key of `CLIENTS`, or `NO_CLIENT`; None asks.

    Raises:
        CommandError: An answer is missing, or a file cannot be written. What was answered before is kept.
    """
    settings = _app(settings, browser=browser)
    settings = _folders(settings)
    chosen = _client(settings, client)
    _sign_in(settings, browser=browser)
    _head("Doctor")
    code = examination.run(lambda: settings, None, DoctorTarget(None, None), as_json=False)
    if chosen is not None:
        _head(chosen.title)
        flags = ("--allow-base-url",) if allow_base_url else ()
        entry = command.client_entry(chosen, settings, flags)
        command.warn(settings, note=say)
        if chosen is PLAIN_JSON:
            command.show(chosen, entry, HostSystem.current(), note=say)
        else:
            command.install(chosen, entry, HostSystem.current(), say=say)
    _head("What the doctor names is still to be fixed; then run `submittal-mcp doctor`." if code > 1 else "Ready.")
    return code


def _head(text: str) -> None:
    """Print the first line of a part."""
    say("")
    say(text)


def _app(settings: Settings, *, browser: bool) -> Settings:
    if settings.access_token is not None:
        return settings
    if settings.client_id is None:
        say("APS app")
        say(f"Create one at {APPS_PAGE} once, with these fields:")
        say("  Application type  Desktop, Mobile, Single-Page App")
        say(f"  Callback URL      {settings.callback_url}")
        say("  API access        Autodesk Construction Cloud API, Data Management API")
        say("An administrator of your ACC account then adds its Client ID under Custom Integrations.")
        if browser:
            open_in_browser(APPS_PAGE)
        found = _asked("Client ID", "--client-id", check_client_id)
        settings = settings.with_values(SOURCE, {"client_id": found})
    say(f"APS app: {settings.client_id}")
    remember_app(settings)
    return settings


def _folders(settings: Settings) -> Settings:
    answers = read_answers(settings)
    if not settings.folders and answers.folders:
        settings = settings.with_values(SOURCE, {"folders": answers.folders})
    if not settings.folders:
        _head("Folder from which files may be attached; nothing outside it can leave.")
        settings = settings.with_values(SOURCE, {"folders": (_asked("Folder", "--folder", _checked_folder),)})
    say(f"Folders: {', '.join(map(str, settings.folders))}")
    if folders := command.own_folders(settings):
        keep_answers(settings, answers.model_copy(update={"folders": folders}))
    return settings


def _checked_folder(text: str) -> Path:
    folder = meant_path(text, Path.cwd())
    if problem := too_wide(folder):
        raise typer.BadParameter(problem)
    if problem := not_a_folder(folder):
        raise typer.BadParameter(f"{problem}; make it first, or name another")
    return folder


def _client(settings: Settings, key: str | None) -> ChatClient | None:
    answers = read_answers(settings)
    if key is None:
        found = [one.key for one in command.installed_clients(HostSystem.current(), CLIENTS)]
        _head(f"Chat client: {', '.join(CLIENTS)}, or {NO_CLIENT}")
        usual = answers.client or (found[0] if found else NO_CLIENT)
        key = _asked("Chat client", "--client", _checked_client, usual)
    keep_answers(settings, answers.model_copy(update={"client": key}))
    return CLIENTS.get(key)


def _checked_client(text: str) -> str:
    if text.strip().lower() not in (*CLIENTS, NO_CLIENT):
        raise typer.BadParameter(f"write one of {', '.join(CLIENTS)}, or {NO_CLIENT}")
    return text.strip().lower()


def _asked(question: str, flag: str, check: Callable[[str], _Answer], usual: str | None = None) -> _Answer:
    """Ask until the answer can be used.

    Raises:
        CommandError: There is no terminal to ask at; the text names the flag.
    """
    if sys.stdin.isatty():
        discard_input()  # a folder is let go by its answer, and a client's file is written
    try:
        answer: _Answer = typer.prompt(question, default=usual, value_proc=check)
    except typer.Abort:
        say("")  # what follows begins a line of its own, after ^C too
        raise CommandError(
            f"setup stopped at a question; run it again, what was answered is kept, or give {flag}"
        ) from None
    return answer


def _sign_in(settings: Settings, *, browser: bool) -> None:
    if settings.access_token is not None or settings.service_account_id is not None:
        return
    _head("Sign-in")
    endpoint = token_endpoint(settings)
    with opened_vault(settings) as opened:
        current = opened.vault.current(endpoint.autodesk.api, endpoint.app.client_id)
        found = opened.vault.read(current) if current is not None else None
    if found is None or found.is_revoked:
        signing.login(settings, browser=browser, say=say)
    else:
        signing.whoami(settings, say=say)
