"""A student's progress: by class, by chapter and over time, and the rank in each class."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from studentapi.gradebook.progress import summary
from studentapi.gradebook.resources import NotFound
from studentapi.gradebook.statistics import averages, counted_attempt, percentile_rank, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database

# One row for each attempt at each assessment of each chapter of each class, NULL where there is none.
_SELECT = """
    SELECT student.public_id, student.name, student.id, {asked},
           class.public_id, class.title, class.term, enrollments.withdrawn_on, class.id,
           chapter.public_id, chapter.title, chapter.position, chapter.mastery_percent,
           assessment.public_id, assessment.title, assessment.category, assessment.weight, assessment.due_at,
           assessment.counted, results.percent,
           attempts.number, attempts.state, attempts.submitted_at, attempts.graded_at, attempts.percent,
           attempts.is_late
    FROM (SELECT 1 AS one) AS one
        LEFT JOIN users AS student
            ON student.public_id = %(student)s AND student.role = 'student' AND student.deleted_at IS NULL
        {join}
        LEFT JOIN (enrollments
                JOIN classes AS class ON class.id = enrollments.class_id AND class.deleted_at IS NULL)
            ON enrollments.user_id = student.id AND enrollments.role = 'student'
                AND enrollments.deleted_at IS NULL {narrowed}
        LEFT JOIN (chapters AS chapter
                JOIN courses AS course ON course.id = chapter.course_id AND course.deleted_at IS NULL)
            ON chapter.course_id = class.course_id AND chapter.deleted_at IS NULL
        LEFT JOIN assessments AS assessment
            ON assessment.chapter_id = chapter.id AND assessment.class_id = class.id
                AND assessment.deleted_at IS NULL
        LEFT JOIN results ON results.student_id = student.id AND results.assessment_id = assessment.id
        LEFT JOIN attempts ON attempts.student_id = student.id AND attempts.assessment_id = assessment.id
            AND attempts.deleted_at IS NULL
    ORDER BY class.starts_on IS NULL, class.starts_on, class.public_id, chapter.position, chapter.public_id,
             assessment.due_at IS NULL, assessment.due_at, assessment.public_id, attempts.number"""
_IN_ALL_CLASSES = _SELECT.format(asked="NULL", join="", narrowed="")
_IN_ONE_CLASS = _SELECT.format(
    asked="asked.public_id",
    join="LEFT JOIN classes AS asked ON asked.public_id = %(class)s AND asked.deleted_at IS NULL",
    narrowed="AND class.id = asked.id",
)
_STUDENT, _CLASS, _CHAPTER, _ASSESSMENT = slice(0, 4), slice(4, 9), slice(9, 13), slice(13, 20)
_ATTEMPT = slice(20, 26)

# The percent of everybody enrolled in these classes, as `statistics.averages` has it, and the student's place.
_RANKS = """
    SELECT class_id, COUNT(*), MAX(IF(user_id = %(student)s, place, NULL)),
           MAX(IF(user_id = %(student)s, ties, NULL))
    FROM (
        SELECT class_id, user_id, RANK() OVER (PARTITION BY class_id ORDER BY percent DESC) AS place,
               COUNT(*) OVER (PARTITION BY class_id, percent) AS ties
        FROM (
            SELECT enrollments.class_id, enrollments.user_id,
                   ROUND(COALESCE(SUM(assessment.weight * results.percent) / NULLIF(SUM(assessment.weight), 0),
                                  AVG(results.percent)), 4) AS percent
            FROM enrollments
                JOIN users ON users.id = enrollments.user_id
                    AND users.role = 'student' AND users.deleted_at IS NULL
                JOIN assessments AS assessment ON assessment.class_id = enrollments.class_id
                    AND assessment.deleted_at IS NULL
                JOIN chapters AS chapter ON chapter.id = assessment.chapter_id AND chapter.deleted_at IS NULL
                JOIN results ON results.student_id = enrollments.user_id
                    AND results.assessment_id = assessment.id
            WHERE enrollments.class_id IN %(classes)s AND enrollments.role = 'student'
                AND enrollments.deleted_at IS NULL
                AND (enrollments.withdrawn_on IS NULL OR enrollments.withdrawn_on > %(today)s)
            GROUP BY enrollments.class_id, enrollments.user_id
        ) AS percents
    ) AS places
    GROUP BY class_id"""


def student_progress(
    database: Database, student_id: str, class_id: str | None = None, *, now: datetime | None = None
) -> Row:
    """How a student does in each class that the student is or was enrolled in, or in `class_id`; by public ids.

    `now` (naive, UTC) decides what is due and who has withdrawn. Of each class, percents with 4 decimals:

    - `summary`: as `progress.summary` has it, over all chapters, and `percent`: the weighted percent, or else the
      mean
    - `rank`: by `percent`, rounded to 4 decimals, among the `n` enrolled students who have one; 1 is the highest,
      and those who are level share the better place (1, 2, 2, 4). `percentile`: 100 · (those below + half of
      those level, the student among them) / n (`statistics.percentile_rank`). Both are None without a percent,
      and in a class that the student has withdrawn from
    - `chapters`: the same summary of each chapter of the course, in order, and `mastered`
    - `series`: every graded assessment, in order of `date`: when the counted attempt was submitted, else graded,
      else when it was due (where the mean is counted: the last graded attempt; `statistics.counted_attempt`).
      Those without any date come last. `percent` is the counted result, `percent_to_date` the weighted percent,
      or else the mean, of the series up to here; `is_late` is that attempt's

    In a class that the student has withdrawn from nothing is `missing`. Raises `NotFound` for the student and the
    class. A class that the student was never in is not listed.
    """
    now = now or datetime.now(UTC).replace(tzinfo=None)
    rows = database.read(
        _IN_ALL_CLASSES if class_id is None else _IN_ONE_CLASS, {"student": student_id, "class": class_id}
    )
    student, name, inner, asked = rows[0][_STUDENT]
    if student is None:
        raise NotFound("student", student_id)
    if class_id is not None and asked is None:
        raise NotFound("class", class_id)
    classes = _classes(rows)
    ranks: dict[int, tuple[int, int | None, int | None]] = {}
    if classes:
        ranked = {"student": inner, "classes": list(classes), "today": now.date()}
        ranks = {key: tuple(figures) for key, *figures in database.read(_RANKS, ranked)}
    return {
        "student": {"id": student, "name": name},
        "classes": [_class(one, ranks.get(key, (0, None, None)), now) for key, one in classes.items()],
    }


def _class(one: Row, ranked: tuple[int, int | None, int | None], now: datetime) -> Row:
    has_withdrawn = one["withdrawn_on"] is not None and one["withdrawn_on"] <= now.date()
    # before the first day nothing is due
    due_before = datetime.min if has_withdrawn else now  # noqa: DTZ901 - naive, as the database's
    every = [assessment for chapter in one["chapters"].values() for assessment in chapter["assessments"]]
    of_class = _summary(every, 0, due_before)
    del of_class["mastered"]
    n, rank, ties = ranked
    percentile = None if rank is None or ties is None else percentile_rank(n, rank, ties)
    return {
        "class": {"id": one["id"], "title": one["title"], "term": one["term"]},
        "withdrawn_on": one["withdrawn_on"],
        "summary": of_class,
        "rank": {"n": n, "rank": rank, "percentile": rounded(percentile)},
        "chapters": [
            {
                "id": chapter["id"],
                "title": chapter["title"],
                "position": chapter["position"],
                "mastery_percent": chapter["mastery_percent"],
                "summary": _summary(chapter["assessments"], float(chapter["mastery_percent"]), due_before),
            }
            for chapter in one["chapters"].values()
        ],
        "series": _series(every),
    }


def _summary(assessments: Sequence[Row], mastery_percent: float, now: datetime) -> Row:
    found = summary(assessments, mastery_percent, now)
    weighted = found["weighted_percent"]
    return {**found, "percent": found["mean_percent"] if weighted is None else weighted}


def _series(assessments: Iterable[Row]) -> list[Row]:
    points = [_point(one) for one in assessments if one["percent"] is not None]
    points.sort(key=lambda point: (point["date"] is None, point["date"], point["assessment_id"]))
    weights: list[float] = []
    percents: list[float] = []
    for point in points:
        weights.append(float(point["weight"]))
        percents.append(float(point["percent"]))
        point["percent_to_date"] = rounded(averages(weights, percents).overall)
    return points


def _point(assessment: Row) -> Row:
    graded = [attempt for attempt in assessment["attempts"] if attempt["state"] == "graded"]
    attempt: Row = {"submitted_at": None, "graded_at": None, "is_late": False}
    if graded:
        place = counted_attempt(assessment["counted"], [float(one["percent"]) for one in graded])
        attempt = graded[place]
    return {
        "date": attempt["submitted_at"] or attempt["graded_at"] or assessment["due_at"],
        "assessment_id": assessment["id"],
        "chapter_id": assessment["chapter_id"],
        "title": assessment["title"],
        "category": assessment["category"],
        "weight": assessment["weight"],
        "percent": assessment["percent"],
        "is_late": attempt["is_late"],
    }


def _classes(rows: Sequence[tuple[Any, ...]]) -> dict[int, Row]:
    """Fold rows, one for each attempt, into classes, chapters, assessments, attempts; by a class's inner id."""
    classes: dict[int, Row] = {}
    for row in rows:
        of_class, title, term, withdrawn_on, inner = row[_CLASS]
        if of_class is None:
            continue
        found = classes.setdefault(
            inner, {"id": of_class, "title": title, "term": term, "withdrawn_on": withdrawn_on, "chapters": {}}
        )
        key, title, position, mastery = row[_CHAPTER]
        if key is None:
            continue
        chapter = found["chapters"].setdefault(
            key,
            {"id": key, "title": title, "position": position, "mastery_percent": mastery, "assessments": []},
        )
        _file(chapter, row)
    return classes


def _file(chapter: Row, row: tuple[Any, ...]) -> None:
    """Add what a row has of an assessment, and of an attempt, to its chapter."""
    key, title, category, weight, due_at, counted, percent = row[_ASSESSMENT]
    if key is None:
        return
    listed = chapter["assessments"]
    if not listed or listed[-1]["id"] != key:
        listed.append(
            {
                "id": key,
                "chapter_id": chapter["id"],
                "title": title,
                "category": category,
                "weight": weight,
                "due_at": due_at,
                "counted": counted,
                "percent": percent,
                "attempts": [],
            }
        )
    number, state, submitted_at, graded_at, percent, is_late = row[_ATTEMPT]
    if number is not None:
        listed[-1]["attempts"].append(
            {
                "state": state,
                "submitted_at": submitted_at,
                "graded_at": graded_at,
                "percent": percent,
                "is_late": bool(is_late),
            }
        )
