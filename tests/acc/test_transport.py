"""How httpx clients are made: proxies yes, netrc never, redirects never, cookies never, no other trust than the system's."""

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from acc import operations as op
from acc.connection import AccConnection
from acc.errors import (
    AccError,
    ProxyFailure,
    ServiceUnavailable,
    StorageUnavailable,
    UnexpectedAnswer,
    UntrustedCertificate,
)
from acc.hosts import AutodeskHosts
from acc.models.files import SignedUrl
from acc.object_storage import part_request
from acc.operations import build
from acc.retry import RetryPolicy
from acc.transport import api_client, error_from_transport, storage_client, storage_error_from_transport
from tests.support.certificates import write_certificate

USERINFO = build(op.USERINFO)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
ONCE = RetryPolicy(attempts=1)


@pytest.fixture(autouse=True)
def no_proxies_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text(
            "machine 127.0.0.1 login operator password hunter2\ndefault login o password p\n", encoding="utf-8"
        )
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))


async def test_netrc_is_never_read(netrc, serve, tokens) -> None:
    server = serve(body=b'{"sub": "x"}')
    hosts = AutodeskHosts.at(server.url)

    async with api_client(hosts) as client:
        await AccConnection(hosts, tokens, client=client).send(USERINFO)
        await client.get(server.url)
    with storage_client(hosts) as storage:
        storage.put(server.url, content=b"x")

    assert [seen.headers.get("authorization") for seen in server.seen] == ["Bearer token-1", None, None]


def test_a_part_carries_its_length_and_nothing_that_names_a_person(netrc, serve) -> None:
    server = serve(headers={"ETag": '"e"'})
    part = part_request(SignedUrl(f"{server.url}/signed-url-uploads/1?partNumber=1"), 3)

    with storage_client(AutodeskHosts.at(server.url)) as client:
        client.request(part.method, part.url.value, headers=dict(part.headers), content=iter([b"a", b"bc"]))

    (seen,) = server.seen
    assert seen.line == "PUT /signed-url-uploads/1?partNumber=1 HTTP/1.1"
    assert seen.body == b"abc"
    assert seen.headers["content-length"] == "3"
    assert not {"authorization", "cookie", "transfer-encoding", "proxy-authorization"} & set(seen.headers)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_json_goes_through_the_proxy_of_the_environment_without_the_token(
    name: str, serve, tokens, monkeypatch
) -> None:
    proxy = serve(status=502)
    monkeypatch.setenv(name, proxy.url)

    async with api_client(AutodeskHosts.autodesk()) as client:
        with pytest.raises(ProxyFailure) as caught:
            await AccConnection(AutodeskHosts.autodesk(), tokens, client=client, policy=ONCE).send(USERINFO)

    (seen,) = proxy.seen
    assert seen.line == "CONNECT api.userprofile.autodesk.com:443 HTTP/1.1"
    assert "authorization" not in seen.headers
    assert caught.value.sent is False


def test_bytes_go_through_the_proxy_of_the_environment(serve, monkeypatch) -> None:
    proxy = serve(status=407)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)

    with storage_client(AutodeskHosts.autodesk()) as client, pytest.raises(httpx.ProxyError) as caught:
        client.put("https://s3.amazonaws.com/signed-url-uploads/1", content=b"x")

    assert [seen.line for seen in proxy.seen] == ["CONNECT s3.amazonaws.com:443 HTTP/1.1"]
    assert type(storage_error_from_transport("s3.put", caught.value)) is ProxyFailure


def test_no_proxy_is_honoured(serve, monkeypatch) -> None:
    proxy, direct = serve(status=502), serve()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "storage.example")
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1" if "example" in str(host) else host, *rest, **more),
    )

    with storage_client(AutodeskHosts.autodesk()) as client:
        assert client.get(f"http://storage.example:{direct.server_port}/").status_code == 200
        assert client.get(f"http://elsewhere.example:{direct.server_port}/").status_code == 502

    assert (len(direct.seen), len(proxy.seen)) == (1, 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_this_machine_is_never_reached_through_a_proxy(host: str, serve, tokens, monkeypatch) -> None:
    proxy, direct = serve(status=502), serve(body=b'{"sub": "x"}')
    for name in PROXY_VARIABLES[:3]:
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv(name.upper(), proxy.url)
    hosts = AutodeskHosts.at(f"http://{host}:{direct.server_port}")

    async with api_client(hosts) as client:
        await AccConnection(hosts, tokens, client=client).send(USERINFO)
    for each in (hosts, AutodeskHosts.autodesk()):
        with storage_client(each) as storage:
            storage.put(f"http://{host}:{direct.server_port}/signed-url-uploads/1", content=b"x")

    assert (len(direct.seen), len(proxy.seen)) == (3, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only 127.0.0.1 answers at once")
def test_a_base_url_elsewhere_in_127_is_this_machine_too(serve, monkeypatch) -> None:
    proxy = serve(status=502)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)

    with (
        storage_client(AutodeskHosts.at("http://127.8.8.8:1")) as client,
        pytest.raises(httpx.TransportError) as caught,
    ):
        client.get("http://127.8.8.8:1/")

    assert isinstance(storage_error_from_transport("s3.put", caught.value), StorageUnavailable)
    assert proxy.seen == []


@pytest.mark.parametrize("proxy", ["socks9://user:hunter2@127.0.0.1:1", "http://user:hunter2@proxy:door"])
def test_proxy_settings_that_cannot_be_used_are_named_without_their_password(proxy: str, monkeypatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    for make in (api_client, storage_client):
        with pytest.raises(ProxyFailure) as caught:
            make(AutodeskHosts.autodesk())
        assert "hunter2" not in f"{caught.value}{caught.value!r}{caught.value.__cause__}"
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_storage_cannot_send_bytes_elsewhere(status: int, serve) -> None:
    elsewhere = serve()
    server = serve(status=status, headers={"Location": f"{elsewhere.url}/latest/meta-data"})

    with storage_client(AutodeskHosts.at(server.url)) as client:
        answer = client.put(server.url, content=b"x")

    assert (answer.status_code, elsewhere.seen) == (status, [])


async def test_a_redirect_of_a_real_server_is_not_followed(serve, tokens) -> None:
    elsewhere = serve()
    server = serve(status=307, headers={"Location": f"{elsewhere.url}/latest/meta-data"})
    hosts = AutodeskHosts.at(server.url)

    async with api_client(hosts) as client:
        with pytest.raises(UnexpectedAnswer):
            await AccConnection(hosts, tokens, client=client).send(USERINFO)

    assert (len(server.seen), elsewhere.seen) == (1, [])


async def test_cookies_are_not_kept_for_the_next_person(serve) -> None:
    server = serve(headers={"Set-Cookie": "session=of-the-first; Path=/"})

    async with api_client(AutodeskHosts.at(server.url)) as client:
        await client.get(server.url)
        await client.get(server.url)
    with storage_client(AutodeskHosts.at(server.url)) as storage:
        storage.get(server.url)
        storage.get(server.url)

    assert [seen.headers.get("cookie") for seen in server.seen] == [None] * 4


def test_nothing_waits_without_a_limit() -> None:
    for client in (api_client(AutodeskHosts.autodesk()), storage_client(AutodeskHosts.autodesk())):
        timeouts = client.timeout.as_dict()
        assert set(timeouts) == {"connect", "read", "write", "pool"}
        assert all(isinstance(seconds, int | float) and 0 < seconds <= 120 for seconds in timeouts.values())


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[str]:
    """A server on this machine whose certificate is not trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(tmp_path, "localhost"))
    listener = socket.create_server(("127.0.0.1", 0))

    ending = threading.Event()

    def shake_hands() -> None:
        while not ending.is_set():
            peer, _ = listener.accept()
            with peer, contextlib.suppress(OSError):
                context.wrap_socket(peer, server_side=True).close()

    thread = threading.Thread(target=shake_hands)
    thread.start()
    yield f"https://localhost:{listener.getsockname()[1]}"
    ending.set()
    socket.create_connection(listener.getsockname()).close()
    thread.join()
    listener.close()


async def test_a_certificate_that_the_system_does_not_trust_is_named(tls_server: str, tokens) -> None:
    hosts = AutodeskHosts.at(tls_server)

    async with api_client(hosts) as client:
        with pytest.raises(UntrustedCertificate) as caught:
            await AccConnection(hosts, tokens, client=client).send(USERINFO)
    with storage_client(hosts) as storage, pytest.raises(httpx.ConnectError) as refused:
        storage.put(f"{tls_server}/x", content=b"x")

    assert caught.value.sent is False
    assert type(storage_error_from_transport("s3.put", refused.value)) is UntrustedCertificate


@pytest.mark.parametrize(
    ("error", "kind", "sent"),
    [
        (httpx.ConnectError("x"), ServiceUnavailable, False),
        (httpx.ConnectTimeout("x"), ServiceUnavailable, False),
        (httpx.PoolTimeout("x"), ServiceUnavailable, False),
        (httpx.UnsupportedProtocol("x"), ServiceUnavailable, False),
        (httpx.ProxyError("x"), ProxyFailure, False),
        (httpx.ReadTimeout("x"), ServiceUnavailable, True),
        (httpx.ReadError("x"), ServiceUnavailable, True),
        (httpx.WriteTimeout("x"), ServiceUnavailable, True),
        (httpx.WriteError("x"), ServiceUnavailable, True),
        (httpx.CloseError("x"), ServiceUnavailable, True),
        (httpx.RemoteProtocolError("x"), ServiceUnavailable, True),
        (httpx.DecodingError("x"), UnexpectedAnswer, True),
        (TimeoutError(), ServiceUnavailable, True),
    ],
)
def test_no_answer_says_how_far_the_request_came(
    error: httpx.RequestError | TimeoutError, kind: type[AccError], sent: bool
) -> None:
    found = error_from_transport("op", error)

    assert (type(found), found.sent, found.operation) == (kind, sent, "op")


def test_a_lost_connection_to_storage_is_storages() -> None:
    found = storage_error_from_transport("s3.put", httpx.ReadError("reset"))

    assert (type(found), found.sent, found.retryable) == (StorageUnavailable, True, True)


@pytest.mark.parametrize(
    "entry",
    [
        "[::1]",
        "[::1]:8080",
        "[*]",
        "::1/128",
        "10.0.0.0/8",
        "name:port",
        "a b",
        "http://[bad",
        "\u00fc..",
        "*.*",
        "://x",
    ],
)
def test_an_entry_of_no_proxy_that_cannot_be_read_is_left_out(entry: str, serve, monkeypatch) -> None:
    proxy = serve(status=502)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", f"{entry},*.corp.example")
    with storage_client(AutodeskHosts.autodesk()) as client:
        assert client.get("http://elsewhere.example/").status_code == 502
        with pytest.raises(httpx.ConnectError):
            client.get("http://storage.corp.example:9/")
    assert len(proxy.seen) == 1


@pytest.mark.parametrize("entry", ["b\u00fccher.example", ".b\u00fccher.example", "*.b\u00fccher.example:9"])
def test_an_entry_of_no_proxy_may_be_in_any_script(entry: str, serve, monkeypatch) -> None:
    proxy = serve(status=502)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", entry)
    with storage_client(AutodeskHosts.autodesk()) as client:
        with pytest.raises(httpx.ConnectError):
            client.get("http://files.b\u00fccher.example:9/")
        assert client.get("http://files.buecher.example:9/").status_code == 502


@pytest.mark.parametrize("entry", ["files.corp.example:443", ".corp.example:443"])
def test_an_entry_of_no_proxy_may_name_the_port_of_https(entry: str, serve, monkeypatch) -> None:
    proxy = serve(status=502)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", entry)
    with storage_client(AutodeskHosts.autodesk()) as client, pytest.raises(httpx.ConnectError):
        client.get("https://files.corp.example/")
    assert proxy.seen == []


@pytest.mark.parametrize("setting", ["http://[bad", "gopher://proxy.example", "socks5://127.0.0.1:9"])
async def test_on_the_way_to_this_machine_no_proxy_setting_is_read(setting: str, serve, tokens, monkeypatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.setenv(name, setting)
        monkeypatch.setenv(name.upper(), setting)
    server = serve(body=b'{"sub": "x"}')
    hosts = AutodeskHosts.at(server.url)
    async with api_client(hosts) as client:
        await AccConnection(hosts, tokens, client=client).send(USERINFO)
    with storage_client(hosts) as storage:
        assert storage.get(server.url).status_code == 200
    assert len(server.seen) == 2


def test_a_proxy_may_speak_socks(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        asked: list[bytes] = []

        def answer() -> None:
            connection, _ = proxy.accept()
            with connection:
                for reply in (b"\x05\x00", b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50", b"HTTP/1.1 204 None\r\n\r\n"):
                    asked.append(connection.recv(4096))
                    connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{proxy.getsockname()[1]}")
        with storage_client(AutodeskHosts.autodesk()) as client:
            assert client.get("http://storage.example/").status_code == 204
        thread.join()
    assert (asked[0], b"storage.example" in asked[1]) == (b"\x05\x01\x00", True)


def test_a_malformed_socks_reply_is_a_proxy_failure() -> None:
    from socksio.exceptions import ProtocolError  # type: ignore[import-not-found,unused-ignore]

    assert type(storage_error_from_transport("s3.put", ProtocolError("Malformed reply"))) is ProxyFailure
    failure = error_from_transport("userinfo", ProtocolError("Malformed reply"))
    assert (type(failure), failure.sent) == (ProxyFailure, False)
