"""Whatever well-formed operations people carry out, in whatever order, the sandbox stays consistent (fact sheet 2 to 6).

After every step, for the person who acts next:

- every list shows each row once, over all its pages, and counts what it shows;
- what permitted actions list is carried out, given the mandatory fields, and what they govern and do not list is not;
- a refused request changes nothing.
"""

from __future__ import annotations

import httpx
import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import acc_sandbox
from acc_sandbox import Item

from .conftest import Caller, transport

PEOPLE = ("manager", "steel", "concrete", "engineer", "architect", "member", "admin")
STATES = ("draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void")
NAMES = st.sampled_from(["a.pdf", "b.dwg", "two words.pdf", "no extension"])
PEOPLE_DRAWN = st.sampled_from((*PEOPLE, *["manager"] * 5))
"""Managers may do most, so that most is found out through them."""
TARGETS = st.sampled_from(STATES)
DEFAULTS = {"draft": "1", "sbc-1": "1", "mgr-1": "2", "rev": "3", "mgr-2": "4"}
VALUES = {
    **{name: lambda box: "2030-01-31" for name in ("dueDate", "submitterDueDate", "requiredDate", "requiredOnJobDate")},
    **{name: lambda box: "2030-01-31T08:00:00Z" for name in ("sentToReview", "publishedDate", "receivedFromReview")},
    **{name: lambda box: [box.person("steel").autodesk_id] for name in ("ballInCourtUsers",)},
    **{name: lambda box: ["20031002"] for name in ("ballInCourtCompanies",)},
    **{name: lambda box: "words" for name in ("description", "subsection", "mailNote", "responseComment")},
    "priority": lambda box: "High",
    "leadTime": lambda box: 3,
    "sendEmails": lambda box: False,
    "manager": lambda box: box.person("manager").autodesk_id,
    "watchers": lambda box: [{"id": box.person("engineer").autodesk_id, "userType": "1"}],
    "stateId": lambda box: "void",
    "stepDueDate": lambda box: "2030-01-31",
    "revision": lambda box: 3,
}
"""Something that each field takes; the last three are no fields of an update."""


class Submittals(RuleBasedStateMachine):
    """People who work on one project's submittals; each example begins with a new sandbox."""

    @initialize()
    def begin(self):
        self.running = acc_sandbox.running()
        self.box = self.running.__enter__()
        self.clients = [httpx.Client(base_url=self.box.base_url, transport=transport()) for _ in PEOPLE]
        self.callers = {}
        for client, person in zip(self.clients, PEOPLE, strict=True):
            client.headers["Authorization"] = f"Bearer {self.box.token(person)}"
            self.callers[person] = Caller(self.box, client, person)
        self.ids = [item.id for item in self.box.items()]
        lookups = self.callers["admin"]
        first = {
            path: lookups.submittals("GET", f"/{path}").json()["results"]
            for path in ("specs", "item-types", "responses", "templates")
        }
        self.spec, self.type = first["specs"][0]["id"], first["item-types"][0]["id"]
        self.response, self.template = first["responses"][0]["id"], first["templates"][0]["id"]
        self.made = 0

    def teardown(self):
        if hasattr(self, "running"):
            for client in self.clients:
                client.close()
            self.running.__exit__(None, None, None)

    def item(self, place):
        return Item(self.ids[place % len(self.ids)], self.box.project().id, "", "", "")

    def seen(self, who, item):
        """The item as a person sees it, with its permitted actions by id, or None."""
        answer = self.callers[who].submittals("GET", f"/items/{item.id}")
        if answer.status_code == 404:
            return None, {}
        assert answer.status_code == 200
        return answer.json(), {one["id"]: one for one in answer.json()["permittedActions"]}

    def stored(self, item):
        """Everything that the project manager can see of an item."""
        manager = self.callers["manager"]
        paths = ("", "/attachments?limit=50", "/steps", "/revisions?limit=50")
        return [manager.submittals("GET", f"/items/{item.id}{path}").json() for path in paths]

    def unchanged(self, item, before):
        assert self.stored(item) == before

    @rule(who=PEOPLE_DRAWN, state=st.sampled_from(["draft", "sbc-1", "mgr-1"]), reviewed=st.booleans())
    def create(self, who, state, reviewed):
        caller = self.callers[who]
        me = caller.submittals("GET", "/users/me").json()
        [action] = [one for one in me["permittedActions"] if one["id"] == "Item::create"]
        ways = {way["stateTo"]["id"]: way for way in action["transitions"]}
        body = {"stateId": state, "specId": self.spec, "title": f"Made {self.made}", "typeId": self.type}
        if reviewed:
            body["templateId"] = self.template
        body |= self.mandatory(ways.get(state))
        answer = caller.submittals("POST", "/items", json=body)
        assert answer.status_code == (201 if state in ways else 403), answer.text
        if state in ways:
            self.made += 1
            self.ids.append(answer.json()["id"])

    @rule(who=PEOPLE_DRAWN, place=st.integers(0, 40), title=st.text(min_size=1, max_size=20).filter(str.strip))
    def patch(self, who, place, title):
        item = self.item(place)
        _, actions = self.seen(who, item)
        before = self.stored(item)
        answer = self.callers[who].submittals("PATCH", f"/items/{item.id}", json={"title": title})
        if "Item::partial_update" in actions:
            assert (answer.status_code, answer.json()["title"]) == (200, title)
        else:
            assert answer.status_code in (403, 404)
            self.unchanged(item, before)

    @rule(who=PEOPLE_DRAWN, place=st.integers(0, 40), to=TARGETS)
    def transition(self, who, place, to):
        item = self.item(place)
        seen, actions = self.seen(who, item)
        before = self.stored(item)
        ways = {
            way["stateTo"]["id"]: way for way in actions.get("Item::wf_transition", {"transitions": []})["transitions"]
        }
        body = {"stateId": to, **self.mandatory(ways.get(to), seen)}
        answer = self.callers[who].submittals("POST", f"/items/{item.id}:transition", json=body)
        if to in ways:
            assert (answer.status_code, answer.json()["stateId"]) == (200, to), answer.text
        else:
            assert answer.status_code in (403, 404)
            self.unchanged(item, before)

    def mandatory(self, way, seen=None):
        """A value for each field that a transition asks for."""
        known = {
            "manager": self.box.person("manager").autodesk_id,
            "managerType": "1",
            "subcontractor": self.box.person("steel").autodesk_id,
            "subcontractorType": "1",
            "submitterDueDate": "2027-01-31",
            "stepDueDate": "2027-02-28",
            "responseId": self.response,
        }
        body = {name: known.get(name) for name in (way["mandatoryFields"] or [])} if way else {}
        if "customIdentifier" in body:
            self.made += 1
            number = (seen or {}).get("customIdentifier") or f"N{self.made}"
            body["customIdentifier"] = number
        return body

    @rule(who=PEOPLE_DRAWN, place=st.integers(0, 40), name=NAMES, upload=st.booleans())
    def attach(self, who, place, name, upload):
        item, caller = self.item(place), self.callers[who]
        seen, actions = self.seen(who, item)
        before = self.stored(item)
        task = self.own_task(who, item) if seen and seen["stateId"] == "rev" else None
        answer = caller.attach(item, name=name, taskId=task)
        if "Attachment::create" not in actions:
            assert answer.status_code in (403, 404)
            self.unchanged(item, before)
            return
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert (made["name"], made["itemId"], made["asyncState"]) == (name, item.id, "1")
        if upload:
            caller.upload(made["uploadUrn"], name.encode())
            assert caller.confirm(item, made["id"]).status_code == 200
            self.box.clock.move(1)
            assert caller.attachment(item, made["id"])["asyncState"] == "3"

    def own_task(self, who, item):
        for step in self.callers[who].submittals("GET", f"/items/{item.id}/steps").json()["results"]:
            for task in step["tasks"]:
                if any(one["id"] == "Task::close" for one in task["permittedActions"]):
                    return task["id"]
                # A manager attaches to a task of anybody's that is in progress.
                if who == "manager" and task["status"] == "in-progress":
                    return task["id"]
        return None

    @rule(who=PEOPLE_DRAWN, place=st.integers(0, 40))
    def close_tasks(self, who, place):
        item, caller = self.item(place), self.callers[who]
        answer = caller.submittals("GET", f"/items/{item.id}/steps")
        for step in answer.json().get("results", []) if answer.status_code == 200 else []:
            for listed in step["tasks"]:
                path = f"/items/{item.id}/steps/{step['id']}/tasks/{listed['id']}"
                task = caller.submittals("GET", path).json()
                may = any(one["id"] == "Task::close" for one in task["permittedActions"])
                before = self.stored(item)
                closed = caller.submittals("POST", f"{path}:close", json={"responseId": self.response})
                assert closed.status_code == (200 if may else 403), closed.text
                if may:
                    assert closed.json()["status"] == "completed"
                else:
                    self.unchanged(item, before)

    @rule(who=PEOPLE_DRAWN, place=st.integers(0, 40))
    def confirm_all(self, who, place):
        item, caller = self.item(place), self.callers[who]
        answer = caller.submittals("GET", f"/items/{item.id}/attachments", params={"limit": 50})
        for row in answer.json()["results"] if answer.status_code == 200 else []:
            may = any(one["id"] == "Attachment::partial_update" for one in row["permittedActions"])
            assert caller.confirm(item, row["id"]).status_code == (200 if may else 403)

    @rule(place=st.integers(0, 40))
    def revise(self, place):
        item = self.item(place)
        seen, _ = self.seen("manager", item)
        if seen["stateId"] in ("draft", "void"):
            with pytest.raises(LookupError):
                self.box.revise(item)
            return
        self.box.revise(item)
        after, _ = self.seen("manager", item)
        assert (after["revision"], after["stateId"]) == (seen["revision"] + 1, "sbc-1")
        rows = self.callers["manager"].submittals("GET", f"/items/{item.id}/attachments", params={"limit": 50}).json()
        assert {row["categoryId"] for row in rows["results"]} <= {"5", "6", "7", "8"}

    @rule(who=PEOPLE_DRAWN, place=st.integers(0, 40), field=st.sampled_from(sorted(VALUES)))
    def patch_one_field(self, who, place, field):
        """Exactly the fields that are listed may be updated, in any state."""
        item = self.item(place)
        _, actions = self.seen(who, item)
        before = self.stored(item)
        value = VALUES[field](self.box)
        answer = self.callers[who].submittals("PATCH", f"/items/{item.id}", json={field: value})
        update = actions.get("Item::partial_update")
        if update is None:
            assert answer.status_code in (403, 404)
            self.unchanged(item, before)
            return
        assert answer.status_code == (200 if field in update["fields"] else 400), (field, answer.text)
        before = self.stored(item)
        for name in VALUES.keys() - update["fields"].keys():
            body = {name: VALUES[name](self.box)}
            assert self.callers[who].submittals("PATCH", f"/items/{item.id}", json=body).status_code == 400, name
        self.unchanged(item, before)

    @rule(who=PEOPLE_DRAWN, place=st.integers(0, 40), category=st.sampled_from("12345678"))
    def attach_in_a_category(self, who, place, category):
        item, caller = self.item(place), self.callers[who]
        seen, actions = self.seen(who, item)
        create = actions.get("Attachment::create")
        before = self.stored(item)
        task = self.own_task(who, item) if seen and seen["stateId"] == "rev" else None
        answer = caller.attach(item, categoryId=category, taskId=task)
        if create is None:
            assert answer.status_code in (403, 404, 400)
            self.unchanged(item, before)
            return
        good = {DEFAULTS[seen["stateId"]], *create["fields"].get("categoryId", [])}
        assert answer.status_code == (201 if category in good else 400)
        before = self.stored(item)
        for other in set("12345678") - good:
            assert caller.attach(item, categoryId=other, taskId=task).status_code == 400
        self.unchanged(item, before)

    @rule(who=PEOPLE_DRAWN)
    def what_the_project_permits(self, who):
        """Specs, mappings and templates, as users/me lists them."""
        caller = self.callers[who]
        me = {one["id"] for one in caller.submittals("GET", "/users/me").json()["permittedActions"]}
        self.made += 1
        spec = caller.submittals("POST", "/specs", json={"identifier": f"S{self.made}", "title": "Made"})
        assert spec.status_code == (201 if "Spec::create" in me else 403)
        assert caller.submittals("GET", "/templates").status_code == (200 if "Template::list" in me else 403)
        body = {"userType": "2", "autodeskId": "20031003", "submittalsRole": "1"}
        mapping = caller.submittals("POST", "/settings/mappings", json=body)
        assert mapping.status_code == (201 if "AdminMapping::create" in me else 403)
        admin = self.callers["admin"]
        made = mapping if mapping.status_code == 201 else admin.submittals("POST", "/settings/mappings", json=body)
        path = f"/settings/mappings/{made.json()['id']}"
        deleted = caller.submittals("DELETE", path).status_code
        assert deleted == (204 if "AdminMapping::destroy" in me else 403)
        if deleted == 403:
            assert admin.submittals("DELETE", path).status_code == 204

    @rule(who=PEOPLE_DRAWN, place=st.integers(0, 40), limit=st.integers(1, 3))
    def page_through_attachments(self, who, place, limit):
        item, caller = self.item(place), self.callers[who]
        url = f"/construction/submittals/v2/projects/{item.project_id}/items/{item.id}/attachments?limit={limit}"
        found, total = [], 0
        while url and (answer := caller("GET", url)).status_code == 200:
            page = answer.json()
            found += [row["id"] for row in page["results"]]
            total, url = page["pagination"]["totalResults"], page["pagination"].get("nextUrl")
        wanted = [row["id"] for row in self.box.attachments(item)] if self.seen(who, item)[0] else []
        assert sorted(found) == sorted(wanted)
        assert total == len(wanted)

    @rule(seconds=st.sampled_from([1, 60, 86_400]))
    def wait(self, seconds):
        self.box.clock.move(seconds)
        for client, person in zip(self.clients, PEOPLE, strict=True):
            client.headers["Authorization"] = f"Bearer {self.box.token(person)}"

    @invariant()
    @precondition(lambda self: hasattr(self, "running"))
    def every_row_is_on_one_page(self):
        manager = self.callers["manager"]
        found, url = [], f"/construction/submittals/v2/projects/{self.box.project().id}/items?limit=7&sort=title"
        url += f"&filter[stateId]={','.join(STATES)}"
        while url:
            page = manager("GET", url).json()
            found += [row["id"] for row in page["results"]]
            url = page["pagination"].get("nextUrl")
        assert sorted(found) == sorted(self.ids)
        assert page["pagination"]["totalResults"] == len(self.ids)

    @invariant()
    @precondition(lambda self: hasattr(self, "running"))
    def states_statuses_and_courts_fit_together(self):
        states = ",".join(STATES)
        query = {"filter[stateId]": states, "limit": 50}
        rows = self.callers["manager"].submittals("GET", "/items", params=query).json()["results"]
        status = dict(zip(STATES, "6122234", strict=True))
        court = {
            "sbc-1": "subcontractor",
            "mgr-1": "manager",
            "rev": "reviewer",
            "mgr-2": "manager",
            "sbc-2": "subcontractor",
        }
        for row in rows:
            assert row["statusId"] == status[row["stateId"]]
            assert row["ballInCourtType"] == court.get(row["stateId"])
            open_tasks = [
                one for one in self.box.tasks(self.item(self.ids.index(row["id"]))) if one.status == "in-progress"
            ]
            assert bool(open_tasks) == (row["stateId"] == "rev")


TestSubmittals = Submittals.TestCase
TestSubmittals.settings = hypothesis.settings(
    max_examples=12 if hypothesis.settings.default.max_examples < 1000 else 200,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
