"""Clients that an administrator registers in a file, for those that can do nothing else, or to allow no others.

::

    [[client]]
    id = "copilot-studio"
    name = "Copilot Studio"
    redirect_uris = ["https://global.consent.azure-apim.net/redirect/submittals"]
    secret_sha256 = "..."        # left out: a public client
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auth.issuer.clients import MAX_NAME_LENGTH, MAX_REDIRECT_URIS, RegisteredClient, visible_name
from auth.issuer.redirect_uris import PRIVATE_SCHEMES, InvalidRedirectUri, check_redirect_uri


class _ClientEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,100}$")]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
    redirect_uris: Annotated[list[str], Field(min_length=1, max_length=MAX_REDIRECT_URIS)]
    secret_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class _ClientsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    client: list[_ClientEntry] = []


def read_clients(path: Path, private_schemes: Collection[str] = PRIVATE_SCHEMES) -> Mapping[str, RegisteredClient]:
    """Return the clients of a file by their ids.

    Raises:
        ValueError: The file cannot be read or used; the text says why and holds no secret.
    """
    try:
        entries = _ClientsFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).client
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path} is not TOML") from None
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False, include_url=False)[0]["loc"])
        raise ValueError(f"{path}: {place} cannot be used") from None
    found: dict[str, RegisteredClient] = {}
    for entry in entries:
        for uri in entry.redirect_uris:
            try:
                check_redirect_uri(uri, private_schemes)
            except InvalidRedirectUri as problem:
                raise ValueError(f"{path}: client {entry.id}: {problem}") from None
        if entry.id in found:
            raise ValueError(f"{path}: client {entry.id} stands there twice")
        found[entry.id] = RegisteredClient(
            entry.id,
            visible_name(entry.name),
            tuple(entry.redirect_uris),
            "pre-registered",
            "none" if entry.secret_sha256 is None else "client_secret_basic",
            entry.secret_sha256,
        )
    return found
