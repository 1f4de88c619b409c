"""Work whose amount is known, and what the counters say of it: in a process of its own, lest others work too."""

from __future__ import annotations

import json
import sys
from dis import get_instructions
from typing import TYPE_CHECKING

from tests.cost import work

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT: list[object] = []


def nothing() -> None:
    """Do nothing."""


def call() -> None:
    """Call a function."""
    len(())


def reckon() -> None:
    """Go through some instructions."""
    one = 1
    one = -one


def fill() -> None:
    """Take ten thousand bytes for a moment."""
    bytes(10_000)


def entangle() -> None:
    """Leave an object that refers to itself."""
    loop: list[object] = []
    loop.append(loop)


def keep() -> None:
    """Keep an object for good."""
    KEPT.append([])


def more(counter: Callable[[Callable[[], None]], int], done: Callable[[], None]) -> int:
    """How much more a counter says of something than of nothing."""
    return counter(done) - counter(nothing)


def main() -> None:
    """Print what each counter says more, and how many instructions it should be, as JSON."""
    found = {
        "calls": more(work._calls, call),
        "instructions": more(work._instructions, reckon),
        "bytes": more(work._bytes, fill),
        "garbage": more(work._garbage, entangle),
        "kept": min(work._kept(keep)),
    }
    expected = sum(1 for _ in get_instructions(reckon)) - sum(1 for _ in get_instructions(nothing))
    sys.stdout.write(json.dumps({**found, "expected_instructions": expected}))


if __name__ == "__main__":
    main()
