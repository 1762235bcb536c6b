"""The `[team]` table of the settings file: what a team server has beside the environment's variables."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from auth.issuer.redirect_uris import PRIVATE_SCHEMES, check_private_scheme
from auth.issuer.tokens import TokenLives
from server.settings.files import read_layer
from server.settings.types import unusable_entry
from tools.core.request_quota import CALLS_PER_MINUTE, WRITES_PER_MINUTE

_Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(ip_network)]
_Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
_ORIGIN: Final = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^\s/?#@]+", re.ASCII)


def _origin(text: str) -> str:
    origin = text.lower().removesuffix("/")
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(f"{text!r} is not an origin; write https://HOST or https://HOST:PORT, or * for any")
    return origin


class TeamOptions(BaseModel):
    """Options of a team server; numbers of requests are per minute unless the name says otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    redirect_schemes: tuple[Annotated[str, AfterValidator(check_private_scheme)], ...] = PRIVATE_SCHEMES
    """Schemes of apps that a client may register beside https and http on loopback."""
    trusted_proxies: tuple[_Network, ...] = ()
    """Addresses or networks whose `X-Forwarded-For` is believed."""
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ("*",)
    """Origins of web pages that may call with a token; `*` means any, for without the token they get nothing."""
    session_hours: Annotated[float, Field(gt=0, le=720)] = 8
    """Lifetime of a browser session."""
    access_token_minutes: Annotated[float, Field(ge=1, le=1440)] = 60
    refresh_token_days: Annotated[float, Field(ge=1, le=90)] = 30
    """Idle lifetime of a client."""
    grant_days: Annotated[float, Field(ge=1, le=365)] = 90
    """Lifetime of a consent, however often it is used."""
    authorize_per_minute: _Count = 30
    """Per network address; so are the next three."""
    token_per_minute: _Count = 60
    register_per_hour: _Count = 20
    document_per_minute: _Count = 10
    """Requests for which a client's document has to be fetched."""
    calls_per_minute: _Count = CALLS_PER_MINUTE
    """Per person; so is the next one."""
    writes_per_minute: _Count = WRITES_PER_MINUTE
    calls_at_once: _Count = 20
    """Per grant, streams included."""
    sessions: _Count = 20
    """Sessions of the older protocol, per person."""
    people_at_once: _Count = 200
    """People whose services are kept open in one process."""
    idle_minutes: Annotated[float, Field(gt=0, le=1440)] = 10
    """Idle time after which a user's services are closed."""

    @property
    def lives(self) -> TokenLives:
        """Lifetimes of tokens."""
        day = 24 * 3600.0
        return TokenLives(
            access=self.access_token_minutes * 60, refresh=self.refresh_token_days * day, grant=self.grant_days * day
        )

    @classmethod
    def load(cls, path: Path | None) -> "TeamOptions":
        """Read the table from a settings file; the defaults without one.

        Raises:
            ValueError: The file cannot be used; the text names the entry.
        """
        if path is None:
            return cls()
        team = read_layer(path).team
        for name, value in team.items():
            if problem := unusable_entry(value):
                raise ValueError(f"{path}: team.{name}: {problem}")
        try:
            return cls.model_validate(team)
        except ValidationError as error:
            detail = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in detail["loc"])
            problem = detail["msg"].removeprefix("Value error, ")
            if detail["type"] == "extra_forbidden":
                options = ", ".join(cls.model_fields)
                problem = f"no such option; [team] has {options}, and what a variable can say stands above it"
            raise ValueError(f"{path}: team.{place}: {problem}") from None
