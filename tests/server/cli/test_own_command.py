"""How the program is started from anywhere, and how hints name that."""

import os
import shlex
import sys
from pathlib import Path

import pytest
import typer

from server.cli.main import app
from server.cli.own_command import callable_hints, installed_script, own_command
from server.settings.model import variables

HOW_SETTINGS_ARE_FLAGS = {
    "--folder": "SUBMITTAL_MCP_FOLDERS",
    "--host": "SUBMITTAL_MCP_HTTP_HOST",
    "--port": "SUBMITTAL_MCP_HTTP_PORT",
    "--public-url": "SUBMITTAL_MCP_PUBLIC_URL",
    "--read-only": "SUBMITTAL_MCP_READ_ONLY",
    "--client-id": "APS_CLIENT_ID",
}


def test_the_own_command_is_the_installed_one_with_its_whole_path():
    [command] = own_command()
    assert Path(command).is_absolute()
    assert command == str(installed_script())


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_a_hint_names_the_command_as_it_can_be_called_here(start_anew, tmp_path):
    script = str(installed_script())
    data = {"SUBMITTAL_MCP_DATA_DIR": str(tmp_path), "APS_CLIENT_ID": "an-app"}
    _, _, known = start_anew("-m", "server", "whoami", **data).rest()
    assert "`submittal-mcp login` signs" in known
    _, _, unknown = start_anew("-m", "server", "whoami", PATH="/usr/bin:/bin", **data).rest()
    assert f"`{shlex.quote(script)} login` signs" in unknown
    _, _, usage = start_anew("-m", "server", "jobs", "cancel", PATH="/usr/bin:/bin", **data).rest()
    assert f"Try '{script} jobs cancel -h'" in usage
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/submittal-mcp").symlink_to("/bin/true")
    _, _, another = start_anew("-m", "server", "whoami", PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin", **data).rest()
    assert f"`{shlex.quote(script)} login` signs" in another, "a program of that name on the PATH is another one"


@pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")
@pytest.mark.parametrize(
    ("runner", "environment", "options"),
    [("uvx", "uv/archive-v0/abc", ["--from"]), ("pipx", "pipx/0123456789abcde", ["run", "--spec"])],
)
def test_in_an_environment_of_one_run_it_is_its_runner_with_the_origin(
    start_anew, tmp_path, runner, environment, options
):
    program = tmp_path / "bin" / runner
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / environment).mkdir(parents=True)
    (tmp_path / environment / "pipx_metadata.json").touch()
    code = (
        f"import sys; sys.prefix = {str(tmp_path / environment)!r}\n"
        "from server.cli.own_command import own_command, spoken_command; print(own_command(), '|', spoken_command())"
    )
    path = os.pathsep.join([str(program.parent), str(installed_script().parent)])
    _, out, _ = start_anew("-c", code, PATH=path).rest()
    words, spoken = out.strip().split(" | ")
    assert words.startswith(f"{(str(program), *options)}".removesuffix(")") + ", '/")
    assert spoken.startswith(" ".join([runner, *options, "/"]))
    assert spoken.endswith(" submittal-mcp")


def test_a_sentence_about_the_program_is_no_command():
    text = "submittal-mcp failed; its log tells why. A newer version of submittal-mcp wrote it."
    assert callable_hints(text) == text


def options(command, path=()):
    for parameter in command.params:
        for flag in parameter.opts:
            yield (*path, flag), parameter
    for name, below in getattr(command, "commands", {}).items():
        yield from options(below, (*path, name))


def test_the_help_of_a_flag_names_the_variable_of_its_setting():
    named = 0
    for path, parameter in options(typer.main.get_command(app)):
        if path[-1] in HOW_SETTINGS_ARE_FLAGS and path[0] != "sandbox":
            assert HOW_SETTINGS_ARE_FLAGS[path[-1]] in (parameter.help or ""), path
            named += 1
    assert named >= 10
    assert set(HOW_SETTINGS_ARE_FLAGS.values()) <= set(variables().values())


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("config cl", ["claude-desktop", "claude-code"]),
        ("find submittals --state m", ["mgr-1", "mgr-2"]),
        ("attach --category f", ["for_review", "final_response"]),
    ],
)
def test_the_shell_can_complete_commands_clients_and_words_of_options(start_anew, typed, offered):
    words = f"submittal-mcp {typed}"
    complete = {"_SUBMITTAL_MCP_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    _, out, _ = start_anew(
        "-c", "import sys; sys.argv = ['submittal-mcp']; from server.cli.main import main; main()", **complete
    ).rest()
    assert out.split() == offered
