"""What slices come to: medians over the rounds, and ratios within them."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.bench.results import Measured


@dataclass(frozen=True)
class Figures:
    """A peer at a place: `rate` in requests/s, latencies in ms, CPU in µs per request, and counts per request.

    `rate` and the latencies are medians of the rounds; the rest is summed over all of them, since the
    kernel counts CPU time in steps of 10 ms.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    app_us: float
    database_us: float
    connects: float
    statements: float
    pings: float

    @property
    def cpu_us(self) -> float:
        """App and database together."""
        return self.app_us + self.database_us

    @property
    def app_share(self) -> float:
        """The app's share of the CPU time that the two used, from 0 to 1; 0 where none was seen."""
        return self.app_us / self.cpu_us if self.cpu_us else 0.0


@dataclass(frozen=True)
class Ratio:
    """How many times the requests/s of another: the median of the rounds' ratios, the lowest and the highest.

    `rounds`: all of them, in the order of the rounds.
    """

    median: float
    low: float
    high: float
    rounds: tuple[float, ...] = field(default=(), compare=False)


def figures(measured: Measured) -> Figures:
    """The figures of a peer that has at least one slice."""
    slices = measured.slices
    requests = sum(one.requests for one in slices)

    def each(total: float) -> float:
        return total / requests if requests else 0.0

    return Figures(
        rate=median(one.rate for one in slices),
        p50_ms=median(one.p50_ms for one in slices),
        p99_ms=median(one.p99_ms for one in slices),
        app_us=each(sum(one.app for one in slices)) * 1e6,
        database_us=each(sum(one.database for one in slices)) * 1e6,
        connects=each(sum(one.connects for one in slices)),
        statements=each(sum(one.statements for one in slices)),
        pings=each(sum(one.pings for one in slices)),
    )


def ranked(there: Mapping[str, Measured]) -> list[tuple[str, Measured]]:
    """Who was measured at a place, the fastest first."""
    return sorted(there.items(), key=lambda one: figures(one[1]).rate, reverse=True)


def ratio(ours: Measured, theirs: Measured) -> Ratio:
    """Our requests/s over theirs, round by round: what slows a round down slows both."""
    return spread([one.rate / other.rate for one, other in zip(ours.slices, theirs.slices, strict=True)])


def tail(measured: Measured) -> Ratio:
    """The 99th percentile over the median, slice by slice."""
    return spread([one.p99_ms / one.p50_ms for one in measured.slices])


UNSTEADY = 2.0
"""From so many times on, rounds differ by more than what is usual on a machine that is at rest."""


def unsteadiness(measured: Measured) -> float:
    """How many times the requests/s of its slowest round those of the fastest are."""
    rates = [one.rate for one in measured.slices]
    return max(rates) / min(rates)


TEN = 10
"""From here on, a factor is told with one digit behind the point instead of two."""


def printed(factor: float) -> float:
    """A factor, as it is told."""
    return round(factor, 2 if factor < TEN else 1)


def spread(ratios: list[float]) -> Ratio:
    """Median, lowest and highest."""
    return Ratio(median(ratios), min(ratios), max(ratios), tuple(ratios))
