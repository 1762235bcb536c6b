"""Long lists say how to go on and how to make them shorter, after what can be done with their rows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import acc_sandbox
from acc_sandbox import SeedData
from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.seed.model import SeedProject
from tools.core.results import NextStep
from tools.lookup.files import FOLDERS
from tools.next_steps.after_page import PageInfo, after_page

pytestmark = pytest.mark.either_era

RIVERSIDE = "Riverside Medical Center"

ARGUMENTS = {
    "find_projects": {"query": "river"},
    "find_submittals": {"query": "beam", "state": ["rev"], "attachable": True, "in_my_court": True},
    "find_project_files": {"folder": "Plans"},
    "get_submittal": {},
    "get_attachment_status": {"wait_seconds": 30},
}
ALWAYS = {
    "find_projects": {},
    "find_submittals": {"project": RIVERSIDE},
    "find_project_files": {"project": RIVERSIDE, "query": "beam"},
    "get_submittal": {"project": RIVERSIDE, "submittal": "12"},
    "get_attachment_status": {"project": RIVERSIDE, "submittal": "12"},
}


@st.composite
def pages(draw: st.DrawFn) -> PageInfo:
    tool = draw(st.sampled_from(sorted(ARGUMENTS)))
    chosen = draw(st.fixed_dictionaries({}, optional={k: st.just(v) for k, v in ARGUMENTS[tool].items()}))
    place = draw(st.fixed_dictionaries({}, optional={"limit": st.just(2), "cursor": st.just("this")}))
    complete = tool != "find_project_files" or draw(st.booleans())
    return PageInfo(tool, ALWAYS[tool] | chosen | place, draw(st.sampled_from([None, "next"])), complete)


@given(pages(), st.booleans())
def test_every_list_that_goes_on_has_a_step_to_its_next_page_and_one_that_makes_it_shorter(served, page, empty):
    steps = after_page(page, empty=empty)
    for step in steps:
        served[True].check(step)
        served[False].check(step)
    if empty and page.whole:
        return  # nothing goes on, and nothing is long
    on = [one for one in steps if "cursor" in one.arguments]
    shorter = [one for one in steps if "cursor" not in one.arguments]
    assert [one.arguments for one in on] == [{**page.arguments, "cursor": "next"}] * (page.cursor is not None)
    assert len(shorter) == (page.cursor is not None or not page.complete)
    assert all(len(one.needs) == 1 for one in shorter)
    assert all("limit" not in one.arguments for one in shorter)


@pytest.mark.parametrize(
    ("tool", "chosen", "needs", "ways"),
    [
        ("find_projects", {}, "query", "query"),
        ("find_projects", {"query": "river"}, "query", "a longer query"),
        ("find_submittals", {}, "query", "query or state or attachable or in_my_court"),
        ("find_submittals", {"query": "beam"}, "state", "state or attachable or in_my_court or a longer query"),
        ("find_submittals", {"state": ["rev"], "attachable": True}, "query", "query or in_my_court"),
        ("find_submittals", ARGUMENTS["find_submittals"], "query", "a longer query"),
        ("find_project_files", {}, "folder", "folder or a longer query"),
        ("find_project_files", {"folder": "Plans"}, "query", "a longer query"),
    ],
)
def test_only_what_was_not_given_yet_is_said_to_narrow_a_list(tool, chosen, needs, ways):
    arguments = ALWAYS[tool] | chosen
    _, narrowed = after_page(PageInfo(tool, arguments, "next"))
    kept = {name: value for name, value in arguments.items() if name != needs}
    reason = f"Too long a list? Narrow it by {ways}."
    assert narrowed == NextStep(tool=tool, arguments=kept, needs=[needs], reason=reason)


@pytest.mark.parametrize("tool", ["find_projects", "find_submittals", "find_project_files"])
def test_where_nothing_fits_the_words_other_words_are_asked_for(tool):
    arguments = ALWAYS[tool] | {"query": "steel beams"}
    *whole, again = after_page(PageInfo(tool, arguments | {"limit": 2}, None), empty=True)
    assert [one.arguments for one in whole] == ([{}] if tool == "find_projects" else [])
    kept = {name: value for name, value in arguments.items() if name != "query"}
    reason = "Nothing fits: try a single word of the name or title, or a number."
    assert again == NextStep(tool=tool, arguments=kept, needs=["query"], reason=reason)
    assert after_page(PageInfo(tool, arguments, None)) == []


def test_where_nothing_fits_though_no_words_were_given_nothing_is_left():
    assert after_page(PageInfo("find_submittals", {"project": RIVERSIDE, "state": "void"}, None), empty=True) == []


def test_a_page_without_hits_says_how_to_look_further():
    chosen = {"project": RIVERSIDE, "attachable": True}
    on, _ = after_page(PageInfo("find_submittals", chosen, "next"), empty=True)
    assert (on.arguments, on.reason) == ({**chosen, "cursor": "next"}, "Nothing so far; this looks further.")


def test_a_list_is_whole_only_where_no_row_stands_on_another_page():
    whole = PageInfo("find_project_files", {"project": RIVERSIDE, "query": "beam"}, None)
    assert whole.whole
    last = {**whole.arguments, "cursor": "this"}
    for part in (replace(whole, cursor="next"), replace(whole, arguments=last), replace(whole, complete=False)):
        assert not part.whole


async def test_a_page_of_submittals_leads_to_one_then_to_the_next_page_then_to_fewer(connect):
    async with connect() as assistant:
        first = await assistant.call("find_submittals", project=RIVERSIDE, limit=1)
        look, on, narrow = first["next_steps"]
        assert (look["tool"], look["needs"]) == ("get_submittal", ["submittal"])
        second = await assistant.follow(on)
        fewer = await assistant.follow(narrow, query="column")
    assert second["submittals"][0]["id"] != first["submittals"][0]["id"]
    assert [row["number"] for row in fewer["submittals"]] == ["051200-5", "051200-4"]
    assert [step["tool"] for step in fewer["next_steps"]] == ["get_submittal"]


async def test_a_page_of_projects_leads_to_the_next_one_and_to_words_of_a_name(connect, box):
    async with connect() as assistant:
        first = await assistant.call("find_projects", limit=2)
        look, on, narrow = first["next_steps"]
        assert (look["tool"], look["needs"]) == ("find_submittals", ["project"])
        assert [row["name"] for row in (await assistant.follow(on))["projects"]] == [RIVERSIDE]
        assert [row["name"] for row in (await assistant.follow(narrow, query="mill"))["projects"]] == [
            "Old Mill Library"
        ]


async def test_a_page_of_files_leads_to_the_next_one_and_to_a_folder(connect):
    async with connect() as assistant:
        first = await assistant.call("find_project_files", project=RIVERSIDE, query="shop-drawings", limit=1)
        look, on, narrow = first["next_steps"]
        assert (look["tool"], look["needs"]) == ("add_submittal_attachment", ["submittal", "file_urn"])
        assert (await assistant.follow(on))["files"] != first["files"]
        assert len((await assistant.follow(narrow, folder="05 Steel"))["files"]) == 2


async def test_a_page_of_attachments_leads_to_the_next_one_and_to_one_attachment(connect, tmp_path):
    place = {"project": RIVERSIDE, "submittal": "051200-2"}
    async with connect(folders=(tmp_path,)) as assistant:
        for name in ("a.pdf", "b.pdf"):
            (tmp_path / name).write_text(name)
            await assistant.call("add_submittal_attachment", **place, file_path=name)
        for tool in ("get_submittal", "get_attachment_status"):
            first = await assistant.call(tool, **place, limit=1)
            *_, on, narrow = first["next_steps"]
            [second] = (await assistant.follow(on))["attachments"]
            assert second["name"] == "a.pdf"
            whole = (await assistant.follow(narrow, attachment_id=second["id"]))["attachment"]
            assert (whole["id"], whole["name"]) == (second["id"], second["name"])


@pytest.fixture(scope="module")
def sprawling():
    """An ACC whose project has more folders than one call looks into."""
    files = {f"Project Files/{number:03}/beam {number:02}.pdf": 1 for number in range(FOLDERS)}
    project = SeedProject("wide", "Wide House", "hub", managers=("manager",), files=files)
    plan = SeedData(DEFAULT.people, DEFAULT.companies, DEFAULT.roles, DEFAULT.hubs, (project, *DEFAULT.projects))
    with acc_sandbox.running(seed=plan) as box:
        yield box


class TestManyFolders:
    @pytest.fixture
    def box(self, sprawling):
        return sprawling

    async def test_a_search_that_stopped_at_its_limit_asks_for_a_folder(self, connect):
        folder = f"{FOLDERS - 1:03}"
        async with connect() as assistant:
            nothing = await assistant.call("find_project_files", project="Wide House", query="beam 99")
            assert nothing["complete"] is False
            [narrow] = nothing["next_steps"]
            assert (narrow["tool"], narrow["needs"]) == ("find_project_files", ["folder"])
            within = await assistant.follow(narrow, folder=folder)
        assert [row["path"] for row in within["files"]] == [f"Project Files/{folder}/beam 99.pdf"]

    async def test_a_file_found_by_a_search_that_stopped_is_not_taken_for_the_only_one(self, connect):
        async with connect() as assistant:
            found = await assistant.call("find_project_files", project="Wide House", query="beam 00")
        assert (found["complete"], len(found["files"])) == (False, 1)
        look, narrow = found["next_steps"]
        assert (look["needs"], narrow["needs"]) == (["submittal", "file_urn"], ["folder"])
