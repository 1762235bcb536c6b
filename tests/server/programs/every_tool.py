"""Calls every tool as a signed-in person, and again with a fault of ours in it; all is logged and traced.

Arguments: the sandbox's address, its client id and callback URL, a data folder, a folder with `beams.pdf`, and a file
that receives every secret that was met, one a line. Logs go to stderr, what was traced to stdout.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import anyio
import httpx
import pytest
from mcp import Client, MCPError
from mcp_types import INTERNAL_ERROR
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags


class Recorded(NonRecordingSpan):
    """A span that keeps all it is told."""

    def __init__(self, name: str, told: list[Any]) -> None:
        super().__init__(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1)))
        self.told = told
        told.append(name)

    def is_recording(self) -> bool:
        return True

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.told.append(dict(attributes))

    def set_attribute(self, key: str, value: Any) -> None:
        self.told.append({key: value})

    def add_event(self, name: str, attributes: Any = None, timestamp: Any = None) -> None:
        self.told.append([name, dict(attributes or {})])

    def record_exception(self, exception: BaseException, *more: Any, **others: Any) -> None:
        self.told.append(repr(exception))

    def set_status(self, *status: Any) -> None:
        self.told.append(repr(status))


class Tracer(trace.NoOpTracer):
    def __init__(self, told: list[Any]) -> None:
        self.told = told

    def start_span(self, name: str, *more: Any, attributes: Any = None, **others: Any) -> Recorded:
        span = Recorded(name, self.told)
        span.set_attributes(attributes or {})
        return span

    @contextmanager
    def start_as_current_span(self, name: str, *more: Any, attributes: Any = None, **others: Any) -> Iterator[Recorded]:
        span = self.start_span(name, attributes=attributes)
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except BaseException as error:
                span.record_exception(error)
                raise


class Tracers(trace.TracerProvider):
    def __init__(self) -> None:
        self.told: list[Any] = []

    def get_tracer(self, *name: Any, **more: Any) -> Tracer:
        return Tracer(self.told)


async def click(link: str, secrets: list[str]) -> None:
    async with httpx.AsyncClient(timeout=30, verify=False) as browser:
        to_autodesk = (await browser.get(link)).headers["location"]
        back = (await browser.get(f"{to_autodesk}&sandbox_person=manager")).headers["location"]
        query = parse_qs(urlsplit(back).query)
        secrets += [query["code"][0], query["state"][0]]
        assert (await browser.get(back)).status_code == 200


PLACE = {"project": "Riverside Medical Center", "submittal": "051200-3"}

FAULTY_CALLS: dict[str, dict[str, Any]] = {
    "sign_in": {},
    "find_projects": {},
    "find_submittals": {"project": PLACE["project"]},
    "get_submittal": PLACE,
    "find_project_files": {"project": PLACE["project"], "query": "beam"},
    "add_submittal_attachment": {**PLACE, "file_path": "beams.pdf"},
    "confirm_attachment": {**PLACE, "attachment_id": "00000000-0000-4000-8000-000000000000"},
    "get_attachment_status": PLACE,
    "attach_files": {**PLACE, "files": ["beams.pdf"]},
    "move_submittal": {**PLACE, "to": "review"},
    "download_attachments": PLACE,
}


class Faulty:
    """A token source with a fault of ours; its words, its cause, its note and its variables hold every secret."""

    def __init__(self, secrets: list[str]) -> None:
        self.secrets = secrets

    async def access_token(self) -> str:
        code, state, *signatures, access, refresh = self.secrets
        try:
            raise LookupError(f"https://storage.example/part?X-Amz-Signature={signatures[0]}&partNumber=1")
        except LookupError as cause:
            cause.add_note(f"Authorization: Bearer {access}")
            fields = {"access_token": access, "refresh_token": refresh, "code": code}
            raise RuntimeError(fields, f"code={code}&code_verifier={state}") from cause

    async def renewed(self, rejected: str) -> str | None:
        return await self.access_token()


async def crash(server: Any) -> None:
    """Meet a fault of ours inside of every tool and both resources."""
    async with Client(server) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == set(FAULTY_CALLS)
        for tool, arguments in FAULTY_CALLS.items():
            with pytest.raises(MCPError, match="its log tells why under call_id"):
                await client.call_tool(tool, arguments)
        for rest in ("", "/attachments"):
            with pytest.raises(MCPError) as caught:
                await client.read_resource(f"submittal://{quote(PLACE['project'])}/{PLACE['submittal']}{rest}")
            assert caught.value.code == INTERNAL_ERROR


async def converse(server: Any, secrets: list[str]) -> set[str]:
    called: set[str] = set()
    place = PLACE

    async with Client(server) as client:

        async def call(tool: str, **arguments: Any) -> dict[str, Any]:
            called.add(tool)
            return (await client.call_tool(tool, arguments)).structured_content or {}

        refused = await call("sign_in")
        [link] = [word for word in refused["error"]["hint"].split() if word.startswith("http")]
        await click(link, secrets)
        assert (await call("sign_in"))["person"]["name"] == "Project Manager"
        assert (await call("find_projects"))["projects"]
        assert (await call("find_submittals", project=place["project"]))["submittals"]
        assert (await call("get_submittal", **place))["submittal"]
        assert (await call("find_project_files", project=place["project"], query="beam"))["files"]
        attached = (await call("add_submittal_attachment", **place, file_path="beams.pdf"))["attachment"]
        assert (await call("confirm_attachment", **place, attachment_id=attached["id"]))["attachment"]
        assert (await call("get_attachment_status", **place, attachment_id=attached["id"], wait_seconds=10))[
            "attachment"
        ]
        assert (await call("attach_files", **place, files=["beams.pdf"]))["files"]
        assert not (await call("move_submittal", **place, to="review"))["done"]
        assert (await call("download_attachments", **place))["files"]
        upload = (await call("add_submittal_attachment", **place, name="b.pdf", upload_by_caller=True))["upload"]
        secrets += [value for _, value in parse_qsl(urlsplit(upload["url"]).query) if len(value) > 20]
        assert "error" in await call("get_submittal", project="no such project", submittal="x")
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert called == names, names - called
    return called


def main() -> None:
    base_url, client_id, callback_url, data, folder, kept = sys.argv[1:]
    tracers = Tracers()
    trace.set_tracer_provider(tracers)
    from auth.vault import UserAccount
    from server import logging as logs
    from server.auth_wiring import opened_vault
    from server.mcp.app import build_server
    from server.settings.model import Settings

    settings = Settings.load(
        base_url=base_url,
        client_id=client_id,
        callback_url=callback_url,
        data_dir=Path(data),
        folders=(Path(folder),),
        downloads=Path(folder),
        log_level="debug",
    )
    logs.configure("debug", "json", secrets=settings.secrets)
    secrets: list[str] = []
    anyio.run(converse, build_server(settings, transport="stdio"), secrets)
    with opened_vault(settings) as opened:
        account = opened.vault.current(base_url, client_id)
        assert isinstance(account, UserAccount)
        found = opened.vault.read(account)
        assert found is not None
        assert found.tokens.refresh_token is not None
        secrets += [found.tokens.access_token.get_secret_value(), found.tokens.refresh_token.get_secret_value()]
    anyio.run(crash, build_server(settings, transport="stdio", tokens=Faulty(secrets)))
    sys.stdout.write(json.dumps(tracers.told, default=repr))
    Path(kept).write_text("\n".join(secrets), encoding="utf-8")


if __name__ == "__main__":
    main()
