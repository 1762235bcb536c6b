"""The documents of bundles and listings: pure functions of a release, each in the form that its reader asks for.

`scripts/bundles/rules.py` has those forms; docs/distribution.md says what each is for and how it was checked.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from acc import operations
from acc.hosts import AUTODESK_API, AUTODESK_PROFILE, UPLOAD_HOSTS
from auth.oauth import REVOKE_PATH, TOKEN_PATH
from scripts.bundles.release import AUTHOR, SUMMARY, TITLE, Release, client_entry, command_line, project
from server.cli.clients.catalog import CLIENTS
from server.cli.clients.config_file import ENTRY
from server.cli.own_command import NAME
from server.mcp.prompts import PromptTemplate, build_prompts
from server.mcp.resources import RESOURCES
from server.settings.limits import SECRETS
from server.settings.model import Settings, variables
from tools.core.policy import ToolPolicy

Document = dict[str, Any]

MCPB_FILE: Final = f"{NAME}.mcpb"
SERVER_SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"

_LISTED_SETTINGS: Final = ("client_id", "client_secret", "access_token", "folders", "downloads", "read_only")
_CURSOR_LINK: Final = "cursor://anysphere.cursor-deeplink/mcp/install"
_VSCODE_LINK: Final = "vscode:mcp/install"
_VSCODE_PAGE: Final = "https://vscode.dev/redirect"


def mcpb_manifest(release: Release, tools: Sequence[Mapping[str, Any]]) -> Document:
    """Return manifest.json of the MCPB bundle: run by uv from its own lock, with a form for what a person chooses.

    An array that a person chose expands only as whole arguments, never in `env`, and a switch is a word; so `launch.py`
    is handed both as arguments (measured with the packer's own expansion).
    """
    return {
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": TITLE,
        "version": release.version,
        "description": SUMMARY,
        "author": {"name": AUTHOR},
        "repository": {"type": "git", "url": release.url},
        "homepage": release.url,
        "support": f"{release.url}/issues",
        "license": project()["license"],
        "keywords": list(project()["keywords"]),
        "server": {
            "type": "uv",
            "entry_point": "launch.py",
            "mcp_config": {
                "command": "uv",
                "args": [
                    *("run", "--frozen", "--no-dev", "--directory", "${__dirname}", "python", "launch.py"),
                    *("${user_config.sandbox}", "${user_config.folders}"),
                ],
                "env": {variables()["client_id"]: "${user_config.client_id}"},
            },
        },
        "user_config": {
            "folders": {
                "type": "directory",
                "title": "Folders",
                "description": "Files are attached from these folders and those below only. Not the whole home folder.",
                "multiple": True,
                "required": False,
                "default": [],
            },
            "client_id": {
                "type": "string",
                "title": "APS client id",
                "description": "The APS app that you sign in to. Empty: the one that `submittal-mcp setup` was given.",
                "required": False,
                "default": "",
            },
            "sandbox": {
                "type": "boolean",
                "title": "Use the sandbox",
                "description": "Try it on a simulated ACC on this computer, without an Autodesk account.",
                "required": False,
                "default": False,
            },
        },
        "tools": [{"name": tool["name"], "description": tool["description"]} for tool in tools],
        "compatibility": {
            "platforms": ["darwin", "linux", "win32"],
            "runtimes": {"python": project()["requires-python"]},
        },
    }


def server_json(release: Release, *, mcpb_sha256: str | None = None) -> Document:
    """Return server.json for the MCP registry: the wheel, and the bundle and the image where they are published."""
    environment = [_variable(name) for name in _LISTED_SETTINGS]
    packages: list[Document] = [
        {
            "registryType": "pypi",
            "identifier": NAME,
            "version": release.version,
            "runtimeHint": "uvx",
            "transport": {"type": "stdio"},
            "packageArguments": [{"type": "positional", "value": "serve"}],
            "environmentVariables": environment,
        }
    ]
    if mcpb_sha256 is not None:
        packages.append(
            {
                "registryType": "mcpb",
                "identifier": release.download_url(MCPB_FILE),
                "fileSha256": mcpb_sha256,
                "transport": {"type": "stdio"},
            }
        )
    if release.image is not None:
        packages.append(
            {
                "registryType": "oci",
                "identifier": f"{release.image}:{release.version}",
                "runtimeHint": "docker",
                "transport": {"type": "stdio"},
                "environmentVariables": [_variable("access_token")],
            }
        )
    return {
        "$schema": SERVER_SCHEMA,
        "name": release.registry_name,
        "title": TITLE,
        "description": SUMMARY,
        "version": release.version,
        "repository": {"url": release.url, "source": "github"},
        "websiteUrl": release.url,
        "packages": packages,
    }


def claude_plugin(release: Release) -> dict[str, Document]:
    """Return the files of a Claude Code marketplace with our one plugin, by path."""
    plugin = _plugin(release)
    return {
        ".claude-plugin/marketplace.json": {
            "name": NAME,
            "description": SUMMARY,
            "owner": {"name": AUTHOR},
            "plugins": [{"name": NAME, "source": "./plugin", "description": SUMMARY, "category": "productivity"}],
        },
        "plugin/.claude-plugin/plugin.json": plugin,
        "plugin/.mcp.json": {CLIENTS["claude-code"].table: {ENTRY: client_entry("claude-code", release)}},
    }


def cursor_plugin(release: Release) -> dict[str, Document]:
    """Return the files of the Cursor plugin, by path."""
    return {
        ".cursor-plugin/plugin.json": {**_plugin(release), "displayName": TITLE},
        "mcp.json": {CLIENTS["cursor"].table: {ENTRY: client_entry("cursor", release)}},
    }


def install_links(release: Release, *, sandbox: bool = False) -> dict[str, str]:
    """Return the links that install the server in Cursor and VS Code, by client."""
    cursor = json.dumps(client_entry("cursor", release, sandbox=sandbox), separators=(",", ":"))
    query = urlencode({"name": ENTRY, "config": base64.b64encode(cursor.encode()).decode()})
    vscode = json.dumps({"name": ENTRY, **client_entry("vscode", release, sandbox=sandbox)}, separators=(",", ":"))
    direct = f"{_VSCODE_LINK}?{quote(vscode, safe='')}"
    return {
        "cursor": f"{_CURSOR_LINK}?{query}",
        "vscode": direct,
        "vscode-page": f"{_VSCODE_PAGE}?{urlencode({'url': direct})}",
    }


def linked_command(link: str) -> list[str]:
    """Return the command line that an install link leads to, as its client reads it.

    Raises:
        ValueError: It is no link of `install_links`.
    """
    if link.startswith(f"{_VSCODE_PAGE}?"):
        return linked_command(parse_qs(urlsplit(link).query)["url"][0])
    if link.startswith(f"{_VSCODE_LINK}?"):
        entry = json.loads(unquote(link.partition("?")[2]))
    elif link.startswith(f"{_CURSOR_LINK}?"):
        entry = json.loads(base64.b64decode(parse_qs(urlsplit(link).query)["config"][0]))
    else:
        raise ValueError("this is no install link")
    return [entry["command"], *entry["args"]]


def plugin_readme(release: Release) -> str:
    """Return README.md of a plugin: Claude Code's directory takes none without one of at least 40 words."""
    *start, _ = command_line(release)
    program = " ".join(start)
    return f"""# {TITLE}

{SUMMARY}.

It starts `{" ".join(command_line(release))}` on your machine; [uv](https://docs.astral.sh/uv/) has to be there.

- Try it without an Autodesk account: `{program} demo` attaches a file in a sandbox.
- For your own account run `{program} setup` once. It asks for the Client ID of an APS app, signs you in and
  checks the way. Name the folders from which files may be attached in `SUBMITTAL_MCP_FOLDERS`.
- Every step, every setting and what you can rely on: {release.url}#readme
"""


def links_page(release: Release) -> str:
    """Return the install links as Markdown, for release notes."""
    lines = [f"# Install {NAME} {release.version}", ""]
    for sandbox, title in ((True, "With the sandbox, no account needed"), (False, "With your own account")):
        links = install_links(release, sandbox=sandbox)
        lines += [f"## {title}", "", f"    {' '.join(command_line(release, sandbox=sandbox))}", ""]
        lines += [f"- [Install in VS Code]({links['vscode-page']})", "- Install in Cursor:", ""]
        lines += [f"      {links['cursor']}", ""]
    return "\n".join(lines)


def docker_entry(release: Release, commit: str) -> Document:
    """Return server.yaml for Docker's catalogue, which builds the image itself from a commit of the repository.

    In a container no browser can come back to a callback, so a ready token is what signs a person in.
    """
    return {
        "name": NAME,
        "image": f"mcp/{NAME}",
        "type": "server",
        "meta": {"category": "productivity", "tags": ["autodesk", "construction", "productivity"]},
        "about": {"title": TITLE, "description": project()["description"]},
        "source": {"project": release.url, "commit": commit},
        "run": {"volumes": [f"{{{{{NAME}.folder}}}}:/files"]},
        "config": {
            "description": "The folder whose files may be attached, and a three-legged Autodesk token.",
            "secrets": [{"name": f"{NAME}.access_token", "env": variables()["access_token"], "example": "eyJ..."}],
            "parameters": {
                "type": "object",
                "properties": {"folder": {"type": "string"}},
                "required": ["folder"],
            },
        },
    }


def tool_manifest(release: Release, tools: Sequence[Mapping[str, Any]]) -> Document:
    """Return the MCP tool manifest for Autodesk's store: what the server offers, asks and reaches.

    Autodesk's guide lists what such a manifest says and publishes no form for it, so the names of the members are ours.
    """
    prompts = build_prompts(ToolPolicy(local_files=True))
    return {
        "name": NAME,
        "title": TITLE,
        "version": release.version,
        "publisher": AUTHOR,
        "description": project()["description"],
        "source": release.url,
        "license": project()["license"],
        "transports": ["stdio", "streamable-http"],
        "tools": [
            {name: tool[name] for name in ("name", "title", "description", "annotations", "inputSchema")}
            for tool in tools
        ],
        "resources": [
            {"uriTemplate": one.uri_template, "name": one.name, "title": one.title, "description": one.description}
            for one in RESOURCES
        ],
        "prompts": [_prompt(one) for one in prompts.values()],
        "apis": _apis(),
        "externalEndpoints": [AUTODESK_API, AUTODESK_PROFILE, *(f"https://{host}" for host in UPLOAD_HOSTS.values())],
        "aiProviders": [],
        "applicationModel": "Runs on the user's computer or the company's server; signs in with three-legged OAuth.",
    }


def _plugin(release: Release) -> Document:
    return {
        "name": NAME,
        "version": release.version,
        "description": SUMMARY,
        "author": {"name": AUTHOR},
        "homepage": release.url,
        "repository": release.url,
        "license": project()["license"],
        "keywords": list(project()["keywords"]),
    }


def _variable(name: str) -> Document:
    return {
        "name": variables()[name],
        "description": Settings.model_fields[name].description,
        "isRequired": False,
        "isSecret": name in SECRETS,
    }


def _prompt(template: PromptTemplate) -> Document:
    listed = template.listed
    arguments = [
        {"name": one.name, "description": one.description, "required": bool(one.required)}
        for one in listed.arguments or ()
    ]
    return {"name": listed.name, "title": listed.title, "description": listed.description, "arguments": arguments}


def _apis() -> list[Document]:
    """Return every request to Autodesk's API: the operations that the client is written with, and signing in."""
    found = [one for one in vars(operations).values() if isinstance(one, operations.ApiOperation)]
    rows = {(one.method, one.path): {"method": one.method, "path": one.path, "scope": one.scope} for one in found}
    rows |= {("POST", path): {"method": "POST", "path": path, "scope": ""} for path in (TOKEN_PATH, REVOKE_PATH)}
    return [rows[key] for key in sorted(rows, key=lambda key: (key[1], key[0]))]
