"""The sandbox's pages in a real browser: what they show, on a desk and on a phone, in light and dark.

Screenshots of every page land in the test's temporary folder (or in SCREENSHOTS), for people to look at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

import acc_sandbox
from acc_sandbox import Fault, Refuse, Sandbox

from .conftest import PATIENCE

SIZES = {"desk": (1280, 900), "phone": (390, 844)}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with acc_sandbox.running() as box:
        yield box


@pytest.fixture
def page(chromium: Browser, box: Sandbox) -> Iterator[Page]:
    context = chromium.new_context(base_url=box.base_url)
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()


def paths(box: Sandbox) -> dict[str, str]:
    item = box.item("053100-1")
    project = f"/projects/{item.project_id}"
    return {
        "home": "/",
        "project": f"{project}?state=rev",
        "item": f"{project}/items/{item.id}?person=engineer",
        "requests": "/requests",
        "controls": "/controls",
        "sign-in": "/authentication/v2/authorize?response_type=code&scope=data:read&code_challenge_method=S256"
        f"&client_id={box.client_id}&redirect_uri={box.callback_url}&code_challenge={'c' * 43}",
        "sign-in-refused": "/authentication/v2/authorize?response_type=code&client_id=none",
        "no-submittal": f"{project}/items/00000000-0000-4000-8000-000000000000",
    }


MISTAKES = {"sign-in-refused": 400, "no-submittal": 404}
"""Pages for what cannot be shown."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_is_photographed(
    chromium: Browser, box: Sandbox, tmp_path: Path, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    viewport = {"width": width, "height": height}
    context = chromium.new_context(base_url=box.base_url, viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]  # literals
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    for name, path in paths(box).items():
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == MISTAKES.get(name, 200), name
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide"
        hidden = page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).length"
        )
        assert hidden == 0 or size == "desk", f"{name} has tables that must be scrolled sideways"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        is_html = "html" in answer.headers["content-type"]
        assert not is_html or (max(map(int, re.findall(r"\d+", ground))) < 64) is (scheme == "dark"), (
            f"{name} is of the other scheme"
        )
        labels = page.evaluate(
            "[...document.querySelectorAll('dt, dd, th, label, td > *')]"
            ".filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1).map(one => one.textContent.trim())"
        )
        assert labels == [], f"{name} has text that runs into what is beside it"
        page.screenshot(path=str(folder / f"{name}-{size}-{scheme}.png"))
    context.close()
    assert problems == []


def test_submittals_are_filtered_and_one_is_opened_as_another_person(box: Sandbox, page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Riverside Medical Center").click()
    page.get_by_label("State").select_option("rev")
    page.get_by_label("Ball in court").select_option(label="Structural Engineer")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("td.number")).to_have_text(["053100-1"])
    page.get_by_role("link", name="053100-1").click()
    expect(page.get_by_text("deck-layout.pdf", exact=True)).to_be_visible()
    expect(page.locator(".actions")).not_to_contain_text("Task::close")
    page.get_by_role("link", name="Structural Engineer").click()
    expect(page.locator(".actions")).to_contain_text("Attachment::create")


def test_requests_appear_while_one_looks_and_unfold(box: Sandbox, page: Page) -> None:
    page.goto("/requests")
    expect(page.get_by_text("No request yet")).to_be_visible()
    with httpx.Client(base_url=box.base_url, headers={"Authorization": f"Bearer {box.token()}"}) as client:
        path = f"/construction/submittals/v2/projects/{box.project().id}/specs"
        client.post(path, json={"identifier": "099000", "title": "Paints"})
    row = page.locator("details.request")
    expect(row).to_contain_text("specs.create")
    row.locator("> summary").click()
    row.get_by_text("Sent").click()
    expect(row.get_by_text("Paints").first).to_be_visible()
    assert box.token() not in page.content()


def test_the_buttons_move_the_clock_and_play_a_fault(box: Sandbox, page: Page) -> None:
    before = box.clock.now()
    page.goto("/controls")
    page.get_by_role("button", name="A day").click()
    expect(page.locator("#now")).not_to_contain_text(f"{before:%Y-%m-%d %H}")
    assert (box.clock.now() - before).total_seconds() >= 86_400
    page.get_by_label("Operation").select_option("attachments.create")
    page.get_by_role("button", name="Plan this fault").click()
    expect(page.get_by_text("refuse status 503")).to_be_visible()
    assert [type(one.effect) for one in box.faults.all()] == [Refuse]
    box.faults.add(Fault("specs.list", Refuse(500)))
    page.get_by_role("button", name="Forget all").click()
    expect(page.get_by_text("Nothing is planned")).to_be_visible()
    assert box.faults.all() == []


def test_the_person_who_signs_in_can_be_changed(box: Sandbox, page: Page) -> None:
    page.goto("/controls")
    page.get_by_label("Person who signs in").select_option("steel")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_label("Person who signs in")).to_have_value("steel")
    assert box.auto_approve is True
