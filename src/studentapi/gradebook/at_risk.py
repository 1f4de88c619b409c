"""The students of a class who may need help, each with the reasons."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from math import fsum
from typing import TYPE_CHECKING, Literal

from studentapi.gradebook import class_records
from studentapi.gradebook.statistics import rounded

if TYPE_CHECKING:
    from studentapi.gradebook.class_records import Assessment, ClassRecords, Student
    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database

Reason = Literal["low_percent", "missing", "late", "falling", "no_attempt"]

RECENT = 2
"""Graded assessments that are compared with those before them, of which there are at least as many."""


@dataclass(frozen=True)
class Thresholds:
    """What makes a reason; see `at_risk`."""

    low_percent: float = 50.0
    missing: int = 2
    late: int = 3
    falling: float = 15.0


def at_risk(
    database: Database, class_id: str, thresholds: Thresholds | None = None, *, now: datetime | None = None
) -> Row:
    """The enrolled students of a class for whom at least one of these reasons holds; by public id.

    A reason has its `code`, the student's own `value`, and the `threshold` that it passed:

    - `low_percent`: the weighted percent over all graded assessments of the class, or else their mean, rounded to
      4 decimals, is below the threshold (percent). Nothing graded is no reason by this
    - `missing`: at least so many assessments are due before `now` and not attempted
    - `late`: at least so many assessments have a late attempt
    - `falling`: the mean of the last two graded assessments is at least so many percent points below the mean of
      all graded ones before them; `value` is the fall. In the order of due times (those without one last, then by
      chapter and id), not weighted, and only from four graded ones on
    - `no_attempt`: something is due before `now`, and nothing of the class was ever attempted; `value` is how
      many are due, the threshold is 1

    Those with more reasons come first, then those with the lower percent (None first), then by id. Who has
    withdrawn is not enrolled. These are rules of thumb to look at somebody by, not predictions. Raises
    `NotFound` for the class.
    """
    limits = thresholds or Thresholds()
    records = class_records.read(database, class_id, now=now)
    in_time = sorted(records.assessments, key=lambda one: one.due_at or datetime.max)  # noqa: DTZ901 - naive
    listed = [entry for student in records.students if (entry := _entry(records, student, in_time, limits))]
    listed.sort(key=lambda entry: (-len(entry["reasons"]), _order(entry["percent"]), entry["id"]))
    return {
        "class": records.summary,
        "thresholds": asdict(limits),
        "assessments": len(records.assessments),
        "enrolled": len(records.students),
        "at_risk": len(listed),
        "students": listed,
    }


def _entry(records: ClassRecords, student: Student, in_time: list[Assessment], limits: Thresholds) -> Row | None:
    figures = records.figures(student, in_time)
    percent = rounded(figures.percent)
    reasons: list[tuple[Reason, float, float]] = []
    if percent is not None and percent < limits.low_percent:
        reasons.append(("low_percent", percent, limits.low_percent))
    if figures.missing >= limits.missing:
        reasons.append(("missing", figures.missing, limits.missing))
    if figures.late >= limits.late:
        reasons.append(("late", figures.late, limits.late))
    fall = rounded(_fall(student, in_time))
    if fall is not None and fall >= limits.falling:
        reasons.append(("falling", fall, limits.falling))
    if not figures.attempted and figures.missing:
        reasons.append(("no_attempt", figures.missing, 1))
    if not reasons:
        return None
    return {
        "id": student.public_id,
        "name": student.name,
        "percent": percent,
        "graded": figures.graded,
        "attempted": figures.attempted,
        "missing": figures.missing,
        "late": figures.late,
        "reasons": [{"code": code, "value": value, "threshold": threshold} for code, value, threshold in reasons],
    }


def _fall(student: Student, in_time: list[Assessment]) -> float | None:
    work = [student.handed_in[one.key].percent for one in in_time if one.key in student.handed_in]
    percents = [percent for percent in work if percent is not None]
    if len(percents) < 2 * RECENT:
        return None
    earlier, recent = percents[:-RECENT], percents[-RECENT:]
    return fsum(earlier) / len(earlier) - fsum(recent) / len(recent)


def _order(percent: float | None) -> float:
    return -1.0 if percent is None else percent
