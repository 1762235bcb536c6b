"""What may be attached holds wherever the bytes come from: a local file, the Files tool, or the caller."""

import httpx
import pytest

PLACE = {"project": "Riverside Medical Center", "submittal": "05 12 00-3"}

pytestmark = pytest.mark.either_era


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_types_hold_for_links_and_for_a_callers_bytes(connect, box, transport):
    async with connect(transport=transport, file_types=("dwg",)) as assistant:
        files = (await assistant.call("find_project_files", project=PLACE["project"], query="beam"))["files"]
        urn = next(file["version_urn"] for file in files if file["name"].endswith(".pdf"))
        for source in ({"file_urn": urn}, {"file_urn": urn, "name": "beam.dwg"}):
            told = await assistant.refused("add_submittal_attachment", **PLACE, **source)
            assert told["error"]["code"] == "file_type_not_allowed"
        told = await assistant.refused("add_submittal_attachment", **PLACE, upload_by_caller=True, name="a.pdf")
        assert told["error"]["code"] == "file_type_not_allowed"
        await assistant.call("add_submittal_attachment", **PLACE, upload_by_caller=True, name="a.dwg")
    assert box.requests.count("attachments.create") == 1


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_sizes_hold_for_links_and_for_a_callers_bytes(connect, box, transport):
    async with connect(transport=transport, max_file_bytes=5) as assistant:
        files = (await assistant.call("find_project_files", project=PLACE["project"], query="beam"))["files"]
        told = await assistant.refused("add_submittal_attachment", **PLACE, file_urn=files[0]["version_urn"])
        assert told["error"]["code"] == "file_too_large"
        added = await assistant.call("add_submittal_attachment", **PLACE, upload_by_caller=True, name="a.pdf")
        assert added["upload"]["max_bytes"] == 5
        async with httpx.AsyncClient() as caller:
            assert (await caller.put(added["upload"]["url"], content=b"beams!")).status_code == 200
        told = await assistant.refused("confirm_attachment", **added["next_steps"][0]["arguments"])
        assert told["error"]["code"] == "file_too_large"
        assert "6 bytes" in told["error"]["message"]
    assert box.requests.count("attachments.patch") == 0
