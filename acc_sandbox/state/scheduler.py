"""What happens by itself after a while: folders appear, attachments are processed, jobs end.

Nothing runs in the background. Before a request is handled, everything that has fallen due is carried out in order and
with the time at which it was due, so that a client cannot tell the difference and a moved clock just works.
"""

from __future__ import annotations

from collections.abc import Callable

from acc_sandbox.state.clock import stamp
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.submittals import processing
from acc_sandbox.submittals import project_settings as settings

_KINDS: dict[str, Callable[[SandboxState, str, str], None]] = {
    "item.folder": processing.make_folder,
    "attachment.started": processing.start_processing,
    "attachment.processed": processing.finish_processing,
    "job.started": settings.start_job,
    "job.finished": settings.finish_job,
}
"""Each is given the sandbox, the subject's id and the moment at which it fell due."""


def run_due(sandbox: SandboxState) -> None:
    """Carry out what has fallen due."""
    now = stamp(sandbox.clock.now())
    while due := sandbox.store.row("SELECT * FROM timers WHERE dueAt <= ? ORDER BY dueAt, number LIMIT 1", now):
        with sandbox.store.transaction():
            sandbox.store.run("DELETE FROM timers WHERE number = ?", due["number"])
            _KINDS[due["kind"]](sandbox, due["subject"], due["dueAt"])
