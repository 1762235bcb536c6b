"""Serving over stdin and stdout, against a real process."""

import signal
import sys

import pytest


def test_answers_requests_and_ends_in_order_when_stdin_closes(one_tool):
    program = one_tool("stdio")
    assert program.shake_hands()["result"]["serverInfo"]["name"] == "one tool"
    code, out, err = program.rest()
    assert (code, out) == (0, "")
    assert "put away" in err


def test_nothing_but_json_rpc_reaches_stdout(one_tool):
    program = one_tool("stdio")
    program.shake_hands()
    answer = program.ask("tools/call", {"name": "chat", "arguments": {}})
    assert answer["result"]["content"] == [{"type": "text", "text": "said"}]
    code, out, err = program.rest()
    assert (code, out) == (0, "")
    assert "stray words" in err
    assert "an unfinished line" in err


def test_a_thread_that_hangs_does_not_hold_the_process_when_stdin_closes(one_tool):
    program = one_tool("stdio")
    program.shake_hands()
    program.send({"id": 9, "method": "tools/call", "params": {"name": "hang", "arguments": {}}})
    program.stderr_line("hanging")
    code, out, _ = program.rest()
    assert (code, out) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_order_while_stdin_stays_open(one_tool, number):
    program = one_tool("stdio")
    program.shake_hands()
    program.process.send_signal(number)
    program.stderr_line("put away")
    assert program.process.wait() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
def test_a_thread_that_hangs_does_not_hold_the_process_after_a_signal(one_tool):
    program = one_tool("stdio")
    program.shake_hands()
    program.send({"id": 9, "method": "tools/call", "params": {"name": "hang", "arguments": {}}})
    program.stderr_line("hanging")
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait() == 0


def test_a_client_that_closed_our_stdout_is_no_failure(one_tool):
    program = one_tool("stdio")
    program.shake_hands()
    program.process.stdout.close()
    program.send({"id": 9, "method": "tools/list"})
    program.process.stdin.close()
    program.stderr_line("client_gone")
    assert program.process.wait() == 0
