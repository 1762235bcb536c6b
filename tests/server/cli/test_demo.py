"""`demo`: what a person who tries the program first sees, and where they can look at the result."""

import re
import signal
import socket
import sys
from urllib.request import urlopen

import pytest

from tests.support.constants import ROOT

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
PAGE = re.compile(r"http://127\.0\.0\.1:[0-9]+/projects/[0-9a-f-]{36}/items/[0-9a-f-]{36}")

BROWSER = """
import socket, sys
with socket.create_connection(("127.0.0.1", {port})) as connection:
    connection.sendall(sys.argv[1].encode())
"""


def transcript() -> str:
    text = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    return text.partition("<!-- transcript -->\n```text\n")[2].partition("```")[0]


@pytest.mark.skipif(sys.platform == "win32", reason="the page shows paths of Linux and macOS")
def test_the_page_of_the_sandbox_shows_what_the_demo_prints(start, tmp_path):
    code, out, err = start("-m", "server", "demo", TMPDIR=str(tmp_path)).rest()
    assert (code, err) == (0, "")
    [port] = set(re.findall(r"(?:--port |127\.0\.0\.1:)([0-9]+)", out))
    out = re.sub(re.escape(str(tmp_path)) + r"/submittal-mcp-demo-\w+", "/tmp/submittal-mcp-demo", out)
    assert out.replace(port, "40001") == transcript()


def test_the_demo_prints_a_line_a_call_and_ids_only_when_verbose(start):
    _, short, _ = start("-m", "server", "demo").rest()
    _, long, _ = start("-m", "server", "demo", "--verbose").rest()
    assert len(re.findall(r"^ +\d  \w+", short, re.MULTILINE)) == 2
    assert UUID.search(PAGE.sub("", short)) is None
    assert "urn:adsk" not in short
    assert '"confirm": true' in long
    assert "urn:adsk" in long
    assert PAGE.fullmatch(long.splitlines()[-1])
    for _ in range(3):
        *_, command, page = short.splitlines()
        words = command.partition("run submittal-mcp ")[2].removesuffix(" and open:").split()
        if start("-m", "server", *words).process.stdout.readline():
            break
        _, short, _ = start("-m", "server", "demo").rest()  # another program has taken the port meanwhile
    with urlopen(page, timeout=120) as opened:
        assert b"beam-shop-drawings.pdf" in opened.read()


@pytest.mark.skipif(sys.platform == "win32", reason="no such name there")
def test_the_name_of_a_file_moves_no_cursor(start, tmp_path):
    file = tmp_path / "a\x1b[2J\u202e.pdf"
    file.write_bytes(b"%PDF-1.4")
    code, out, err = start("-m", "server", "demo", "--file", str(file), "--verbose").rest()
    assert code == 1
    assert not set("\x1b\u202e") & set(out + err)
    assert "a\\x1b[2J\\u202e.pdf" in out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT that a process can be sent")
def test_an_open_demo_shows_the_file_in_a_browser_until_it_is_interrupted(start_anew, tmp_path):
    browser = tmp_path / "browser.py"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        browser.write_text(BROWSER.format(port=listener.getsockname()[1]), encoding="utf-8")
        program = start_anew("-u", "-m", "server", "demo", "--open", BROWSER=f"{sys.executable} {browser} %s")
        url = next(line.strip() for line in program.process.stdout if line.startswith("http"))
        assert PAGE.fullmatch(url)
        connection, _ = listener.accept()
        with connection:
            assert connection.makefile().read() == url
    with urlopen(url, timeout=120) as page:
        assert b"beam-shop-drawings.pdf" in page.read()
    program.process.send_signal(signal.SIGINT)
    code, out, _ = program.rest()
    assert (code, out) == (0, "")
