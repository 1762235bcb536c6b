"""Which hosts are this machine, which are Autodesk's, and what a base URL may be."""

import pytest

from server.settings.types import check_base_url, is_foreign


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://developer.api.autodesk.com", "https://developer.api.autodesk.com"),
        ("https://Gateway.example.com:8443/", "https://gateway.example.com:8443"),
        ("http://127.0.0.1:8788", "http://127.0.0.1:8788"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:8788", "http://[::1]:8788"),
    ],
)
def test_a_base_url_is_a_scheme_and_a_host(url, checked):
    assert check_base_url(url) == checked


@pytest.mark.parametrize(
    "url",
    [
        "developer.api.autodesk.com",
        "ftp://developer.api.autodesk.com",
        "https://developer.api.autodesk.com/path",
        "https://developer.api.autodesk.com?x=1",
        "https://developer.api.autodesk.com#x",
        "https://user:secret@developer.api.autodesk.com",
        "http://localhost\\@evil.example",
        "http://localhost@evil.example",
        "https://developer.api.autodesk.com\n",
        " https://developer.api.autodesk.com",
        "https://developer..autodesk.com",
        "https://developer.api.autodesk.com:0",
        "https://developer.api.autodesk.com:70000",
        "https://develop\u00ebr.api.autodesk.com",
    ],
)
def test_anything_else_is_no_base_url(url):
    with pytest.raises(ValueError, match="not a base URL"):
        check_base_url(url)


@pytest.mark.parametrize(
    "url", ["http://developer.api.autodesk.com", "http://10.0.0.1:8788", "http://localhost.evil.example"]
)
def test_plain_http_is_for_this_machine_only(url):
    with pytest.raises(ValueError, match="plain http"):
        check_base_url(url)


@pytest.mark.parametrize(
    ("url", "foreign"),
    [
        ("https://developer.api.autodesk.com", False),
        ("https://autodesk.com", False),
        ("http://127.0.0.1:8788", False),
        ("http://[::1]", False),
        ("https://notautodesk.com", True),
        ("https://autodesk.com.evil.example", True),
        ("https://10.0.0.1", True),
    ],
)
def test_a_host_is_foreign_unless_it_is_autodesks_or_this_machine(url, foreign):
    assert is_foreign(url) is foreign
