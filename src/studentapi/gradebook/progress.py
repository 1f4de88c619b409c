"""A student's progress: the assessment data of one student in one chapter, in one statement."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from studentapi.gradebook.resources import NotFound, Row
from studentapi.gradebook.statistics import averages, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.mysql.database import Database

# The outer joins answer all of it at once: the student, the chapter and the class that were asked for (NULL
# where there is none), and a row for each attempt at each assessment of the chapter, in each class that the
# student is enrolled in (NULL where there is none).
_SELECT = """
    SELECT student.public_id, student.name,
           chapter.public_id, chapter.title, course.public_id, chapter.mastery_percent, {asked},
           assessment.public_id, class.public_id, assessment.title, assessment.category, assessment.weight,
           assessment.points_max, assessment.due_at, results.percent,
           attempts.number, attempts.state, attempts.submitted_at, attempts.score, attempts.percent,
           attempts.is_late
    FROM (SELECT 1 AS one) AS one
        LEFT JOIN users AS student
            ON student.public_id = %(student)s AND student.role = 'student' AND student.deleted_at IS NULL
        LEFT JOIN (chapters AS chapter
                JOIN courses AS course ON course.id = chapter.course_id AND course.deleted_at IS NULL)
            ON chapter.public_id = %(chapter)s AND chapter.deleted_at IS NULL
        {join}
        LEFT JOIN (assessments AS assessment
                JOIN classes AS class ON class.id = assessment.class_id AND class.deleted_at IS NULL
                JOIN enrollments ON enrollments.class_id = class.id
                    AND enrollments.role = 'student' AND enrollments.deleted_at IS NULL)
            ON assessment.chapter_id = chapter.id AND assessment.deleted_at IS NULL
                AND enrollments.user_id = student.id {narrowed}
        LEFT JOIN results ON results.student_id = student.id AND results.assessment_id = assessment.id
        LEFT JOIN attempts ON attempts.student_id = student.id AND attempts.assessment_id = assessment.id
            AND attempts.deleted_at IS NULL
    ORDER BY assessment.due_at IS NULL, assessment.due_at, assessment.public_id, attempts.number"""

_IN_ALL_CLASSES = _SELECT.format(asked="NULL", join="", narrowed="")
_IN_ONE_CLASS = _SELECT.format(
    asked="asked.public_id",
    join="LEFT JOIN classes AS asked ON asked.public_id = %(class)s AND asked.deleted_at IS NULL",
    narrowed="AND class.id = asked.id",
)
_HEAD = 7
"""Columns of the student, the chapter and the class; those of an assessment and of an attempt follow."""


def assessment_data(
    database: Database,
    student_id: str,
    chapter_id: str,
    class_id: str | None = None,
    *,
    now: datetime | None = None,
) -> Row:
    """A student's assessments and attempts in a chapter, with their summary; by public ids.

    Over all classes that the student is enrolled in, or in `class_id` alone. `now` (naive, UTC) is what due
    times are compared with. Raises `NotFound` for the student, the chapter or the class.
    """
    rows = database.read(
        _IN_ALL_CLASSES if class_id is None else _IN_ONE_CLASS,
        {"student": student_id, "chapter": chapter_id, "class": class_id},
    )
    student, name, chapter, title, course, mastery_percent, asked = rows[0][:_HEAD]
    if student is None:
        raise NotFound("student", student_id)
    if chapter is None:
        raise NotFound("chapter", chapter_id)
    if class_id is not None and asked is None:
        raise NotFound("class", class_id)
    assessments = _assessments(rows)
    return {
        "student": {"id": student, "name": name},
        "chapter": {"id": chapter, "title": title, "course_id": course, "mastery_percent": mastery_percent},
        "summary": summary(assessments, float(mastery_percent), now or datetime.now(UTC).replace(tzinfo=None)),
        "assessments": assessments,
    }


def summary(assessments: Sequence[Row], mastery_percent: float, now: datetime) -> Row:
    """Count and average what `assessment_data` lists; percents are 0 to 100, rounded to 4 decimals.

    - `attempted`, `graded`, `late`: assessments with an attempt, with a counted percent, with a late attempt
    - `missing`: due before `now` and no attempt
    - `mean_percent`: the plain mean of the counted percents
    - `weighted_percent`: Σ weight · percent / Σ weight, over the graded ones with a weight above 0
    - `best_percent`: the highest counted percent
    - `last_percent`: that of the graded attempt submitted last; of several at one instant, the one listed last
    - `mastered`: whether the weighted percent, or else the mean, reaches `mastery_percent`

    What nothing graded leaves undefined is None, never 0.
    """
    graded = [one for one in assessments if one["percent"] is not None]
    percents = [float(one["percent"]) for one in graded]
    average = averages([float(one["weight"]) for one in graded], percents)
    overall = average.overall
    return {
        "assessments": len(assessments),
        "attempted": sum(1 for one in assessments if one["attempts"]),
        "graded": len(graded),
        "missing": sum(1 for one in assessments if not one["attempts"] and one["due_at"] and one["due_at"] < now),
        "late": sum(1 for one in assessments if any(attempt["is_late"] for attempt in one["attempts"])),
        "mean_percent": rounded(average.mean),
        "weighted_percent": rounded(average.weighted),
        "best_percent": max(percents, default=None),
        "last_percent": _last_percent(assessments),
        "mastered": None if overall is None else round(overall, 4) >= mastery_percent,
    }


def _assessments(rows: Sequence[tuple[Any, ...]]) -> list[Row]:
    """Fold rows, one for each attempt, into assessments with their attempts."""
    assessments: dict[str, Row] = {}
    for row in rows:
        key, of_class, title, category, weight, points_max, due_at, counted, *attempt = row[_HEAD:]
        if key is None:
            continue
        if key not in assessments:
            assessments[key] = {
                "id": key,
                "class_id": of_class,
                "title": title,
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
    return list(assessments.values())


def _last_percent(assessments: Sequence[Row]) -> float | None:
    graded = [attempt for one in assessments for attempt in one["attempts"] if attempt["state"] == "graded"]
    if not graded:
        return None
    # max() keeps the first of equals, so backwards; an attempt graded without a submission is the earliest
    last = max(reversed(graded), key=lambda attempt: attempt["submitted_at"] or datetime.min)  # noqa: DTZ901
    return float(last["percent"])
