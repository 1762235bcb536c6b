"""A folder that a process without rights can be tried in."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that an ordinary user may use: root is above every mode, and tests in containers run as root."""
    folder = Path(tempfile.mkdtemp(prefix="submittal-nobody-"))
    folder.chmod(0o777)
    yield folder
    subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)
    shutil.rmtree(folder)
