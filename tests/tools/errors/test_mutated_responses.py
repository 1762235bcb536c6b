"""Whatever is wrong in one answer of Autodesk, a tool call ends with what it found or with a code of ours."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args
from urllib.parse import urlsplit

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

import acc_sandbox
from tests.conftest import NO_TRUST
from tests.support.mutated import mutated
from tools.errors.codes import Code

Asked = tuple[str, str]
"""Method and path of a request, each UUID in it as `*`: those of new things differ from call to call."""

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Between(ThreadingHTTPServer):
    """Stands between our server and a sandbox: remembers JSON answers, and gives another body where it is told to."""

    def __init__(self, behind: str) -> None:
        self.answers: dict[Asked, Any] = {}
        self.instead: dict[Asked, bytes] = {}
        client = httpx.Client(base_url=behind, verify=NO_TRUST, trust_env=False)
        between = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                got = client.request(self.command, self.path, headers=headers, content=body)
                asked = (self.command, UUID.sub("*", urlsplit(self.path).path))
                if got.is_success and got.headers.get("Content-Type", "").startswith("application/"):
                    between.answers[asked] = got.json()
                content = between.instead.pop(asked, got.content)
                self.send_response(got.status_code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        for method in ("GET", "POST", "PATCH"):
            setattr(Handler, f"do_{method}", Handler.answer)
        super().__init__(("127.0.0.1", 0), Handler)
        self.client = client


@pytest.fixture
def between(box: acc_sandbox.Sandbox) -> Iterator[Between]:
    server = Between(box.base_url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    server.client.close()


RIVERSIDE = {"project": "Riverside Medical Center"}
BEAMS = {**RIVERSIDE, "submittal": "051200-3"}
IN_REVIEW = {**RIVERSIDE, "submittal": "053100-1"}

CALLS = {
    "find_projects": ("manager", {}),
    "find_submittals": ("manager", {**RIVERSIDE, "query": "beam", "attachable": True}),
    "get_submittal": ("engineer", IN_REVIEW),
    "get_attachment_status": ("manager", BEAMS),
    "find_project_files": ("manager", {**RIVERSIDE, "query": "beam"}),
    "sign_in": ("manager", {}),
    "add_submittal_attachment file_path": ("manager", {**BEAMS, "file_path": "beams.pdf", "confirm": True}),
    "add_submittal_attachment upload_by_caller": ("manager", {**BEAMS, "upload_by_caller": True, "name": "b.pdf"}),
}
LONG = settings.get_current_profile_name() == "long"


@pytest.mark.parametrize("called", CALLS)
@pytest.mark.parametrize("era", ["2026-07-28"], indirect=True)
def test_a_mutated_answer_ends_a_tool_call_in_a_code_or_not_at_all(called, connect, between, tmp_path):
    tool = called.partition(" ")[0]
    person, arguments = CALLS[called]
    numbers = iter(range(1_000_000))

    async def call() -> dict[str, Any]:
        # A folder of its own each time, so that no call finds what an earlier one left.
        with TemporaryDirectory(dir=tmp_path) as place:
            (Path(place) / "beams.pdf").write_text(f"beams {next(numbers)}")
            base = f"http://127.0.0.1:{between.server_port}"
            async with connect(
                person, folders=(Path(place),), base_url=base, data_dir=Path(place) / "data"
            ) as assistant:
                return await assistant.answer(tool, **arguments)

    with start_blocking_portal() as portal:
        assert "error" not in portal.call(call)
        asked = dict(between.answers)

        @settings(max_examples=(150 if LONG else 6), report_multiple_bugs=False)
        @given(data=st.data())
        def holds(data: st.DataObject) -> None:
            at = data.draw(st.sampled_from(sorted(asked)))
            between.instead = {at: data.draw(mutated(asked[at]))}
            answer = portal.call(call)
            assert not between.instead, "the answer was not asked for"
            assert "error" not in answer or answer["error"]["code"] in get_args(Code)

        holds()
