"""Pytest plugin: the fixture `acc_sandbox`, there wherever the distribution acc-sandbox is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from acc_sandbox.sandbox import Sandbox


@pytest.fixture(name="acc_sandbox")
def acc_sandbox_fixture() -> Iterator[Sandbox]:
    """An ACC of its own for each test, on loopback: `acc_sandbox.base_url` is all that a client needs."""
    import acc_sandbox

    with acc_sandbox.running() as sandbox:
        yield sandbox
