"""The health check of the image: where it asks, and what it makes of the answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import acc_sandbox
from scripts.healthcheck import health_url, is_alive
from server.mcp.http import HEALTH_PATH
from server.team.middleware import HEALTH_PATHS

PROGRAM = "/opt/submittal-mcp/bin/submittal-mcp"


@contextmanager
def answering(status: int) -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/healthz"
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("words", "environment", "url"),
    [
        (["serve", "--folder", "/files"], {}, None),
        (["whoami"], {}, None),
        (["serve", "--team"], {}, "http://127.0.0.1:8000/healthz"),
        (["serve", "--team", "--host", "0.0.0.0"], {}, "http://127.0.0.1:8000/healthz"),
        (["serve", "--team", "--host=10.1.2.3", "--port=9000"], {}, "http://10.1.2.3:9000/healthz"),
        (["serve", "--http", "--port", "9000"], {"SUBMITTAL_MCP_HTTP_PORT": "1"}, "http://127.0.0.1:9000/healthz"),
        (
            ["serve", "--team"],
            {"SUBMITTAL_MCP_HTTP_HOST": "::", "SUBMITTAL_MCP_HTTP_PORT": "9000"},
            "http://127.0.0.1:9000/healthz",
        ),
        (["serve", "--team"], {"SUBMITTAL_MCP_HTTP_HOST": "fd00::1"}, "http://[fd00::1]:8000/healthz"),
        (["serve", "--team", "--tls-cert", "/c", "--tls-key", "/k"], {}, "https://127.0.0.1:8000/healthz"),
        (["sandbox", "--host", "0.0.0.0", "--port", "8790"], {}, "http://127.0.0.1:8790/sandbox/health"),
        (["sandbox"], {"SUBMITTAL_MCP_HTTP_PORT": "1"}, "http://127.0.0.1:8788/sandbox/health"),
        (["serve", "--sandbox"], {}, None),
    ],
)
def test_the_health_check_asks_where_the_command_listens(words, environment, url):
    assert health_url(["/usr/bin/tini", "--", PROGRAM, *words, ""], environment) == url


def test_the_paths_that_are_asked_are_served():
    assert HEALTH_PATH == "/healthz"
    assert "/healthz" in HEALTH_PATHS
    with acc_sandbox.running() as box:
        assert is_alive(f"{box.base_url}/sandbox/health")


def test_only_a_good_answer_is_health():
    with answering(200) as url:
        assert is_alive(url)
    assert not is_alive(url)
    with answering(503) as url:
        assert not is_alive(url)
