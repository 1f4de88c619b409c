"""The reports of a class and of a student at their edges: nobody, one, level, withdrawn, deleted, ungraded."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.gradebook.at_risk import Thresholds, at_risk
from studentapi.gradebook.class_statistics import chapter_statistics
from studentapi.gradebook.heatmap import heatmap
from studentapi.gradebook.resources import NotFound
from studentapi.gradebook.student_progress import student_progress
from tests.gradebook.small_school import School

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.mysql.database import Database

NOW = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - naive and UTC, as the database's
BEFORE, AFTER = datetime(2026, 2, 1), datetime(2026, 4, 1)  # noqa: DTZ001
UNDEFINED = (
    "mean_percent", "median_percent", "standard_deviation", "minimum_percent", "q1_percent", "q3_percent",
    "maximum_percent", "pass_rate", "mastery_rate",
)  # fmt: skip


@pytest.fixture
def school(database: Database) -> School:
    return School(database)


def chapter(school: School, **asked: Any) -> dict[str, Any]:
    return chapter_statistics(school.database, "k", "h", now=NOW, **asked)


def progress(school: School, student: str) -> dict[str, Any]:
    found: dict[str, Any] = student_progress(school.database, student, now=NOW)["classes"][0]
    return found


def risks(school: School, **asked: Any) -> dict[str, list[str]]:
    found = at_risk(school.database, "k", Thresholds(**asked), now=NOW)
    return {one["id"]: [reason["code"] for reason in one["reasons"]] for one in found["students"]}


def test_in_a_class_of_nobody_every_count_is_zero_and_every_figure_null(school: School) -> None:
    school.assessment("a", due_at=BEFORE)
    found = chapter(school)
    assert [found[name] for name in ("assessments", "enrolled", "attempted", "missing", "n", "passed")] == [
        1, 0, 0, 0, 0, 0,
    ]  # fmt: skip
    assert [found[name] for name in UNDEFINED] == [None] * len(UNDEFINED)
    assert [one["count"] for one in found["histogram"]] == [0] * 10
    assert heatmap(school.database, "k", now=NOW)["students"] == []
    assert at_risk(school.database, "k", now=NOW)["students"] == []


def test_students_without_an_attempt_are_missing_once_it_is_due_and_are_no_observation(school: School) -> None:
    school.students(["p", "q", "r"])
    school.assessment("a", due_at=BEFORE)
    school.assessment("b", due_at=BEFORE)
    school.assessment("later", due_at=AFTER)
    school.assessment("open")
    school.attempts([("1", "p", "a", 60), ("2", "p", "b", 60), ("3", "q", "a", 90)])
    found = chapter(school)
    assert (found["enrolled"], found["attempted"], found["missing"], found["missing_attempts"]) == (3, 2, 2, 3)
    assert (found["n"], found["mean_percent"], found["standard_deviation"]) == (2, 75, pytest.approx(21.2132))


def test_what_is_in_progress_submitted_or_exempt_is_attempted_and_neither_missing_nor_graded(
    school: School,
) -> None:
    school.students(["p", "q", "r"])
    school.assessment("a", due_at=BEFORE)
    school.attempts(
        [
            ("1", "p", "a", None, 1, "in_progress"),
            ("2", "q", "a", None, 1, "submitted"),
            ("3", "r", "a", None, 1, "exempt"),
        ]
    )
    found = chapter(school)
    assert (found["attempted"], found["missing"], found["n"], found["mean_percent"]) == (3, 0, 0, None)
    assert heatmap(school.database, "k", now=NOW)["students"][0]["percents"] == [None, None]


def test_one_student_has_quartiles_and_no_deviation(school: School) -> None:
    school.students(["p"])
    school.assessment("a")
    school.attempts([("1", "p", "a", 85)])
    found = chapter(school, pass_percent=85)
    assert [found[name] for name in ("q1_percent", "median_percent", "q3_percent")] == [85, 85, 85]
    assert (found["standard_deviation"], found["passed"], found["mastery_rate"]) == (None, 1, 1)
    assert found["histogram"][8] == {"low": 80, "high": 90, "count": 1}
    assert progress(school, "p")["rank"] == {"n": 1, "rank": 1, "percentile": 50}


def test_a_threshold_is_reached_by_the_percent_that_is_shown(school: School) -> None:
    school.students(["p"])
    for name in ("a", "b", "c"):
        school.assessment(name, weight=1)
    school.attempts([("1", "p", "a", 79.9999), ("2", "p", "b", 80), ("3", "p", "c", 80)])
    # 79.99996…, shown as 80
    assert (chapter(school)["mastered"], chapter(school)["mean_percent"]) == (1, 80)
    assert chapter(school)["histogram"][8]["count"] == 1
    assert risks(school, low_percent=80) == {}


def test_bonus_points_are_in_the_last_bin(school: School) -> None:
    school.students(["p"])
    school.assessment("a")
    school.attempts([("1", "p", "a", 120)])
    assert (chapter(school)["histogram"][9]["count"], chapter(school)["maximum_percent"]) == (1, 120)


def test_who_has_withdrawn_counts_in_no_figure_of_the_class(school: School) -> None:
    school.students(["p"])
    school.students(["gone"], withdrawn_on=NOW.date())
    school.students(["going"], withdrawn_on=date(2026, 3, 2))
    school.assessment("a", due_at=BEFORE)
    school.attempts([("1", "p", "a", 40), ("2", "gone", "a", 100)])
    found = chapter(school)
    assert (found["enrolled"], found["missing"], found["n"], found["mean_percent"]) == (2, 1, 1, 40)
    assert [row["id"] for row in heatmap(school.database, "k", now=NOW)["students"]] == ["going", "p"]
    assert risks(school) == {"p": ["low_percent"], "going": ["no_attempt"]}
    assert progress(school, "p")["rank"] == {"n": 1, "rank": 1, "percentile": 50}


def test_who_has_withdrawn_keeps_the_results_without_a_rank_and_misses_nothing(school: School) -> None:
    school.students(["p"])
    school.students(["gone"], withdrawn_on=NOW.date())
    school.assessment("a")
    school.assessment("b", due_at=BEFORE)
    school.attempts([("1", "p", "a", 40), ("2", "gone", "a", 100)])
    found = progress(school, "gone")
    assert found["withdrawn_on"] == NOW.date()
    assert found["rank"] == {"n": 1, "rank": None, "percentile": None}
    assert (found["summary"]["percent"], found["summary"]["missing"]) == (100, 0)
    assert progress(school, "p")["summary"]["missing"] == 1


@pytest.mark.parametrize(
    "gone",
    [
        "UPDATE users SET deleted_at = UTC_TIMESTAMP(6) WHERE public_id = 'q'",
        "UPDATE enrollments SET deleted_at = UTC_TIMESTAMP(6) WHERE public_id = 'e-q'",
        "UPDATE enrollments SET role = 'teacher' WHERE public_id = 'e-q'",
    ],
)
def test_who_is_deleted_or_no_student_counts_nowhere(school: School, gone: str) -> None:
    school.students(["p", "q"])
    school.assessment("a", due_at=BEFORE)
    school.attempts([("1", "p", "a", 40), ("2", "q", "a", 100)])
    assert progress(school, "p")["rank"] == {"n": 2, "rank": 2, "percentile": 25}
    school.run(gone)
    found = chapter(school)
    assert (found["enrolled"], found["n"], found["mean_percent"]) == (1, 1, 40)
    assert [row["id"] for row in heatmap(school.database, "k", now=NOW)["students"]] == ["p"]
    assert progress(school, "p")["rank"] == {"n": 1, "rank": 1, "percentile": 50}


@pytest.mark.parametrize("table", ["assessments", "chapters"])
def test_what_is_deleted_of_the_course_counts_nowhere(school: School, table: str) -> None:
    school.students(["p", "q"])
    school.assessment("a")
    school.assessment("b", chapter="i", due_at=BEFORE)
    school.attempts([("1", "p", "a", 90), ("2", "q", "a", 80), ("3", "p", "b", 0)])
    assert progress(school, "p")["rank"]["rank"] == 2
    name = {"assessments": "b", "chapters": "i"}[table]
    school.run(f"UPDATE {table} SET deleted_at = UTC_TIMESTAMP(6) WHERE public_id = '{name}'")
    assert progress(school, "p")["rank"]["rank"] == 1
    assert progress(school, "p")["summary"]["percent"] == 90
    assert risks(school) == {}
    rows = heatmap(school.database, "k", now=NOW)["students"]
    assert [row["percents"][0] for row in rows] == [90, 80]


def test_a_deleted_attempt_is_as_if_it_had_not_been(school: School) -> None:
    school.students(["p"])
    school.assessment("a", due_at=BEFORE)
    school.attempts([("1", "p", "a", 90)])
    school.run("UPDATE attempts SET deleted_at = UTC_TIMESTAMP(6)", "DELETE FROM results")
    found = chapter(school)
    assert (found["attempted"], found["missing"], found["n"]) == (0, 1, 0)
    assert progress(school, "p")["series"] == []


def test_those_who_are_level_share_the_better_rank(school: School) -> None:
    school.students("pqrst")
    school.assessment("a")
    school.attempts([("1", "p", "a", 90), ("2", "q", "a", 80), ("3", "r", "a", 80), ("4", "s", "a", 70)])
    ranks = {one: progress(school, one)["rank"] for one in "pqrst"}
    assert [ranks[one]["rank"] for one in "pqrst"] == [1, 2, 2, 4, None]
    assert [ranks[one]["percentile"] for one in "pqrst"] == [87.5, 50, 50, 12.5, None]
    assert ranks["t"]["n"] == 4


def test_weights_make_the_percent_by_which_students_are_ranked(school: School) -> None:
    school.students(["p", "q"])
    school.assessment("a", weight=3)
    school.assessment("b", weight=1, chapter="i")
    school.attempts([("1", "p", "a", 80), ("2", "p", "b", 0), ("3", "q", "a", 50), ("4", "q", "b", 100)])
    assert progress(school, "q")["summary"]["percent"] == 62.5
    assert progress(school, "q")["rank"]["rank"] == 1
    assert progress(school, "p")["summary"]["mean_percent"] == 40


def test_the_series_is_dated_by_the_attempt_that_counts(school: School) -> None:
    days = [datetime(2026, 2, day) for day in range(1, 9)]  # noqa: DTZ001
    school.students(["p"])
    for name, rule in (("best", "best"), ("first", "first"), ("last", "last"), ("mean", "mean")):
        school.assessment(name, counted=rule)
    school.assessment("undated", due_at=days[7])
    school.assessment("dateless")
    attempts = [
        (f"{name}{number}", "p", name, percent, number, "graded", days[number], late)
        for name in ("best", "first", "last", "mean")
        for number, percent, late in ((1, 50, False), (2, 90, True), (3, 90, False), (4, 60, False))
    ]
    school.attempts([*attempts, ("u", "p", "undated", 10), ("d", "p", "dateless", 20)])
    series = progress(school, "p")["series"]
    assert [(one["assessment_id"], one["date"], one["percent"], one["is_late"]) for one in series] == [
        ("first", days[1], 50, False),
        ("best", days[2], 90, True),
        ("last", days[4], 60, False),
        ("mean", days[4], pytest.approx(72.5), False),
        ("undated", days[7], 10, False),
        ("dateless", None, 20, False),
    ]
    assert [one["percent_to_date"] for one in series] == [50, 70, 66.6667, 68.125, 56.5, 50.4167]


def test_each_reason_comes_with_its_figures(school: School) -> None:
    school.students(["fine", "falls", "late", "low", "never", "quits"])
    dues = [datetime(2026, 2, day) for day in range(1, 5)]  # noqa: DTZ001
    for number, due in enumerate(dues):
        school.assessment(f"a{number}", due_at=due)
    percents = {
        "fine": (70, 70, 70, 70),
        "falls": (90, 80, 70, 70),
        "late": (70, 70, 70, 70),
        "low": (49, 50, 50, 50),
    }
    rows = [
        (f"{student}{number}", student, f"a{number}", percent, 1, "graded", dues[number], student == "late")
        for student, four in percents.items()
        for number, percent in enumerate(four)
    ]
    school.attempts([*rows, ("q0", "quits", "a0", 90), ("q1", "quits", "a1", 90)])
    found = at_risk(school.database, "k", now=NOW)
    assert {one["id"]: one["reasons"] for one in found["students"]} == {
        "never": [
            {"code": "missing", "value": 4, "threshold": 2}, {"code": "no_attempt", "value": 4, "threshold": 1},
        ],
        "low": [{"code": "low_percent", "value": 49.75, "threshold": 50}],
        "late": [{"code": "late", "value": 4, "threshold": 3}],
        "falls": [{"code": "falling", "value": 15, "threshold": 15}],
        "quits": [{"code": "missing", "value": 2, "threshold": 2}],
    }  # fmt: skip
    assert [one["id"] for one in found["students"]] == ["never", "low", "late", "falls", "quits"]
    assert (found["enrolled"], found["at_risk"], found["assessments"]) == (6, 5, 4)


def test_three_graded_assessments_are_too_few_to_fall(school: School) -> None:
    school.students(["p"])
    for number in range(3):
        school.assessment(f"a{number}", due_at=datetime(2026, 2, number + 1))  # noqa: DTZ001
    school.attempts([("1", "p", "a0", 100), ("2", "p", "a1", 0), ("3", "p", "a2", 80)])
    assert risks(school, falling=1) == {}


def test_before_anything_is_due_nobody_is_at_risk(school: School) -> None:
    school.students(["p"])
    school.assessment("a", due_at=AFTER)
    school.assessment("b")
    assert risks(school, missing=1) == {}


def test_what_is_not_there_is_named(school: School) -> None:
    school.students(["p"])
    asked: list[tuple[str, Callable[..., Any], tuple[str, ...]]] = [
        ("class", chapter_statistics, ("no", "h")),
        ("chapter", chapter_statistics, ("k", "no")),
        ("class", heatmap, ("no",)),
        ("class", at_risk, ("no",)),
        ("student", student_progress, ("no",)),
        ("class", student_progress, ("p", "no")),
    ]
    for kind, ask, ids in asked:
        with pytest.raises(NotFound) as caught:
            ask(school.database, *ids)
        assert (caught.value.kind, caught.value.public_id) == (kind, "no")


def test_a_chapter_of_another_course_is_not_there(school: School) -> None:
    with pytest.raises(NotFound) as caught:
        chapter_statistics(school.database, "k", "x", now=NOW)
    assert (caught.value.kind, caught.value.public_id) == ("chapter", "x")


def test_progress_is_narrowed_to_a_class_that_the_student_is_in(school: School) -> None:
    school.students(["p"])
    school.run("INSERT INTO classes (public_id, course_id, term, title) VALUES ('l', 1, 'u', 'L')")
    assert [one["class"]["id"] for one in student_progress(school.database, "p", "k")["classes"]] == ["k"]
    assert student_progress(school.database, "p", "l")["classes"] == []
