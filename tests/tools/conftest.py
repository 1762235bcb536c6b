"""What the tests of the tools share: every tool as it is served, and the check of a next step."""

import pytest

from server.mcp.app import Transport
from tests.conftest import check_step, every_tool
from tools.core.results import NextStep


class Served:
    """The tools, as stdio or HTTP serves them."""

    def __init__(self, transport: Transport) -> None:
        self._tools = every_tool(transport)
        self.writing = {name for name, one in self._tools.items() if one.definition.writes}

    def check(self, step: NextStep) -> None:
        """Fail unless a step is a call that its tool takes once the caller supplied what it needs."""
        check_step(step.model_dump(mode="json"), self._tools)


@pytest.fixture(scope="session")
def served() -> dict[bool, Served]:
    """The tools by whether the server can read the person's files."""
    return {True: Served("stdio"), False: Served("http")}
