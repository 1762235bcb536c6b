"""The page that benchmarks write their figures into, each between marks of its own."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"


def write_section(name: str, text: str) -> None:
    """Replace what stands between the marks of that name."""
    start, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    before, found, rest = PAGE.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{PAGE} has no {start.strip()} followed by {end.strip()}")
    PAGE.write_text(before + start + text + end + after, encoding="utf-8")
