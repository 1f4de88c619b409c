"""Every figure on the sample, held against pandas and scipy on its CSV files."""

from __future__ import annotations

import random
from math import isnan
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from scipy import stats

from studentapi.gradebook.at_risk import Thresholds, at_risk
from studentapi.gradebook.class_statistics import chapter_statistics
from studentapi.gradebook.heatmap import heatmap
from studentapi.gradebook.item_analysis import item_analysis
from studentapi.gradebook.student_progress import student_progress
from tests.gradebook import oulad_frames as oulad

if TYPE_CHECKING:
    from studentapi.mysql.database import Database

CLASSES = 22
NEAR = 5.1e-5
"""Half of the last decimal that is shown, and a little for doubles."""


def none(value: float) -> float | None:
    return None if isnan(value) else value


def class_ids() -> list[str]:
    found = sorted(set(oulad.enrolled()["class_id"]))
    assert len(found) == CLASSES
    return found


def test_statistics_of_every_class_in_every_chapter_are_those_of_pandas(sample: Database) -> None:
    by_student = oulad.percents(["class_id", "chapter", "student"])
    seen = 0
    for (class_id, chapter), group in by_student.groupby(level=["class_id", "chapter"]):
        seen += 1
        found = chapter_statistics(sample, class_id, chapter, pass_percent=55)
        percents = group["percent"].dropna()
        shown = percents.round(4)
        bins = pd.cut(shown, bins=[*range(0, 100, 10), 101], right=False).value_counts(sort=False)
        expected = {
            "enrolled": len(group),
            "attempted": (group["tried"] > 0).sum(),
            "missing": (group["missing"] > 0).sum(),
            "missing_attempts": group["missing"].sum(),
            "n": len(percents),
            "mean_percent": none(percents.mean()),
            "median_percent": none(percents.median()),
            "standard_deviation": none(percents.std(ddof=1)),
            "minimum_percent": none(percents.min()),
            "q1_percent": none(percents.quantile(0.25)),
            "q3_percent": none(percents.quantile(0.75)),
            "maximum_percent": none(percents.max()),
            "passed": (shown >= 55).sum(),
            "mastered": (shown >= oulad.MASTERY).sum(),
        }
        assert {name: found[name] for name in expected} == pytest.approx(expected, abs=NEAR), (class_id, chapter)
        assert [one["count"] for one in found["histogram"]] == list(bins), (class_id, chapter)
        for part, rate in (("passed", "pass_rate"), ("mastered", "mastery_rate")):
            share = found[part] / len(percents) if len(percents) else None
            assert found[rate] == pytest.approx(share, abs=5.1e-7)
    of_the_files = oulad.assessments().drop_duplicates(["class_id", "chapter"])
    assert seen == len(of_the_files) > 100


def test_the_heat_map_of_every_class_is_that_of_pandas(sample: Database) -> None:
    by_student = oulad.percents(["class_id", "chapter", "student"])
    cells = 0
    for class_id in class_ids():
        found = heatmap(sample, class_id)
        frame = by_student.loc[class_id]
        table = frame["percent"].unstack("chapter")  # noqa: PD010 - there is one of each
        missing = frame["missing"].unstack("chapter")  # noqa: PD010
        assert [row["id"] for row in found["students"]] == sorted(table.index)
        for place, chapter in enumerate(found["chapters"]):
            percents = [row["percents"][place] for row in found["students"]]
            gaps = [row["missing"][place] for row in found["students"]]
            if chapter["id"] not in table:
                assert set(percents) == {None}
                assert set(gaps) == {0}
                assert (chapter["assessments"], chapter["n"], chapter["mean_percent"]) == (0, 0, None)
                continue
            column = table[chapter["id"]].sort_index()
            assert pd.Series(percents, dtype=float).isna().tolist() == column.isna().tolist()
            difference = pd.Series(percents, index=column.index, dtype=float) - column
            assert column.isna().all() or difference.abs().max() < NEAR
            assert gaps == missing[chapter["id"]].sort_index().tolist()
            assert chapter["n"] == column.count()
            assert chapter["mean_percent"] == pytest.approx(none(column.mean()), abs=NEAR)
            assert chapter["median_percent"] == pytest.approx(none(column.median()), abs=NEAR)
            cells += len(percents)
    assert cells == len(by_student) > 100_000


def falls() -> Any:
    """By class and student: the mean of all but the last two scores, in order of due dates, less theirs."""
    graded = oulad.pairs()[oulad.pairs()["graded"]].sort_values(["due", "chapter", "id"], na_position="last")
    groups = graded.groupby(["class_id", "student"])["score"]
    count, total = groups.count(), groups.sum()
    recent = groups.apply(lambda scores: scores.tail(2).sum())
    return ((total - recent) / (count - 2) - recent / 2).where(count >= 4)


def test_who_is_at_risk_in_every_class_is_what_pandas_says(sample: Database) -> None:
    limits = Thresholds(low_percent=60, missing=3, late=4, falling=12.5)
    by_student = oulad.percents(["class_id", "student"])
    by_student["fall"] = falls()
    listed = 0
    for class_id in class_ids():
        found = at_risk(sample, class_id, limits)
        frame = by_student.loc[class_id].copy()
        conditions = {
            "low_percent": frame["percent"].round(4) < 60,
            "missing": frame["missing"] >= 3,
            "late": frame["late"] >= 4,
            "falling": frame["fall"].round(4) >= 12.5,
            "no_attempt": (frame["tried"] == 0) & (frame["missing"] > 0),
        }
        values = {"low_percent": "percent", "no_attempt": "missing", "falling": "fall"}
        risks = {
            student: {code: frame.at[student, values.get(code, code)] for code in codes}  # noqa: PD008
            for student in frame.index
            if (codes := [code for code, holds in conditions.items() if holds[student]])
        }
        reasons = {
            one["id"]: {reason["code"]: reason["value"] for reason in one["reasons"]} for one in found["students"]
        }
        assert reasons.keys() == risks.keys(), class_id
        for student, found_by_pandas in risks.items():
            assert reasons[student] == pytest.approx(found_by_pandas, abs=NEAR), (class_id, student)
        assert (found["enrolled"], found["at_risk"]) == (len(frame), len(risks))
        listed += len(risks)
    assert listed > 1000


def test_progress_and_rank_of_students_are_those_of_scipy(sample: Database) -> None:
    by_student = oulad.percents(["class_id", "student"])
    by_chapter = oulad.percents(["class_id", "student", "chapter"])
    chosen = random.Random(4).sample(sorted(set(oulad.enrolled()["student"])), 150)
    classes = 0
    for student in chosen:
        found = student_progress(sample, student)
        mine = set(oulad.enrolled().query("student == @student")["class_id"])
        assert {one["class"]["id"] for one in found["classes"] if one["withdrawn_on"] is None} == mine
        for one in found["classes"]:
            class_id = one["class"]["id"]
            if class_id not in mine:
                assert (one["rank"]["rank"], one["rank"]["percentile"], one["summary"]["missing"]) == (
                    None,
                    None,
                    0,
                )
                continue
            classes += 1
            row = by_student.loc[(class_id, student)]
            expected = {
                "attempted": row["tried"], "graded": row["graded"],
                "missing": row["missing"], "late": row["late"],
                "mean_percent": none(row["mean"]), "percent": none(row["percent"]),
            }  # fmt: skip
            assert {name: one["summary"][name] for name in expected} == pytest.approx(expected, abs=NEAR)
            assert one["rank"] == pytest.approx(ranked(by_student.loc[class_id]["percent"], student), abs=NEAR)
            for chapter in one["chapters"]:
                key = (class_id, student, chapter["id"])
                percent = none(by_chapter.at[key, "percent"]) if key in by_chapter.index else None  # noqa: PD008
                assert chapter["summary"]["percent"] == pytest.approx(percent, abs=NEAR)
            assert_series(one["series"], class_id, student)
    assert classes > 120


def ranked(percents: Any, student: str) -> dict[str, float | None]:
    every = percents.dropna().round(4)
    if student not in every:
        return {"n": len(every), "rank": None, "percentile": None}
    ranks = pd.Series(stats.rankdata(-every, method="min"), index=every.index)
    percentile = stats.percentileofscore(every, every[student], kind="mean")
    return {"n": len(every), "rank": ranks[student], "percentile": percentile}


def assert_series(series: list[dict[str, Any]], class_id: str, student: str) -> None:
    frame = oulad.pairs().query("class_id == @class_id and student == @student and graded").copy()
    frame["day"] = frame["start"] + pd.to_timedelta(frame["submitted"], unit="D")
    frame = frame.sort_values(["day", "id"])
    assert [point["assessment_id"] for point in series] == list(frame["id"])
    assert [point["date"] for point in series] == list(frame["day"])
    assert [float(point["percent"]) for point in series] == list(frame["score"])
    assert [point["is_late"] for point in series] == list(frame["late"])
    weights = frame["weight"].cumsum()
    expected = (frame["product"].cumsum() / weights).where(weights > 0, frame["score"].expanding().mean())
    assert [point["percent_to_date"] for point in series] == pytest.approx(list(expected), abs=NEAR)


def test_attempts_that_were_recorded_as_a_whole_have_no_items_to_analyse(sample: Database) -> None:
    found = item_analysis(sample, "1752")
    scores = oulad.handed_in().query("id == '1752'")["score"].dropna()
    assert (found["n"], found["left_out"]) == ((scores == 0).sum(), (scores > 0).sum())
    assert (found["alpha"], found["items"]) == (None, [])
