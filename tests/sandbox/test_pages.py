"""The pages that people look at."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest


class Tags(HTMLParser):
    """Open tags that were never closed, and outside assets."""

    VOID = frozenset({"meta", "input", "br", "rect"})

    def __init__(self, html):
        super().__init__()
        self.open, self.outside = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        self.outside += [
            value for name, value in attributes if name in ("src", "srcset") or (tag == "link" and name == "href")
        ]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page(anonymous, path):
    answer = anonymous.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    tags = Tags(answer.text)
    assert (tags.open, tags.outside) == ([], [])
    return answer.text


def test_the_first_page_leads_to_every_submittal(box, anonymous):
    home = page(anonymous, "/")
    projects = re.findall(r'href="(/projects/[^"]+)"', home)
    assert len(projects) == 3
    items = [
        link for path in projects for link in re.findall(r'href="(/projects/[^"]+/items/[^"]+)"', page(anonymous, path))
    ]
    assert len(items) == 18
    for link in items:
        page(anonymous, link)
    assert box.base_url in home


def test_an_item_shows_its_attachments_review_and_what_a_person_may_do(box, anonymous):
    item = box.item("051200-3")
    path = f"/projects/{item.project_id}/items/{item.id}"
    as_manager = page(anonymous, path)
    assert "beam-schedule.pdf" in as_manager
    assert "Structural Engineer" in as_manager
    assert "Attachment::create" in as_manager
    assert "Attachment::create" not in page(anonymous, f"{path}?person=member")
    assert "Not a member" in page(anonymous, f"{path}?person=outsider")
    draft = box.items("draft")[0]
    assert "visible to managers only" in page(anonymous, f"/projects/{draft.project_id}/items/{draft.id}?person=steel")


def test_text_from_clients_is_shown_as_text(box, manager, anonymous):
    item, danger = box.item("051200-3"), "<script>alert(1)</script>&\"'"
    manager.submittals("PATCH", f"/items/{item.id}", json={"title": danger})
    manager.attach(item, name="&amp; 'x' \" onload=y.pdf")
    for path in (f"/projects/{item.project_id}", f"/projects/{item.project_id}/items/{item.id}"):
        html = page(anonymous, path)
        assert "<script>" not in html
        assert "&lt;script&gt;" in html
    query = {
        "client_id": box.client_id,
        "redirect_uri": box.callback_url,
        "response_type": "code",
        "scope": "data:read",
    }
    query |= {"code_challenge": "c" * 43, "code_challenge_method": "S256", "state": f'"><b>{danger}'}
    html = anonymous.get("/authentication/v2/authorize", params=query).text
    assert "<script>" not in html
    assert Tags(html).open == []


@pytest.mark.parametrize(
    "path", ["/projects/x", "/projects/11111111-1111-4111-8111-111111111111", "/people/nobody.svg"]
)
def test_an_unknown_page_is_404(anonymous, path):
    answer = anonymous.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_a_person_has_a_picture(manager):
    picture = manager("GET", manager("GET", "/userinfo").json()["picture"])
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert ">PM<" in picture.text
