"""The image and the services of compose, built and run without Docker, as far as that goes (image.py)."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.outside.image import ImageBuilder, ImageStage, build_context, container

ROOT = Path(__file__).resolve().parents[2]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
SANDBOX = yaml.safe_load((ROOT / "compose.sandbox.yaml").read_text(encoding="utf-8"))["services"]["sandbox"]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
TEAM = COMPOSE["services"]
SETTINGS = {
    "APS_CLIENT_ID": "A1b2C3d4E5f6G7h8",
    "APS_CLIENT_SECRET": "secret",
    "PUBLIC_HOST": "submittals.example.com",
    "POSTGRES_PASSWORD": "secret",
    "SUBMITTAL_MCP_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}


def filled(value: str) -> str:
    """Return a value of compose with the settings in it, as `docker compose` writes them."""
    return re.sub(r"\$\{(\w+)(?::[?-][^}]*)?\}", lambda found: SETTINGS.get(found[1], ""), value)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageBuilder]:
    for tool in ("unshare", "nsenter", "setpriv", "ip", "caddy"):
        assert shutil.which(tool), f"{tool} is missing: run tests/outside/install"
    context = tmp_path_factory.mktemp("context")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    build_context(ROOT, names.splitlines(), context)
    with ImageBuilder(context, tmp_path_factory.mktemp("layers")) as builder:
        yield builder


@pytest.fixture(scope="module")
def image(builder: ImageBuilder) -> ImageStage:
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HTTP"))}
    return builder.build((ROOT / "Dockerfile").read_text(encoding="utf-8"), pip)


@pytest.mark.parametrize("user", [None, "123456"], ids=["its-own-user", "any-user"])
def test_the_image_serves_over_stdio_and_is_healthy(builder, image, user):
    with container(builder, image, user=user) as running:
        print(json.dumps(HELLO), file=running.process.stdin, flush=True)
        answer = json.loads(running.said("stdout", '"id":1'))
        assert answer["result"]["serverInfo"]["name"] == "submittal-mcp"
        assert running.is_healthy()


@pytest.mark.parametrize("user", [None, "123456"], ids=["its-own-user", "any-user"])
def test_the_sandbox_of_compose_serves_and_is_healthy_with_a_read_only_root(builder, image, user):
    assert SANDBOX["read_only"] is True
    with container(builder, image, SANDBOX["command"], user=user, temporary=SANDBOX.get("tmpfs", ())) as running:
        running.said("stdout", "Look at it: http://")
        assert running.is_healthy()


def test_the_demo_runs_in_a_container(builder, image):
    with container(builder, image, ["demo"], temporary=["/tmp"]) as running:
        assert "the file's own" in running.said("stdout", "Done:")


def test_the_server_of_compose_serves_and_is_healthy_before_its_database_is(builder, image):
    server = TEAM["server"]
    environment = {name: filled(value) for name, value in server["environment"].items() if value is not None}
    del environment["SUBMITTAL_MCP_DATABASE_URL"]  # no PostgreSQL is in this container's network
    configs = {one["target"]: ROOT / COMPOSE["configs"][one["source"]]["file"] for one in server["configs"]}
    more = {"environment": environment, "temporary": server["tmpfs"], "configs": configs}
    with container(builder, image, server["command"], **more) as running:
        running.said("stderr", "serves a team at")
        assert running.is_healthy()


def test_the_health_check_fails_where_nothing_listens(builder, image):
    with container(builder, image, ["serve", "--http", "--sandbox", "--port", "8001"]) as running:
        running.said("stderr", "listens on")
        assert running.is_healthy()
    with container(builder, image, ["sandbox", "--port", "8002", "--host", "127.0.0.1"]) as running:
        running.said("stdout", "Look at it: http://")
        os.kill(running.first_process(), signal.SIGSTOP)
        assert running.health() == 1
        os.kill(running.first_process(), signal.SIGCONT)


def test_caddy_takes_what_compose_writes_for_it():
    shell, flag, script = TEAM["proxy"]["command"]
    printed = script.replace("$$", "$").partition("| caddy run")[0].rstrip().removesuffix("\\")
    words = [shell, flag, f"{printed} | caddy adapt --adapter caddyfile --config /dev/stdin --validate"]
    place = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "PUBLIC_HOST": "a.example.com"}
    done = subprocess.run(words, env=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"reverse_proxy"' in done.stdout
