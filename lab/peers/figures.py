"""What is computed of rows: the summary of a student, the statistics of a class. The same for all in Python.

As docs/api.md defines them, written with the standard library alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import fsum
from statistics import quantiles, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

PASS_PERCENT = 50.0
_HEAD = 6
"""Columns of `statements.ASSESSMENT_DATA` that are the student's and the chapter's."""


class Student(NamedTuple):
    """One student in some assessments: a row of `statements.students`. Sums are over the graded ones."""

    attempted: int
    missing: Decimal | int | None
    percents: Decimal | float | None
    graded: int
    weighted: Decimal | float | None
    weights: Decimal | float | None


class Outline(NamedTuple):
    """A class and a chapter: a row of `statements.CLASS`. The keys are inner ids."""

    class_key: int
    class_id: str
    class_title: str
    term: str
    chapter_key: int
    chapter_id: str
    chapter_title: str
    course_id: str
    position: int
    mastery_percent: Decimal
    assessments: int


def dumps(body: Any) -> bytes:
    """JSON: times as RFC 3339 in UTC, decimals as numbers."""
    return orjson.dumps(body, default=float, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)


def utc_now() -> datetime:
    """The time as the database has it: naive, UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def assessment_data(rows: Sequence[Any], now: datetime) -> dict[str, Any]:
    """Rows of `statements.ASSESSMENT_DATA`, at least one, as the answer."""
    student, name, chapter, title, course, mastery_percent = rows[0][:_HEAD]
    assessments: dict[str, dict[str, Any]] = {}
    for row in rows:
        key, class_, of, category, weight, points_max, due_at, counted, *attempt = row[_HEAD:]
        if key is None:
            continue
        if key not in assessments:
            assessments[key] = {
                "id": key,
                "class_id": class_,
                "title": of,
                "category": category,
                "weight": weight,
                "points_max": points_max,
                "due_at": due_at,
                "percent": counted,
                "attempts": [],
            }
        number, state, submitted_at, score, percent, is_late = attempt
        if number is not None:
            assessments[key]["attempts"].append(
                {
                    "number": number,
                    "state": state,
                    "submitted_at": submitted_at,
                    "score": score,
                    "percent": percent,
                    "is_late": bool(is_late),
                }
            )
    listed = list(assessments.values())
    return {
        "student": {"id": student, "name": name},
        "chapter": {"id": chapter, "title": title, "course_id": course, "mastery_percent": mastery_percent},
        "summary": summary(listed, float(mastery_percent), now),
        "assessments": listed,
    }


def summary(assessments: Sequence[dict[str, Any]], mastery_percent: float, now: datetime) -> dict[str, Any]:
    """Counts and averages of the assessments of `assessment_data`, at `now`."""
    attempts = [attempt for one in assessments for attempt in one["attempts"]]
    graded = [one for one in assessments if one["percent"] is not None]
    percents = [float(one["percent"]) for one in graded]
    weights = [float(one["weight"]) for one in graded]
    mean = fsum(percents) / len(percents) if percents else None
    weighted = (
        fsum(weight * percent for weight, percent in zip(weights, percents, strict=True)) / fsum(weights)
        if any(weights)
        else None
    )
    overall = mean if weighted is None else weighted
    # of several at one instant, the one that is listed last
    last = max(
        ((one["submitted_at"] or datetime.min, place) for place, one in enumerate(attempts) if _is_graded(one)),  # noqa: DTZ901
        default=None,
    )
    return {
        "assessments": len(assessments),
        "attempted": sum(bool(one["attempts"]) for one in assessments),
        "graded": len(graded),
        "missing": sum(
            not one["attempts"] and bool(one["due_at"]) and one["due_at"] < now for one in assessments
        ),
        "late": sum(any(attempt["is_late"] for attempt in one["attempts"]) for one in assessments),
        "mean_percent": _shown(mean),
        "weighted_percent": _shown(weighted),
        "best_percent": max(percents, default=None),
        "last_percent": None if last is None else attempts[last[1]]["percent"],
        "mastered": None if overall is None else round(overall, 4) >= mastery_percent,
    }


def class_statistics(of: Outline, students: Sequence[Student]) -> dict[str, Any]:
    """The statistics of a class in a chapter."""
    percents = [percent for one in students if (percent := _percent(one)) is not None]
    shown = [round(percent, 4) for percent in percents]
    n = len(percents)
    q1, median, q3 = quantiles(percents, n=4, method="inclusive") if n > 1 else ([*percents, None][0],) * 3
    counts = [0] * 10
    for percent in shown:
        counts[min(max(int(percent // 10), 0), 9)] += 1
    passed = sum(percent >= PASS_PERCENT for percent in shown)
    mastered = sum(percent >= float(of.mastery_percent) for percent in shown)
    return {
        "class": {"id": of.class_id, "title": of.class_title, "term": of.term},
        "chapter": {
            "id": of.chapter_id,
            "title": of.chapter_title,
            "course_id": of.course_id,
            "position": of.position,
            "mastery_percent": of.mastery_percent,
        },
        "assessments": of.assessments,
        "enrolled": len(students),
        "attempted": sum(one.attempted > 0 for one in students),
        "missing": sum(bool(one.missing) for one in students),
        "missing_attempts": sum(int(one.missing or 0) for one in students),
        "n": n,
        "mean_percent": _shown(fsum(percents) / n if n else None),
        "median_percent": _shown(median),
        "standard_deviation": _shown(stdev(percents) if n > 1 else None),
        "minimum_percent": _shown(min(percents, default=None)),
        "q1_percent": _shown(q1),
        "q3_percent": _shown(q3),
        "maximum_percent": _shown(max(percents, default=None)),
        "histogram": [
            {"low": 10 * place, "high": 10 * place + 10, "count": count} for place, count in enumerate(counts)
        ],
        "pass_percent": PASS_PERCENT,
        "passed": passed,
        "pass_rate": round(passed / n, 6) if n else None,
        "mastered": mastered,
        "mastery_rate": round(mastered / n, 6) if n else None,
    }


def _percent(one: Student) -> float | None:
    """The weighted percent, or else the mean."""
    if one.weighted is not None and one.weights:
        return float(one.weighted) / float(one.weights)
    return None if one.percents is None else float(one.percents) / one.graded


def _shown(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 4)


def _is_graded(attempt: dict[str, Any]) -> bool:
    return bool(attempt["state"] == "graded")
