"""Redirect URIs: which may be registered, and when one is the registered one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.issuer.redirect_uris import InvalidRedirectUri, check_redirect_uri, is_loopback_uri, matches, shown_host


@pytest.mark.parametrize(
    "uri",
    [
        "https://claude.ai/api/mcp/auth_callback",
        "https://global.consent.azure-apim.net/redirect/unique",
        "https://host.example:8443/a?b=c",
        "http://localhost/callback",
        "http://127.0.0.1:33418",
        "http://[::1]:6274/oauth/callback",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode-insiders://vscode.github-authentication/did-authenticate",
        "com.example.app:/callback",
    ],
)
def test_addresses_of_real_clients_may_be_registered(uri: str) -> None:
    check_redirect_uri(uri)
    assert matches(uri, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "callback",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "blob:https://x",
        "about:blank",
        "vbscript:x",
        "http://evil.example/callback",
        "http://localhost.evil.example/",
        "http://127.0.0.2/",
        "ws://localhost/",
        "https://host.example/#fragment",
        "https://host.example/#",
        "https://user@host.example/",
        "http://localhost@evil.example/",
        "http://localhost\\@evil.example/",
        "https://",
        "https:///path",
        "https://host.example/a b",
        "https://host.example/\n",
        "https://host.example:99999/",
        "https://h\u00f6st.example/",
        "https://host.example/<script>",
        "unknown://host/callback",
        "community://host/",
        "https://host.example/" + "a" * 2048,
    ],
)
def test_addresses_that_could_hurt_may_not_be_registered(uri: str) -> None:
    with pytest.raises(InvalidRedirectUri):
        check_redirect_uri(uri)


@pytest.mark.parametrize(
    ("registered", "given", "same"),
    [
        ("http://localhost/callback", "http://localhost:51234/callback", True),
        ("http://127.0.0.1:33418", "http://127.0.0.1:40000", True),
        ("http://[::1]/cb", "http://[::1]:1/cb", True),
        ("http://localhost/callback", "http://127.0.0.1:51234/callback", False),
        ("http://localhost/callback", "http://localhost:51234/callback/", False),
        ("http://localhost/callback", "http://localhost:51234/callback?x=1", False),
        ("http://localhost/callback", "https://localhost:51234/callback", False),
        ("http://localhost/callback", "http://localhost:51234/callback#x", False),
        ("http://localhost/callback", "http://x@localhost:51234/callback", False),
        ("http://localhost/callback", "http://localhost:99999/callback", False),
        ("https://host.example/cb", "https://host.example:8443/cb", False),
        ("https://host.example/cb", "https://HOST.example/cb", False),
        ("https://host.example/cb", "https://host.example/CB", False),
        ("cursor://a/b", "cursor://a/c", False),
    ],
)
def test_only_the_port_of_a_loopback_address_is_free(registered: str, given: str, same: bool) -> None:
    assert matches(registered, given) is same


@given(st.text(max_size=60), st.text(max_size=60))
def test_two_addresses_match_only_if_equal_or_both_on_loopback(one: str, other: str) -> None:
    assert matches(one, other) is (one == other) or (is_loopback_uri(one) and is_loopback_uri(other))


@given(st.text(max_size=80))
def test_no_text_breaks_the_check(text: str) -> None:
    try:
        check_redirect_uri(text)
    except InvalidRedirectUri:
        return
    assert shown_host(text)


def test_a_person_is_shown_the_host_or_the_app() -> None:
    assert shown_host("https://claude.ai/api") == "claude.ai"
    assert shown_host("cursor://anysphere/cb") == "cursor://"
