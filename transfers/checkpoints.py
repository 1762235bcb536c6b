"""The points of a job at which a crash would leave something different behind; tests kill the process at each."""

from typing import Final, Literal, get_args

Point = Literal[
    "asked",  # written down; nothing has been read
    "hashed",  # the digests are known; nothing is at ACC
    "intended",  # what ACC lists is written down, and the POST is next
    "posted",  # ACC has made the attachment; which one is not written down
    "reserved",
    "signed",  # an upload has begun
    "part kept",  # some parts are in storage, and written down
    "sent",  # all are
    "completed",  # storage has made the object; that is not written down
    "stored",  # that is written down, where the file has several parts
    "patched",  # ACC was told of the bytes; that is not written down
    "followed",  # that is written down, and ACC makes a version of them
    "processed",  # ACC has made one, or will not; that is not written down
]

POINTS: Final[tuple[Point, ...]] = get_args(Point)
