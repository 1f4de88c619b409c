"""Which processes × threads to set, and how many clients fill them: requests/s compared within each round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.bench.figures import spread
from lab.bench.words import millis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.bench.figures import Ratio
    from lab.bench.growth.results import Workers

ENOUGH = 0.95
"""Of the most requests/s: threads that bring less than the rest are not worth their connections."""
FEWEST = 4
"""Threads: of fewer, one slow statement holds all that may use the database, for one of them is kept from it."""
KNEE = 0.9
"""Of the most requests/s, reached by the clients at the knee."""


def paired(one: Workers, other: Workers) -> Ratio:
    """How many times the requests/s of `other` those of `one` are, round by round."""
    rounds = zip(one.slices, other.slices, strict=True)
    return spread([mine.rate / theirs.rate for mine, theirs in rounds])


def best(measured: Sequence[Workers]) -> Workers:
    """Whom none serves more than, by the median of the paired rounds; where all are beaten, who is by the least.

    Of several, the first.
    """
    return max(measured, key=lambda one: min(paired(one, other).median for other in measured))


def recommended(measured: Sequence[Workers]) -> Workers:
    """Where the best has its number of processes, the fewest threads that serve enough of what it does.

    They are not fewer than `FEWEST`, where so many were tried.
    """
    top = best(measured)
    there = [one for one in measured if one.processes == top.processes]
    several = [one for one in there if one.threads >= FEWEST] or there
    # as it is printed
    enough = [one for one in several if round(paired(one, top).median, 2) >= ENOUGH] or [best(several)]
    return min(enough, key=lambda one: one.threads)


def knee(clients: Sequence[Workers]) -> Workers:
    """The fewest clients that are served `KNEE` of the most requests/s."""
    top = best(clients)
    return min((one for one in clients if paired(one, top).median >= KNEE), key=lambda one: one.clients)


def beyond(clients: Sequence[Workers]) -> str:
    """What the most clients get that those at the knee did not, in a sentence."""
    here, most = knee(clients), max(clients, key=lambda one: one.clients)
    if most.clients == here.clients:
        return "No more clients than these were tried."
    return (
        f"{most.clients} clients are served {paired(most, here).median:.2f} times as many, at a p99 of "
        f"{millis(most.p99_ms)} ms instead of {millis(here.p99_ms)}."
    )
