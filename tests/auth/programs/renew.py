"""Asks for a person's token in several processes at once; one may die where it is told to.

Takes one JSON argument: `database` (a path or a PostgreSQL URL), `key` (or `key_file`, or `rings`, the keys of each
process), `base_url`, `client_id`, `subject`, `processes`, `calls` at once, `rounds` (how often the token is said to be
refused afterwards) and `die_at`. Prints one JSON line for each process: the digests of the tokens it was given.
"""

import hashlib
import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

import anyio

from acc.hosts import Hosts
from auth.database import Database, DatabaseAddress
from auth.errors import AuthError
from auth.key_ring import EnvironmentKeys, MachineKeys
from auth.pace import Pace
from auth.pkce import App
from auth.renewing import Point, RenewedTokens
from auth.sealing import Key
from auth.token_endpoint import Autodesk, TokenEndpoint
from auth.vault import Account, Vault
from server.web import Web


class NoKeyring:
    def read(self) -> str | None:
        from auth.key_ring import KeyringUnavailable

        raise KeyringUnavailable

    def write(self, text: str) -> None:
        self.read()


def opened(job: dict[str, Any]) -> tuple[Database, Vault]:
    text = job["database"]
    address = DatabaseAddress.of(text) if "://" in text else DatabaseAddress.sqlite(Path(text))
    database = Database.open(address)
    given = [job["key"]] if job.get("key") else job.get("ring")
    keys = (
        EnvironmentKeys([Key.parse(text) for text in given])
        if given
        else MachineKeys(Path(job["key_file"]), NoKeyring())
    )
    return database, Vault(database, keys)


async def ask(job: dict[str, Any], vault: Vault) -> list[str]:
    def reached(point: Point) -> None:
        if point == job.get("die_at"):
            os.kill(os.getpid(), signal.SIGKILL)

    hosts = Hosts.at(job["base_url"])
    endpoint = TokenEndpoint(Web(hosts), Autodesk(hosts.api, hosts.profile), App(job["client_id"], ""))
    account = Account(job["base_url"], job["client_id"], job["subject"])
    # Without a rest, since what is renewed over and over in a test is renewed minutes apart by people.
    pace = Pace(jitter=0, poll=0.02, rest=0 if job.get("rounds") else 60)
    tokens = RenewedTokens(vault, account, endpoint, pace=pace, reached=reached)
    given: list[str] = []
    async with anyio.create_task_group() as group:

        async def one() -> None:
            try:
                token = await tokens.access_token()
            except AuthError as error:
                given.append(type(error).__name__)
            else:
                given.append(hashlib.sha256(token.encode()).hexdigest())

        for _ in range(job.get("calls", 1)):
            group.start_soon(one)
    for _ in range(job.get("rounds", 0)):
        token = await tokens.renewed(await tokens.access_token())
        given.append(hashlib.sha256((token or "none").encode()).hexdigest())
    return given


def child(job: dict[str, Any], barrier: Any, out: Any) -> None:
    database, vault = opened(job)
    barrier.wait()
    out.put(anyio.run(ask, job, vault))
    database.close()


def main() -> None:
    job = json.loads(sys.argv[1])
    if job["processes"] == 1:
        _, vault = opened(job)
        sys.stdout.write(json.dumps(anyio.run(ask, job, vault)) + "\n")
        return
    # A child of a warm parent starts at once, so that the children really meet.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    barrier, out = context.Barrier(job["processes"]), context.SimpleQueue()
    rings = job.get("rings") or [None] * job["processes"]
    children = [context.Process(target=child, args=({**job, "ring": ring}, barrier, out)) for ring in rings]
    for one in children:
        one.start()
    for _ in children:
        sys.stdout.write(json.dumps(out.get()) + "\n")
    for one in children:
        one.join()


if __name__ == "__main__":
    main()
