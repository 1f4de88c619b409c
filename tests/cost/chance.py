"""The chance by which a write is followed by upkeep, taken out of the count: it is due when it is told to be."""

from __future__ import annotations

import os

from studentapi.mysql.settlement import PURGE_EVERY


class Chance:
    """Stands in for `os.urandom`: a write draws a marker, whose first two bytes say whether upkeep is `due`."""

    def __init__(self) -> None:
        self.due = False
        self._draw = os.urandom

    def __call__(self, size: int) -> bytes:
        """Random bytes but for these two."""
        # half of it would be due wherever upkeep came more often
        number = PURGE_EVERY if self.due else PURGE_EVERY // 2
        return (number.to_bytes(2, "big") + self._draw(size))[:size]
