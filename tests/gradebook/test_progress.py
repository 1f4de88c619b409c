from datetime import datetime
from typing import Any

import pytest

from studentapi.gradebook.progress import summary

NOW = datetime(2026, 1, 1)  # noqa: DTZ001 - naive and UTC, as the database's


def assessment(
    percent: float | None = None, weight: float = 0, due: datetime | None = None, *attempts: dict[str, Any]
) -> dict[str, Any]:
    return {"percent": percent, "weight": weight, "due_at": due, "attempts": list(attempts)}


def attempt(percent: float | None, day: int, late: bool = False) -> dict[str, Any]:
    state = "submitted" if percent is None else "graded"
    return {"state": state, "percent": percent, "submitted_at": datetime(2025, 1, day), "is_late": late}  # noqa: DTZ001


def test_nothing_graded_is_null_and_never_zero() -> None:
    made = summary([assessment(None, 10, None, attempt(None, 1))], 50, NOW)
    assert made["attempted"] == 1
    assert made["graded"] == 0
    names = ("mean_percent", "weighted_percent", "best_percent", "last_percent", "mastered")
    assert [made[name] for name in names] == [None] * 5


def test_weights_of_zero_leave_the_mean_to_decide() -> None:
    made = summary([assessment(60, 0, None, attempt(60, 1)), assessment(30, 0, None, attempt(30, 2))], 45, NOW)
    assert made["weighted_percent"] is None
    assert (made["mean_percent"], made["mastered"]) == (45, True)


def test_weighted_percent_decides_where_there_is_one() -> None:
    made = summary([assessment(60, 1, None, attempt(60, 1)), assessment(30, 3, None, attempt(30, 2))], 45, NOW)
    assert (made["mean_percent"], made["weighted_percent"], made["mastered"]) == (45, 37.5, False)


def test_percents_have_at_most_four_decimals() -> None:
    made = summary([assessment(p, 3, None, attempt(p, 1)) for p in (1, 1, 2)], 45, NOW)
    assert made["mean_percent"] == made["weighted_percent"] == 1.3333


def test_missing_is_due_in_the_past_with_no_attempt() -> None:
    past, future = datetime(2025, 12, 31), datetime(2026, 1, 2)  # noqa: DTZ001
    made = summary(
        [assessment(None, 1, past), assessment(None, 1, future), assessment(None, 1, None),
         assessment(None, 1, past, attempt(None, 1, late=True))], 45, NOW,
    )  # fmt: skip
    assert (made["missing"], made["late"], made["attempted"]) == (1, 1, 1)


def test_last_is_by_submission_and_then_by_listing() -> None:
    first, second = attempt(10, 5), attempt(20, 3)
    assert (
        summary([assessment(10, 1, None, first), assessment(20, 1, None, second)], 0, NOW)["last_percent"] == 10
    )
    tied = [assessment(10, 1, None, attempt(10, 5)), assessment(20, 1, None, attempt(20, 5))]
    assert summary(tied, 0, NOW)["last_percent"] == 20


@pytest.mark.parametrize("percents", [[33.3333, 33.3333, 33.3334], [0.1] * 10])
def test_mastery_is_of_the_percent_that_is_shown(percents: list[float]) -> None:
    made = summary([assessment(p, 1, None, attempt(p, 1)) for p in percents], sum(percents) / len(percents), NOW)
    assert made["mastered"] == (made["weighted_percent"] >= sum(percents) / len(percents))
