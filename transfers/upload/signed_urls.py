"""Cache of an upload's signed URLs: requested in small batches shortly before use, again before they expire."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

import anyio

from acc.models.files import SignedUrl, UploadUrls
from transfers.upload.part_plan import PartPlan, UploadState, next_batch

MARGIN_SECONDS: Final = 15.0
"""A URL with less than this left is not started with: storage judges it when the request's headers arrive."""

DOCUMENTED_LIFE_SECONDS: Final = 120
"""How long a URL lives that does not say (fact sheet 8)."""

Sign = Callable[[int, int, str | None], Awaitable[UploadUrls]]
"""(first part, how many, upload key or None for a new upload) -> what `signeds3upload` answers."""

_EXPIRES: Final = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class TimedUrl:
    """Signed URL of one part; it may be used until `expires` on the clock of its cache."""

    url: SignedUrl
    expires: float


class SignedUrlCache:
    """Cache of the URLs of one upload. Lifetimes count from the request for them, so that no two clocks are compared.

    All are of the upload that `sent` names; the first answer begins that upload.
    """

    def __init__(
        self, sign: Sign, plan: PartPlan, parallel: int, sent: UploadState, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sign = sign
        self._plan = plan
        self._parallel = parallel
        self._sent = sent
        self._clock = clock
        self._lock = anyio.Lock()
        self._urls: dict[int, TimedUrl] = {}

    async def get(self, number: int) -> TimedUrl:
        """Return a URL for part `number` that is young enough to start with; signs a batch when there is none.

        Raises:
            AccError: Object storage would not sign.
        """
        if not self._fresh(number):
            async with self._lock:
                if not self._fresh(number):
                    await self._ask(number)
        return self._urls[number]

    async def look_ahead(self, number: int) -> None:
        """Ask for the URLs of the parts that come soon after `number`, so that no sender waits for them.

        Raises:
            AccError: Object storage would not sign.
        """
        async with self._lock:
            for later in range(number + 1, min(number + self._parallel, self._plan.count) + 1):
                if later not in self._urls and later not in self._sent.etags:
                    await self._ask(later)
                    break

    def expired(self, url: TimedUrl) -> bool:
        """Whether `url` is past its life, so that an unexplained reset means expiry."""
        return self._clock() >= url.expires

    def forget(self, number: int) -> None:
        """Drop the URL of a part: storage took the part, or called the URL expired; then the next `get` signs again."""
        self._urls.pop(number, None)

    def _fresh(self, number: int) -> bool:
        known = self._urls.get(number)
        return known is not None and self._clock() + MARGIN_SECONDS < known.expires

    async def _ask(self, first: int) -> None:
        count = 1
        most = next_batch(self._plan, first, self._parallel)
        while count < most and not self._fresh(first + count) and first + count not in self._sent.etags:
            count += 1
        asked = self._clock()
        answer = await self._sign(first, count, self._sent.upload_key)
        self._sent.upload_key = answer.upload_key
        if self._sent.begun is None:
            self._sent.begun = asked
        for number, url in enumerate(answer.urls, first):
            self._urls[number] = TimedUrl(url, asked + lifetime(url))


def lifetime(url: SignedUrl) -> int:
    """Return how many seconds a URL lives from its signing, by its own `X-Amz-Expires`; the answer's word is off."""
    stated = parse_qs(urlsplit(url.value).query).get("X-Amz-Expires", [""])[0]
    return int(stated) if _EXPIRES.fullmatch(stated) else DOCUMENTED_LIFE_SECONDS
