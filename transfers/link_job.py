"""Attaching a version from the Files tool: one POST, no bytes, no PATCH (fact sheet 7)."""

from dataclasses import dataclass, field, replace
from functools import partial

from transfers.audit import Entry
from transfers.errors import NotAgreed
from transfers.fingerprint import AttachRequest
from transfers.job import Job, Step
from transfers.resources import Resources


@dataclass(eq=False)
class LinkJob(Job):
    """`version_urn` is the version to link, already read in the target project."""

    version_urn: str = field(kw_only=True)

    def request(self) -> AttachRequest:
        """Return what makes this request the same as another; see `Job.request`."""
        return self.destination.request(self.name, self.version_urn)

    @property
    def entry(self) -> Entry:
        """What the audit log says of it."""
        return replace(super().entry, version_urn=self.version_urn)

    async def advance(self, resources: Resources, step: Step) -> None:
        """Create the attachment; see `Job.advance`."""
        await step("reserve", partial(self._link, resources))

    async def _link(self, resources: Resources) -> None:
        if self.attachment is None:
            if not self.may_show(resources):
                raise NotAgreed(self.name)
            # A link is visible from its reservation on.
            async with resources.audit.around("linking", lambda: self.entry):
                await self.reserve(resources, self.version_urn)
