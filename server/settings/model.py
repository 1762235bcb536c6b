"""Settings: environment variables, which command-line flags override, within what settings files allow.

A safety setting must never be ignored in silence: a `SUBMITTAL_MCP_…` variable that this version does not know, such as
a misspelt `SUBMITTAL_MCP_READONLY`, stops the program.
"""

import os
from collections.abc import Mapping
from typing import Any, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from server.settings.files import SettingsFileProblem, read_layers
from server.settings.limits import AllowedValues
from server.settings.problems import SettingsError, format_errors, refused_values, unknown_variables, wide_folders
from server.settings.types import (
    AbsolutePath,
    Accounts,
    BaseUrl,
    CallbackUrl,
    CallerSecret,
    ClientRegistration,
    Confirm,
    DatabaseUrl,
    Domains,
    EncryptionKeys,
    FileTypes,
    Folders,
    LogFormat,
    LogLevel,
    People,
    Projects,
    PublicUrl,
    Registration,
    StorageHosts,
    Token,
    is_foreign,
)

FIVE_TIB: Final = 5 * 1024**4
"""The largest object that Autodesk's storage takes, in bytes."""

_AUTODESKS: Final = "APS_"


class Settings(BaseSettings):
    """Everything that may be set, read once at start.

    Build it with `load` or `for_sandbox`, which also refuse unknown variables and answer with sentences. Keyword
    arguments win over the environment. An empty variable counts as unset, unless it is a limit: then it is refused. An
    empty list of file types or projects means that all are allowed, an empty list of folders that none is.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        case_sensitive=True,
        env_ignore_empty=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    client_id: str | None = Field(
        default=None,
        validation_alias="APS_CLIENT_ID",
        description="The client id of the APS app that people sign in to",
    )
    client_secret: Token | None = Field(
        default=None,
        validation_alias="APS_CLIENT_SECRET",
        description="The app's secret; a public app (Desktop, Mobile, Single-Page) has none",
    )
    callback_url: CallbackUrl = Field(
        default="http://localhost:8765/callback",
        validation_alias="APS_CALLBACK_URL",
        description="The callback URL that is registered for the app, to the letter; it is on this machine",
    )
    base_url: BaseUrl | None = Field(
        default=None,
        validation_alias="APS_BASE_URL",
        description="Where Autodesk is, for a sandbox or a gateway: https, or http on this machine. A host that is not "
        "Autodesk's also needs the flag `--allow-base-url`",
        examples=["http://127.0.0.1:8788"],
    )
    access_token: Token | None = Field(
        default=None,
        validation_alias="APS_ACCESS_TOKEN",
        description="A ready three-legged Autodesk token; it is never refreshed",
    )
    service_account_id: str | None = Field(
        default=None,
        validation_alias="APS_SERVICE_ACCOUNT_ID",
        description="For unattended runs: the id of a Secure Service Account of the app, whose type is "
        "Server-to-Server",
    )
    service_account_key_id: str | None = Field(
        default=None,
        validation_alias="APS_SERVICE_ACCOUNT_KEY_ID",
        description="The id of that account's key",
    )
    service_account_key_file: AbsolutePath | None = Field(
        default=None,
        validation_alias="APS_SERVICE_ACCOUNT_KEY_FILE",
        description="The file with that key's private half, in PEM; line ends may be written as `\\n`",
    )
    folders: Folders = Field(
        default=(),
        validation_alias="SUBMITTAL_MCP_FOLDERS",
        description="Folders from which files may be attached, separated by `:` (on Windows by `;`). The whole disk or "
        "home folder also needs the flag `--allow-wide-folder`",
    )
    downloads: AbsolutePath | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_DOWNLOADS",
        description="The folder that attachments are downloaded to, one folder a submittal; it has to be there",
    )
    file_types: FileTypes = Field(
        default=(),
        validation_alias="SUBMITTAL_MCP_FILE_TYPES",
        description="The only extensions that may be attached, separated by commas: `pdf,dwg`",
    )
    max_file_bytes: int = Field(
        default=FIVE_TIB,
        gt=0,
        le=FIVE_TIB,
        validation_alias="SUBMITTAL_MCP_MAX_FILE_BYTES",
        description="The largest file that may be attached, in bytes",
        examples=["1073741824"],
    )
    strict_files: bool = Field(
        default=False,
        validation_alias="SUBMITTAL_MCP_STRICT_FILES",
        description="`true` refuses a file for what would be a warning, such as an encrypted or damaged PDF",
        examples=["true"],
    )
    read_only: bool = Field(
        default=False,
        validation_alias="SUBMITTAL_MCP_READ_ONLY",
        description="`true` hides and refuses every tool that changes something",
        examples=["true"],
    )
    projects: Projects = Field(
        default=(),
        validation_alias="SUBMITTAL_MCP_PROJECTS",
        description="Ids of the only projects that may be touched, separated by commas",
    )
    confirm: Confirm = Field(
        default="off",
        validation_alias="SUBMITTAL_MCP_CONFIRM",
        description="`ask`: the user must agree before a file becomes visible in ACC; `off`: no question",
        examples=["ask"],
    )
    parallel_parts: int = Field(
        default=4,
        ge=1,
        le=16,
        validation_alias="SUBMITTAL_MCP_PARALLEL_PARTS",
        description="How many parts of a file are sent at once, 1 to 16",
        examples=["4"],
    )
    max_wait_seconds: int = Field(
        default=45,
        ge=1,
        le=600,
        validation_alias="SUBMITTAL_MCP_MAX_WAIT_SECONDS",
        description="The longest that a tool call waits before it answers how far it is, 1 to 600",
        examples=["45"],
    )
    storage_hosts: StorageHosts = Field(
        default=(),
        validation_alias="SUBMITTAL_MCP_STORAGE_HOSTS",
        description="Hosts that may be sent file bytes beside Autodesk's documented ones, separated by commas",
    )
    data_dir: AbsolutePath | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_DATA_DIR",
        description="The folder of the database, the audit log and, on machines without a keyring, the vault's key",
    )
    database_url: DatabaseUrl | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_DATABASE_URL",
        description="A PostgreSQL database that replicas share: `postgresql://USER:PASSWORD@HOST/DATABASE`",
    )
    encryption_keys: EncryptionKeys | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_ENCRYPTION_KEYS",
        description="Keys that seal the tokens, newest first, separated by commas; `openssl rand -base64 32` makes one",
    )
    http_host: str = Field(
        default="127.0.0.1",
        validation_alias="SUBMITTAL_MCP_HTTP_HOST",
        description="The address that `serve` listens on; this machine's own, but for a team server",
    )
    http_port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        validation_alias="SUBMITTAL_MCP_HTTP_PORT",
        description="The port that `serve` listens on over HTTP; 0 picks a free one",
        examples=["8000"],
    )
    http_secret: CallerSecret | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_HTTP_SECRET",
        description="The bearer secret that every HTTP caller sends, at least 16 characters",
    )
    public_url: PublicUrl | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_PUBLIC_URL",
        description="Team server: the one origin that callers see, without a path; https, or http on this machine",
        examples=["https://submittals.example.com"],
    )
    team_domains: Domains = Field(
        default=(),
        validation_alias="SUBMITTAL_MCP_TEAM_DOMAINS",
        description="Team server: the only domains of verified e-mail addresses that may sign in, separated by commas",
    )
    team_people: People = Field(
        default=(),
        validation_alias="SUBMITTAL_MCP_TEAM_PEOPLE",
        description="Team server: the only people who may sign in, by Autodesk id or verified e-mail address",
    )
    team_accounts: Accounts = Field(
        default=(),
        validation_alias="SUBMITTAL_MCP_TEAM_ACCOUNTS",
        description="Team server: ids of the only ACC accounts whose projects may be touched",
    )
    team_clients: AbsolutePath | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_TEAM_CLIENTS",
        description="Team server: a TOML file of MCP clients that you register yourself",
    )
    team_registration: Registration = Field(
        default=ClientRegistration(),
        validation_alias="SUBMITTAL_MCP_TEAM_REGISTRATION",
        description="Team server: whether MCP clients may register themselves: `on`, `off`, or `domains:a.com,b.com`",
        examples=["off"],
    )
    settings_file: AbsolutePath | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_SETTINGS_FILE",
        description="A TOML file with further limits, beside the machine-wide one; its `[team]` table holds the finer "
        "options of a team server",
    )
    log_level: LogLevel = Field(
        default="info",
        validation_alias="SUBMITTAL_MCP_LOG_LEVEL",
        description="The least serious log line that is written: `debug`, `info`, `warning`, `error` or `critical`",
    )
    log_format: LogFormat | None = Field(
        default=None,
        validation_alias="SUBMITTAL_MCP_LOG_FORMAT",
        description="How log lines look on stderr: `console` or `json`",
    )

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)
    _machine_wide: frozenset[str] = PrivateAttr(default=frozenset())

    @property
    def sources(self) -> Mapping[str, str]:
        """Where each value comes from that is not a default, by field: `the environment`, `a flag`, or a file."""
        return self._sources

    @property
    def machine_wide(self) -> frozenset[str]:
        """Fields that the machine-wide file limits."""
        return self._machine_wide

    def log_level_or(self, usual: LogLevel) -> LogLevel:
        """Return the level that was chosen, or what is `usual` where none was."""
        return self.log_level if "log_level" in self.model_fields_set else usual

    @classmethod
    def load(cls, *, allow_base_url: bool = False, allow_wide_folder: bool = False, **overrides: object) -> Self:
        """Read the environment; `overrides` (by field name) win over it, and one that is None counts as not given.

        `allow_base_url` confirms a foreign Autodesk, `allow_wide_folder` a folder as wide as the disk or the home.

        Raises:
            SettingsError: A variable is unknown or cannot be used.
        """
        settings = cls._read(overrides, allow_wide_folder=allow_wide_folder)
        # An administrator has confirmed what stands in the machine-wide file.
        confirmed = allow_base_url or "base_url" in settings.machine_wide
        if settings.base_url and not confirmed and is_foreign(settings.base_url):
            sentence = (
                f"APS_BASE_URL: {settings.base_url} is neither Autodesk's nor on this machine, and your Autodesk token "
                "would be sent there; start with --allow-base-url if that is what you want"
            )
            raise SettingsError((sentence,))
        if halves := _incomplete_groups(settings):
            raise SettingsError(halves)
        return settings

    @classmethod
    def for_sandbox(cls, *, allow_wide_folder: bool = False, **overrides: object) -> Self:
        """Read the environment as `load` does, but as if no `APS_…` variable were set: those belong to a real account.

        Raises:
            SettingsError: A variable is unknown or cannot be used.
        """
        return cls._read(overrides, ignoring=_AUTODESKS, allow_wide_folder=allow_wide_folder)

    @classmethod
    def _read(cls, overrides: Mapping[str, object], *, allow_wide_folder: bool, ignoring: str | None = None) -> Self:
        # What is given by keyword wins over the environment, a default included: so a variable is ignored.
        values: dict[str, Any] = {
            name: cls.model_fields[name].default
            for name, variable in variables().items()
            if ignoring and variable.startswith(ignoring)
        }
        values |= {name: value for name, value in overrides.items() if value is not None}
        unknown = unknown_variables(os.environ, variables().values())
        given = {name: value for name, value in os.environ.items() if not (ignoring and name.startswith(ignoring))}
        refused = refused_values(given, variables().values())
        try:
            settings = cls(**values)
        except ValidationError as error:
            # `from None`: the original quotes what was given, which may be a secret.
            named = [sentence.partition(":")[0] for sentence in refused]
            rest = [one for one in format_errors(error, cls.model_fields) if one.partition(":")[0] not in named]
            raise SettingsError((*unknown, *refused, *rest)) from None
        if unknown or refused:
            raise SettingsError((*unknown, *refused))
        settings = settings._within_files({name for name, value in overrides.items() if value is not None}, ignoring)
        if not (allow_wide_folder or "folders" in settings.machine_wide) and (wide := wide_folders(settings.folders)):
            raise SettingsError(wide)
        return settings

    def _within_files(self, flags: set[str], ignoring: str | None) -> Self:
        """Return these settings as the settings files let them be.

        Raises:
            SettingsError: A file cannot be used, or a value goes beyond what a file allows.
        """
        ignored = {name for name, variable in variables().items() if ignoring and variable.startswith(ignoring)}
        given = {name for name in self.model_fields_set if name in flags or name not in ignored}
        allowed = AllowedValues()
        try:
            for layer in read_layers(self.settings_file):
                allowed.add(layer, type(self), set(variables()) - ignored)
        except SettingsFileProblem as problem:
            raise SettingsError((str(problem),)) from None
        sources = {name: "a flag" if name in flags else "the environment" for name in given}
        for name, place in allowed.places.items():
            wanted = getattr(self, name)
            value = allowed.apply(name, variables()[name], wanted) if name in given else allowed.values[name]
            if name not in given or value != wanted or value == allowed.values[name]:
                sources[name] = place
            allowed.values[name] = value
        if allowed.problems:
            raise SettingsError(tuple(allowed.problems))
        settings = self.model_copy(update=allowed.values)
        settings._sources = {name: sources[name] for name in variables() if name in sources}  # noqa: SLF001
        settings._machine_wide = frozenset(allowed.machine_wide)  # noqa: SLF001
        return settings

    def with_values(self, source: str, values: Mapping[str, object]) -> Self:
        """Return a copy with checked `values` (by field) from `source`."""
        settings = self.model_copy(update=values)
        settings._sources = {**self._sources, **dict.fromkeys(values, source)}  # noqa: SLF001
        return settings

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no log line may show."""
        whole = (self.client_secret, self.access_token, self.http_secret, self.database_url)
        keys = self.encryption_keys.get_secret_value().split(",") if self.encryption_keys else []
        password = urlsplit(self.database_url.get_secret_value()).password if self.database_url else None
        return (
            *(secret.get_secret_value() for secret in whole if secret),
            *(key.strip() for key in keys),
            *([password] if password else []),
        )


def variables() -> dict[str, str]:
    """The environment variable of each field of `Settings`, in the order in which they are explained."""
    return {name: str(field.validation_alias) for name, field in Settings.model_fields.items()}


def _incomplete_groups(settings: Settings) -> tuple[str, ...]:
    """Return a sentence for each setting that lacks its other half, though each variable alone is right."""
    problems = []
    account = (settings.service_account_id, settings.service_account_key_id, settings.service_account_key_file)
    if any(account) and not all((*account, settings.client_id, settings.client_secret)):
        problems.append(
            "APS_SERVICE_ACCOUNT_ID: a service account needs APS_SERVICE_ACCOUNT_ID, APS_SERVICE_ACCOUNT_KEY_ID, "
            "APS_SERVICE_ACCOUNT_KEY_FILE, APS_CLIENT_ID and APS_CLIENT_SECRET together"
        )
    if settings.database_url is not None and settings.encryption_keys is None:
        problems.append(
            "SUBMITTAL_MCP_DATABASE_URL: a shared database needs shared keys; set SUBMITTAL_MCP_ENCRYPTION_KEYS to "
            "what `openssl rand -base64 32` prints"
        )
    return tuple(problems)
