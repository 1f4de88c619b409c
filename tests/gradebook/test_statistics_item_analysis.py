"""The item analysis from the database: what counts, what is unanswered, how choices are counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from studentapi.api.item_analysis import ItemAnalysis
from studentapi.gradebook.documents import dumps
from studentapi.gradebook.item_analysis import item_analysis
from studentapi.gradebook.resources import NotFound
from tests.gradebook import published_tests as published
from tests.gradebook.small_school import School

if TYPE_CHECKING:
    from studentapi.mysql.database import Database

CHOICE = {"choices": [{"id": one, "text": one.upper()} for one in "abc"], "correct": ["b"]}
SEVERAL = {"choices": [{"id": one, "text": one.upper()} for one in "abc"], "correct": ["a", "c"]}
INDICES = (
    "mean_points", "standard_deviation", "difficulty", "item_total_correlation", "item_rest_correlation",
    "discrimination", "alpha_without",
)  # fmt: skip


@pytest.fixture
def school(database: Database) -> School:
    school = School(database)
    school.assessment("a")
    return school


def analysis(school: School) -> dict[str, Any]:
    found = json.loads(dumps(item_analysis(school.database, "a")))
    assert json.loads(ItemAnalysis.model_validate(found).model_dump_json()) == found, "as the API declares it"
    return dict(found)


def by_item(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in found["items"]}


def take(school: School, points: dict[str, dict[str, float]]) -> None:
    """By student, then by item: points, of an answer to each."""
    school.students(points)
    school.attempts([(f"t-{student}", student, "a", sum(of.values())) for student, of in points.items()])
    school.responses(
        [(f"t-{student}", item, "said", worth) for student, of in points.items() for item, worth in of.items()]
    )


def test_lsat_section_6_has_the_published_figures_from_the_database_on(school: School) -> None:
    students = [f"p{number:04}" for number in range(len(published.LSAT6))]
    school.items("a", [(f"q{number}", "true_false", 2, {"correct": True}) for number in range(5)])
    school.students(students)
    school.attempts([(f"t-{one}", one, "a", 20) for one in students])
    school.responses(
        (f"t-{one}", f"q{number}", bool(right), 2 * right)
        for one, row in zip(students, published.LSAT6, strict=True)
        for number, right in enumerate(row)
    )
    found = analysis(school)
    items = found["items"]
    assert (found["n"], found["left_out"], found["scored_items"], found["group_size"]) == (1000, 0, 5, 270)
    assert [item["difficulty"] for item in items] == published.LSAT6_DIFFICULTY
    assert found["alpha"] == pytest.approx(published.LSAT6_ALPHA, abs=5.1e-4)
    without = [item["alpha_without"] for item in items]
    assert without == pytest.approx(published.LSAT6_ALPHA_WITHOUT, abs=5.1e-3)
    frame = 2 * pd.DataFrame(published.LSAT6)
    total = frame.sum(axis=1)
    assert found["mean_points"] == pytest.approx(total.mean(), abs=5e-5)
    assert found["standard_deviation"] == pytest.approx(total.std(), abs=5e-5)
    # at the edges stand those with 10 points (298 of them) and, of the lower, those with 6
    upper = frame[total == 10].mean()
    at_edge = 270 - (total < 6).sum()
    lower = (frame[total < 6].sum() + at_edge * frame[total == 6].mean()) / 270
    for place, item in enumerate(items):
        assert item["item_rest_correlation"] == pytest.approx(frame[place].corr(total - frame[place]), abs=5e-7)
        assert item["item_total_correlation"] == pytest.approx(frame[place].corr(total), abs=5e-7)
        assert item["discrimination"] == pytest.approx((upper[place] - lower[place]) / 2, abs=5e-7)
        right = frame[place].sum() / 2
        assert [choice["count"] for choice in item["choices"]] == [right, 1000 - right]
        assert [choice["lower"] for choice in item["choices"]] == pytest.approx(
            [270 * lower[place] / 2, 270 - 270 * lower[place] / 2], abs=5.1e-5
        )


def test_attitude_has_the_published_figures_from_the_database_on(school: School) -> None:
    school.items("a", [(f"q{place}", "essay", 100, None) for place in range(7)])
    take(
        school,
        {
            f"p{number}": {f"q{place}": worth / 10 for place, worth in enumerate(row)}
            for number, row in enumerate(published.ATTITUDE)
        },
    )
    found = analysis(school)
    assert found["alpha"] == pytest.approx(published.ATTITUDE_ALPHA, abs=0.0051)
    rest = [item["item_rest_correlation"] for item in found["items"]]
    assert rest == pytest.approx(published.ATTITUDE_ITEM_REST, abs=0.0051)
    without = [item["alpha_without"] for item in found["items"]]
    assert without == pytest.approx(published.ATTITUDE_ALPHA_WITHOUT, abs=0.0051)


def test_without_items_and_without_attempts_nothing_is_defined(school: School) -> None:
    found = analysis(school)
    assert found == {
        "assessment": {"id": "a", "title": "A"}, "n": 0, "left_out": 0, "scored_items": 0, "mean_points": None,
        "standard_deviation": None, "alpha": None, "group_percent": 27, "group_size": None, "items": [],
    }  # fmt: skip
    school.items("a", [("q", "single_choice", 1, CHOICE)])
    (item,) = analysis(school)["items"]
    assert (item["n"], item["answered"], item["unanswered"], item["other_answers"]) == (0, 0, 0, 0)
    assert [item[name] for name in INDICES] == [None] * 7
    assert item["choices"][1] == {"id": "b", "is_correct": True, "count": 0, "upper": None, "lower": None}


def test_an_item_that_was_not_answered_scores_zero(school: School) -> None:
    school.items("a", [("q", "numeric", 4, {"value": 1}), ("r", "short_text", 1, {"accept": ["x"]})])
    take(school, {"p": {"q": 4, "r": 1}, "o": {"q": 2}, "n": {"r": 0}})
    school.students(["m"])
    school.attempts([("t-m", "m", "a", 0)])
    school.responses([("t-m", "q", None, None)])
    found = by_item(analysis(school))
    assert (found["q"]["n"], found["q"]["answered"], found["q"]["unanswered"]) == (4, 2, 2)
    assert (found["q"]["difficulty"], found["q"]["mean_points"]) == (0.375, 1.5)
    assert (found["r"]["answered"], found["r"]["difficulty"]) == (2, 0.25)


def test_a_test_that_was_handed_in_empty_counts_and_one_recorded_as_a_whole_does_not(school: School) -> None:
    school.items("a", [("q", "numeric", 1, {"value": 1})])
    take(school, {"p": {"q": 1}})
    school.students(["empty", "whole"])
    school.attempts([("e", "empty", "a", 0), ("w", "whole", "a", 80)])
    found = analysis(school)
    assert (found["n"], found["left_out"]) == (2, 1)
    assert found["items"][0]["difficulty"] == 0.5


def test_an_essay_that_nobody_has_graded_is_in_no_total(school: School) -> None:
    school.items(
        "a", [("q", "numeric", 1, {"value": 1}), ("r", "numeric", 1, {"value": 2}), ("e", "essay", 9, None)]
    )
    take(school, {"p": {"q": 1, "r": 1}, "o": {"q": 0, "r": 1}, "n": {"q": 0, "r": 0}})
    without = analysis(school)
    school.responses([("t-p", "e", "Long ago …", None), ("t-o", "e", "In short …", None)])
    found = analysis(school)
    assert (found["n"], found["left_out"], found["scored_items"], found["alpha"]) == (3, 0, 2, 0.666667)
    assert without["scored_items"] == 3, "an essay that nobody answered has 0 points of everybody"
    essay = by_item(found)["e"]
    assert (essay["scored"], essay["answered"], essay["unanswered"], essay["choices"]) == (False, 2, 1, None)
    assert [essay[name] for name in INDICES] == [None] * 7


def test_a_student_whose_essay_is_still_to_be_graded_is_left_out(school: School) -> None:
    school.items("a", [("q", "numeric", 1, {"value": 1}), ("e", "essay", 4, None)])
    take(school, {"p": {"q": 1, "e": 4}, "o": {"q": 0, "e": 1}, "n": {"q": 1}})
    school.responses([("t-n", "e", "Still to be read", None)])
    found = analysis(school)
    assert (found["n"], found["left_out"]) == (2, 1)
    assert (by_item(found)["e"]["difficulty"], by_item(found)["q"]["difficulty"]) == (0.625, 0.5)


def test_an_item_worth_no_points_is_in_no_total_and_its_answers_are_counted(school: School) -> None:
    school.items("a", [("q", "numeric", 1, {"value": 1}), ("poll", "single_choice", 0, CHOICE)])
    take(school, {"p": {"q": 1}, "o": {"q": 0}})
    school.responses([("t-p", "poll", "a", 0), ("t-o", "poll", "b", 0)])
    found = analysis(school)
    assert (found["scored_items"], found["alpha"]) == (1, None)
    poll = by_item(found)["poll"]
    assert (poll["scored"], poll["difficulty"], poll["item_rest_correlation"]) == (False, None, None)
    assert [(choice["count"], choice["upper"], choice["lower"]) for choice in poll["choices"]] == [
        (1, 1, 0), (1, 0, 1), (0, 0, 0),
    ]  # fmt: skip


def test_choices_are_counted_and_those_that_no_key_has_are_others(school: School) -> None:
    school.items(
        "a",
        [("one", "single_choice", 1, CHOICE), ("some", "multiple_choice", 1, SEVERAL),
         ("tf", "true_false", 1, {"correct": False}), ("open", "single_choice", 1, None)],
    )  # fmt: skip
    school.students("pqrs")
    school.attempts([(f"t-{one}", one, "a", 1) for one in "pqrs"])
    school.responses(
        [("t-p", "one", "b", 1), ("t-q", "one", "a", 0), ("t-r", "one", "a", 0), ("t-s", "one", "gone", 0),
         ("t-p", "some", ["a", "c"], 1), ("t-q", "some", ["a", "b"], 0), ("t-r", "some", [], 0),
         ("t-s", "some", ["c", "gone"], 0),
         ("t-p", "tf", False, 1), ("t-q", "tf", True, 0), ("t-r", "tf", None, 0), ("t-s", "tf", {"odd": 1}, 0),
         ("t-p", "open", "x", 1)],
    )  # fmt: skip
    found = by_item(analysis(school))
    counts = {
        key: [(choice["id"], choice["is_correct"], choice["count"]) for choice in item["choices"]]
        for key, item in found.items()
    }
    assert counts == {
        "one": [("a", False, 2), ("b", True, 1), ("c", False, 0)],
        "some": [("a", True, 2), ("b", False, 1), ("c", True, 2)],
        "tf": [("true", False, 1), ("false", True, 1)],
        "open": [],
    }
    others = {key: (item["other_answers"], item["unanswered"]) for key, item in found.items()}
    assert others == {"one": (1, 0), "some": (1, 0), "tf": (1, 1), "open": (1, 3)}


@pytest.mark.parametrize(("counted", "attempt"), [("best", "2"), ("first", "1"), ("last", "4"), ("mean", "4")])
def test_one_attempt_of_each_student_is_analysed(database: Database, counted: str, attempt: str) -> None:
    school = School(database)
    school.assessment("a", counted=counted)
    school.items("a", [("q", "single_choice", 1, {"choices": CHOICE["choices"], "correct": ["b"]})])
    school.students(["p"])
    school.attempts(
        [("1", "p", "a", 40, 1), ("2", "p", "a", 90, 2), ("3", "p", "a", 90, 3), ("4", "p", "a", 60, 4),
         ("5", "p", "a", None, 5, "submitted")]
    )  # fmt: skip
    school.responses([(name, "q", "b", 0 if name != attempt else 1) for name in "12345"])
    found = analysis(school)
    assert (found["n"], found["items"][0]["difficulty"]) == (1, 1)


def test_whoever_took_it_counts_withdrawn_or_not_and_nobody_who_is_deleted(school: School) -> None:
    school.items("a", [("q", "numeric", 1, {"value": 1}), ("gone", "numeric", 1, {"value": 1})])
    take(school, {"p": {"q": 1, "gone": 1}, "o": {"q": 0, "gone": 1}, "n": {"q": 0}, "m": {"q": 0, "gone": 0}})
    school.run(
        "UPDATE enrollments SET withdrawn_on = '2020-01-01' WHERE public_id = 'e-p'",
        "UPDATE users SET deleted_at = UTC_TIMESTAMP(6) WHERE public_id = 'o'",
        "UPDATE attempts SET deleted_at = UTC_TIMESTAMP(6) WHERE public_id = 't-n'",
        "UPDATE items SET deleted_at = UTC_TIMESTAMP(6) WHERE public_id = 'gone'",
    )
    found = analysis(school)
    assert (found["n"], found["scored_items"], found["mean_points"]) == (2, 1, 0.5)
    assert [item["id"] for item in found["items"]] == ["q"]
    school.run("UPDATE responses SET deleted_at = UTC_TIMESTAMP(6) WHERE points = 0")
    assert by_item(analysis(school))["q"]["answered"] == 1


def test_what_is_not_there_is_named(school: School) -> None:
    with pytest.raises(NotFound) as caught:
        item_analysis(school.database, "no")
    assert caught.value.kind == "assessment"
    school.run("UPDATE assessments SET deleted_at = UTC_TIMESTAMP(6)")
    with pytest.raises(NotFound):
        analysis(school)
