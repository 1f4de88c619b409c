"""The formulas of classical test theory: published figures, pandas and scipy, and their edges."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studentapi.gradebook.item_statistics import analyse, tails
from tests.gradebook import published_tests as published


def test_lsat_section_6_has_the_published_figures() -> None:
    assert len(published.LSAT6) == 1000
    found = analyse(published.LSAT6, [1] * 5)
    assert [item.difficulty for item in found.items] == published.LSAT6_DIFFICULTY
    assert found.test.alpha == pytest.approx(published.LSAT6_ALPHA, abs=5.1e-4)
    without = [item.alpha_without for item in found.items]
    assert without == pytest.approx(published.LSAT6_ALPHA_WITHOUT, abs=5.1e-3)
    right = np.array(published.LSAT6)
    for place, item in enumerate(found.items):
        rest = right.sum(axis=1) - right[:, place]
        assert item.item_rest == pytest.approx(stats.pointbiserialr(right[:, place], rest)[0])


def test_attitude_has_the_figures_that_psych_publishes() -> None:
    found = analyse(published.ATTITUDE, [100] * 7)
    assert found.test.alpha == pytest.approx(published.ATTITUDE_ALPHA, abs=0.0051)
    for name, expected, near in (
        ("alpha_without", published.ATTITUDE_ALPHA_WITHOUT, 0.0051),
        ("item_total", published.ATTITUDE_ITEM_TOTAL, 0.0051),
        ("item_rest", published.ATTITUDE_ITEM_REST, 0.0051),
        ("mean", published.ATTITUDE_MEAN, 0.51),
        ("standard_deviation", published.ATTITUDE_DEVIATION, 0.051),
    ):
        assert [getattr(item, name) for item in found.items] == pytest.approx(expected, abs=near), name


def alpha(frame: Any) -> float:
    k = frame.shape[1]
    covariances = frame.cov()
    return float(k / (k - 1) * (1 - np.trace(covariances) / covariances.to_numpy().sum()))


@pytest.mark.parametrize("seed", range(12))
def test_generated_tests_have_the_figures_of_scipy_and_pandas(seed: int) -> None:
    chance = random.Random(seed)
    n, k = chance.randint(5, 400), chance.randint(3, 25)
    most = [chance.choice([10_000, 20_000, 45_000]) for _ in range(k)]
    able = [chance.gauss(0, 1) for _ in range(n)]
    scores = [
        [
            worth * sum(ability + chance.gauss(0, 1.5) > hard for hard in (-0.5, 0.8)) // 2
            if place % 3
            else worth * (ability + chance.gauss(0, 1.5) > 0)
            for place, worth in enumerate(most)
        ]
        for ability in able
    ]
    frame = pd.DataFrame(scores)
    total = frame.sum(axis=1)
    found = analyse(scores, most)
    assert found.test.alpha == pytest.approx(alpha(frame), rel=1e-9)
    assert found.test.standard_deviation == pytest.approx(total.std())
    for place, item in enumerate(found.items):
        x = frame[place]
        assert item.difficulty == pytest.approx(x.mean() / most[place])
        if x.min() == x.max():
            assert (item.item_total, item.item_rest) == (None, None)
            continue
        assert item.item_total == pytest.approx(stats.pearsonr(x, total)[0])
        assert item.item_rest == pytest.approx(stats.pearsonr(x, total - x)[0])
        if x.nunique() == 2:
            right = x == x.max()
            assert item.item_rest == pytest.approx(stats.pointbiserialr(right, total - x)[0])
        assert item.alpha_without == pytest.approx(alpha(frame.drop(columns=place)), rel=1e-9)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_the_discrimination_is_its_mean_over_all_orders_of_those_who_stand_level(
    totals: list[int], chance: random.Random
) -> None:
    groups = tails(totals)
    if len(set(totals)) == 1:
        assert groups is None
        return
    assert groups is not None
    n = len(totals)
    size = max(int(0.27 * n + 0.5), 1)
    values = [chance.randint(0, 5) for _ in totals]
    # everybody of one total, by how many of them are within the group, has the mean of that total
    frame = pd.DataFrame({"total": totals, "value": values})
    means = frame.groupby("total")["value"].transform("mean")
    ordered = means.iloc[np.argsort(totals, kind="stable")]
    assert groups.size == size
    assert float(groups.upper.total(values)) == pytest.approx(ordered.tail(size).sum())
    assert float(groups.lower.total(values)) == pytest.approx(ordered.head(size).sum())


def test_without_ties_the_groups_are_the_27_percent_at_either_end() -> None:
    groups = tails(list(range(100)))
    assert groups is not None
    assert groups.size == 27
    assert groups.upper.total([1] * 73 + [0] * 27) == 0
    assert groups.lower.total([1] * 27 + [0] * 73) == 27
    assert groups.upper.share == groups.lower.share == 1


def test_the_order_of_students_decides_nothing() -> None:
    scores = [[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0, 1, 1], [0, 0, 0]]
    shuffled = list(scores)
    random.Random(1).shuffle(shuffled)
    assert shuffled != scores
    assert analyse(scores, [1] * 3).items == analyse(shuffled, [1] * 3).items


def test_those_level_at_the_edge_share_the_places_that_are_left() -> None:
    groups = tails([9, 5, 5, 5, 5, 1, 0])
    assert groups is not None
    assert groups.size == 2
    assert groups.upper.total([0, 1, 0, 0, 0, 0, 0]) == Fraction(1, 4)
    assert groups.lower.total([0, 0, 0, 0, 0, 1, 1]) == 2


def test_of_nobody_nothing_is_defined() -> None:
    found = analyse([], [1, 1, 1])
    assert found.test == (None, None, None)
    assert found.items == [(None,) * 7] * 3
    assert found.tails is None


def test_of_one_student_only_means_are_defined() -> None:
    found = analyse([[1, 0]], [1, 2])
    assert found.test == (1, None, None)
    assert found.items == [(1, None, 1, None, None, None, None), (0, None, 0, None, None, None, None)]


def test_where_nobody_varies_nothing_correlates() -> None:
    found = analyse([[1, 0]] * 5, [1, 1])
    assert found.test == (1, 0, None)
    assert found.items == [(1, 0, 1, None, None, None, None), (0, 0, 0, None, None, None, None)]


def test_an_item_that_all_have_right_stays_in_the_test() -> None:
    rows = [[1, a, b] for a, b in ((0, 0), (0, 1), (1, 1), (1, 1))]
    found = analyse(rows, [1] * 3)
    assert found.items[0].difficulty == 1
    assert (found.items[0].item_rest, found.items[0].discrimination) == (None, 0)
    assert found.test.alpha == pytest.approx(alpha(pd.DataFrame(rows)))
    assert found.items[0].alpha_without == pytest.approx(alpha(pd.DataFrame(rows)[[1, 2]]))


def test_one_item_has_no_rest_and_no_alpha() -> None:
    found = analyse([[1], [0], [1]], [1])
    assert found.test.alpha is None
    item = found.items[0]
    assert (item.item_total, item.item_rest, item.alpha_without, item.discrimination) == (1, None, None, 1)


def test_of_two_items_neither_has_an_alpha_without() -> None:
    found = analyse([[1, 0], [0, 1], [1, 1]], [1, 1])
    assert found.test.alpha is not None
    assert [item.alpha_without for item in found.items] == [None, None]


def test_items_that_cancel_each_other_leave_totals_that_do_not_vary() -> None:
    found = analyse([[1, 0], [0, 1], [1, 0]], [1, 1])
    assert found.test == (1, 0, None)
    assert [item.item_rest for item in found.items] == pytest.approx([-1, -1])
    assert [item.discrimination for item in found.items] == [None, None]
