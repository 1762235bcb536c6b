"""A register of 10,000 rows, with numbers reused, titles in four scripts and names that are numbers of other rows."""

# titles in the scripts that people write

from collections.abc import Iterator

import httpx
import pytest

import acc_sandbox
from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.seed.model import SeedData, SeedItem, SeedProject

ROWS = 10_000
SCRIPTS = {
    "Cyrillic": "Стальные балки второго этажа",
    "Japanese": "鉄骨梁の施工図",
    "Arabic": "رسومات عوارض الحديد",
    "German": "Stahlträger Übersicht Größenänderung",
}
PACKAGES = {"Package A": "051200", "Package B": "052100"}
SPECS = {"051200": "Structural Steel Framing", "052100": "Steel Joist Framing", "099100": "Painting"}


def project(key: str, name: str, numbering: str, items: tuple[SeedItem, ...]) -> SeedProject:
    return SeedProject(
        key, name, "hub", managers=("manager",), members=("manager", "steel"), numbering=numbering, specs=SPECS,
        packages=PACKAGES, items=items,
    )  # type: ignore[arg-type]  # fmt: skip


LARGE = project(
    "large",
    "Large Register",
    "global",
    (
        *(SeedItem("051200", None, title, "sbc-1", "steel") for title in SCRIPTS.values()),
        SeedItem("052100", "R-7", "Rigging of joists", "mgr-1", "steel"),
        SeedItem("099100", "88", "1500", "sbc-1", "steel"),
        *(SeedItem("099100", f"P-{place}", f"Paint sample {place}", "sbc-1", "steel") for place in range(100)),
    ),
)
SMALL = project(
    "small",
    "Small Register",
    "global",
    (
        SeedItem("051200", "R-7", "Rigging of beams", "mgr-1", "steel", package="Package A"),
        SeedItem("052100", "R-7", "Rigging of joists", "mgr-1", "steel", package="Package B"),
        SeedItem("051200", "17", "Handrails", "sbc-1", "steel"),
        SeedItem("051200", "12", "Beams", "sbc-1", "steel"),
        SeedItem("051200", "13", "12", "sbc-1", "steel"),
        SeedItem("051200", "14", "Plan of level 12", "sbc-1", "steel"),
        SeedItem("051200", "15", "Columns of level 40", "sbc-1", "steel"),
        SeedItem("051200", "40", "Stairs", "sbc-1", "steel"),
        SeedItem("051200", "A-40", "Rails", "sbc-1", "steel"),
        SeedItem("051200", "16", "A-40 rail details", "sbc-1", "steel"),
    ),
)


@pytest.fixture(scope="module")
def large() -> Iterator[acc_sandbox.Sandbox]:
    plan = SeedData(DEFAULT.people, DEFAULT.companies, DEFAULT.roles, DEFAULT.hubs, (LARGE, SMALL))
    with acc_sandbox.running(seed=plan, items=ROWS) as box:
        yield box


@pytest.fixture
def box(large: acc_sandbox.Sandbox) -> acc_sandbox.Sandbox:
    return large


@pytest.fixture
def era() -> str:
    """One of them is enough here: both look up alike."""
    return "2026-07-28"


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_title_in_any_script_is_found_among_10_000(connect, script):
    title = SCRIPTS[script]
    async with connect() as assistant:
        whole = await assistant.call("get_submittal", project="Large Register", submittal=title)
        part = await assistant.call("get_submittal", project="Large Register", submittal=title.split(maxsplit=1)[0])
        found = await assistant.call("find_submittals", project="Large Register", query=title)
    assert whole["submittal"]["title"] == part["submittal"]["title"] == title
    assert [row["title"] for row in found["submittals"]] == [title]


async def test_a_number_reused_in_two_packages_is_asked_about(connect):
    async with connect() as assistant:
        refusal = await assistant.refused("get_submittal", project="Small Register", submittal="R-7")
        singled_out = await assistant.call("get_submittal", project="Small Register", submittal="R-7 rigging of joists")
    assert refusal["error"]["code"] == "ambiguous_reference"
    assert {one["title"] for one in refusal["error"]["candidates"]} == {"Rigging of beams", "Rigging of joists"}
    assert singled_out["submittal"]["title"] == "Rigging of joists"


@pytest.mark.parametrize(
    ("words", "code", "titles"),
    [
        # Another row may have this number, which is older than those looked through.
        ("1500", "ambiguous_reference", {"1500"}),
        ("P-7 paint sample", "ambiguous_reference", {"Paint sample 7"}),
        ("P-7", "submittal_not_found", None),
    ],
)
async def test_where_not_all_rows_were_looked_through_nothing_is_taken(connect, words, code, titles):
    async with connect() as assistant:
        refusal = await assistant.refused("get_submittal", project="Large Register", submittal=words)
    assert refusal["error"]["code"] == code
    if titles is not None:
        assert {one["title"] for one in refusal["error"]["candidates"]} == titles
    if code == "submittal_not_found":
        assert refusal["error"]["message"].startswith("No submittal of that number among the newest 2,000")
    else:
        assert "Not all submittals could be looked through" in refusal["error"]["message"]


async def test_a_register_is_read_once_for_many_numbers_and_a_changed_number_is_looked_up_again(connect, box):
    async with connect() as assistant:
        await assistant.call("get_submittal", project="Small Register", submittal="14")
        before = box.requests.count("items.list")
        await assistant.call("get_submittal", project="Small Register", submittal="15")
        assert box.requests.count("items.list") == before + 1  # for words of titles alone
        renumber(box, "17", "18")
        refusal = await assistant.refused("get_submittal", project="Small Register", submittal="17")
    assert refusal["error"]["code"] == "submittal_not_found"


async def test_a_hundred_rows_that_fit_are_counted_and_five_of_them_named(connect):
    async with connect() as assistant:
        refusal = await assistant.refused("get_submittal", project="Large Register", submittal="paint sample")
        listed = refusal["next_steps"][1]
        answer = await assistant.call(listed["tool"], **listed["arguments"], limit=50)
        rest = await assistant.call(listed["tool"], **listed["arguments"], limit=50, cursor=answer["next_cursor"])
    assert refusal["error"]["message"] == "The first 5 of 100 submittals that fit these words."
    assert len(refusal["error"]["candidates"]) == 5
    assert len({row["id"] for row in (*answer["submittals"], *rest["submittals"])}) == 100
    assert rest["next_cursor"] is None


async def test_a_search_through_10_000_rows_costs_few_requests(connect, box):
    async with connect() as assistant:
        await assistant.call("find_submittals", project="Large Register", limit=1)
        before = len(box.requests.all())
        answer = await assistant.call("find_submittals", project="Large Register", query="joists rigging")
        asked = len(box.requests.all()) - before
    assert [row["title"] for row in answer["submittals"]] == ["Rigging of joists"]
    assert asked < 20


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("12", {"Beams", "12"}),
        ("13", {"12"}),
        ("#40", {"Stairs"}),
        ("level 12", {"Plan of level 12"}),
        ("level 40", {"Columns of level 40"}),
        ("A-40", {"Rails"}),
        ("A-40 rails", {"Rails", "A-40 rail details"}),
        ("submittal 16", {"A-40 rail details"}),
        ("16: A-40 rail details", {"A-40 rail details", "Rails"}),
    ],
)
async def test_numbers_without_a_section_are_not_mistaken_for_words_of_titles(connect, words, titles):
    async with connect() as assistant:
        answer = await assistant.ask("get_submittal", project="Small Register", submittal=words)
    if "error" in answer:
        assert answer["error"]["code"] == "ambiguous_reference"
        assert {one["title"] for one in answer["error"]["candidates"]} == titles
    else:
        assert {answer["submittal"]["title"]} == titles


def renumber(box: acc_sandbox.Sandbox, number: str, new: str) -> None:
    item = box.item(number, project="small")
    path = f"/construction/submittals/v2/projects/{item.project_id}/items/{item.id}"
    headers = {"Authorization": f"Bearer {box.token()}"}
    httpx.patch(box.base_url + path, json={"customIdentifier": new}, headers=headers).raise_for_status()
