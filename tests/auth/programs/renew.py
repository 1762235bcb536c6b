"""One of several processes that ask for a person's token at once; it may die where it is told to.

It says when it is ready, waits for the word, and then says what it was given: digests of tokens.
"""

import hashlib
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import anyio
from pydantic import BaseModel

from acc.hosts import AutodeskHosts
from auth.errors import AuthError
from auth.oauth import AuthServer, OAuthApp, TokenEndpoint
from auth.refresh_lease import RefreshTimings
from auth.service_account import ServiceAccount, ServiceAccountTokens
from auth.token_refresh import Point, RefreshingTokenSource
from auth.vault import UserAccount, Vault
from persistence.database import Database, DatabaseAddress
from persistence.keys import EncryptionKey, EnvironmentKeys, KeyringUnavailable, MachineKeys
from server.auth_wiring import HttpxAuthTransport


class Orders(BaseModel):
    """What the process is to do: ask `calls` times at once, then say so many `rounds` that the token was refused.

    `database` is a path or the URL of a PostgreSQL, `keys` are newest first; without them there is a `key_file`.
    """

    database: str
    keys: list[str] = []
    key_file: Path = Path()
    account: UserAccount
    secret: str | None = None
    service_account: ServiceAccount | None = None
    calls: int = 1
    rounds: int = 0
    die_at: Point | None = None


class NoKeyring:
    """A machine without a keyring, so that the key is kept in a file."""

    def read(self) -> str | None:
        raise KeyringUnavailable

    def write(self, text: str) -> None:
        raise KeyringUnavailable


def opened(orders: Orders) -> tuple[Database, Vault]:
    text = orders.database
    address = DatabaseAddress.of(text) if "://" in text else DatabaseAddress.sqlite(Path(text))
    database = Database.open(address)
    ring = EnvironmentKeys([EncryptionKey.parse(text) for text in orders.keys])
    return database, Vault(database, ring if orders.keys else MachineKeys(orders.key_file, NoKeyring()))


async def ask(orders: Orders, vault: Vault) -> list[str]:
    def reached(point: Point) -> None:
        if point == orders.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    hosts = AutodeskHosts.at(orders.account.base_url)
    endpoint = TokenEndpoint(
        HttpxAuthTransport(hosts),
        AuthServer(hosts.api, hosts.profile),
        OAuthApp(orders.account.client_id, "", orders.secret),
    )
    # Without a rest, since what is renewed over and over in a test is renewed minutes apart by people. None of these
    # processes waits for a dead one, so on a machine with too much to do none is taken for dead.
    timings = RefreshTimings(jitter=0, poll=0.02, lease=300, post=120, rest=0 if orders.rounds else 60)
    tokens: RefreshingTokenSource | ServiceAccountTokens
    if orders.service_account is not None:
        tokens = ServiceAccountTokens(orders.service_account, endpoint, ("data:read",), lambda: vault, timings=timings)
    else:
        tokens = RefreshingTokenSource(vault, orders.account, endpoint, timings=timings, reached=reached)
    given: list[str] = []
    async with anyio.create_task_group() as group:

        async def one() -> None:
            try:
                token = await tokens.access_token()
            except AuthError as error:
                given.append(type(error).__name__)
            else:
                given.append(hashlib.sha256(token.encode()).hexdigest())

        for _ in range(orders.calls):
            group.start_soon(one)
    for _ in range(orders.rounds):
        token = await tokens.renewed(await tokens.access_token())
        given.append(hashlib.sha256((token or "none").encode()).hexdigest())
    return given


def main(orders: Orders, test: Connection) -> None:
    database, vault = opened(orders)
    test.send("ready")
    test.recv()
    test.send(anyio.run(ask, orders, vault))
    database.close()
