"""Formulas of descriptive statistics: numbers in, numbers out; no SQL, no rows.

What is not defined for so few numbers is None, never 0. Results are not rounded, unless it says so.
"""

from __future__ import annotations

from math import fsum, sqrt
from statistics import quantiles
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.gradebook.results import Counted

PERCENT_DECIMALS = 4
INDEX_DECIMALS = 6
"""Of what is no percent: rates, correlations, coefficients."""
BINS = 10


class Averages(NamedTuple):
    """Of some assessments of one student; percents, None where there is none."""

    mean: float | None
    weighted: float | None

    @property
    def overall(self) -> float | None:
        """The weighted percent, or else the mean: the percent that mastery, ranks and risks go by."""
        return self.mean if self.weighted is None else self.weighted


class Spread(NamedTuple):
    """The distribution of some numbers, in their own unit."""

    n: int
    mean: float | None
    standard_deviation: float | None
    minimum: float | None
    q1: float | None
    median: float | None
    q3: float | None
    maximum: float | None


def averages(weights: Sequence[float], percents: Sequence[float]) -> Averages:
    """The mean of `percents`, and Σ weight · percent / Σ weight: None where no weight is above 0."""
    mean = fsum(percents) / len(percents) if percents else None
    total = fsum(weights)
    products = [weight * percent for weight, percent in zip(weights, percents, strict=True)]
    return Averages(mean, fsum(products) / total if total else None)


def spread(values: Sequence[float]) -> Spread:
    """Describe the distribution of `values`, in any order.

    - `mean`: Σ x / n
    - `standard_deviation`: of a sample, √(Σ (x - mean)² / (n - 1)); None for fewer than two values, 0 where all
      are the same
    - `q1`, `median`, `q3`: quantiles of type 7 of Hyndman and Fan (1996, "Sample quantiles in statistical
      packages", The American Statistician 50): with the values in order and h = (n - 1) · p, the value at
      place h counted from 0, linear between neighbours. As in numpy, R and QUARTILE.INC unless told otherwise;
      of one value, each is that value
    """
    if not values:
        return Spread(0, None, None, None, None, None, None, None)
    n = len(values)
    q1, median, q3 = quantiles(values, n=4, method="inclusive") if n > 1 else [values[0]] * 3
    mean, lowest, highest, deviation = fsum(values) / n, min(values), max(values), None
    if n > 1:
        # the standard library's takes ten times as long, for digits that no double has
        squares = fsum([(value - mean) ** 2 for value in values])
        deviation = 0.0 if lowest == highest else sqrt(squares / (n - 1))
    return Spread(n, mean, deviation, lowest, q1, median, q3, highest)


def histogram(percents: Sequence[float]) -> list[int]:
    """How many of `percents` are in each of ten bins: 0 ≤ p < 10, …, 80 ≤ p < 90, and 90 ≤ p ≤ 100.

    A percent is taken as it is shown, with 4 decimals. One above 100 is in the last bin, one below 0 in the
    first, so that the counts add up to n.
    """
    counts = [0] * BINS
    for percent in percents:
        place = int(round(percent, PERCENT_DECIMALS) // (100 / BINS))
        counts[min(max(place, 0), BINS - 1)] += 1
    return counts


def percentile_rank(n: int, rank: int, ties: int) -> float:
    """The percentile of the one at `rank` of `n`: 100 · (those below + half of those level) / n.

    `rank` is 1 for the best, and the same for all `ties` (at least 1, itself) that are level: 1, 2, 2, 4. This is
    the mid-distribution percentile rank (Crocker and Algina, 1986, "Introduction to classical and modern test
    theory", ch. 19); 50 for one alone.
    """
    below = n - (rank - 1) - ties
    return 100 * (below + ties / 2) / n


def counted_attempt(rule: Counted, percents: Sequence[float]) -> int:
    """Which of a student's graded attempts stands for all, by its place among `percents`, in order of number.

    The one whose percent is counted: for `best` the first of the highest, for `first` the first, for `last` the
    last. Where the mean is counted no attempt has it; there it is the last.
    """
    if rule == "best":
        return max(range(len(percents)), key=lambda place: percents[place])
    return 0 if rule == "first" else len(percents) - 1


def rate(part: int, whole: int) -> float | None:
    """`part` / `whole`, from 0 to 1, rounded to 6 decimals; None of nothing."""
    return round(part / whole, INDEX_DECIMALS) if whole else None


def rounded(value: float | None, kind: Literal["percent", "index"] = "percent") -> float | None:
    """Round to what an answer shows: a percent to 4 decimals, any other figure to 6; never to -0."""
    if value is None:
        return None
    return round(value, PERCENT_DECIMALS if kind == "percent" else INDEX_DECIMALS) + 0.0
