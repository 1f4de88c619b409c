"""The sizes of the data: copies of one small school, so that only the number of everything differs.

The small school is a seventeenth of OULAD's students (`EVERY`), with all that they are enrolled in and handed in:
some ten thousand attempts. A larger one is that school many times over. Each copy has its own students, classes
and assessments; of courses and chapters there are as many as the square root of the copies, since a larger school
has both more courses and more classes of each. So a student, a class and a page are the same at any size, and
only what lies around them differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

EVERY = 17
"""One in so many of OULAD's students."""


@dataclass(frozen=True)
class Size:
    """`attempts`: some, in round numbers; `name` is what the database is called by."""

    name: str
    title: str
    attempts: int
    copies: int

    @property
    def database(self) -> str:
        """The database's name."""
        return f"growth_{self.name}"

    @property
    def eras(self) -> int:
        """How many copies have courses of their own; the others share theirs."""
        return max(1, isqrt(self.copies))


SIZES = (
    Size("10k", "10 thousand", 10_000, 1),
    Size("100k", "100 thousand", 100_000, 10),
    Size("1m", "1 million", 1_000_000, 100),
    Size("10m", "10 million", 10_000_000, 1000),
)
QUICK = SIZES[:2]


def suffix(copy: int) -> str:
    """What stands behind the public ids of a copy; the first has those of OULAD."""
    return f".{copy}" if copy else ""
