"""What every report of a class is made of: its chapters, assessments, students, and what each handed in.

Three statements for a class of any size. A student counts while enrolled: not deleted, not withdrawn, and
enrolled as a student. What is deleted counts nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.gradebook.resources import NotFound
from studentapi.gradebook.statistics import averages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database

# The outer joins answer all of it at once: the class (NULL where there is none), the chapter that was asked for
# or all of its course's (NULL where there is none), and their assessments in this class.
_OUTLINE = """
    SELECT class.public_id, class.title, class.term, class.id,
           chapter.public_id, chapter.title, course.public_id, chapter.position, chapter.mastery_percent,
           assessment.id, assessment.weight, assessment.due_at
    FROM (SELECT 1 AS one) AS one
        LEFT JOIN classes AS class ON class.public_id = %(class)s AND class.deleted_at IS NULL
        LEFT JOIN (chapters AS chapter
                JOIN courses AS course ON course.id = chapter.course_id AND course.deleted_at IS NULL)
            ON {chapters} AND chapter.deleted_at IS NULL
        LEFT JOIN assessments AS assessment
            ON assessment.chapter_id = chapter.id AND assessment.class_id = class.id
                AND assessment.deleted_at IS NULL
    ORDER BY chapter.position, chapter.public_id, assessment.due_at IS NULL, assessment.due_at,
             assessment.public_id"""
_OF_ALL_CHAPTERS = _OUTLINE.format(chapters="chapter.course_id = class.course_id")
_OF_ONE_CHAPTER = _OUTLINE.format(
    chapters="chapter.public_id = %(chapter)s AND chapter.course_id = class.course_id"
)

_STUDENTS = """
    SELECT users.id, users.public_id, users.name
    FROM enrollments JOIN users ON users.id = enrollments.user_id
    WHERE enrollments.class_id = %(class)s AND enrollments.role = 'student' AND enrollments.deleted_at IS NULL
        AND (enrollments.withdrawn_on IS NULL OR enrollments.withdrawn_on > %(today)s)
        AND users.role = 'student' AND users.deleted_at IS NULL
    ORDER BY users.public_id"""

_HANDED_IN = """
    SELECT attempts.student_id, attempts.assessment_id, MAX(results.percent), MAX(attempts.is_late)
    FROM attempts LEFT JOIN results
        ON results.student_id = attempts.student_id AND results.assessment_id = attempts.assessment_id
    WHERE attempts.assessment_id IN %(assessments)s AND attempts.deleted_at IS NULL
    GROUP BY attempts.assessment_id, attempts.student_id"""


@dataclass(frozen=True)
class Assessment:
    """`due_at` is naive and UTC. `chapter` is its chapter's place in the list."""

    key: int
    chapter: int
    weight: float
    due_at: datetime | None


class Outline(NamedTuple):
    """A class, by its inner id too, with chapters in their order, and their assessments in this class."""

    inner: int
    summary: Row
    chapters: list[Row]
    assessments: list[Assessment]


class HandedIn(NamedTuple):
    """What a student has at an assessment with at least one attempt: the counted percent, None while ungraded."""

    percent: float | None
    is_late: bool


@dataclass(frozen=True)
class Student:
    """`handed_in` by assessment; no entry where there is no attempt."""

    public_id: str
    name: str
    handed_in: dict[int, HandedIn] = field(default_factory=dict)


class Figures(NamedTuple):
    """Of one student in some assessments; see `figures`."""

    attempted: int
    graded: int
    missing: int
    late: int
    percent: float | None


@dataclass(frozen=True)
class ClassRecords:
    """A class at the moment `now`."""

    summary: Row
    chapters: list[Row]
    assessments: list[Assessment]
    students: list[Student]
    now: datetime

    def figures(self, student: Student, assessments: Iterable[Assessment]) -> Figures:
        """Count and average what a student has in `assessments`, by the rules of `progress.summary`.

        `percent` is the weighted percent, or else the mean, over the graded ones; not rounded.
        """
        attempted = missing = late = 0
        weights: list[float] = []
        percents: list[float] = []
        for assessment in assessments:
            work = student.handed_in.get(assessment.key)
            if work is None:
                missing += assessment.due_at is not None and assessment.due_at < self.now
                continue
            attempted += 1
            late += work.is_late
            if work.percent is not None:
                weights.append(assessment.weight)
                percents.append(work.percent)
        overall = averages(weights, percents).overall
        return Figures(attempted, len(percents), missing, late, overall)


def read(
    database: Database, class_id: str, chapter_id: str | None = None, *, now: datetime | None = None
) -> ClassRecords:
    """Read a class, by public ids: with all chapters of its course, or with one chapter alone.

    `now` (naive, UTC) decides what is due, and who has withdrawn. Raises `NotFound` for the class, and for a
    chapter that the class's course has not.
    """
    now = now or datetime.now(UTC).replace(tzinfo=None)
    of = outline(database, class_id, chapter_id)
    students = {
        key: Student(student, name)
        for key, student, name in database.read(_STUDENTS, {"class": of.inner, "today": now.date()})
    }
    if students and of.assessments:
        asked = {"assessments": [assessment.key for assessment in of.assessments]}
        _file(database.read(_HANDED_IN, asked), students)
    return ClassRecords(of.summary, of.chapters, of.assessments, list(students.values()), now)


def outline(database: Database, class_id: str, chapter_id: str | None = None) -> Outline:
    """What a class is made of, but for its students; raises as `read` does."""
    rows = database.read(
        _OF_ALL_CHAPTERS if chapter_id is None else _OF_ONE_CHAPTER, {"class": class_id, "chapter": chapter_id}
    )
    public_id, title, term, inner, chapter = rows[0][:5]
    if public_id is None:
        raise NotFound("class", class_id)
    if chapter_id is not None and chapter is None:
        raise NotFound("chapter", chapter_id)
    return Outline(inner, {"id": public_id, "title": title, "term": term}, *_outline(rows))


def _outline(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Row], list[Assessment]]:
    """Chapters in their order, each once, and their assessments."""
    chapters: dict[str, Row] = {}
    assessments = []
    for row in rows:
        chapter, title, course, position, mastery, assessment, weight, due_at = row[4:]
        if chapter is None:
            continue
        chapters.setdefault(
            chapter,
            {
                "id": chapter,
                "title": title,
                "course_id": course,
                "position": position,
                "mastery_percent": mastery,
            },
        )
        if assessment is not None:
            assessments.append(Assessment(assessment, len(chapters) - 1, float(weight), due_at))
    return list(chapters.values()), assessments


def _file(rows: Sequence[tuple[int, int, Decimal | None, int]], students: dict[int, Student]) -> None:
    for key, assessment, percent, is_late in rows:
        if key in students:
            work = HandedIn(None if percent is None else float(percent), bool(is_late))
            students[key].handed_in[assessment] = work
