"""Tokens of the sandbox in a server's own process."""

import acc_sandbox
from acc.client import AccClient
from acc.hosts import AutodeskHosts
from server.cli.embedded_sandbox import SandboxTokenSource


async def test_the_project_manager_stays_signed_in_beyond_the_life_of_a_token(box: acc_sandbox.Sandbox) -> None:
    source = SandboxTokenSource(box)
    async with AccClient(AutodeskHosts.at(box.base_url), source) as acc:
        project = box.project().id
        assert (await acc.submittals.me(project)).id == (await acc.userinfo()).sub == box.people[0].autodesk_id
        first = await source.access_token()
        box.clock.move(3600)
        assert (await acc.submittals.me(project)).id == box.people[0].autodesk_id
        second = await source.access_token()
    assert first != second
    # A refusal of the first that comes late costs no third one.
    assert await source.renewed(first) == second
