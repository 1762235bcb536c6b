"""Warnings about a file in the answer of the call that attaches it, and strict files that refuse it in their place."""

import io

import pytest
from pypdf import PdfWriter

PLACE = {"project": "Riverside Medical Center", "submittal": "05 12 00-3"}

pytestmark = pytest.mark.either_era


def encrypted_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(10, 10)
    writer.encrypt("secret", algorithm="AES-256")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


async def test_an_encrypted_pdf_is_attached_with_a_warning(connect, box, tmp_path):
    (tmp_path / "locked.pdf").write_bytes(encrypted_pdf())
    async with connect(folders=(tmp_path,)) as assistant:
        answer = await assistant.call("add_submittal_attachment", **PLACE, file_path="locked.pdf")
        assert [warning["code"] for warning in answer["warnings"]] == ["pdf_encrypted"]
        assert "password" in answer["warnings"][0]["text"]


async def test_another_attachment_of_the_same_name_is_a_warning(connect, tmp_path):
    (tmp_path / "beam.dwg").write_bytes(b"first")
    async with connect(folders=(tmp_path,)) as assistant:
        first = await assistant.call(
            "add_submittal_attachment", **PLACE, file_path="beam.dwg", confirm=True, wait_seconds=30
        )
        again = await assistant.call("add_submittal_attachment", **PLACE, file_path="beam.dwg")
        (tmp_path / "BEAM.dwg").write_bytes(b"second")
        second = await assistant.call("add_submittal_attachment", **PLACE, file_path="BEAM.dwg")
    assert first["warnings"] == []
    assert (again["already_attached"], again["warnings"]) == (True, [])
    assert [warning["code"] for warning in second["warnings"]] == ["same_name"]


async def test_a_name_that_became_another_is_a_warning(connect, tmp_path):
    (tmp_path / "beam.dwg").write_bytes(b"beams")
    async with connect(folders=(tmp_path,)) as assistant:
        answer = await assistant.call("add_submittal_attachment", **PLACE, file_path="beam.dwg", name="Beam drawings")
    assert answer["attachment"]["name"] == "Beam drawings.dwg"
    assert [warning["code"] for warning in answer["warnings"]] == ["name_cleaned"]


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_name_without_extension_is_a_warning_for_a_callers_bytes_too(connect, transport):
    async with connect(transport=transport) as assistant:
        answer = await assistant.call("add_submittal_attachment", **PLACE, upload_by_caller=True, name="beam")
    assert [warning["code"] for warning in answer["warnings"]] == ["no_extension"]


async def test_strict_files_refuse_before_anything_is_reserved(connect, box, tmp_path):
    (tmp_path / "locked.pdf").write_bytes(encrypted_pdf())
    (tmp_path / "beam").write_bytes(b"beams")
    (tmp_path / "beam.dwg").write_bytes(b"beams")
    async with connect(folders=(tmp_path,), strict_files=True) as assistant:
        refused = await assistant.refused("add_submittal_attachment", **PLACE, file_path="locked.pdf")
        assert refused["error"]["code"] == "file_not_allowed"
        assert "SUBMITTAL_MCP_STRICT_FILES" in refused["error"]["hint"]
        for source in ({"file_path": "beam"}, {"upload_by_caller": True, "name": "beam"}):
            refused = await assistant.refused("add_submittal_attachment", **PLACE, **source)
            assert refused["error"]["code"] == "invalid_name"
        assert box.requests.count("attachments.create") == 0
        await assistant.call("add_submittal_attachment", **PLACE, file_path="beam.dwg")
        (tmp_path / "beam.dwg").write_bytes(b"other beams")
        refused = await assistant.refused("add_submittal_attachment", **PLACE, file_path="beam.dwg")
        assert refused["error"]["code"] == "invalid_name"
        assert box.requests.count("attachments.create") == 1
