"""The two writes of an attachment: creating it without an idempotency key, and confirming its upload.

The ids that ACC lists are saved before the POST that creates (design, promise 1). When its end is uncertain (the answer
was lost, the row may or may not exist) a row that is new since then is adopted only if exactly one matches, and it was
not made before that POST; else the POST is repeated, and every row that could not be told apart is reported.

An upload is confirmed only with evidence that its bytes arrived. What ACC answers to a second confirmation is unknown
(fact sheet 3.4), and there is no request for one attachment; so after a refusal the attachment's own row decides.
"""

import time
import unicodedata
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakValueDictionary

import anyio

from acc.errors import AccError
from acc.ids import InvalidId, ObjectLocation
from acc.models.submittals import Attachment
from auth.errors import AuthError
from persistence.errors import StorageProblem
from transfers.categories_and_states import attachment_state
from transfers.errors import AttachmentMissing

if TYPE_CHECKING:
    from acc.client import AccClient


LISTED_SECONDS: Final = 10.0
"""How old a list of what was there before may be when a POST follows."""

RESAVED_SECONDS: Final = 1.0
"""How long a POST may wait before what it finds is written down again, for a process that goes on after a kill."""

_NEVER: Final = datetime.max.replace(tzinfo=UTC)

NEWEST_FIRST: Final = "createdAt desc,id desc"


@dataclass(frozen=True)
class AttachmentRequest:
    """The attachment to create. `category_id` None lets ACC choose; `urn` links a Files-tool version.

    `revision` is the item's, None where it is not known.
    """

    project_id: str
    item_id: str
    name: str
    person_id: str
    category_id: str | None = None
    task_id: str | None = None
    urn: str | None = None
    revision: int | None = None


@dataclass(frozen=True)
class ListedBefore:
    """The `ids` of what ACC listed before a POST, and from when on, by its clock, ACC can have carried the POST out.

    `since` is None where the list was read for that very POST.
    """

    ids: frozenset[str]
    since: datetime | None = None

    def is_older_than(self, row: Attachment) -> bool:
        """Whether a row that is new since the list cannot have been made before the POST."""
        return self.since is None or (row.created_at is not None and row.created_at >= self.since)


@dataclass
class UncertainCreate:
    """A POST that may or may not have been carried out, with what ACC `listed` before it.

    None means that there is no such POST. `write` writes them down before the POST: a later run must look before it
    posts again. `look` returns what other jobs have of the same name: their attachments, and how many doubtful POSTs.
    `review` sees what ACC lists before the first POST, and may raise to prevent it.
    """

    listed: ListedBefore | None
    write: Callable[[ListedBefore | None], Awaitable[None]]
    look: Callable[[], Awaitable[tuple[set[str], int]]]
    review: Callable[[Sequence[Attachment]], None] = lambda _rows: None

    async def save(self, listed: ListedBefore | None) -> None:
        """Note what ACC lists before a POST, or None when it was certainly not carried out."""
        await self.write(listed)
        self.listed = listed


@dataclass(frozen=True)
class CreatedAttachment:
    """The attachment, and the ids of rows that a doubtful POST may have made as well."""

    attachment: Attachment
    look_alikes: tuple[str, ...] = ()


ExclusiveLock = Callable[[str], AbstractAsyncContextManager[None]]
"""Opens a named lock that one process at a time may hold."""


class AttachmentCreator:
    """Makes the reservations of one process.

    One at a time on an item, over all processes that share a database, and never one that another job has: else the
    look after a doubtful POST could take a neighbour's row of the same name for ours. Files of one person that go to
    one item one after the other share a list of what was there before: it is asked for again after `LISTED_SECONDS` of
    the time of day, which goes on while a laptop sleeps.
    """

    def __init__(self, exclusive: ExclusiveLock, clock: Callable[[], float] = time.time) -> None:
        self._exclusive = exclusive
        self._clock = clock
        self._locks: WeakValueDictionary[tuple[str, str], anyio.Lock] = WeakValueDictionary()
        self._taken: set[str] = set()
        self._listed: dict[tuple[str, str, str], _Listing] = {}

    async def make(
        self,
        acc: "AccClient",
        wanted: AttachmentRequest,
        uncertain: UncertainCreate,
        keep: Callable[[CreatedAttachment], Awaitable[None]],
    ) -> CreatedAttachment:
        """Create the attachment, or find the one that an earlier, doubtful try created.

        It is given to `keep` before another job may create, so that it knows whose the attachment is.

        Raises:
            AccError: ACC refused, or the end is doubtful once more; `uncertain` then says what to look for.
        """
        place = (wanted.project_id, wanted.item_id)
        async with self._locks.setdefault(place, anyio.Lock()), self._exclusive(f"reserve {' '.join(place)}"):
            made = await self._make(acc, wanted, uncertain)
            await keep(made)
            # Only now: if it could not be kept, a later run of the same job has to find it.
            self._taken.add(made.attachment.id)
            return made

    async def _make(self, acc: "AccClient", wanted: AttachmentRequest, uncertain: UncertainCreate) -> CreatedAttachment:
        if uncertain.listed is None:
            listing = await self._list(acc, wanted)
            uncertain.review(listing.rows)
            sent = saved = self._clock()
            await uncertain.save(listing.before_a_post(sent))

            async def note(_token: str, _changes: bool) -> None:  # noqa: FBT001  # the form of `RequestCheck`
                nonlocal sent, saved
                sent = self._clock()
                if not 0 <= sent - saved < RESAVED_SECONDS:  # it waited for its turn, or after a 429
                    saved = sent
                    await uncertain.save(listing.before_a_post(sent))

            try:
                made = await _create(acc.guarded(note), wanted)
            except (AccError, AuthError, StorageProblem) as error:
                self._listed.clear()
                if not (isinstance(error, AccError) and error.sent):
                    await uncertain.save(None)
                    raise
                uncertain.listed = listing.before_a_post(sent)
            else:
                uncertain.listed = None
                self._listed = {_shared_by(wanted): listing.after_a_post(made, self._clock())}
                return CreatedAttachment(made)
        taken, doubtful = await uncertain.look()
        before = uncertain.listed or ListedBefore(frozenset())
        known = before.ids | self._taken | taken
        found = new_matches(await _rows(acc, wanted), known, wanted)
        ours = [row for row in found if before.is_older_than(row)]
        # A row that another job's doubtful POST may have made as well cannot be told from ours.
        if len(ours) == 1 and not doubtful:
            return CreatedAttachment(ours[0])
        made = await _create(acc, wanted)
        with suppress(AccError):  # the reservation is made; if need be, what was found before it has to do
            # The doubtful POST may have been carried out after the look.
            found = new_matches(await _rows(acc, wanted), known, wanted)
        return CreatedAttachment(made, tuple(row.id for row in found if row.id != made.id))

    async def _list(self, acc: "AccClient", wanted: AttachmentRequest) -> "_Listing":
        """Return what is there: as listed for the file before on the same item, if that was just now."""
        known = self._listed.get(_shared_by(wanted))
        now = self._clock()
        if known is not None and known.made is not None and 0 <= now - known.at < LISTED_SECONDS:
            return known
        return _Listing(now, await _rows(acc, wanted))


class _Listing(NamedTuple):
    """What ACC listed at a time, with our own rows since.

    `made` is when ACC made the last of these, by its clock, and `answered` when it said so, by ours.
    """

    at: float
    rows: Sequence[Attachment]
    made: datetime | None = None
    answered: float = 0.0

    def after_a_post(self, row: Attachment, now: float) -> "_Listing":
        """Return the list with a row that ACC has just made."""
        return _Listing(self.at, [*self.rows, row], row.created_at, now)

    def before_a_post(self, now: float) -> ListedBefore:
        """Return what a POST that is sent now finds: ACC's clock has gone on at least as long as ours.

        Without a moment of ACC's, a list that is old by then tells no row of ours from what others made since.
        """
        since = self.made + timedelta(seconds=now - self.answered) if self.made else None
        if since is None and now - self.at >= LISTED_SECONDS:
            since = _NEVER
        return ListedBefore(frozenset(row.id for row in self.rows), since)


def _shared_by(wanted: AttachmentRequest) -> tuple[str, str, str]:
    return (wanted.project_id, wanted.item_id, wanted.person_id)


class AttachmentWatch:
    """Watches the attachments that jobs of one process follow, by one list for all of an item."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[tuple[str, str], anyio.Lock] = WeakValueDictionary()
        self._followed: dict[tuple[str, str], list[str]] = {}
        self._seen: dict[tuple[str, str], _Look] = {}

    @contextmanager
    def following(self, place: tuple[str, str], attachment_id: str) -> Iterator[None]:
        """Look for an attachment too when one at its place (project and item) is looked at, until the block ends."""
        followed = self._followed.setdefault(place, [])
        followed.append(attachment_id)
        try:
            yield
        finally:
            followed.remove(attachment_id)
            if not followed:
                del self._followed[place]
                self._seen.pop(place, None)

    async def look(self, acc: "AccClient", place: tuple[str, str], attachment_id: str, since: float) -> "_Look":
        """Return a look at what is followed at a place that began after `since`: a new one, or one that was just taken.

        Raises:
            AttachmentMissing: The submittal has no such attachment.
            AccError: ACC refused or is away.
        """
        async with self._turns.setdefault(place, anyio.Lock()):
            seen = self._seen.get(place)
            if seen is None or seen.at <= since or attachment_id not in seen.rows:
                seen = self._seen[place] = await self._look(acc, place)
        if attachment_id not in seen.rows:
            raise AttachmentMissing(attachment_id)
        return seen

    async def _look(self, acc: "AccClient", place: tuple[str, str]) -> "_Look":
        at, wanted, rows = anyio.current_time(), set(self._followed[place]), dict[str, Attachment]()
        async for row in acc.submittals.all_attachments(*place, sort=NEWEST_FIRST):
            if row.id in wanted:
                rows[row.id] = row
            if len(rows) == len(wanted):
                break
        return _Look(at, rows)


class _Look(NamedTuple):
    at: float
    rows: dict[str, Attachment]


async def _create(acc: "AccClient", wanted: AttachmentRequest) -> Attachment:
    return await acc.submittals.create_attachment(
        wanted.project_id,
        wanted.item_id,
        name=wanted.name,
        category_id=wanted.category_id,
        task_id=wanted.task_id,
        urn=wanted.urn,
    )


async def _rows(acc: "AccClient", wanted: AttachmentRequest) -> list[Attachment]:
    return [row async for row in acc.submittals.all_attachments(wanted.project_id, wanted.item_id)]


def has_same_name(rows: Sequence[Attachment], name: str, revision: int | None) -> bool:
    """Whether an attachment in `revision` has this name but for case and composition."""
    wanted = _folded(name)
    return any(
        _folded(row.name or "") == wanted
        and revision in (None, row.revision)
        and attachment_state(row, sending=False, stored=False) != "failed"
        for row in rows
    )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def new_matches(rows: Sequence[Attachment], known: Collection[str], wanted: AttachmentRequest) -> list[Attachment]:
    """Return the rows that a lost POST may have made: not `known`, by this person, and alike in all that was sent.

    A link is born uploaded, a reservation is not (fact sheet 3.3). Where ACC chooses the category or the task any one
    will do.
    """
    return [
        row
        for row in rows
        if row.id not in known
        and row.name == wanted.name
        and row.created_by == wanted.person_id
        and wanted.task_id in (None, row.task_id)
        and wanted.category_id in (None, row.category_id)
        and row.is_file_uploaded == (wanted.urn is not None)
    ]


ARRIVED: Final = frozenset({"complete", "chunked"})
"""What `signeds3download` calls an object whose upload was completed, assembled or not (fact sheet 8)."""


class StoredObject(NamedTuple):
    """Bytes that have arrived; how many, where storage says so: its status alone is the evidence."""

    size: int | None


async def stored_bytes(acc: "AccClient", attachment: "Attachment") -> StoredObject | None:
    """Return what storage has of an attachment, or None while its upload is not completed.

    Raises:
        AccError: Object storage refused or is away.
    """
    try:
        location = ObjectLocation.parse(attachment.upload_urn or "")
    except InvalidId:
        return None
    found = await acc.storage.download_link(location)
    return StoredObject(found.size) if found is not None and found.status in ARRIVED else None


async def find_row(acc: "AccClient", project_id: str, item_id: str, attachment_id: str) -> "Attachment":
    """Return ACC's row of one attachment, by walking the list, newest first.

    Raises:
        AttachmentMissing: The submittal has no such attachment.
        AccError: ACC refused or is away.
    """
    async for row in acc.submittals.all_attachments(project_id, item_id, sort=NEWEST_FIRST):
        if row.id == attachment_id:
            return row
    raise AttachmentMissing(attachment_id)


async def confirm_upload(acc: "AccClient", project_id: str, item_id: str, attachment_id: str) -> "Attachment":
    """Confirm the upload to ACC, and return the row as it is then. Look for the bytes first.

    Raises:
        AttachmentMissing: It was deleted meanwhile.
        AccError: ACC refused, and does not have it confirmed already.
    """
    try:
        return await acc.submittals.confirm_attachment(project_id, item_id, attachment_id)
    except AccError:
        row = await find_row(acc, project_id, item_id, attachment_id)
        if not row.is_file_uploaded:
            raise
        return row
