"""The 42 ways in which people name a submittal or a project: taken where one is meant, else asked about."""

import pytest

SUBMITTALS = {
    "051200-3": "051200-3",
    "05 12 00-3": "051200-3",
    "05 12 00 - 3": "051200-3",
    "05.12.00-3": "051200-3",
    "051200–3": "051200-3",  # noqa: RUF001
    "051200 3": "051200-3",
    "051200-03": "051200-3",
    "51200-3": "051200-3",
    "#051200-3": "051200-3",
    '"051200-3"': "051200-3",
    "submittal 051200-3": "051200-3",
    "Submittal #051200-3": "051200-3",
    "item 051200-3": "051200-3",
    "the submittal no. 05 12 00-3": "051200-3",
    "051200-3 (beam drawings)": "051200-3",
    "051200-3 Structural steel beam shop drawings": "051200-3",
    "Structural steel beam shop drawings": "051200-3",
    "structural steel BEAM shop drawings": "051200-3",
    "beam shop drawings": "051200-3",
    "the beam drawings": "051200-3",
    "beam drawing": "051200-3",
    "drawings, beams": "051200-3",
    "the beam submittal": "051200-3",
    "steel joists": "052100-1",
    "hollow metal doors": "081113-1",
    "mix design": "033100-1",
    "gypsum samples": "092900-Unspecified",
    "column drawings west": "051200-5",
    "column drawings": None,
    "steel": None,
}
PROJECTS = {
    "Riverside Medical Center": "riverside",
    "Rivreside": None,
    "Riverside": "riverside",
    "the Riverside project": "riverside",
    '"Riverside Medical Center"': "riverside",
    "Riverside job": "riverside",
    "medical center": "riverside",
    "Medical Center Riverside": "riverside",
    "Riverside Med": "riverside",
    "project Harbor Point": "harbor",
    "harbor tower": "harbor",
    "river side": "riverside",
}


@pytest.fixture
def era():
    """One of them is enough here: both look up alike."""
    return "2026-07-28"


async def test_each_way_to_name_a_submittal_leads_to_it_or_to_a_question(connect, box):
    taken = {}
    async with connect() as assistant:
        for words in SUBMITTALS:
            answer = await assistant.ask("get_submittal", project="Riverside Medical Center", submittal=words)
            taken[words] = answer["submittal"]["number"] if "submittal" in answer else None
            if taken[words] is None:
                assert (answer["error"]["code"], len(answer["error"]["candidates"]) > 1) == (
                    "ambiguous_reference",
                    True,
                )
    assert taken == SUBMITTALS


async def test_each_way_to_name_a_project_leads_to_it_or_to_the_closest(connect, box):
    ids = {box.project(key).id: key for key in ("riverside", "harbor")}
    taken = {}
    async with connect() as assistant:
        for words in PROJECTS:
            answer = await assistant.ask("find_submittals", project=words, limit=1)
            steps = [step["arguments"].get("project") for step in answer["next_steps"]]
            taken[words] = ids.get(steps[0]) if "submittals" in answer else None
            if taken[words] is None:
                assert "Riverside Medical Center" in [one["name"] for one in answer["error"]["candidates"]]
    assert taken == PROJECTS


def test_there_are_42_ways():
    assert len(SUBMITTALS) + len(PROJECTS) == 42
