"""Seconds, CPU and memory of what one process does between two calls."""

import resource
import time


class Meter:
    """Measures this process, or the ones it has run; the last `start` and `stop` count."""

    def __init__(self, *, children: bool = False) -> None:
        self._who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
        self.figures: dict[str, float] = {}

    def start(self) -> None:
        """Begin."""
        self._before = resource.getrusage(self._who)
        self._begin = time.perf_counter()

    def stop(self) -> None:
        """End; memory is how far the peak lies above what was taken before."""
        seconds = time.perf_counter() - self._begin
        now, before = resource.getrusage(self._who), self._before
        cpu = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
        memory = (now.ru_maxrss - before.ru_maxrss) * 1024
        self.figures = {"seconds": seconds, "cpu_seconds": cpu, "memory": memory}
