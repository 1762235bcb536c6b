"""Rules of the documents: what each reader documents that it takes, as models that refuse everything else.

Where a reader ships a validator, tests/outside/ runs it as well; for the others this is the only check that there is.
"""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(min_length=1)]
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+(?:[-+.a-z0-9]*)$")]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^\s/]+(?:/\S*)?$")]
PluginName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
RelativePath = Annotated[str, StringConstraints(pattern=r"^\./[\w-]+(?:/[\w-]+)*$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class RuleModel(BaseModel):
    """A table of a document that may hold what is named and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class NamedPerson(RuleModel):
    """An author or owner; an address or page of theirs is not published."""

    name: Text


# server.json: rules of the schema of 2025-12-11 and of the registry's own checks.


class StdioTransport(RuleModel):
    """How a client reaches a package that it starts."""

    type: Literal["stdio"]


class PositionalArgument(RuleModel):
    """A word of the command line."""

    type: Literal["positional"]
    value: Text


class EnvironmentVariable(RuleModel):
    """A variable that a client may ask a person for."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
    description: Text
    is_required: bool = Field(alias="isRequired")
    is_secret: bool = Field(alias="isSecret")


class RegistryPackage(RuleModel):
    """A package in one of the registries; what must be there depends on which."""

    registry_type: Literal["pypi", "oci", "mcpb"] = Field(alias="registryType")
    identifier: Text
    version: Version | None = None
    file_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(None, alias="fileSha256")
    runtime_hint: Literal["uvx", "docker"] | None = Field(None, alias="runtimeHint")
    transport: StdioTransport
    package_arguments: list[PositionalArgument] = Field([], alias="packageArguments")
    environment_variables: list[EnvironmentVariable] = Field([], alias="environmentVariables")

    @model_validator(mode="after")
    def _as_its_registry_asks(self) -> "RegistryPackage":
        if (self.version is not None) != (self.registry_type == "pypi"):
            raise ValueError("a version stands with a wheel only; an image has it in its tag")
        if (self.file_sha256 is not None) != (self.registry_type == "mcpb"):
            raise ValueError("fileSha256 belongs to a bundle")
        if self.registry_type == "mcpb" and not re.fullmatch(
            r"https://(?:github|gitlab)\.com/[^/]+/[^/]+/releases/\S*mcp\S*", self.identifier
        ):
            raise ValueError("a bundle is a file of a release whose address holds `mcp`")
        if self.registry_type == "oci" and not re.fullmatch(
            r"[a-z0-9.-]+(?:/[a-z0-9._-]+){2,}:[\w.-]+", self.identifier
        ):
            raise ValueError("an image is named with its host and tag")
        return self


class SourceRepository(RuleModel):
    """Where the source is."""

    url: HttpsUrl
    source: Literal["github", "gitlab"]


class ServerListing(RuleModel):
    """server.json."""

    json_schema: Literal["https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"] = Field(
        alias="$schema"
    )
    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", min_length=3, max_length=200)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    description: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    version: Version
    repository: SourceRepository
    website_url: HttpsUrl = Field(alias="websiteUrl")
    packages: Annotated[list[RegistryPackage], Field(min_length=1)]


# manifest.json of MCPB, version 0.4; the packer's own check runs in tests/outside/test_bundles.py.


class StartCommand(RuleModel):
    """What a client starts."""

    command: Literal["uv"]
    args: list[Text]
    env: dict[str, str]


class BundledServer(RuleModel):
    """A server that uv runs."""

    type: Literal["uv"]
    entry_point: Text
    mcp_config: StartCommand


class FormField(RuleModel):
    """A field of the form that a client shows."""

    type: Literal["string", "number", "boolean", "directory", "file"]
    title: Text
    description: Text
    required: bool = False
    default: str | bool | list[str]
    multiple: bool = False


class GitRepository(RuleModel):
    """Where a bundle's source is."""

    type: Literal["git"]
    url: HttpsUrl


class NamedTool(RuleModel):
    """A tool as a list of extensions shows it."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]
    description: Text


class BundleRuntimes(RuleModel):
    """What a bundle needs to run."""

    python: Text


class BundleCompatibility(RuleModel):
    """Where a bundle runs."""

    platforms: list[Literal["darwin", "win32", "linux"]]
    runtimes: BundleRuntimes


class BundleManifest(RuleModel):
    """manifest.json."""

    manifest_version: Literal["0.4"]
    name: PluginName
    display_name: Text
    version: Version
    description: Text
    author: NamedPerson
    repository: GitRepository
    homepage: HttpsUrl
    support: HttpsUrl
    license: Text
    keywords: list[Text]
    server: BundledServer
    user_config: dict[str, FormField]
    tools: Annotated[list[NamedTool], Field(min_length=1)]
    compatibility: BundleCompatibility

    @model_validator(mode="after")
    def _expands_where_it_can(self) -> "BundleManifest":
        started = self.server.mcp_config
        used = {name for text in (*started.args, *started.env.values()) for name in _placeholders(text)}
        if used != self.user_config.keys():
            raise ValueError("the command uses other fields than the form has")
        arrays = {f"${{user_config.{name}}}" for name, field in self.user_config.items() if field.multiple}
        if arrays - set(started.args):
            raise ValueError("a field of several values expands only as a whole argument")
        return self


# Plugins of Claude Code and Cursor.


class PluginManifest(RuleModel):
    """plugin.json."""

    name: PluginName
    version: Version
    description: Text
    author: NamedPerson
    homepage: HttpsUrl
    repository: HttpsUrl
    license: Text
    keywords: list[Text]
    display_name: Text | None = Field(None, alias="displayName")


class MarketplacePlugin(RuleModel):
    """A plugin in a marketplace."""

    name: PluginName
    source: RelativePath
    description: Text
    category: Text


class PluginMarketplace(RuleModel):
    """marketplace.json."""

    name: PluginName
    description: Text
    owner: NamedPerson
    plugins: Annotated[list[MarketplacePlugin], Field(min_length=1)]


class ServerEntry(RuleModel):
    """A server in a client's own form."""

    type: Literal["stdio"] | None = None
    command: Text
    args: list[Text]


class ServerEntries(RuleModel):
    """mcp.json."""

    servers: dict[str, ServerEntry] = Field(alias="mcpServers")


# server.yaml of Docker's catalogue.


class CatalogueMeta(RuleModel):
    """Where the catalogue shows a server."""

    category: PluginName
    tags: list[PluginName]


class CatalogueAbout(RuleModel):
    """What the catalogue says of a server."""

    title: Text
    description: Text


class CatalogueSource(RuleModel):
    """What Docker builds."""

    project: HttpsUrl
    commit: Commit


class CatalogueRun(RuleModel):
    """What a container is given."""

    volumes: list[Annotated[str, StringConstraints(pattern=r"^\{\{[\w-]+\.\w+\}\}:/[\w/]+$")]]


class CatalogueSecret(RuleModel):
    """A secret, kept by Docker, in a variable of the container."""

    name: Annotated[str, StringConstraints(pattern=r"^[\w-]+\.\w+$")]
    env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
    example: Text


class ParameterType(RuleModel):
    """A parameter's type."""

    type: Literal["string", "array", "integer", "boolean"]


class CatalogueParameters(RuleModel):
    """What a person fills in."""

    type: Literal["object"]
    properties: dict[str, ParameterType]
    required: list[str]


class CatalogueConfig(RuleModel):
    """Secrets and parameters."""

    description: Text
    secrets: list[CatalogueSecret]
    parameters: CatalogueParameters


class CatalogueEntry(RuleModel):
    """server.yaml."""

    name: PluginName
    image: Annotated[str, StringConstraints(pattern=r"^mcp/[a-z0-9-]+$")]
    type: Literal["server"]
    meta: CatalogueMeta
    about: CatalogueAbout
    source: CatalogueSource
    run: CatalogueRun
    config: CatalogueConfig

    @model_validator(mode="after")
    def _asks_for_what_it_uses(self) -> "CatalogueEntry":
        used = {name for text in self.run.volumes for name in re.findall(r"\{\{[\w-]+\.(\w+)\}\}", text)}
        if used != self.config.parameters.properties.keys() or not set(self.config.parameters.required) <= used:
            raise ValueError("volumes use other parameters than a person is asked for")
        return self


# The tool manifest; Autodesk's guide says what it holds, not how.


class ManifestTool(RuleModel):
    """A tool with all that a model sees of it."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]
    title: Text
    description: Text
    annotations: Annotated[dict[str, Any], Field(min_length=1)]
    input_schema: dict[str, Any] = Field(alias="inputSchema")


class ManifestResource(RuleModel):
    """A resource."""

    uri_template: Text = Field(alias="uriTemplate")
    name: Text
    title: Text
    description: Text


class ManifestArgument(RuleModel):
    """An argument of a prompt."""

    name: Text
    description: Text
    required: bool


class ManifestPrompt(RuleModel):
    """A prompt."""

    name: Text
    title: Text
    description: Text
    arguments: list[ManifestArgument]


class ManifestApi(RuleModel):
    """A request to Autodesk that the server can send."""

    method: Literal["GET", "POST", "PATCH"]
    path: Annotated[str, StringConstraints(pattern=r"^/[\w/{}:.-]+$")]
    scope: str


class ToolManifest(RuleModel):
    """mcp-manifest.json."""

    name: PluginName
    title: Text
    version: Version
    publisher: Text
    description: Text
    source: HttpsUrl
    license: Text
    transports: list[Literal["stdio", "streamable-http"]]
    tools: Annotated[list[ManifestTool], Field(min_length=1)]
    resources: list[ManifestResource]
    prompts: list[ManifestPrompt]
    apis: Annotated[list[ManifestApi], Field(min_length=1)]
    external_endpoints: Annotated[list[HttpsUrl], Field(alias="externalEndpoints", min_length=1)]
    ai_providers: list[Text] = Field(alias="aiProviders")
    application_model: Text = Field(alias="applicationModel")


RULES: Final[dict[str, type[RuleModel]]] = {
    "server.json": ServerListing,
    "manifest.json": BundleManifest,
    "plugin.json": PluginManifest,
    "marketplace.json": PluginMarketplace,
    ".mcp.json": ServerEntries,
    "mcp.json": ServerEntries,
    "server.yaml": CatalogueEntry,
    "mcp-manifest.json": ToolManifest,
}
"""By the name of the file."""


def check(file_name: str, document: dict[str, Any]) -> None:
    """Check a document against the rules of its file name.

    Raises:
        ValueError: The document breaks a rule.
        KeyError: There are no rules for the file.
    """
    RULES[file_name].model_validate(document)


def _placeholders(text: str) -> list[str]:
    return re.findall(r"\$\{user_config\.(\w+)\}", text)
