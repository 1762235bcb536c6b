"""Serving over stdin and stdout, against a real process."""

import codecs
import json
import signal
import sys

import pytest

from server.mcp.stdio import Utf8Transcoder


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


def test_a_client_that_never_reads_stderr_gets_its_answers(one_tool):
    program = one_tool("stdio")
    program.shake_hands()
    for _ in range(40):
        answer = program.ask("tools/call", {"name": "log", "arguments": {"lines": 100}})
        assert answer["result"]["content"][0]["text"] == "logged"
    _, _, err = program.rest()
    assert "log_lines_dropped" in err


def test_an_answer_that_is_ready_soon_after_the_end_of_stdin_is_written(one_tool):
    program = one_tool("stdio")
    program.shake_hands()
    program.send({"id": 9, "method": "tools/call", "params": {"name": "slow", "arguments": {"word": "late"}}})
    code, out, _ = program.rest()
    [answer] = [json.loads(line) for line in out.splitlines()]
    assert (code, answer["id"], answer["result"]["content"][0]["text"]) == (0, 9, "late")


def test_all_requests_of_an_input_that_ends_at_once_are_answered(one_tool):
    program = one_tool("stdio")
    for number in range(1, 4):
        program.send({"id": number, "method": "ping", "params": {}})
    code, out, _ = program.rest()
    assert code == 0
    assert {json.loads(line)["id"] for line in out.splitlines()} == {1, 2, 3}


@pytest.mark.parametrize("first", ["\ufeff", "\n", "\r\n \n"], ids=["byte-order mark", "empty line", "blank lines"])
def test_odd_first_characters_do_not_matter(one_tool, first):
    program = one_tool("stdio")
    program.process.stdin.write(first)
    assert program.shake_hands()["result"]["serverInfo"]["name"] == "one tool"


@pytest.mark.parametrize("line", ["Content-Length: 52", "\x00\x01", '{"jsonrpc": "2.0", "id": 1', "[]", "hello"])
def test_a_line_that_is_no_message_is_answered_and_stops_nothing(one_tool, line):
    program = one_tool("stdio")
    program.process.stdin.write(f"{line}\n")
    program.process.stdin.flush()
    answer = json.loads(program.process.stdout.readline())
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert "one JSON object a line" in answer["error"]["message"]
    assert program.shake_hands()["result"]["serverInfo"]["name"] == "one tool"


@pytest.mark.parametrize(
    ("line", "id_"),
    [
        ('{"id": 7, "method": "ping"}', 7),
        ('{"jsonrpc": "1.0", "id": "a", "method": "ping"}', "a"),
        ('{"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": []}', 7),
        ('{"jsonrpc": "2.0", "id": 7, "method": 5}', 7),
        ('{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {"half of a character": "\\ud83d"}}', 7),
        ('{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', None),
        ('{"jsonrpc": "2.0", "id": null, "method": "tools/call", "params": {"name": "slow"}}', None),
        ('{"jsonrpc": "2.0", "id": true, "method": "ping"}', None),
        ('{"jsonrpc": "1.0", "id": "\\ud83d", "method": "ping"}', None),
    ],
)
def test_a_request_with_a_wrong_member_is_refused_under_its_id_if_it_has_one(one_tool, line, id_):
    program = one_tool("stdio")
    program.process.stdin.write(f"{line}\n")
    program.process.stdin.flush()
    answer = json.loads(program.process.stdout.readline())
    assert (answer["id"], answer["error"]["code"]) == (id_, -32600)
    assert "an id that is a text or a whole number" in answer["error"]["message"]
    assert program.shake_hands()["result"]["serverInfo"]["name"] == "one tool"


@pytest.mark.parametrize("params", [{"requestId": [1]}, {"requestId": {}}, {"requestId": None}, {}, None])
def test_a_notification_with_odd_values_stops_nothing(one_tool, params):
    program = one_tool("stdio")
    program.shake_hands()
    program.send({"method": "notifications/cancelled", "params": params})
    program.send({"id": 5, "method": "ping", "params": {}})
    assert json.loads(program.process.stdout.readline()) == {"jsonrpc": "2.0", "id": 5, "result": {}}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-8"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_stdin_is_decoded_in_chunks_of_any_size(encoding, size):
    text = '{"name": "Träger \U0001f3d7"}\n'
    written = text.encode(encoding)
    to_utf8 = Utf8Transcoder()
    chunks = [written[start : start + size] for start in range(0, len(written), size)]
    assert b"".join(map(to_utf8.transcode, chunks)) == text.encode()
    assert not to_utf8.transcode(b"").startswith(codecs.BOM_UTF8)


def test_an_input_that_ends_within_its_first_bytes_is_handed_on():
    to_utf8 = Utf8Transcoder()
    assert to_utf8.transcode(b"{}") + to_utf8.transcode(b"", final=True) == b"{}"


@pytest.mark.parametrize(
    "before",
    [
        "os.close(2); sys.stderr = None",
        pytest.param(
            "os.set_blocking(0, False); os.set_blocking(1, False)",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="pipes there do not block by another call"),
        ),
        pytest.param(
            "reader, writer = os.pipe(); os.dup2(writer, 2); os.close(reader); os.close(writer)",
            marks=pytest.mark.skipif(
                sys.platform == "win32", reason="a pipe there does not tell that it has no reader"
            ),
        ),
    ],
    ids=["no stderr", "streams that do not block", "a stderr without a reader"],
)
def test_serving_with_odd_streams_answers_and_ends_in_order(start_anew, before):
    code = (
        f"import os, sys\n{before}\n"
        "sys.argv = ['submittal-mcp', 'serve', '--sandbox']\nfrom server.cli.main import main\nmain()"
    )
    program = start_anew("-c", code)
    assert program.shake_hands()["result"]["serverInfo"]["name"] == "submittal-mcp"
    assert len(program.ask("tools/list")["result"]["tools"]) > 5
    assert program.rest()[0] == 0


def test_serving_says_on_stderr_where_its_sandbox_is_and_nothing_else_while_all_is_well(start):
    program = start("-m", "server", "serve", "--sandbox")
    program.shake_hands()
    answer = program.ask("tools/call", {"name": "find_projects", "arguments": {}})
    assert not answer["result"].get("isError")
    [line] = program.rest()[2].splitlines()
    assert line.startswith("submittal-mcp works on a sandbox; look at it: http://127.0.0.1:")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_output_that_a_code_page_lacks_characters_for_is_no_failure(start_anew, encoding):
    program = start_anew("-m", "server", "demo", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    code, out, err = program.rest()
    assert code == 0, err
    assert "ready" in out
