"""Progress of a slow search."""

import pytest

import acc_sandbox

RIVERSIDE = "Riverside Medical Center"


@pytest.fixture
def box(request):
    """An ACC with more submittals than fit on a page."""
    with acc_sandbox.running(items=120) as box:
        yield box


async def told_during(assistant, tool, **arguments):
    told = []

    async def progress(done, total, message):
        told.append((done, total, message))

    answer = await assistant.client.call_tool(tool, arguments, progress_callback=progress)
    assert not answer.is_error
    assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})
    return [one for one in told if one[2] != "working"]


async def test_a_search_for_files_tells_of_folders_and_of_no_name_in_them(connect):
    async with connect() as assistant:
        told = await told_during(assistant, "find_project_files", project=RIVERSIDE, query="beam")
    assert {message for _, _, message in told} == {"folders looked into"}
    assert told[0][0] == 1
    done, total, _ = told[-1]
    assert done == total > 1
    assert all(done <= total for done, total, _ in told)


async def test_a_search_for_submittals_tells_of_rows(connect):
    async with connect() as assistant:
        told = await told_during(assistant, "find_submittals", project=RIVERSIDE, attachable=True, limit=50)
    assert {(total, message) for _, total, message in told} == {(None, "submittals looked through")}
    assert told[0][0] == 50
