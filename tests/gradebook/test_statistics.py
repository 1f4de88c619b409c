"""The formulas of descriptive statistics, held against numpy and scipy, and at their edges."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studentapi.gradebook.results import counted_percent
from studentapi.gradebook.statistics import (
    averages,
    counted_attempt,
    histogram,
    percentile_rank,
    rate,
    rounded,
    spread,
)

if TYPE_CHECKING:
    from studentapi.gradebook.results import Counted

# NIST Statistical Reference Datasets, univariate summary statistics: NumAcc1 to NumAcc3, whose certified values
# are exact.
NUM_ACC_1 = [10000001.0, 10000003.0, 10000002.0]
NUM_ACC_2 = [1.2, *[1.1, 1.3] * 500]
NUM_ACC_3 = [1000000.2, *[1000000.1, 1000000.3] * 500]

percents = st.lists(st.integers(0, 1_000_000).map(lambda units: units / 10_000), min_size=2, max_size=60)


@pytest.mark.parametrize(
    ("values", "mean", "deviation"),
    [(NUM_ACC_1, 10000002, 1), (NUM_ACC_2, 1.2, 0.1), (NUM_ACC_3, 1000000.2, 0.1)],
)
def test_mean_and_deviation_are_nists_certified_values(
    values: list[float], mean: float, deviation: float
) -> None:
    found = spread(values)
    assert found.mean == pytest.approx(mean, rel=1e-15)
    assert found.standard_deviation == pytest.approx(deviation, rel=1e-8)


def test_quartiles_are_those_of_the_published_example() -> None:
    # Wikipedia, "Quartile", example 1, by its method 2, with which type 7 agrees for 4m + 3 values
    found = spread([6, 7, 15, 36, 39, 40, 41, 42, 43, 47, 49])
    assert (found.minimum, found.q1, found.median, found.q3, found.maximum) == (6, 25.5, 40, 42.5, 49)


@given(percents)
def test_a_spread_is_that_of_numpy(values: list[float]) -> None:
    found = spread(values)
    expected = [
        len(values), np.mean(values), np.std(values, ddof=1), min(values),
        *np.quantile(values, [0.25, 0.5, 0.75]), max(values),
    ]  # fmt: skip
    assert list(found) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_of_nobody_nothing_is_defined() -> None:
    assert spread([]) == (0, None, None, None, None, None, None, None)
    assert histogram([]) == [0] * 10
    assert averages([], []) == (None, None)
    assert rate(0, 0) is None


def test_of_one_every_quartile_is_that_one_and_there_is_no_deviation() -> None:
    assert spread([70.5]) == (1, 70.5, None, 70.5, 70.5, 70.5, 70.5, 70.5)


def test_those_who_are_all_the_same_deviate_by_exactly_zero() -> None:
    assert spread([0.1] * 7).standard_deviation == 0


@given(percents)
def test_a_histogram_is_that_of_numpy(values: list[float]) -> None:
    assert histogram(values) == np.histogram(values, bins=10, range=(0, 100))[0].tolist()


def test_a_bin_begins_with_its_lower_edge_and_the_last_has_100_and_bonus_points_too() -> None:
    assert histogram([0, 9.9999, 10, 89.9999, 90, 100, 103]) == [2, 1, 0, 0, 0, 0, 0, 0, 1, 3]
    assert histogram([29.99999999]) == histogram([30]), "as it is shown"


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.data())
def test_a_percentile_is_that_of_scipy_ties_and_all(values: list[int], data: st.DataObject) -> None:
    mine = data.draw(st.sampled_from(values))
    rank = int(stats.rankdata([-value for value in values], method="min")[values.index(mine)])
    found = percentile_rank(len(values), rank, values.count(mine))
    assert found == pytest.approx(stats.percentileofscore(values, mine, kind="mean"))


def test_one_alone_is_in_the_middle() -> None:
    assert percentile_rank(1, 1, 1) == 50


def test_weights_of_zero_leave_the_mean() -> None:
    assert averages([0, 0], [40, 60]) == (50, None)
    assert averages([0, 0], [40, 60]).overall == 50
    assert averages([1, 3], [40, 60]) == (50, 55)
    assert averages([1, 3], [40, 60]).overall == 55


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.sampled_from(["best", "last", "first"]))
def test_the_counted_attempt_has_the_counted_percent(values: list[int], rule: Counted) -> None:
    place = counted_attempt(rule, values)
    assert values[place] == counted_percent(rule, [Decimal(value) for value in values])


def test_of_several_best_attempts_it_is_the_first_and_of_a_mean_the_last() -> None:
    assert counted_attempt("best", [3, 7, 7]) == 1
    assert counted_attempt("mean", [3, 7, 5]) == 2


def test_percents_are_shown_with_four_decimals_and_indices_with_six() -> None:
    assert rounded(200 / 3) == 66.6667
    assert rounded(2 / 3, "index") == 0.666667
    assert str(rounded(-1e-9, "index")) == "0.0"
    assert rounded(None) is None
