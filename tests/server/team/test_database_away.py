"""A database that goes away and comes back: 503 in each step of the flow, and no token is thrown away."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy

import acc_sandbox

from .site import REDIRECT, TeamSite, running_team
from .test_team_server import ACCEPT, HANDSHAKE, bearer


@pytest.fixture
def shared_team(box: acc_sandbox.Sandbox, postgres_url: str, tmp_path: Path) -> Iterator[TeamSite]:
    with running_team(box, tmp_path / "data", database_url=postgres_url) as team:
        yield team


@contextmanager
def away(postgres_server: str, postgres_url: str) -> Iterator[None]:
    """Let the database refuse everybody until the block ends."""
    name = sqlalchemy.make_url(postgres_url).database
    engine = sqlalchemy.create_engine(
        sqlalchemy.make_url(postgres_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        try:
            yield
        finally:
            connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    engine.dispose()


async def test_every_step_says_that_it_will_come_back_and_it_does(
    shared_team: TeamSite, postgres_server: str, postgres_url: str
) -> None:
    team = shared_team
    tokens = await team.tokens("manager")
    client_id = team.client_id()
    query = urlencode(
        {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": REDIRECT,
            "code_challenge": "x" * 43,
            "code_challenge_method": "S256",
        }
    )
    refresh = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": tokens["refresh_token"]}
    requests: dict[str, dict[str, Any]] = {
        "/mcp": {"method": "POST", "json": HANDSHAKE, "headers": ACCEPT | bearer(tokens)},
        "/token": {"method": "POST", "data": refresh},
        "/revoke": {"method": "POST", "data": {"client_id": client_id, "token": "x"}},
        "/register": {"method": "POST", "json": {"redirect_uris": [REDIRECT]}},
        f"/authorize?{query}": {"method": "GET"},
        "/consent?request=x": {"method": "GET"},
        "/callback/autodesk?code=x&state=x": {"method": "GET"},
        "/connect": {"method": "GET"},
        "/account": {"method": "GET"},
        "/readyz": {"method": "GET"},
    }
    async with team.browser("manager") as browser, team.http() as http:
        page = await browser.visit(f"{team.url}/authorize?{query}")
        with away(postgres_server, postgres_url):
            for path, request in requests.items():
                answer = await http.request(url=path, **request)
                assert (answer.status_code, path) == (503, path)
                assert int(answer.headers["retry-after"]) > 0
                assert "postgres" not in answer.text
            away_page = await browser.submit(page, decision="allow")
            assert away_page.status_code == 503
            assert (await http.get("/healthz")).status_code == 200
        assert isinstance(await browser.submit(page, decision="allow"), str)
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))).status_code == 200
        assert (await http.post("/token", data=refresh)).status_code == 200
