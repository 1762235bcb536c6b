"""Which addresses a browser is sent to, and where an answer may be listened for."""

import pytest

from auth.login.browser import UnsafeAddress, checked_callback, open_in_browser, require_safe_url


@pytest.mark.parametrize(
    "url",
    [
        "https://developer.api.autodesk.com/authentication/v2/authorize?client_id=a&scope=data%3Aread+x",
        "http://127.0.0.1:8788/authentication/v2/authorize?x=1",
        "http://localhost:8765/sign-in/abc",
        "http://[::1]:8765/x",
    ],
)
def test_https_and_this_machine_may_be_opened(url: str) -> None:
    assert require_safe_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "http://evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost@evil.example/",
        "https://somebody@evil.example/",
        "https://",
        "https://host/`id`",
        "https://host/$(id)'",
        'https://host/"; rm -rf /"',
        "https://host/a b",
        "https://host/\n",
        "http://127.0.0.1:99999999/",
        "-https://host/",
        "",
    ],
)
def test_anything_else_is_not_opened(url: str) -> None:
    """CVE-2025-6514 (mcp-remote), CVE-2026-30623."""
    with pytest.raises(UnsafeAddress):
        require_safe_url(url)
    with pytest.raises(UnsafeAddress):
        open_in_browser(url)


@pytest.mark.parametrize("url", ["http://localhost:8765/callback", "http://127.0.0.1:1/", "http://[::1]:8765/a/b"])
def test_a_callback_is_on_this_machine_with_a_port_and_a_path(url: str) -> None:
    assert checked_callback(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost:8765/callback",
        "http://localhost/callback",
        "http://localhost:0/callback",
        "http://0.0.0.0:8765/callback",
        "http://example.com:8765/callback",
        "http://localhost:8765",
        "http://localhost:8765/callback?x=1",
        "http://localhost:8765/callback#x",
        "http://user@localhost:8765/callback",
        "callback",
    ],
)
def test_any_other_callback_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://localhost:8765/callback"):
        checked_callback(url)
