"""What is said of a worker's memory, request after request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.bench.growth import memory, page, targets
from tests.bench.test_growth_results import made_up

if TYPE_CHECKING:
    from pathlib import Path

KIB = 2**10


def grown(first: float, before: float, last: float) -> list[tuple[int, int]]:
    """20 looks at 100,000 requests; KiB for 1,000 of them in the first half, the next quarter, and the last."""
    seen, size = [], 80_000.0
    for number in range(1, 21):
        size += 5 * (first if number <= 10 else before if number <= 15 else last)
        seen.append((number * 5000, round(size * KIB)))
    return seen


@pytest.mark.parametrize(("last", "share"), [(100, 0.0), (110, 0.1)])
def test_memory_is_compared_with_what_it_was_half_way(last: int, share: float) -> None:
    assert memory.growth([(100, 50), (200, 80), (500, 100), (1000, last)]) == pytest.approx(share)
    # between two looks
    assert memory.growth([(100, 50), (400, 50), (600, 150), (1000, last)]) == pytest.approx(share)
    # of the last 100,000, where there are more
    assert memory.growth([(200_000, 50), (300_000, 100), (400_000, last)]) == pytest.approx(share)


def test_the_slope_is_of_the_share_that_is_asked_for() -> None:
    seen = grown(50, 8, 2)
    assert memory.slope(seen, 0, 0.5) == pytest.approx(50, rel=0.01)
    assert memory.slope(seen, 0.5, 0.75) == pytest.approx(8, rel=0.01)
    assert memory.slope(seen, 0.75, 1) == pytest.approx(2, rel=0.01)
    assert memory.slope(seen[:1], 0.5, 1) is None


@pytest.mark.parametrize(
    ("before", "last", "words"),
    [
        (14, 14, "14.0 KiB for 1,000 requests; it does not flatten: 14.0 KiB in the last quarter, 14.0 in the"),
        (14, 8, "it does not flatten: 8.0"),
        (14, 6, "it flattens: 6.0 KiB in the last quarter, 14.0 in the quarter before"),
        (0, 6, "it does not flatten: 6.0"),
        (14, 0, "it has stopped growing: 0.0"),
    ],
)
def test_the_page_and_the_target_say_the_slope_and_whether_it_flattens(
    before: float, last: float, words: str, tmp_path: Path
) -> None:
    results = made_up()
    results.memory = grown(50, before, last)
    results.write(tmp_path / page.JSON)
    assert words in " ".join(page.sections(tmp_path).split())
    assert words in targets.targets(results)[-1].found


def test_a_run_that_was_looked_at_too_seldom_says_its_percentage_alone() -> None:
    results = made_up()
    results.memory = [(100, 50), (200, 50)]
    assert targets.targets(results)[-1].found == "+0.00%"
