"""`submittal-mcp download` at a shell."""

import json
from pathlib import Path
from typing import Any

import pytest

from persistence.keys import EncryptionKey

PLACE = ("download", "--project", "Riverside", "--submittal", "051200-3")


@pytest.fixture
def run(start: Any, box: Any, tmp_path: Path) -> Any:
    environment = {
        "APS_BASE_URL": box.base_url,
        "APS_ACCESS_TOKEN": box.token("manager"),
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
    }
    return lambda *arguments, **settings: start("-m", "server", *arguments, **(environment | settings)).rest()


def test_attachments_are_downloaded_into_the_folder_and_told(run: Any, tmp_path: Path) -> None:
    code, out, err = run(*PLACE, "--json", SUBMITTAL_MCP_DOWNLOADS=str(tmp_path))
    assert code == 0, err
    answer = json.loads(out)
    [row] = answer["files"]
    assert Path(row["path"]).stat().st_size == row["size_bytes"]
    assert Path(answer["manifest"]).is_file()
    code, out, err = run(*PLACE, "beam-schedule.pdf", SUBMITTAL_MCP_DOWNLOADS=str(tmp_path))
    assert code == 0, err
    assert " ".join(out.splitlines()[-3].split()) == f"beam-schedule.pdf {row['size_bytes']} there already"
    assert out.splitlines()[-1] == f"1 attachment in {answer['folder']}"


def test_without_a_folder_the_setting_is_named(run: Any) -> None:
    code, out, err = run(*PLACE)
    assert code != 0
    assert out == ""
    assert "Set SUBMITTAL_MCP_DOWNLOADS" in err


def test_a_name_that_no_terminal_shows_whole_is_json_all_the_same(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "\u845b\U000e0100"  # as it is written in a Japanese name
    folder.mkdir()
    code, out, err = run(*PLACE, "--json", SUBMITTAL_MCP_DOWNLOADS=str(folder))
    assert code == 0, err
    assert Path(json.loads(out)["files"][0]["path"]).is_relative_to(folder)
