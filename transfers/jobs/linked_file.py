"""Attaching a version from the Files tool: one POST, no bytes, no PATCH (fact sheet 7)."""

from dataclasses import dataclass, field, replace

from transfers.audit_log import AuditEntry
from transfers.errors import ConsentMissing
from transfers.idempotency import AttachmentIdentity
from transfers.jobs.base import Job, JobStepContext


@dataclass(eq=False)
class LinkedFileJob(Job):
    """Job that links the Files-tool version `version_urn`, which was read in the target project."""

    kind = "linked_file"

    version_urn: str = field(kw_only=True)

    def request(self) -> AttachmentIdentity:
        """Return what makes this request the same as another; see `Job.request`."""
        return self.destination.request(self.name, self.version_urn)

    @property
    def entry(self) -> AuditEntry:
        """Entry of the audit log."""
        return replace(super().entry, version_urn=self.version_urn)

    async def run_steps(self, context: JobStepContext) -> None:
        """Create the attachment; see `Job.run_steps`."""
        if self.attachment is None:
            if not self.may_confirm(context):
                raise ConsentMissing(self.name)
            # A link is visible from its reservation on.
            async with context.audit.record("linking", lambda: self.entry):
                await self.reserve(context, self.version_urn)
