"""The pages that people look at."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser

import pytest

BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"


class Tags(HTMLParser):
    """Open tags that were never closed, and outside assets."""

    VOID = frozenset({"meta", "input", "br", "rect", "link"})

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
    assert tags.open == []
    assert set(tags.outside) <= {"/assets/style.css", "/assets/requests.js"}
    return answer.text


def test_the_first_page_leads_to_every_submittal(box, anonymous):
    home = page(anonymous, "/")
    projects = re.findall(r'href="(/projects/[^"]+)"', home)
    assert len(projects) == 4
    items = [
        link for path in projects for link in re.findall(r'href="(/projects/[^"]+/items/[^"]+)"', page(anonymous, path))
    ]
    assert len(items) == 20
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
    assert '<link rel="stylesheet" href="/assets/style.css">' in answer.text, "white in dark mode"


def test_a_person_has_a_picture(manager):
    picture = manager("GET", manager("GET", "/userinfo").json()["picture"])
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert ">PM<" in picture.text


def test_a_projects_submittals_are_filtered_by_state_court_and_words(box, anonymous):
    path = f"/projects/{box.project().id}"

    def shown(query):
        return re.findall(r"/items/[^\"]+\">([\w-]+)<", page(anonymous, f"{path}?{query}"))

    assert shown("state=rev") == ["052100-1", "053100-1", "079200-1"]
    assert shown(f"state=rev&court={box.person('engineer').autodesk_id}") == ["053100-1"]
    assert shown("court=20031005") == ["079200-1"]
    assert shown("search=EAST") == ["051200-4"]
    assert shown("state=nonsense") == []
    assert shown("search=%27%3B--") == []


def test_the_buttons_move_the_clock_sign_people_in_and_plan_faults(box, anonymous):
    before = box.clock.now()
    page(anonymous, "/controls")
    moved = anonymous.post("/controls/clock", data={"seconds": "3600"})
    assert (moved.status_code, moved.headers["location"]) == (303, "/controls")
    assert (box.clock.now() - before).total_seconds() == 3600
    anonymous.post("/controls/person", data={"person": "steel"})
    query = {
        "response_type": "code",
        "client_id": box.client_id,
        "redirect_uri": box.callback_url,
        "scope": "data:read",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    assert "code=" in anonymous.get("/authentication/v2/authorize", params=query).headers["location"]
    anonymous.post("/controls/person", data={"person": ""})
    assert anonymous.get("/authentication/v2/authorize", params=query).status_code == 200
    for effect in ("refuse", "reset", "reset_after", "lose_answer", "stall", "slow", "expire"):
        form = {"operation": "items.list", "effect": effect, "nth": "1", "times": "0", "status": "502", "amount": "9"}
        assert anonymous.post("/controls/faults", data=form).status_code == 303
    assert len(box.faults.all()) == 7
    assert "refuse status 502" in page(anonymous, "/controls")
    anonymous.post("/controls/faults/release")
    anonymous.post("/controls/faults/clear")
    assert box.faults.all() == []
    anonymous.post("/controls/switches", data={"b_prefix": "accept", "urn_delay": "7"})
    assert (box.switches.b_prefix, box.switches.urn_delay) == ("accept", 7.0)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("clock", {"seconds": "-1"}),
        ("clock", {}),
        ("clock", {"seconds": "9" * 12}),
        ("person", {"person": "nobody"}),
        ("faults", {"operation": "none", "effect": "reset"}),
        ("faults", {"operation": "*", "effect": "reset", "nth": "x"}),
        ("faults", {"operation": "*", "effect": "refuse", "status": "99"}),
        ("switches", {"colour": "1"}),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(anonymous, path, form):
    assert anonymous.post(f"/controls/{path}", data=form).status_code == 400


def test_the_buttons_do_not_answer_another_origin(anonymous):
    answer = anonymous.post("/controls/clock", data={"seconds": "1"}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_the_log_of_requests_grows_and_hides_secrets(box, anonymous):
    assert "No request yet" in page(anonymous, "/requests")
    headers = {"Authorization": f"Bearer {box.token()}"}
    anonymous.get("/userinfo?state=secret", headers=headers)
    text = page(anonymous, "/requests")
    assert "auth.userinfo" in text
    assert "state=***" in text
    assert box.token() not in text
    assert anonymous.get("/requests/rows?after=0").text.count('<details class="request"') == 1
    assert anonymous.get("/requests/rows?after=99").text == ""


def test_the_next_revision_is_a_button(box, anonymous):
    item = box.item("051200-3")
    assert "Make the next revision" in page(anonymous, f"/projects/{item.project_id}/items/{item.id}")
    answer = anonymous.post("/controls/revisions", data={"item": item.id})
    assert answer.headers["location"] == f"/projects/{item.project_id}/items/{item.id}"
    assert "<dt>Revision</dt><dd>1</dd>" in page(anonymous, answer.headers["location"])


@pytest.mark.parametrize("path", ["/", "/controls", "/requests"])
def test_a_page_runs_no_script_and_no_style_but_its_own(anonymous, path):
    answer = anonymous.get(path)
    policy = dict(one.split(" ", 1) for one in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"], policy["form-action"]) == ("'self'", "'self'", "'self'")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<style|style=|<script>|\son\w+=", answer.text)


@pytest.mark.parametrize(("name", "kind"), [("style.css", "text/css"), ("requests.js", "text/javascript")])
def test_the_files_of_the_pages_are_served_with_their_types(anonymous, name, kind):
    answer = anonymous.get(f"/assets/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
    assert anonymous.get("/assets/pages.py").status_code == 404


def test_an_item_shows_the_stored_files_and_opens_them(box, manager, anonymous):
    """By the size and digest on the page, a person sees that what reviewers open is what was sent."""
    item, content = box.item("051200-3"), b"%PDF-1.7 \xff drawing" * 1000
    made = manager.attach(item, name="Träger plan.pdf").json()
    path = f"/projects/{item.project_id}/items/{item.id}"
    link = f"{path}/attachments/{made['id']}"
    assert link not in page(anonymous, path)
    assert anonymous.get(link).status_code == 404
    manager.upload(made["uploadUrn"], content)
    shown = page(anonymous, path)
    assert link in shown
    assert f"{len(content):,} bytes" in shown
    assert hashlib.sha256(content).hexdigest() in shown
    answer = anonymous.get(link)
    assert answer.content == content
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''Tr%C3%A4ger%20plan.pdf"
    # The seed's own attachment is a stored file too, as is one that links a version of the Files tool.
    linked = manager.attach(item, name="beam.pdf", urn=box.file(BEAMS).version_urn, isFileUploaded=True)
    assert linked.status_code in (200, 201), linked.text
    assert page(anonymous, path).count("SHA-256") == 3


def test_a_stored_file_that_could_run_a_script_is_saved_and_not_shown(box, manager, anonymous):
    item = box.item("051200-3")
    made = manager.attach(item, name="page.html").json()
    manager.upload(made["uploadUrn"], b"<script>alert(1)</script>")
    answer = anonymous.get(f"/projects/{item.project_id}/items/{item.id}/attachments/{made['id']}")
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
