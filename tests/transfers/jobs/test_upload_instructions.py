"""The commands that a caller pastes into a shell: whatever storage signed, they do one thing and nothing else."""

import shlex
import shutil
import string
import subprocess
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acc.models.files import SignedUrl
from transfers.jobs.caller_upload import MAX_BYTES, CallerUpload, caller_upload

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
# Whatever could end a quotation, start another command or another variable, in any shell.
NASTY = "'\"`$(){}[]<>|;&!\\^~*? %\t\n#=,"

queries = st.text(st.sampled_from(NASTY + "FILEabc/+" + string.digits) | st.characters(codec="utf-8"), max_size=60)


def upload_to(query: str) -> CallerUpload:
    return caller_upload(SignedUrl(f"https://storage.example/put?X-Amz-Expires=3600&sig={query}"), NOW)


@given(queries)
@example("FILE")
@example("FILFILEE")
@example("';rm -rf ~;'")
def test_the_command_is_five_words_in_a_posix_shell(query: str) -> None:
    words = shlex.split(upload_to(query).command)
    assert words[:-1] == ["curl", "--fail", "--show-error", "--upload-file", "FILE"]
    assert _decoded(words[-1]) == _decoded(upload_to(query).url)


@given(queries)
def test_the_file_is_the_only_placeholder(query: str) -> None:
    upload = upload_to(query)
    assert upload.command.count("FILE") == 1
    assert upload.command_windows.count("FILE") == 1


@given(queries)
def test_no_character_of_the_url_means_anything_within_double_quotes_on_windows(query: str) -> None:
    url = upload_to(query).command_windows.removeprefix('curl.exe --fail --show-error --upload-file FILE "')
    assert url.endswith('"')
    assert not set(url[:-1]) & set("\"`$^\\ \t\n'|<>{}[]")


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no POSIX shell here")
@pytest.mark.parametrize("query", ["plain", "$(echo x)", "`id`", "';echo x;'", '"; echo x #', "a b\nc", "é{1..3}[ab]*"])
def test_a_real_shell_hands_the_whole_url_to_curl(query: str) -> None:
    upload = upload_to(query)
    script = f'curl() {{ printf \'%s\\n\' "$#" "$@"; }}; {upload.command}'
    printed = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout.splitlines()
    assert printed == ["5", "--fail", "--show-error", "--upload-file", "FILE", upload.url]


@given(st.text(st.sampled_from(string.ascii_letters + string.digits + "%-._~"), max_size=80))
@settings(max_examples=50)
def test_a_url_as_storage_signs_it_is_passed_on_unchanged(signature: str) -> None:
    assert upload_to(signature).url == f"https://storage.example/put?X-Amz-Expires=3600&sig={signature}"


def test_the_upload_says_how_and_until_when_and_how_much() -> None:
    upload = upload_to("x")
    assert (upload.method, upload.headers, upload.max_bytes) == ("PUT", {}, MAX_BYTES)
    assert upload.expires_at == NOW + timedelta(hours=1)


def test_the_url_stays_out_of_a_repr() -> None:
    assert "canary" not in repr(upload_to("canary"))


def _decoded(url: str) -> tuple[str, list[tuple[str, str]]]:
    """A URL as a server reads it: percent-encoding more characters must not change it."""
    parts = urlsplit(url)
    return parts.netloc + parts.path, parse_qsl(parts.query, keep_blank_values=True)
