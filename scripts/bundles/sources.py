"""Source trees of a release: the tracked files, with its addresses in README and pyproject.toml."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import tomlkit

from scripts.bundles.release import ROOT, Release

_ALWAYS = ("LICENSE", "README.md", "pyproject.toml")


def stamped_readme(text: str, release: Release) -> str:
    """Return the README as it is published: with the line by which the MCP registry knows whose the package is."""
    return f"{text.rstrip()}\n\n<!-- mcp-name: {release.registry_name} -->\n"


def stamped_project(text: str, release: Release) -> str:
    """Return pyproject.toml with the addresses of the release."""
    document = tomlkit.parse(text)
    project = document["project"]
    assert isinstance(project, dict)
    project["urls"] = {
        "Homepage": release.url,
        "Documentation": f"{release.url}/tree/v{release.version}/docs",
        "Changelog": f"{release.url}/blob/v{release.version}/CHANGELOG.md",
        "Issues": f"{release.url}/issues",
    }
    return tomlkit.dumps(document)


def bundled_project(text: str, release: Release) -> str:
    """Return pyproject.toml of a bundle, whose lock has nothing of developing."""
    document = tomlkit.parse(stamped_project(text, release))
    document.pop("dependency-groups", None)
    tools = document["tool"]
    assert isinstance(tools, dict)
    for name in [name for name in tools if name != "hatch"]:
        del tools[name]
    return tomlkit.dumps(document)


def packages(text: str) -> list[str]:
    """Return the folders that the wheel holds."""
    return list(tomlkit.parse(text).unwrap()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def tracked_files(root: Path = ROOT) -> Iterator[PurePosixPath]:
    """Return the files that git knows: nothing of a developer's own gets into a release."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True)
    yield from (PurePosixPath(name) for name in done.stdout.decode().split("\0") if name)


def write_source(target: Path, release: Release, *, bundled: bool, root: Path = ROOT) -> None:
    """Write the tree that a wheel is built from, or with `bundled` the one that a bundle carries, into a new folder."""
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    kept = set(packages(project))
    for path in tracked_files(root):
        if bundled and path.parts[0] not in kept and str(path) not in _ALWAYS:
            continue
        if (root / path).is_file():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, target / path)
    stamp = bundled_project if bundled else stamped_project
    _write(target / "pyproject.toml", stamp(project, release))
    _write(target / "README.md", stamped_readme((root / "README.md").read_text(encoding="utf-8"), release))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
