"""What a person at a shell is told where an agent is given a hint."""

import pytest

from acc import errors as acc
from server.shell_words import for_a_shell
from tools.codes import Code
from tools.words import FIXED
from transfers import errors as transfers


@pytest.mark.parametrize("kind", FIXED)
def test_nobody_at_a_shell_is_told_to_make_a_call(kind: type[Exception]) -> None:
    told = for_a_shell(FIXED[kind].code, FIXED[kind].hint)
    assert told
    assert "Call" not in told
    assert "retry_after" not in told


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (acc.Unavailable, "Run the same command again in a minute."),
        (transfers.ProcessingFailed, "Run the same command again; a person can delete the failed attachment in ACC."),
    ],
)
def test_a_call_that_helps_is_the_command_once_more(kind: type[Exception], told: str) -> None:
    assert for_a_shell(FIXED[kind].code, FIXED[kind].hint) == told


@pytest.mark.parametrize(
    ("code", "hint", "told"),
    [
        ("upload_expired", "Repeat the add_submittal_attachment call that began it: all is sent anew.", "Run the same command again: all is sent anew."),
        ("file_empty", "Storage takes no empty file; give another file_path.", "Storage takes no empty file; give another path."),
        ("task_required", "Call add_submittal_attachment again with the task_id of a candidate.", "Run the same command again with the task of a candidate."),
        ("task_required", "This person has no open review task here.", "This person has no open review task here."),
        ("project_not_supported", "find_projects tells which are supported.", "Use an ACC (Forma) project."),
    ],
)  # fmt: skip
def test_an_argument_is_called_what_a_shell_calls_it(code: Code, hint: str, told: str) -> None:
    assert for_a_shell(code, hint) == told
