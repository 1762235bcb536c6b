"""Where a token may go, and where bytes may go."""

import json
import string
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acc.hosts import UPLOAD_HOSTS, AutodeskHosts, InvalidBaseUrl, is_loopback, is_path_style

PAYLOADS = Path(__file__).parents[1] / "facts" / "autodesk_payloads.json"
ACCELERATED = "com-autodesk-oss-direct-upload.s3-accelerate.amazonaws.com"
EMEA = "com-autodesk-oss-prodemea-direct-upload.s3-accelerate.amazonaws.com"


def test_autodesk_has_a_host_of_its_own_for_the_profile() -> None:
    hosts = AutodeskHosts.autodesk()

    assert (hosts.api, hosts.profile) == ("https://developer.api.autodesk.com", "https://api.userprofile.autodesk.com")
    assert (hosts.is_autodesk, hosts.loopback) == (True, False)


@pytest.mark.parametrize(
    ("base_url", "api", "loopback"),
    [
        ("http://127.0.0.1:8788", "http://127.0.0.1:8788", True),
        (" http://localhost:8788/ ", "http://localhost:8788", True),
        ("http://LOCALHOST:8788", "http://LOCALHOST:8788", True),
        ("http://[::1]:8788", "http://[::1]:8788", True),
        ("http://127.9.9.9:1", "http://127.9.9.9:1", True),
        ("https://acc.example.org/aps//", "https://acc.example.org/aps", False),
    ],
)
def test_a_base_url_holds_every_service(base_url: str, api: str, loopback: bool) -> None:
    assert AutodeskHosts.at(base_url) == AutodeskHosts(api=api, profile=api)
    assert AutodeskHosts.at(base_url).loopback is loopback
    assert AutodeskHosts.at(base_url).is_autodesk is False


@pytest.mark.parametrize(
    "base_url",
    [
        "https://developer.api.autodesk.com/",
        "https://DEVELOPER.api.autodesk.com",
        "https://developer.api.autodesk.com:443",
    ],
)
def test_autodesks_own_host_as_a_base_url_means_autodesk(base_url: str) -> None:
    assert AutodeskHosts.at(base_url) == AutodeskHosts.autodesk()


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "127.0.0.1:8788",
        "ftp://127.0.0.1",
        "http://acc.example.org",
        "http://127.0.0.1.evil.example",
        "http://127.1:8788",
        "http://2130706433",
        "http://0.0.0.0:8788",
        "http://[::ffff:127.0.0.1]:8788",
        "http://user@127.0.0.1",
        "https://user:secret@acc.example.org",
        "https://acc.example.org?x=1",
        "https://acc.example.org#x",
        "http://localhost\\@evil.example",
        "http://localhost evil.example",
        "https://acc.example.org:99999",
        "https://",
    ],
)
def test_a_base_url_that_could_send_the_token_astray_is_refused(base_url: str) -> None:
    with pytest.raises(InvalidBaseUrl):
        AutodeskHosts.at(base_url)


@pytest.mark.parametrize(
    "url",
    [
        f"https://{ACCELERATED}/signed-url-uploads/1?X-Amz-Signature=s",
        f"https://{ACCELERATED.upper()}/x",
        f"https://{ACCELERATED}:443/x",
        f"https://{EMEA}/68/38/6e/f3/bucket/K/signed-url-uploads/G?partNumber=1",
        # Inferred: without acceleration, and the other regions of Autodesk's.
        "https://com-autodesk-oss-direct-upload.s3.amazonaws.com/x",
        "https://com-autodesk-oss-prodemea-direct-upload.s3.eu-west-1.amazonaws.com/x",
        "https://com-autodesk-oss-direct-upload.s3.us-gov-west-1.amazonaws.com/x",
        *(
            f"https://com-autodesk-oss-prod{region}-direct-upload.s3-accelerate.amazonaws.com/x"
            for region in ("aus", "can", "deu", "gbr", "ind", "jpn")
        ),
        "https://storage.example.org/x",
    ],
)
def test_a_known_storage_host_is_allowed_over_https(url: str) -> None:
    assert AutodeskHosts.autodesk().storage_host_allowed(url, {" Storage.example.org "})


@pytest.mark.parametrize(
    "url",
    [
        f"http://{ACCELERATED}/x",
        f"https://{ACCELERATED}:8443/x",
        f"https://{ACCELERATED}./x",
        f"https://{ACCELERATED}.evil.example/x",
        f"https://evil.{ACCELERATED}/x",
        f"https://{ACCELERATED}@evil.example/x",
        f"https://evil.example/{ACCELERATED}",
        f"https://evil.example#{ACCELERATED}",
        f"https://{ACCELERATED}\\@evil.example/x",
        f"https://evil.example\\.{ACCELERATED}/x",
        f"https:/{ACCELERATED}/x",
        f"//{ACCELERATED}/x",
        f"https://x-{ACCELERATED}/x",
        "https://com-autodesk-oss-prodevil-direct-upload.s3-accelerate.amazonaws.com/x",
        "https://com-autodesk-oss-prod-direct-upload.s3-accelerate.amazonaws.com/x",
        "https://com-autodesk-oss-opsstaging-direct-upload.s3-accelerate.amazonaws.com/x",
        "https://com-autodesk-oss-direct-upload-evil.s3.amazonaws.com/x",
        "https://com-autodesk-oss-direct-upload.s3.evil.amazonaws.com/x",
        "https://com-autodesk-oss-direct-upload.evil.s3.amazonaws.com/x",
        "https://com-autodesk-oss-direct-upload.s3.amazonaws.com.cn/x",
        "https://com-autodesk-oss-direct-upload.s3xamazonaws.com/x",
        "https://s3.amazonaws.com/com-autodesk-oss-direct-upload/x",
        "https://s3-accelerate.amazonaws.com/com-autodesk-oss-direct-upload/x",
        "https://s3.eu-west-1.amazonaws.com/com-autodesk-oss-prodemea-direct-upload/x",
        "https://evil-amazonaws.com/x",
        "https://amazonaws.com.evil.example/x",
        "https://bucket.s3.amazonaws.com/x",
        "https://s3.amazonaws.com%2eevil.example/x",
        "https://s3.amazonaws.com%00.evil.example/x",
        "https://s3。amazonaws。com/x",
        "https://s3.amazonaws.com\t/x",
        "https://52.216.0.1/x",
        "https://[::1]/x",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost\\@evil.example/x",
        "http://127.0.0.1:8789/x",
        "https://developer.api.autodesk.com/x",
        "",
        "https://",
    ],
)
def test_no_other_host_gets_bytes(url: str) -> None:
    """Of other servers:

    CVE-2026-27826, -77261, -77265, -77267, -77274 (mcp-atlassian), CVE-2026-26118 (Azure MCP), CVE-2026-32871 (FastMCP).
    """
    assert not AutodeskHosts.autodesk().storage_host_allowed(url)


@pytest.mark.parametrize(
    ("basis", "allowed"),
    [
        ("recorded upload URL of an EMEA account, July 2024 (host and path; query shortened)", True),
        # Written against Autodesk's staging, which no person's files belong in.
        ("tutorial signeds3upload", False),
    ],
)
def test_of_the_upload_urls_that_autodesk_shows_the_production_ones_are_allowed(basis: str, allowed: bool) -> None:
    [payload] = [row["payload"] for row in json.loads(PAYLOADS.read_text("utf-8")) if row["basis"] == basis]
    url = payload if isinstance(payload, str) else payload["urls"][0].strip()

    assert AutodeskHosts.autodesk().storage_host_allowed(url) is allowed


@pytest.mark.parametrize(
    ("host", "itself"),
    [
        ("s3.amazonaws.com", True),
        ("S3.Amazonaws.com", True),
        ("s3-accelerate.amazonaws.com", True),
        ("s3-eu-west-1.amazonaws.com", True),
        ("s3.eu-west-1.amazonaws.com", True),
        ("s3-accelerate.dualstack.amazonaws.com", True),
        ("s3.cn-north-1.amazonaws.com.cn", True),
        (ACCELERATED, False),
        ("bucket.s3.amazonaws.com", False),
        ("s3-bucket.s3.amazonaws.com", False),
        ("s3-bucket.s3-accelerate.amazonaws.com", False),
        ("s3.example.org", False),
    ],
)
def test_s3_itself_is_never_storage_even_as_an_extra_host(host: str, itself: bool) -> None:
    assert is_path_style(host) is itself
    assert AutodeskHosts.autodesk().storage_host_allowed(f"https://{host}/bucket/x", {host}) is not itself


def test_the_host_of_a_base_url_of_ones_own_is_a_storage_host_on_any_port() -> None:
    sandbox = AutodeskHosts.at("http://127.0.0.1:8788")
    stand_in = AutodeskHosts.at("https://acc.example.org")

    assert sandbox.storage_host_allowed("http://127.0.0.1:8789/signed-url-uploads/1")
    assert stand_in.storage_host_allowed("https://acc.example.org:8443/x")
    assert stand_in.storage_host_allowed(f"https://{ACCELERATED}/x")
    assert not stand_in.storage_host_allowed("http://acc.example.org:8443/x")
    assert not stand_in.storage_host_allowed("https://files.acc.example.org/x")
    assert not sandbox.storage_host_allowed("http://127.0.0.2:8789/x")
    assert not sandbox.storage_host_allowed("http://localhost:8789/x")


HOST_PIECES = st.lists(
    st.sampled_from(
        [
            *UPLOAD_HOSTS.values(),
            "s3.amazonaws.com",
            "evil.example",
            "amazonaws.com",
            "127.0.0.1",
            "[::1]",
            "localhost",
            ".",
            "@",
            "\\",
            "/",
            ":",
            "443",
            "#",
            "?",
            "%2e",
            " ",
            "\t",
            "。",
            "%",
        ]
    )
    | st.text(string.printable, max_size=3),
    max_size=6,
)


@settings(deadline=None)
@given(scheme=st.sampled_from(["https://", "http://", "https:", "HTTPS://", "//", ""]), pieces=HOST_PIECES)
def test_whatever_is_allowed_is_what_every_parser_takes_for_a_storage_host(scheme: str, pieces: list[str]) -> None:
    url = scheme + "".join(pieces)

    if AutodeskHosts.autodesk().storage_host_allowed(url):
        assert urlsplit(url).hostname in UPLOAD_HOSTS.values()
        assert httpx.URL(url).host in UPLOAD_HOSTS.values()
        assert (httpx.URL(url).scheme, httpx.URL(url).port, httpx.URL(url).userinfo) == ("https", None, b"")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback_is_what_can_only_be_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
