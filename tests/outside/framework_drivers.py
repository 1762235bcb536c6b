"""Runs a snippet of docs/frameworks.md: `python framework_drivers.py NAME SNIPPET`; prints the answer as JSON.

Models answer from a script: first a tool call, then the tool's own answer. Each part runs in the environment of its framework.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

REQUEST = "Attach beam-shop-drawings.pdf to submittal 05 12 00-3 in Riverside"
TOOL = "add_submittal_attachment"
ARGUMENTS = {
    "project": "Riverside",
    "submittal": "05 12 00-3",
    "file_path": "beam-shop-drawings.pdf",
    "confirm": True,
    "wait_seconds": 45,
}


def langgraph(snippet: dict[str, Any]) -> Any:
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage, ToolMessage

    class Scripted(GenericFakeChatModel):
        def bind_tools(self, tools: Any, **_: Any) -> Scripted:
            assert TOOL in {tool.name for tool in tools}
            return self

        def _generate(self, messages: Any, *rest: Any, **more: Any) -> Any:
            last = messages[-1]
            call = {"name": TOOL, "args": ARGUMENTS, "id": "1"}
            if isinstance(last, ToolMessage):
                content = last.content if isinstance(last.content, str) else last.content[0]["text"]
                self.messages = iter([AIMessage(content)])
            else:
                self.messages = iter([AIMessage("", tool_calls=[call])])
            return super()._generate(messages, *rest, **more)

    return json.loads(asyncio.run(snippet["ask"](Scripted(messages=iter([])), REQUEST)))["attachment"]


def openai_agents(snippet: dict[str, Any]) -> Any:
    from agents import Model, ModelResponse, Usage, set_tracing_disabled
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    class Scripted(Model):
        async def get_response(self, *_: Any, **given: Any) -> Any:
            assert TOOL in {tool.name for tool in given["tools"]}
            last = given["input"][-1] if isinstance(given["input"], list) else {}
            output: Any
            if last.get("type") == "function_call_output":
                answer = last["output"]
                text = answer if isinstance(answer, str) else answer[0]["text"]
                part = ResponseOutputText(text=text, type="output_text", annotations=[])
                output = ResponseOutputMessage(
                    id="2", type="message", role="assistant", status="completed", content=[part]
                )
            else:
                arguments = json.dumps(ARGUMENTS)
                output = ResponseFunctionToolCall(call_id="1", name=TOOL, arguments=arguments, type="function_call")
            return ModelResponse(output=[output], usage=Usage(), response_id=None)

        def stream_response(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError

    set_tracing_disabled(True)
    return json.loads(asyncio.run(snippet["ask"](Scripted(), REQUEST)))["attachment"]


def pydantic_ai(snippet: dict[str, Any]) -> Any:
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import FunctionModel

    def scripted(messages: Any, info: Any) -> ModelResponse:
        assert TOOL in {tool.name for tool in info.function_tools}
        assert "attach" in str(messages[0].instructions).lower()
        last = messages[-1].parts[-1]
        if isinstance(last, ToolReturnPart):
            return ModelResponse([TextPart(json.dumps(last.content))])
        return ModelResponse([ToolCallPart(TOOL, ARGUMENTS)])

    return json.loads(asyncio.run(snippet["ask"](FunctionModel(scripted), REQUEST)))["attachment"]


def fastmcp(snippet: dict[str, Any]) -> Any:
    return asyncio.run(snippet["attach"](ARGUMENTS["project"], ARGUMENTS["submittal"], ARGUMENTS["file_path"]))


def fastmcp_http(snippet: dict[str, Any]) -> Any:
    return asyncio.run(snippet["whoami"](os.environ["SERVER_URL"]))


DRIVERS = {
    "langgraph": langgraph,
    "openai-agents": openai_agents,
    "pydantic-ai": pydantic_ai,
    "fastmcp": fastmcp,
    "fastmcp-http": fastmcp_http,
}


def main() -> None:
    name, path = sys.argv[1:]
    snippet: dict[str, Any] = {}
    exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), snippet)
    sys.stdout.write(json.dumps({"answer": DRIVERS[name](snippet)}) + "\n")


if __name__ == "__main__":
    main()
