"""What installs the program: the pins, the image, the workflow. None of them may drift from `pyproject.toml`."""

import ast
import base64
import importlib.metadata
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import acc_sandbox
import server
from server.settings.model import Settings
from server.team.options import TeamOptions
from tests.support.constants import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
RUN_TIME = PROJECT["project"]["dependencies"]
DEVELOPING = PROJECT["dependency-groups"]["dev"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[str, Requirement]:
    lines = [line.removesuffix("\\").strip() for line in read(name).splitlines() if not line.startswith(" ")]
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, lines)}


def test_no_text_of_the_program_sends_people_to_a_page_that_is_not_installed():
    """The wheel has no docs folder; docstrings and comments are for readers of the source."""
    named = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            notes = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
            texts = [one for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            named += [(path.name, one.value) for one in texts if id(one) not in notes and "docs/" in one.value]
    assert [one for one in named if re.search(r"docs/[\w-]+\.md", one[1])] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_file_holds_names_versions_markers_and_hashes_and_nothing_else(name):
    text = read(name)
    entry = r"[a-z0-9.-]+==[0-9][^ ]*( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.fullmatch(f"({entry})+", text)
    assert "://" not in text


@pytest.mark.parametrize(
    ("name", "requirements"), [("requirements.txt", RUN_TIME), ("requirements-dev.txt", RUN_TIME + DEVELOPING)]
)
def test_every_dependency_is_pinned_within_its_bounds(name, requirements):
    pinned = pins(name)
    for requirement in map(Requirement, requirements):
        [pin] = pinned[canonicalize_name(requirement.name)].specifier
        assert requirement.specifier.contains(pin.version), f"{requirement}: run scripts/lock"


@pytest.mark.parametrize(
    ("name", "affected", "advisory"),
    [
        ("anyio", "4.14.1", "CVE-2026-63374"),
        ("cryptography", "49.0.0", "CVE-2026-69247"),
        ("httpcore", "1.0.8", "CVE-2025-43859"),
        ("jinja2", "3.1.5", "CVE-2025-27516"),
        ("mcp", "2.1.0", "CVE-2026-59951"),
        ("pydantic-settings", "2.14.1", "CVE-2026-58203"),
        ("pyjwt", "2.14.0", "CVE-2026-101918"),
        ("pypdf", "6.21.3", "CVE-2026-119203"),
        ("python-multipart", "0.0.30", "CVE-2026-53540"),
        ("pyyaml", "5.3.1", "CVE-2020-14343"),
        ("starlette", "1.3.0", "CVE-2026-54283"),
        ("click", "8.3.2", "CVE-2026-7246"),
        ("httpx2", "2.11.0", "GHSA-8xx6-hgc6-gc2m"),
        ("idna", "3.14", "CVE-2026-45409"),
        ("jaraco-context", "6.0.1", "CVE-2026-23949"),
        ("pygments", "2.19.2", "CVE-2026-4539"),
    ],
)
def test_no_version_with_a_known_advisory_is_admitted_and_the_reason_stands_beside_the_floor(name, affected, advisory):
    [requirement] = [one for one in map(Requirement, RUN_TIME) if canonicalize_name(one.name) == name]
    assert not requirement.specifier.contains(affected)
    [line] = [line for line in read("pyproject.toml").splitlines() if line.strip().startswith(f'"{requirement.name}')]
    assert advisory in line


def test_developing_runs_on_the_very_versions_that_are_shipped():
    shipped, developing = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: str(pin) for name, pin in shipped.items()} == {name: str(developing[name]) for name in shipped}


def test_no_dependency_ships_a_module_with_one_of_our_names():
    shipped = importlib.metadata.packages_distributions()
    assert {name: set(shipped.get(name, [])) - {"submittal-mcp"} for name in PACKAGES} == {
        name: set() for name in PACKAGES
    }


def test_the_image_holds_every_package():
    assert re.findall(r"^COPY (\w+)/ \1/$", read("Dockerfile"), re.MULTILINE) == sorted(PACKAGES)
    assert re.findall(r"^!(\w+)/$", read(".dockerignore"), re.MULTILINE) == sorted(PACKAGES)


def test_the_image_sets_nothing_that_a_team_server_would_refuse():
    assert "SUBMITTAL_MCP_" not in read("Dockerfile")
    assert 'CMD ["serve", "--folder", "/files"]' in read("Dockerfile")


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_a_workflow_runs_foreign_code_only_at_a_fixed_commit_and_without_rights(name):
    workflow = read(f".github/workflows/{name}")
    used = re.findall(r"uses: (.+)", workflow)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", action)] == []
    assert "\npermissions: {}\n" in workflow
    assert workflow.count("persist-credentials: false") == workflow.count("actions/checkout@")


def test_only_jobs_that_run_nothing_of_ours_may_sign_or_write():
    jobs = yaml.safe_load(read(".github/workflows/release.yml"))["jobs"]
    trusted = {name for name, job in jobs.items() if "write" in job["permissions"].values()}
    assert trusted == {"attest", "publish", "files", "image"}
    # The image is built from the tag by its Dockerfile, whose packages are pinned by hash.
    for name in trusted - {"image"}:
        assert not any("checkout" in step.get("uses", "") for step in jobs[name]["steps"])
    assert jobs["publish"]["needs"] == "attest"
    assert jobs["attest"]["needs"] == "build"


def test_a_release_publishes_only_files_that_one_of_its_steps_makes():
    build = yaml.safe_load(read(".github/workflows/release.yml"))["jobs"]["build"]["steps"]
    commands = "\n".join(step.get("run", "") for step in build)
    maker = read("scripts/bundles/__main__.py")
    published = [path for step in build for path in step.get("with", {}).get("path", "").split()]
    assert "dist/submittal-mcp.mcpb" in published
    for path in published:
        folder, _, file = path.removeprefix("dist/").rpartition("/")
        made_here = path in commands or folder == "packages" or file.removesuffix(".zip") in commands
        assert made_here or f'"{file}"' in maker, path


def test_the_version_is_written_in_one_place():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "server/__init__.py"
    assert "server.__version__" in read(".github/workflows/release.yml")


@pytest.mark.parametrize("name", ["compose.yaml", "compose.sandbox.yaml"])
def test_our_containers_write_nothing_but_kept_data_and_have_no_rights(name):
    compose = yaml.safe_load(read(name))
    for service in compose["services"].values():
        if "build" not in service:
            continue
        [(volume, place)] = [one.split(":") for one in service["volumes"]]
        assert place == "/data"
        assert volume in compose["volumes"]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_a_team_server_of_compose_believes_its_proxy_who_calls():
    compose = yaml.safe_load(read("compose.yaml"))
    server = compose["services"]["server"]
    assert [one["target"] for one in server["configs"]] == [server["environment"]["SUBMITTAL_MCP_SETTINGS_FILE"]]
    assert "ports" not in server  # the proxy alone reaches it
    # Not inline: https://github.com/docker/compose/issues/12031
    assert TeamOptions.load(ROOT / compose["configs"]["settings"]["file"]).trusted_proxies


def test_every_limit_that_is_set_where_compose_runs_reaches_the_team_server():
    environment = yaml.safe_load(read("compose.yaml"))["services"]["server"]["environment"]
    who = {f"SUBMITTAL_MCP_{name.upper()}" for name in Settings.model_fields if name.startswith("team_")}
    files = {"SUBMITTAL_MCP_TEAM_CLIENTS"}  # to be mounted, so by the administrator
    narrow = {f"SUBMITTAL_MCP_{name}" for name in ("PROJECTS", "READ_ONLY", "CONFIRM", "FILE_TYPES", "STRICT_FILES")}
    assert [name for name in sorted((who | narrow) - files) if environment.get(name, "missing") is not None] == []


def test_the_team_server_of_compose_can_use_its_settings_when_only_those_are_given_that_it_asks_for(monkeypatch):
    compose, key = yaml.safe_load(read("compose.yaml")), base64.b64encode(bytes(32)).decode()
    for name, value in compose["services"]["server"]["environment"].items():
        if value is not None:
            asked = {
                "SUBMITTAL_MCP_ENCRYPTION_KEYS": key,
                "POSTGRES_PASSWORD": "as openssl/rand+base64@prints#it?%41=",
                "PUBLIC_HOST": "submittals.example.com",
            }
            filled = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: asked.get(found[1], "an-id"), value)  # noqa: B023
            monkeypatch.setenv(name, filled)
    monkeypatch.setenv("SUBMITTAL_MCP_SETTINGS_FILE", str(ROOT / compose["configs"]["settings"]["file"]))
    assert Settings.load().public_url == "https://submittals.example.com"


def test_the_sandbox_of_compose_is_reached_from_this_machine_alone():
    sandbox = yaml.safe_load(read("compose.sandbox.yaml"))["services"]["sandbox"]
    assert all(port.startswith("127.0.0.1:") for port in sandbox["ports"])


def test_the_image_runs_under_any_user_and_says_whether_it_lives():
    dockerfile = read("Dockerfile")
    assert "\nUSER 10001\n" in dockerfile
    assert "-g root -m 0770 /data" in dockerfile
    [script] = re.findall(r"^COPY (scripts/\S+) (\S+)$", dockerfile, re.MULTILINE)
    assert script[0] in {line.removeprefix("!") for line in read(".dockerignore").splitlines()}
    assert f'HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "{script[1]}"]' in dockerfile
    assert "io.modelcontextprotocol.server.name=" in dockerfile


OWN_SANDBOX = tomllib.loads((ROOT / "acc_sandbox" / "pyproject.toml").read_text(encoding="utf-8"))


def test_both_distributions_of_the_sandbox_have_one_version():
    assert acc_sandbox.__version__ == server.__version__


def test_the_pytest_plugin_is_registered_by_acc_sandbox_alone():
    assert OWN_SANDBOX["project"]["entry-points"]["pytest11"] == {"acc_sandbox": "acc_sandbox.pytest_plugin"}
    assert "entry-points" not in PROJECT["project"]


def test_the_product_requires_the_dependencies_of_acc_sandbox_with_the_same_bounds():
    assert set(OWN_SANDBOX["project"]["dependencies"]) <= set(RUN_TIME)


def test_the_products_wheel_holds_the_sandbox_without_its_project_files():
    excluded = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"]
    own = {
        path.name
        for path in (ROOT / "acc_sandbox").iterdir()
        if path.is_file() and path.suffix not in (".py", ".typed")
    }
    assert excluded == [f"/acc_sandbox/{name}" for name in ("pyproject.toml", "README.md", "LICENSE")]
    assert own == {"pyproject.toml", "README.md", "LICENSE"}
    assert read("acc_sandbox/LICENSE") == read("LICENSE")
