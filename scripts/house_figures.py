"""Figures of how the code is laid out: sizes, class and module names, import circles.

`scripts/house` prints them. A test holds those that may not grow again.
"""

import argparse
import ast
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("server", "tools", "transfers", "auth", "acc", "persistence")
SANDBOX = ("acc_sandbox",)

ACC_WORDS = frozenset(
    {"Attachment", "Category", "Folder", "Hub", "Item", "Manager", "Project", "Response", "Spec", "Step", "Task"}
    | {"Transition", "Upload", "User", "Version"}
)
"""One-word class names that are ACC's own terms."""


@dataclass(frozen=True)
class SourceModule:
    """One module of ours, by its dotted name."""

    name: str
    path: Path

    @cached_property
    def lines(self) -> int:
        """Lines of the file."""
        return len(self.path.read_text(encoding="utf-8").splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def modules_of(packages: Sequence[str], root: Path = ROOT) -> list[SourceModule]:
    """Return the modules of some packages, sorted by name; a package that is not there has none."""
    found = []
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found.append(SourceModule(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def class_names(modules: Iterable[SourceModule]) -> dict[str, list[str]]:
    """Return the modules in which each class name is defined; variants of one class in one module count once."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        for name in sorted({node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}):
            found[name].append(module.name)
    return dict(found)


def repeated(names: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return the names that stand for several things."""
    return {name: where for name, where in sorted(names.items()) if len(where) > 1}


def one_word(names: Iterable[str]) -> list[str]:
    """Return the class names of one word that are not ACC's own."""
    return sorted(name for name in names if len(re.findall(r"[A-Z][a-z0-9]*", name)) == 1 and name not in ACC_WORDS)


def repeated_module_names(modules: Iterable[SourceModule]) -> dict[str, Sequence[str]]:
    """Return the last parts of module names that several folders have, `__init__` apart."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        if module.path.name != "__init__.py":
            found[module.path.stem].append(module.name)
    return repeated(found)


def imports_of(module: SourceModule, known: frozenset[str]) -> Iterator[str]:
    """Yield the known modules that a module imports anywhere: under TYPE_CHECKING and in functions as well."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = module.package.split(".")[: -(node.level - 1) or None] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                if inner in known:
                    yield inner
                elif source in known:
                    yield source


def import_circles(modules: Sequence[SourceModule]) -> list[list[str]]:
    """Return the groups of modules each of which reaches every other of its group (Tarjan's algorithm)."""
    known = frozenset(module.name for module in modules)
    graph = {module.name: sorted({*imports_of(module, known)} - {module.name}) for module in modules}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[-len(group) :]
            if len(group) > 1:
                circles.append(sorted(group))

    for name in graph:
        if name not in index:
            visit(name)
    return sorted(circles)


def modules_a_folder(modules: Iterable[SourceModule]) -> dict[str, int]:
    """Return how many modules each folder holds."""
    found: dict[str, int] = defaultdict(int)
    for module in modules:
        found[str(module.path.parent.relative_to(ROOT))] += 1
    return dict(sorted(found.items()))


def report(*, details: bool, hops: bool) -> Iterator[str]:
    """Yield the lines of the report; with `details` the names behind each, with `hops` the files of an attach."""
    product, sandbox = modules_of(PRODUCT), modules_of(SANDBOX)
    lines = [module.lines for module in (*product, *sandbox)]
    yield _figure("modules", len(lines))
    yield _figure("lines without tests", sum(lines))
    yield _figure("lines a module", f"{sum(lines) / len(lines):.0f} (median {statistics.median(lines):.0f})")
    yield _figure("modules of more than 400 lines", sum(one > 400 for one in lines))
    if hops:
        from scripts.attach_hops import attach_hops

        attach = attach_hops()
        yield _figure("files from the tool's entry to the PATCH", len(attach.from_tool))
        yield _figure("files from the request to the PATCH", len(attach.from_request))
    for title, modules in (("product", product), ("sandbox", sandbox)):
        names, circles = class_names(modules), import_circles(modules)
        short, twice, shared = one_word(names), repeated(names), repeated_module_names(modules)
        yield f"{title}:"
        yield _figure(
            "  one-word class names, ACC's apart", f"{len(short)} of {len(names)}, {len(short) / len(names):.0%}"
        )
        yield from _named(short, details=details)
        yield _figure("  class names with several meanings", len(twice))
        yield from _named((f"{name}: {', '.join(where)}" for name, where in twice.items()), details=details)
        yield _figure("  module names in several folders", len(shared))
        yield from _named((f"{name}: {', '.join(where)}" for name, where in shared.items()), details=details)
        yield _figure("  import circles", len(circles))
        yield from _named((" <-> ".join(group) for group in circles), details=details)
    yield "modules a folder:"
    for folder, count in modules_a_folder((*product, *sandbox)).items():
        yield _figure(f"  {folder}", count)


def _figure(title: str, value: object) -> str:
    return f"{title:44}{value}"


def _named(names: Iterable[str], *, details: bool) -> Iterator[str]:
    if details:
        yield from (f"    {name}" for name in names)


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--details", action="store_true", help="also the names behind each figure")
    parser.add_argument("--no-attach", action="store_true", help="without running an attach and counting its files")
    options = parser.parse_args()
    for line in report(details=options.details, hops=not options.no_attach):
        print(line)


if __name__ == "__main__":
    main()
