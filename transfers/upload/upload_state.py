"""Progress of one multipart upload; kept by the job, so that a second run resumes from it."""

from dataclasses import dataclass, field
from typing import Final

import anyio

from transfers.files.local_file import ByteCounter
from transfers.upload.part_plan import FilePart, PartPlan

LIFE_SECONDS: Final = 23 * 3600.0
"""Storage discards parts that are not completed within 24 hours (fact sheet 8); an hour is left for completing."""


@dataclass
class UploadState:
    """One upload: its key, when its first URL was signed (on the clock of the job), and the ETag of every part taken.

    `progress` counts the bytes of those parts and of the ones on their way. `news` are parts that were taken since the
    list was last emptied; `more` is set when there are any.
    """

    upload_key: str | None = None
    begun: float | None = None
    etags: dict[int, str] = field(default_factory=dict)
    progress: ByteCounter = field(default_factory=ByteCounter)
    news: list[FilePart] = field(default_factory=list)
    more: anyio.Event = field(default_factory=anyio.Event)

    def add(self, part: FilePart, etag: str) -> None:
        """Note that storage has a part."""
        self.etags[part.number] = etag
        self.news.append(part)
        self.more.set()

    def too_old(self, now: float) -> bool:
        """Whether no further part should be sent: storage is about to discard them all."""
        return self.begun is not None and now - self.begun > LIFE_SECONDS

    def missing(self, plan: PartPlan) -> list[FilePart]:
        """Return the parts that have yet to be sent."""
        return [part for part in plan if part.number not in self.etags]

    def in_order(self, plan: PartPlan) -> list[str]:
        """Return the ETags of all parts.

        Raises:
            KeyError: A part has not been sent.
        """
        return [self.etags[part.number] for part in plan]

    def drop(self, part: FilePart) -> None:
        """Forget a part that storage turned out not to have."""
        if self.etags.pop(part.number, None) is not None:
            self.progress.add(-part.length)
