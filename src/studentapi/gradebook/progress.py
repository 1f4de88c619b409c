"""A student's progress: the assessment data of one student in one chapter, in one statement."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from studentapi.gradebook.documents import loads
from studentapi.gradebook.resources import NotFound, Row
from studentapi.gradebook.statistics import averages, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.mysql.database import Database

# A row for each attempt at each assessment of the chapter, in each class that the student is enrolled in (NULL
# where there is none), and none at all where the student, the chapter or the class asked for is not there.
# The server makes one text of each row: a client pays for every column of an answer, whose name and type come
# first. In JSON, for a name may hold any separator. They come as they are found: MariaDB would sort texts in a
# table on disk. Their order is told, lest the optimizer look for one at each execution: 4 % of the server's time.
# So are indexes, lest it look into each that begins with the same column: in a large table, a page from disk
# each time.
_SELECT = """
    SELECT STRAIGHT_JOIN JSON_ARRAY(
        assessment.due_at, assessment.public_id, attempts.number,
        class.public_id, assessment.title, assessment.category, assessment.weight, assessment.points_max,
        results.percent,
        attempts.state, attempts.submitted_at, attempts.score, attempts.percent, attempts.is_late,
        student.name, chapter.title, course.public_id, chapter.mastery_percent)
    FROM users AS student
        JOIN chapters AS chapter
        JOIN courses AS course ON course.id = chapter.course_id
        {join}
        LEFT JOIN (enrollments FORCE INDEX (enrollments_user)
                JOIN assessments AS assessment FORCE INDEX (assessments_by_chapter)
                    ON assessment.class_id = enrollments.class_id AND assessment.deleted_at IS NULL
                JOIN classes AS class ON class.id = assessment.class_id AND class.deleted_at IS NULL)
            ON enrollments.user_id = student.id AND enrollments.role = 'student'
                AND enrollments.deleted_at IS NULL AND assessment.chapter_id = chapter.id {narrowed}
        LEFT JOIN results FORCE INDEX (PRIMARY)
            ON results.student_id = student.id AND results.assessment_id = assessment.id
        LEFT JOIN attempts FORCE INDEX (attempts_number)
            ON attempts.student_id = student.id AND attempts.assessment_id = assessment.id
                AND attempts.deleted_at IS NULL
    WHERE student.public_id = %(student)s AND student.role = 'student' AND student.deleted_at IS NULL
        AND chapter.public_id = %(chapter)s AND chapter.deleted_at IS NULL AND course.deleted_at IS NULL"""

_IN_ALL_CLASSES = _SELECT.format(join="", narrowed="")
_IN_ONE_CLASS = _SELECT.format(
    join="JOIN classes AS asked ON asked.public_id = %(class)s AND asked.deleted_at IS NULL",
    narrowed="AND class.id = asked.id",
)
_HEAD = 14
"""Columns of an assessment and an attempt; those of the student and the chapter follow."""

_THERE = """
    SELECT EXISTS (SELECT 1 FROM users
            WHERE public_id = %(student)s AND role = 'student' AND deleted_at IS NULL),
        EXISTS (SELECT 1 FROM chapters JOIN courses ON courses.id = chapters.course_id
            WHERE chapters.public_id = %(chapter)s
                AND chapters.deleted_at IS NULL AND courses.deleted_at IS NULL),
        EXISTS (SELECT 1 FROM classes WHERE public_id = %(class)s AND deleted_at IS NULL)"""


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
    ids = {"student": student_id, "chapter": chapter_id, "class": class_id}
    statement = _IN_ALL_CLASSES if class_id is None else _IN_ONE_CLASS
    for _ in range(2):  # what was missing may have come meanwhile
        if found := database.read(statement, ids, prepare=True):
            break
        _refuse_missing(database, ids)
    else:
        raise RuntimeError("the student, the chapter and the class are there, and no row for them")
    rows = [loads(text) for (text,) in found]
    name, title, course, mastery_percent = rows[0][_HEAD:]
    assessments = _assessments(rows)
    return {
        "student": {"id": student_id, "name": name},
        "chapter": {"id": chapter_id, "title": title, "course_id": course, "mastery_percent": mastery_percent},
        "summary": summary(assessments, mastery_percent, now or datetime.now(UTC).replace(tzinfo=None)),
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
    attempted = missing = late = 0
    weights, percents = [], []
    for one in assessments:
        attempts, percent, due = one["attempts"], one["percent"], one["due_at"]
        if percent is not None:
            weights.append(float(one["weight"]))
            percents.append(float(percent))
        if not attempts:
            missing += due is not None and due < now
            continue
        attempted += 1
        for attempt in attempts:
            if attempt["is_late"]:
                late += 1
                break
    average = averages(weights, percents)
    overall = average.overall
    return {
        "assessments": len(assessments),
        "attempted": attempted,
        "graded": len(percents),
        "missing": missing,
        "late": late,
        "mean_percent": rounded(average.mean),
        "weighted_percent": rounded(average.weighted),
        "best_percent": max(percents, default=None),
        "last_percent": _last_percent(assessments),
        "mastered": None if overall is None else round(overall, 4) >= mastery_percent,
    }


def _refuse_missing(database: Database, ids: dict[str, str | None]) -> None:
    """Raise `NotFound` for the first of `ids` that is not there; all may have come meanwhile."""
    for (kind, public_id), there in zip(ids.items(), database.read(_THERE, ids)[0], strict=True):
        if public_id is not None and not there:
            raise NotFound(kind, public_id)


def _assessments(rows: list[list[Any]]) -> list[Row]:
    """Fold rows, one for each attempt, into assessments with their attempts; by due time, id and number."""
    # texts of one width, which sort as the times do
    rows.sort(key=lambda row: (row[0] is None, row[0], row[1], row[2]))
    assessments: list[Row] = []
    last = None
    for (
        due_at, key, number, of_class, title, category, weight, points_max,
        counted, state, submitted_at, score, percent, is_late, *_,
    ) in rows:  # fmt: skip
        if key is None:
            continue
        if key != last:
            last = key
            attempts: list[Row] = []
            assessments.append(
                {
                    "id": key,
                    "class_id": of_class,
                    "title": title,
                    "category": category,
                    "weight": weight,
                    "points_max": points_max,
                    "due_at": _time(due_at),
                    "percent": counted,
                    "attempts": attempts,
                }
            )
        if number is not None:
            attempts.append(
                {
                    "number": number,
                    "state": state,
                    "submitted_at": _time(submitted_at),
                    "score": score,
                    "percent": percent,
                    "is_late": bool(is_late),
                }
            )
    return assessments


def _time(text: str | None) -> datetime | None:
    """A time as the server writes it in JSON; naive, as all that it says."""
    return None if text is None else datetime.fromisoformat(text)


def _last_percent(assessments: Sequence[Row]) -> float | None:
    last, percent = None, None
    for one in assessments:
        for attempt in one["attempts"]:
            if attempt["state"] == "graded":
                # one that was graded without a submission is the earliest
                submitted = attempt["submitted_at"] or datetime.min  # noqa: DTZ901
                if last is None or submitted >= last:
                    last, percent = submitted, attempt["percent"]
    return None if percent is None else float(percent)
