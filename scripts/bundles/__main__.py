"""`python -m scripts.bundles`: every bundle and listing of a release, into `dist/`.

    python -m scripts.bundles build --owner OWNER --repository NAME [--image IMAGE] [--commit SHA] [--uv uv]
    python -m scripts.bundles registry --owner OWNER --repository NAME [--image IMAGE] [--bundle FILE]

`build` writes the source tree of the wheel, the folder that `mcpb pack` packs (with a lock that `uv` makes now), the
plugins, the install links, Docker's entry and the tool manifest. `registry` writes server.json, once it is known what
else is published. Owner and repository are never kept in a file of the repository.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from scripts.bundles import documents
from scripts.bundles.release import ROOT, Release
from scripts.bundles.rules import check
from scripts.bundles.sources import write_source

SURFACE = ROOT / "tests" / "tools" / "surface.stdio.json"
"""What a client is shown of the tools over stdio; a test holds it current."""


def build(target: Path, release: Release, *, commit: str, uv: str | None) -> None:
    """Write everything but server.json into a folder; without `uv` the bundle has no lock."""
    tools = json.loads(SURFACE.read_text(encoding="utf-8"))
    for name in ("source", "mcpb", "claude-plugin", "cursor-plugin", "docker", "autodesk"):
        shutil.rmtree(target / name, ignore_errors=True)
    write_source(target / "source", release, bundled=False)
    bundle = target / "mcpb"
    write_source(bundle, release, bundled=True)
    shutil.copyfile(Path(__file__).parent / "launch.py", bundle / "launch.py")
    _write(bundle / "manifest.json", documents.mcpb_manifest(release, tools))
    if uv is not None:
        subprocess.run([uv, "lock", "--quiet", "--directory", bundle], check=True)
    for name, files in (
        ("claude-plugin", documents.claude_plugin(release)),
        ("cursor-plugin", documents.cursor_plugin(release)),
    ):
        for path, document in files.items():
            _write(target / name / path, document)
    for name in ("claude-plugin/plugin", "cursor-plugin"):
        (target / name / "README.md").write_text(documents.plugin_readme(release), encoding="utf-8", newline="\n")
    _write(target / "docker" / "server.yaml", documents.docker_entry(release, commit))
    _write(target / "autodesk" / "mcp-manifest.json", documents.tool_manifest(release, tools))
    (target / "install-links.md").write_text(documents.links_page(release), encoding="utf-8", newline="\n")


def registry(target: Path, release: Release, bundle: Path | None) -> None:
    """Write server.json, with the packed bundle where there is one."""
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest() if bundle is not None else None
    _write(target / "server.json", documents.server_json(release, mcpb_sha256=digest))


def main(arguments: Sequence[str]) -> int:
    """Write what the arguments ask for, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bundles", description="Bundles and listings of a release.")
    parser.add_argument("command", choices=("build", "registry"))
    parser.add_argument("--owner", required=True, help="owner of the repository on GitHub")
    parser.add_argument("--repository", required=True, help="its name")
    parser.add_argument("--image", help="the published container image, without its tag")
    parser.add_argument("--commit", help="the commit that Docker builds; default: that of this clone")
    parser.add_argument("--uv", default="uv", help="the uv that makes the bundle's lock")
    parser.add_argument("--bundle", type=Path, help="the packed bundle")
    parser.add_argument("--target", type=Path, default=ROOT / "dist")
    given = parser.parse_args(arguments)
    try:
        release = Release(given.owner, given.repository, given.image)
    except ValueError as problem:
        parser.error(str(problem))
    given.target.mkdir(parents=True, exist_ok=True)
    if given.command == "registry":
        registry(given.target, release, given.bundle)
    else:
        build(given.target, release, commit=given.commit or _commit(), uv=given.uv)
    return 0


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _write(path: Path, document: dict[str, Any]) -> None:
    """Write a document in the form that its name asks for, once it has passed its rules."""
    check(path.name, document)
    text = (
        yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        if path.suffix == ".yaml"
        else json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
