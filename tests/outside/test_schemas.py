"""Every served schema compiles where clients compile it, and model providers' SDKs take it."""

import json
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SURFACE = HERE.parent / "tools"


@pytest.fixture(params=["stdio", "http"])
def surface(request):
    """What a client is served; `tests/tools/test_surface.py` compares it with the server."""
    return SURFACE / f"surface.{request.param}.json"


def with_wrong_keyword(surface, folder):
    """The same tools, one of them with a keyword that JSON Schema does not have."""
    tools = json.loads(surface.read_text(encoding="utf-8"))
    [one] = [tool for tool in tools if tool["name"] == "find_projects"]
    one["inputSchema"]["properties"]["limit"]["ge"] = 1
    wrong = folder / "wrong.json"
    wrong.write_text(json.dumps(tools), encoding="utf-8")
    return wrong


def test_every_schema_compiles_in_ajv_strict(node, surface, tmp_path):
    assert json.loads(node("ajv_strict.mjs", str(surface)).stdout) == []
    found = json.loads(node("ajv_strict.mjs", str(with_wrong_keyword(surface, tmp_path))).stdout)
    assert len(found) == 2
    assert all('unknown keyword: "ge"' in one for one in found)


def converted(surface):
    """What each SDK makes of each tool."""
    python = HERE / ".venv-converters" / "bin" / "python"
    done = subprocess.run(
        [python, HERE / "schema_converters.py", surface], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_openai_agents_and_google_genai_convert_every_tool(surface, tmp_path):
    tools = {one["name"]: one["inputSchema"] for one in json.loads(surface.read_text(encoding="utf-8"))}
    made = converted(surface)
    assert set(made) == set(tools)
    for name, schema in tools.items():
        for_openai, for_google = made[name]["openai"], made[name]["google"]
        assert for_openai["strict"] is True
        assert set(for_openai["parameters"]["properties"]) == set(schema["properties"])
        assert set(for_google.get("properties", {})) == set(schema["properties"]), for_google
    assert "error" in converted(with_wrong_keyword(surface, tmp_path))["find_projects"]["google"]
