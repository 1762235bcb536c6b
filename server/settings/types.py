"""Types of the settings: parsing and validation of the fields of `server.settings.model.Settings`.

A variable holds text and a command-line flag may hold a list already; both are read here. Every refusal is a sentence
that says what to write instead. None repeats a secret.
"""

import os
import re
import stat
import unicodedata
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from acc.hosts import is_loopback, is_path_style
from auth.login.browser import checked_callback
from persistence.keys import EncryptionKey

_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.ASCII)
_FILE_TYPE = re.compile(r"[a-z0-9][a-z0-9_+-]{0,31}", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
_SHORTEST_SECRET: Final = 16
_AUTODESK: Final = "autodesk.com"
# Written by hand and strict: two parsers that read an address differently (`http://localhost\@evil`) would let a token
# go to a host other than the one that was checked.
_BASE_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?", re.ASCII
)


_QUOTES: Final = frozenset("\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb")
_PLACEHOLDER: Final = re.compile(
    r".*(\$\{|\{\{|#\{|\{%).*|\$[A-Z][A-Z0-9_]+|\$\(.*\)|%[A-Z][A-Z0-9_]+%|%\(.*\)s|@\w+@|__\w+__|\{[^{}]*\}|<[^<>]*>|"
    r"\[[^][]*\]|\.{3}|\u2026|"
    r"(?i:(your|insert|replace)[-_ ]\w.*|change[-_]?me|x{3,}|todo|undefined|null|none)",
    re.ASCII,
)


def unusable_text(value: str) -> str | None:
    """Return what shows that a text came from a template or a file rather than from a person; None of any other.

    Read as it stands, a value in quotes would be a folder or a name that is not there.
    """
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in value):
        return "it holds an invisible character (a line end, a tab, a byte order mark); type it again"
    if value[:1] in _QUOTES or value[-1:] in _QUOTES:
        return "it is in quotes, which count as part of it here; write it without them"
    if _PLACEHOLDER.fullmatch(value.strip()):
        return "it is a placeholder that nothing was put in place of; write the value itself, or remove the variable"
    return None


def unusable_entry(value: object) -> str | None:
    """Return the same of the first such text in a value of a settings file, which is a text or a list of them."""
    entries = value if isinstance(value, list) else [value]
    return next(filter(None, (unusable_text(entry) for entry in entries if isinstance(entry, str))), None)


def _entries(value: object, separator: str) -> tuple[str, ...]:
    parts = value.split(separator) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        raise ValueError("this is not a list")  # noqa: TRY004 - pydantic turns a ValueError, not a TypeError, into ours
    entries = tuple(str(part).strip() for part in parts)
    if not all(entries):
        raise ValueError("an entry of the list is empty; remove the separator that is too many")
    if isinstance(value, str) and (problem := unusable_entry(list(entries))):
        raise ValueError(f"of an entry: {problem}")
    return tuple(dict.fromkeys(entries))


def _folders(value: object) -> tuple[Path, ...]:
    return tuple(_path(entry) for entry in _entries(value, os.pathsep))


def too_wide(folder: Path) -> str | None:
    """Return why a folder should not be allowed as a whole: it is the disk, or holds the person's home folder."""
    resolved, home = (Path(os.path.realpath(path)) for path in (folder, os.path.expanduser("~")))  # noqa: PTH111
    if resolved == resolved.parent:
        return f"'{folder}' is the whole disk; name the folder that holds the files to attach"
    if home.is_relative_to(resolved):
        return f"'{folder}' holds the whole home folder, with its keys and passwords; name a folder inside it"
    return None


def not_a_folder(path: Path) -> str | None:
    """Return why a path is no folder that can be used (missing, a file, not readable); else None."""
    try:
        return None if stat.S_ISDIR(path.stat().st_mode) else f"{path} is a file, not a folder"
    except (FileNotFoundError, NotADirectoryError):
        return f"there is no folder {path}"
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror or type(error).__name__}"


def _file_types(value: object) -> tuple[str, ...]:
    types = [entry.lower().removeprefix("*").removeprefix(".") for entry in _entries(value, ",")]
    for file_type in types:
        if not _FILE_TYPE.fullmatch(file_type):
            raise ValueError(f"{file_type!r} is not a file extension; write extensions such as pdf,dwg")
    return tuple(dict.fromkeys(types))


def _projects(value: object) -> tuple[str, ...]:
    return _uuids(value, "a project id; write the UUID from the project's address in ACC")


def _accounts(value: object) -> tuple[str, ...]:
    return _uuids(value, "an account id; write the account's UUID, which is its hub id without b.")


def _uuids(value: object, expected: str) -> tuple[str, ...]:
    ids = []
    for entry in _entries(value, ","):
        try:
            ids.append(str(uuid.UUID(entry.lower().removeprefix("b."))))
        except ValueError:
            raise ValueError(f"{entry!r} is not {expected}") from None
    return tuple(dict.fromkeys(ids))


def _storage_hosts(value: object) -> tuple[str, ...]:
    hosts = [entry.lower() for entry in _entries(value, ",")]
    for host in hosts:
        if not _HOST_NAME.fullmatch(host):
            raise ValueError(f"{host!r} is not a host name; write names alone, without https://, port or path")
        if is_path_style(host):
            raise ValueError(
                f"{host!r} is S3 itself, where anybody may have a bucket; write the bucket's own host name"
            )
    return tuple(dict.fromkeys(hosts))


def _token(secret: SecretStr) -> SecretStr:
    # What cannot stand in a header would otherwise fail deep inside an HTTP library, which quotes the header.
    if not _VISIBLE.fullmatch(secret.get_secret_value()):
        raise ValueError("it holds a space or a character that no token has; write the token alone, without 'Bearer'")
    return secret


def _min_length(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < _SHORTEST_SECRET:
        raise ValueError(f"it is too easy to guess; write at least {_SHORTEST_SECRET} random characters")
    return secret


def _callback_url(url: str) -> str:
    return checked_callback(url.strip())


def _path(value: object) -> Path:
    # The functions of os.path, since pathlib's raise where there is no home folder or a link goes round in a circle.
    path = Path(os.path.normpath(os.path.expanduser(str(value))))  # noqa: PTH111
    if not path.is_absolute() or "\x00" in str(value):
        raise ValueError(f"{str(value)!r} is not an absolute path; write the whole path")
    return path


def _database_url(secret: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(secret.get_secret_value())
        host = parts.hostname or parse_qs(parts.query).get("host")  # of a socket: a folder, which is no host name
        good = parts.scheme in ("postgresql", "postgres") and host and parts.path.strip("/") and parts.port != 0
    except ValueError:  # which quotes what may be part of a password
        good = False
    if not good or parts.netloc.endswith(":") or parts.netloc.count("@") > 1:
        raise ValueError(
            "it is no database URL; write postgresql://USER:PASSWORD@HOST/DATABASE, and of a password "
            "/ as %2F, ? as %3F, # as %23, @ as %40 and % as %25"
        )
    return secret


def _encryption_keys(secret: SecretStr) -> SecretStr:
    try:
        keys = [EncryptionKey.parse(part) for part in secret.get_secret_value().split(",")]
    except ValueError:
        keys = []
    if not keys:
        raise ValueError("write keys as `openssl rand -base64 32` prints them, newest first, with commas between")
    return secret


def _public_url(url: str) -> str:
    try:
        return check_base_url(url.strip())
    except ValueError:
        raise ValueError(
            "write the one origin that callers see, https://HOST or https://HOST:PORT with nothing after it "
            "(http is for this machine)"
        ) from None


def _domains(value: object) -> tuple[str, ...]:
    domains = [entry.lower().removeprefix("@") for entry in _entries(value, ",")]
    for domain in domains:
        if not _HOST_NAME.fullmatch(domain):
            raise ValueError(f"{domain!r} is not a domain; write domains such as example.com")
    return tuple(dict.fromkeys(domains))


def _people(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.casefold() if "@" in entry else entry for entry in _entries(value, ",")))


@dataclass(frozen=True)
class ClientRegistration:
    """Whether MCP clients may register themselves; with `domains`, only those whose addresses lie in one of them."""

    enabled: bool = True
    domains: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the form that the setting is written in."""
        return f"domains:{','.join(self.domains)}" if self.domains else "on" if self.enabled else "off"


def _registration(value: object) -> ClientRegistration:
    if isinstance(value, ClientRegistration):
        return value
    text = str(value).strip().lower()
    if text in ("on", "off"):
        return ClientRegistration(enabled=text == "on")
    kind, _, domains = text.partition(":")
    if kind != "domains" or not domains:
        raise ValueError("write on, off, or domains:example.com,example.org")
    return ClientRegistration(domains=_domains(domains))


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def check_base_url(url: str) -> str:
    """Return `url` in lower case and without a closing slash.

    Raises:
        ValueError: It is not https://HOST[:PORT], or http with a host that is not this machine.
    """
    match = _BASE_URL.fullmatch(url.lower())
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise ValueError("this is not a base URL; write https://HOST or https://HOST:PORT, with nothing after it")
    if match["scheme"] == "http" and not is_loopback(match["host"]):
        raise ValueError("plain http would show your token to the network; write https:// (http is for this machine)")
    return url.lower().removesuffix("/")


def is_foreign(base_url: str) -> bool:
    """Whether the host of a `base_url` that was checked is neither Autodesk's nor this machine."""
    match = _BASE_URL.fullmatch(base_url)
    host = match["host"] if match else ""
    return not (host == _AUTODESK or host.endswith(f".{_AUTODESK}") or is_loopback(host))


BaseUrl = Annotated[str, AfterValidator(check_base_url)]
Token = Annotated[SecretStr, AfterValidator(_token)]
CallbackUrl = Annotated[str, AfterValidator(_callback_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
EncryptionKeys = Annotated[SecretStr, AfterValidator(_encryption_keys)]
AbsolutePath = Annotated[Path, BeforeValidator(_path)]
CallerSecret = Annotated[Token, AfterValidator(_min_length)]

Folders = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_folders)]
FileTypes = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_file_types)]
Projects = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_projects)]
Accounts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_accounts)]
StorageHosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_storage_hosts)]

PublicUrl = Annotated[str, AfterValidator(_public_url)]
Domains = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_domains)]
People = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_people)]
Registration = Annotated[ClientRegistration, NoDecode, BeforeValidator(_registration)]

Confirm = Annotated[Literal["off", "ask"], BeforeValidator(_lower)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)]
LogFormat = Annotated[Literal["console", "json"], BeforeValidator(_lower)]
