"""The fixture `submittal_sandbox`, which pytest finds by itself where this package is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from acc_sandbox.sandbox import Sandbox


@pytest.fixture
def submittal_sandbox() -> Iterator[Sandbox]:
    """An ACC of its own for each test, on loopback: `submittal_sandbox.base_url` is all that a client needs."""
    import acc_sandbox

    with acc_sandbox.running() as box:
        yield box
