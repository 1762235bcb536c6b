"""Logging: one redacting pipeline for our own lines and for those of every library."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from server import logging as logs

CANARY = "QZJ-canary-0123456789"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Logging is one for the whole process: put back what `configure` changes, and what a server in it has set."""
    root = logging.getLogger()
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    handlers, level, raising, hook = root.handlers, root.level, logging.raiseExceptions, threading.excepthook
    yield
    root.handlers, logging.raiseExceptions, threading.excepthook = handlers, raising, hook
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    for name in ("httpx", "httpcore", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    for handler in logging.getLogger().handlers:
        handler.flush()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_a_librarys_have_one_form(stream):
    logs.configure("info", "json", stream=stream)
    structlog.get_logger("ours").info("part_sent", part=3)
    logging.getLogger("uvicorn.error").info("Started on %s", "127.0.0.1")
    ours, theirs = lines(stream)
    assert ours.pop("timestamp").endswith("Z")
    assert theirs.pop("timestamp").endswith("Z")
    assert ours == {"event": "part_sent", "part": 3, "level": "info", "logger": "ours"}
    assert theirs == {"event": "Started on 127.0.0.1", "level": "info", "logger": "uvicorn.error"}


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_name_in_a_line_moves_the_cursor_or_hides_a_line(stream, log_format):
    logs.configure("info", log_format, stream=stream)
    odd = "a\x1b[2J\u202e\x9b31m\rb"
    structlog.get_logger().info("folder_missing", folder=odd, others=[odd], **{odd: 1})
    logging.getLogger("theirs").info("refused %s\nforged", odd)
    try:
        raise ValueError(odd)
    except ValueError:
        structlog.get_logger().exception("failed")
    for handler in logging.getLogger().handlers:
        handler.flush()
    shown = stream.getvalue()
    assert not set("\x1b\u202e\x9b\r") & set(shown)
    assert "\nforged" not in shown
    assert shown.count("x1b[2J") == 5


@pytest.mark.filterwarnings("default:a warning")
def test_stdout_stays_empty(capsys):
    logs.configure("debug", "console")
    structlog.get_logger().info("ours")
    logging.getLogger("theirs").warning("theirs")
    warnings.warn("a warning", UserWarning, stacklevel=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert all(word in captured.err for word in ("ours", "theirs", "a warning"))


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_is_in_a_line_or_a_traceback_of_ours_or_a_librarys(stream, log_format):
    logs.configure("debug", log_format, secrets=[CANARY], stream=stream)
    signed = "https://bucket.s3.amazonaws.com/k?X-Amz-Signature=QZJsigned0123456789"
    try:
        token = f"Bearer {CANARY}"
        raise ConnectionError(f"{token} was refused by {signed}")
    except ConnectionError as error:
        structlog.get_logger().exception("failed", headers={"Authorization": token}, error=error, url=signed)
        logging.getLogger("theirs").exception("failed with %s", token)
    logging.getLogger("theirs").warning("an opaque %s and %r", CANARY, [("authorization", "QZJ-another-0123456789")])
    written = stream.getvalue()
    assert written.count("ConnectionError") >= 3
    assert "QZJ" not in written


@pytest.mark.parametrize("name", ["httpx", "httpcore.connection", "httpx2", "httpcore2.http11"])
def test_the_http_libraries_chatter_of_signed_urls_is_not_even_redacted_but_left_out(stream, name):
    logs.configure("debug", "json", stream=stream)
    logging.getLogger(name).info("HTTP Request: PUT https://bucket/...")
    logging.getLogger(name).warning("a warning")
    assert [line["event"] for line in lines(stream)] == ["a warning"]


@pytest.mark.parametrize(("level", "events"), [("debug", ["a", "b", "c"]), ("warning", ["b", "c"]), ("error", ["c"])])
def test_a_line_below_the_level_is_not_written(stream, level, events):
    logs.configure(level, "json", stream=stream)
    log = structlog.get_logger()
    log.debug("a")
    logging.getLogger("theirs").warning("b")
    log.error("c")
    assert [line["event"] for line in lines(stream)] == events


def test_the_sdk_adds_no_handler_of_its_own(stream):
    from mcp.server import MCPServer

    logs.configure("info", "json", stream=stream)
    [handler] = logging.getLogger().handlers
    MCPServer("quiet", version="1")
    assert logging.getLogger().handlers == [handler]


def test_a_thread_that_fails_says_so_through_the_redacting_log(stream):
    logs.configure("info", "json", stream=stream)

    def fail() -> None:
        raise RuntimeError(f"Bearer {CANARY}")

    thread = threading.Thread(target=fail, name="parts")
    thread.start()
    thread.join()
    [line] = lines(stream)
    assert (line["event"], line["thread"]) == ("thread_failed", "parts")
    assert "RuntimeError: Bearer [redacted]" in line["exception"]


def test_a_line_that_cannot_be_written_does_not_show_its_arguments(capsys):
    logs.configure("info", "json", stream=io.StringIO())
    logging.getLogger("theirs").info("%d", CANARY)
    assert CANARY not in capsys.readouterr().err


def test_without_a_format_a_terminal_gets_console_lines_and_a_file_gets_json(stream):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    for where in (terminal, stream):
        logs.configure("info", stream=where)
        structlog.get_logger().info("hello")
    assert "hello" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert lines(stream)[0]["event"] == "hello"


def test_lines_go_to_stderr_when_no_stream_is_given(capsys):
    logs.configure("info", "json")
    structlog.get_logger().info("hello")
    assert json.loads(capsys.readouterr().err)["event"] == "hello"
    assert sys.stderr is not sys.stdout
