"""Everything behind one object, which costs nothing until it is used."""

import subprocess
import sys

import pytest

from acc.client import AccClient
from acc.hosts import AutodeskHosts

TYPES = "acc.errors, acc.models, acc.ids, acc.hosts, acc.submittals, acc.object_storage, acc.data_management"


def test_types_and_the_client_itself_load_no_httpx() -> None:
    program = (
        f"import sys, {TYPES}, acc.client\n"
        "acc.client.AccClient(acc.hosts.AutodeskHosts.autodesk(), None)\n"
        "print([name for name in ('httpx', 'truststore', 'anyio') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == "[]"


def test_nothing_of_ours_is_imported_by_the_client() -> None:
    program = (
        f"import sys, {TYPES}, acc.client, acc.connection\n"
        "print({name.split('.')[0] for name in sys.modules} & {'auth', 'tools', 'server', 'transfers', 'acc_sandbox'})"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == "set()"


async def test_every_service_shares_one_connection_to_the_same_hosts(serve, tokens) -> None:
    server = serve(body=b'{"sub": "MFEGJ9W5GGQL", "data": []}')

    async with AccClient(AutodeskHosts.at(server.url), tokens) as acc:
        person = await acc.userinfo()
        hubs = await acc.projects.hubs()
        connection = acc.connection

    assert (person.sub, hubs.hubs) == ("MFEGJ9W5GGQL", [])
    assert acc.connection is connection
    assert [seen.line.split()[1] for seen in server.seen] == [
        "/userinfo",
        "/project/v1/hubs?filter%5Bextension.type%5D=hubs%3Aautodesk.bim360%3AAccount",
    ]


async def test_closing_what_was_never_used_opens_nothing(tokens) -> None:
    acc = AccClient(AutodeskHosts.autodesk(), tokens)

    await acc.aclose()

    assert "connection" not in vars(acc)


@pytest.mark.parametrize("extra", [set(), {"storage.example.org"}])
async def test_storage_hosts_reach_the_storage_service(network, tokens, extra: set[str]) -> None:
    import httpx

    from acc.errors import UntrustedStorageHost
    from acc.ids import ObjectLocation

    answer = httpx.Response(200, json={"uploadKey": "k", "urls": ["https://storage.example.org/u"]})
    client = httpx.AsyncClient(transport=httpx.MockTransport(network(answer)))
    acc = AccClient(AutodeskHosts.autodesk(), tokens, client=client, storage_hosts=extra)
    asking = acc.storage.upload_urls(ObjectLocation("b", "o"), first_part=1, parts=1)

    if extra:
        assert len((await asking).urls) == 1
    else:
        with pytest.raises(UntrustedStorageHost):
            await asking
