"""Sealing with whatever keys there are: the newest one seals, any opens, and they are looked up again when changed."""

from persistence.encryption import NotSealed, UnknownKey, key_id_of, seal, unseal
from persistence.errors import KeyMissing
from persistence.keys import KeyRing, KeySource, Source

Context = tuple[str | int, ...]


class RecordCipher:
    """Seals and opens with keys from `source`, which are read when first needed. Blocks.

    `seal` makes the first key, `change` another: whoever calls them keeps other processes from doing so meanwhile.
    """

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._ring: KeyRing | None = None

    @property
    def key_location(self) -> Source | None:
        """Where the newest key is; None before one was made."""
        self._ring = self._ring or self._source.load()
        return self._ring.source if self._ring is not None else None

    def rotate(self) -> None:
        """Make a key, or take the newest that was set, to seal with from now on."""
        self._ring = self._source.create_key()

    def seal(self, content: bytes, context: Context, in_place_of: str | None = None) -> str:
        """Return `content` sealed with the newest key.

        The keys are looked up again where what it is to stand `in_place_of` was sealed with one unknown to us.
        """
        if self._ring is None or (in_place_of is not None and not self._knows(self._ring, in_place_of)):
            self._ring = self._source.load()
        self._ring = self._ring or self._source.create_key()
        return seal(self._ring.newest, content, context)

    def unseal(self, sealed: str, context: Context) -> bytes:
        """Return what was sealed for the same context.

        Raises:
            KeyMissing: It was sealed with a key that is not at hand.
            NotSealed: It was tampered with.
        """
        try:
            return self._opened(self._ring or self._source.load(), sealed, context)
        except UnknownKey:
            # The keys may have been changed since they were read.
            try:
                return self._opened(self._source.load(), sealed, context)
            except UnknownKey as unknown:
                raise KeyMissing(unknown.key_id, self._source.looked_in) from None

    def _opened(self, ring: KeyRing | None, sealed: str, context: Context) -> bytes:
        self._ring = ring
        return unseal(ring.keys if ring is not None else (), sealed, context)

    def _knows(self, ring: KeyRing, sealed: str) -> bool:
        try:
            return key_id_of(sealed) in {key.id for key in ring.keys}
        except NotSealed:
            return False  # somebody has spoilt it, which signing in anew mends
