"""The counts of the app's work: what is counted, where, and how far it may be from what docs/cost.md says."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

LOCK = Path(__file__).parents[2] / "requirements" / "run.txt"
MEASURES = {
    "calls": "calls of functions, Python's and C's",
    "instructions": "instructions of Python's byte code",
    "bytes": "the most memory that it takes at once",
    "garbage": "objects that it leaves to the garbage collector",
    "kept": "blocks of memory that 1,000 requests more have taken for good",
}
"""What is counted, of a request."""
EVERYWHERE = ("garbage", "kept")
"""Counts that are the same under every release."""
BYTES = 256
"""Room for `bytes`: a context's variables are filed by their addresses, and a log line has digits of times."""
PERCENT = 5
"""Room for the others under another release, in which `logging` or `urllib.parse` may be other code."""


class Where(NamedTuple):
    """Where it was counted: under which release of Python, with which kind of server."""

    python: str
    server: str

    @property
    def version(self) -> str:
        """The version of Python but for its last number."""
        return self.python.rpartition(".")[0]

    def is_like(self, other: Where) -> bool:
        """Whether they differ in that number alone."""
        return (self.version, self.server) == (other.version, other.server)


Counts = dict[str, dict[str, int]]
"""By request and measure."""
Work = dict[Where, Counts]


def renewed(work: Work, now: Work) -> Work:
    """`work`, with what was counted `now` in the place of what is like it."""
    return {where: counts for where, counts in work.items() if not any(map(where.is_like, now))} | now


def room(measure: str, said: int, *, same: bool) -> int:
    """How far a count may be from what is `said`, up or down; `same`: of the same release and libraries."""
    if measure in EVERYWHERE:
        return 0
    if not same:
        return max(said * PERCENT // 100, BYTES if measure == "bytes" else 0)
    return BYTES if measure == "bytes" else 0


def as_locked() -> bool:
    """Whether the libraries that are installed have the versions that requirements/run.txt pins."""
    pins: dict[str, set[str]] = {}
    for name, pin in re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(), re.MULTILINE):
        pins.setdefault(name, set()).add(pin)  # some have one for each Python
    return all(_installed(name) in {*several, None} for name, several in pins.items())


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
