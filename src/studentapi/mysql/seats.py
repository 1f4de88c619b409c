"""A bulkhead: not every thread of a process may be busy with the database at once.

A server that stalls holds whoever waits for its answer. One thread is kept out of that, and so goes on to answer
what needs no database: health checks, metrics.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from time import monotonic

CROWDED = 0.25
"""Seconds without any seat being taken or left, after which nobody waits for one."""


class Seats:
    """So many may be taken at once; None: no limit."""

    def __init__(self, number: int | None) -> None:
        self._free: SimpleQueue[None] | None = None
        self._moved = monotonic()
        if number is not None:
            self._free = SimpleQueue()
            for _ in range(number):
                self._free.put(None)

    def take(self, patience: float | None = None) -> bool:
        """Take a seat; False where there is none to be had soon, or within `patience` seconds if given."""
        free = self._free
        if free is None:
            return True
        try:
            free.get_nowait()
        except Empty:
            if not self._wait(free, patience):
                return False
        if free.empty():
            self._moved = monotonic()
        return True

    def leave(self) -> None:
        """Give a seat back."""
        if self._free is not None:
            if self._free.empty():
                self._moved = monotonic()
            self._free.put(None)

    def _wait(self, free: SimpleQueue[None], patience: float | None) -> bool:
        until = monotonic() + patience if patience is not None else self._moved + CROWDED
        try:
            free.get(timeout=max(until - monotonic(), 0.0))
        except Empty:
            return False
        return True
