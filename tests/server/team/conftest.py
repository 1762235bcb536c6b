"""What the tests of the team server share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import acc_sandbox

from .site import TeamSite, running_team


@pytest.fixture
def team(box: acc_sandbox.Sandbox, tmp_path: Path) -> Iterator[TeamSite]:
    """A team server over a sandbox of its own."""
    with running_team(box, tmp_path / "data") as site:
        yield site
