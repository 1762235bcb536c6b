"""How patient those are who share one sign-in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RefreshTimings:
    """How patient to be, in seconds.

    `early`: a token with less left is renewed, each process at a moment of its own within `jitter`; with less than
    `usable` left it is not used any more, which clocks that differ by minutes need. `lease`: a holder who shows no sign
    of life for so long is given up; a sign comes every `beat`. `post`: the longest that Autodesk is waited for. `save`:
    pauses between tries to save, before calls are told that it fails. After a failure, or a token refused right after
    it was issued, the next try comes after `rest`.
    """

    early: float = 300.0
    jitter: float = 120.0
    usable: float = 150.0
    lease: float = 15.0
    beat: float = 3.0
    poll: float = 0.1
    post: float = 20.0
    save: tuple[float, ...] = (0.1, 0.5, 2.0)
    rest: float = 60.0
