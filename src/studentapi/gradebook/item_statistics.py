"""Formulas of classical test theory: a table of scores in, indices out; no SQL, no rows.

Scores are whole numbers, such as ten-thousandths of a point, so that every sum is exact and a variance of zero is
zero. Sources: Lord and Novick (1968), "Statistical theories of mental test scores"; Crocker and Algina (1986),
"Introduction to classical and modern test theory", ch. 5 to 7 and 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

TAIL_PERCENT = 27
"""Kelley (1939), "The selection of upper and lower groups for the validation of test items"."""


class ItemIndices(NamedTuple):
    """Of one item; see `analyse`. Means and deviations are in the unit of the scores."""

    mean: float | None
    standard_deviation: float | None
    difficulty: float | None
    item_total: float | None
    item_rest: float | None
    discrimination: float | None
    alpha_without: float | None


class TestIndices(NamedTuple):
    """Of the whole test; `alpha` as in `analyse`, the others of the total scores."""

    mean: float | None
    standard_deviation: float | None
    alpha: float | None


@dataclass(frozen=True)
class Group:
    """Places of the students who belong to it, and of those who stand at its edge, each with `share` of one."""

    inside: list[int]
    level: list[int]
    share: Fraction

    def total(self, values: Sequence[int]) -> Fraction:
        """The sum of `values`, which are by student, in this group."""
        at_edge = sum(values[place] for place in self.level)
        return sum(values[place] for place in self.inside) + self.share * at_edge


@dataclass(frozen=True)
class Tails:
    """The upper and the lower group, of `size` students each; see `tails`."""

    size: int
    upper: Group
    lower: Group


@dataclass(frozen=True)
class Analysis:
    """`tails` is None where there are none."""

    test: TestIndices
    items: list[ItemIndices]
    tails: Tails | None


def analyse(scores: Sequence[Sequence[int]], most: Sequence[int]) -> Analysis:
    """Analyse a table of n students (rows) by k items (columns); `most` is what each item is worth, above 0.

    With x the scores of an item, X the totals over all k items, and variances s²:

    - `difficulty`: mean of x / what the item is worth; 0 to 1, for right or wrong the share of those who are
      right (the higher, the easier)
    - `item_total`: the correlation of x and X (Pearson's; the point-biserial where x is right or wrong)
    - `item_rest`: the correlation of x and X - x, that is corrected for the item's own part in the total
      (Henrysson, 1963, "Correction of item-total correlations in item analysis", Psychometrika 28)
    - `discrimination`: the mean of x in the upper group less that in the lower, / what the item is worth; -1 to 1
      (Johnson, 1951; Kelley, 1939; see `tails`)
    - `alpha`: k / (k - 1) · (1 - Σ s²(x) / s²(X)) (Cronbach, 1951, "Coefficient alpha and the internal structure
      of tests", Psychometrika 16); KR-20 (Kuder and Richardson, 1937) where all items are right or wrong
    - `alpha_without`: alpha of the other k - 1 items
    - `mean`, `standard_deviation` (n - 1): of x, and of X

    An item that does not vary stays in k and in X. None where it is not defined: means with nobody; deviations
    with fewer than two students; a correlation where either side does not vary; `discrimination` where the totals
    do not; alpha of fewer than two items, of fewer than two students, or where the totals do not vary.
    """
    n, k = len(scores), len(most)
    totals = [sum(row) for row in scores]
    columns = [[row[place] for row in scores] for place in range(k)]
    variances = [_covariation(column, column) for column in columns]
    of_total = _covariation(totals, totals)
    groups = tails(totals)
    items = []
    for column, worth, variance in zip(columns, most, variances, strict=True):
        with_total = _covariation(column, totals)
        of_rest = of_total - 2 * with_total + variance
        items.append(
            ItemIndices(
                mean=sum(column) / n if n else None,
                standard_deviation=_deviation(variance, n),
                difficulty=sum(column) / (n * worth) if n else None,
                item_total=_correlation(with_total, variance, of_total),
                item_rest=_correlation(with_total - variance, variance, of_rest),
                discrimination=None if groups is None else _discrimination(column, worth, groups),
                alpha_without=_alpha(k - 1, sum(variances) - variance, of_rest),
            )
        )
    test = TestIndices(
        sum(totals) / n if n else None, _deviation(of_total, n), _alpha(k, sum(variances), of_total)
    )
    return Analysis(test, items, groups)


def tails(totals: Sequence[int]) -> Tails | None:
    """The 27 % of students with the highest totals, and the 27 % with the lowest.

    Each group has 0.27 · n students, rounded half up, at least one. Where several with the same total stand at a
    group's edge and not all fit in, each belongs to it by the same share, so that no order among equals decides.
    None where all totals are the same, or for fewer than two students.
    """
    n = len(totals)
    if n == 0 or min(totals) == max(totals):
        return None
    size = max((2 * TAIL_PERCENT * n + 100) // 200, 1)
    return Tails(size, _highest(totals, size), _highest([-total for total in totals], size))


def _highest(totals: Sequence[int], size: int) -> Group:
    edge = sorted(totals, reverse=True)[size - 1]
    inside = [place for place, total in enumerate(totals) if total > edge]
    level = [place for place, total in enumerate(totals) if total == edge]
    return Group(inside, level, Fraction(size - len(inside), len(level)))


def _covariation(x: Sequence[int], y: Sequence[int]) -> int:
    """n² times the covariance of a population: n Σ xy - Σ x Σ y."""
    return len(x) * sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y)


def _deviation(variation: int, n: int) -> float | None:
    return sqrt(variation / (n * (n - 1))) if n > 1 else None


def _correlation(together: int, of_x: int, of_y: int) -> float | None:
    return together / sqrt(of_x * of_y) if of_x and of_y else None


def _alpha(k: int, of_items: int, of_total: int) -> float | None:
    return float(Fraction(k, k - 1) * (1 - Fraction(of_items, of_total))) if k > 1 and of_total else None


def _discrimination(column: Sequence[int], worth: int, groups: Tails) -> float:
    return float((groups.upper.total(column) - groups.lower.total(column)) / (groups.size * worth))
