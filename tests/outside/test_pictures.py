"""The pictures of the documents in a real browser, with the fonts that a machine without a design department has.

Screenshots go to the folder named by SCREENSHOTS, for people to look at.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser

DOCS = Path(__file__).resolve().parents[2] / "docs"
PICTURES = sorted(DOCS.glob("*.svg"))
SIZES = {"desk": (1100, 700), "phone": (390, 500)}
PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><style>
:root { color-scheme: light dark } body { margin: 16px; background: Canvas } img { max-width: 100% }
</style><img src="{picture}">"""

OUTSIDE = """() => {
    const frame = document.documentElement.viewBox.baseVal;
    return [...document.querySelectorAll("text")].filter(text => {
        const box = text.getBBox();
        return box.x < 0 || box.y < 0 || box.x + box.width > frame.width || box.y + box.height > frame.height;
    }).map(text => text.textContent);
}"""


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_every_text_of_a_picture_is_inside_it(chromium: Browser, picture: Path) -> None:
    page = chromium.new_page()
    page.goto(picture.as_uri())
    assert page.evaluate(OUTSIDE) == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_fits_a_page_as_it_is_shown_there(
    chromium: Browser, picture: Path, size: str, scheme: str, tmp_path: Path
) -> None:
    width, height = SIZES[size]
    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]  # literals
    shown = tmp_path / "page.html"
    shown.write_text(PAGE.replace("{picture}", picture.as_uri()), encoding="utf-8")
    page.goto(shown.as_uri())
    assert page.evaluate("document.images[0].naturalWidth") > 0
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    page.screenshot(path=str(folder / f"{picture.stem}-{size}-{scheme}.png"))
    page.close()
