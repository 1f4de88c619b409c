"""OULAD as a gradebook: what becomes of each line of its files.

| OULAD | gradebook |
| --- | --- |
| the Open University | school `OU` |
| module AAA | course `AAA` |
| presentation 2013J of AAA | class `AAA-2013J` |
| student 11391 | user `11391`, one for all the presentations that they took |
| their registration | enrollment `AAA-2013J:11391` |
| units of AAA (see `units`), its exams | chapters `AAA-1`, `AAA-2`, …, `AAA-exam` |
| assessment 1752 | assessment `1752` |
| student 11391's submission | attempt `1752:11391:1` |

A term begins on 1 February (B) or 1 October (J) of its year; day d is d days later.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from studentapi.loading import rows, tables
from studentapi.loading.oulad_files import read_release
from studentapi.loading.tables import Filling
from studentapi.loading.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.resources.abc import Traversable

    from studentapi.loading.oulad_files import Assessment, Presentation, Registration, Release, Submission
    from studentapi.mysql.database import Database

SCHOOL = rows.School("OU", "Open University")
MASTERY_PERCENT = Decimal(40)
"""OULAD's documentation of studentAssessment: a score lower than 40 is interpreted as a fail."""
POINTS_MAX = Decimal(100)
"""OULAD's documentation of studentAssessment: a score is from 0 to 100."""
EXAM = "Exam"

_TERM_STARTS = {"B": (2, 1), "J": (10, 1)}
_END_OF_DAY = time(23, 59, 59)


class Loaded(NamedTuple):
    """How many rows the files have for each table, and how many of all these had to be written."""

    courses: int
    classes: int
    chapters: int
    students: int
    enrollments: int
    assessments: int
    attempts: int
    inserted: int
    updated: int

    def __str__(self) -> str:
        held = ", ".join(f"{count:,} {name}" for name, count in zip(self._fields, self[:-2], strict=False))
        return f"{held}; {self.inserted:,} rows inserted, {self.updated:,} updated"


def load(
    database: Database, folder: Traversable, progress: Callable[[str, int, int], None] = lambda *_: None
) -> Loaded:
    """Load the OULAD files in `folder` (`.csv` or `.csv.gz`), all in one transaction.

    Nothing is written before every file has been read and found right. `progress` is told (stage, done,
    total): "files", then the tables by name with their rows. Raises `MalformedFile` for the files,
    `Conflict` where the database has something else in the place of one of their rows or another load takes
    longer than a statement may, and the database's own errors; after any of them the database is as it was.
    """
    release = read_release(folder, progress)
    counts = database.run(lambda tx: write(tx, SCHOOL.public_id, fillings(release), progress))
    total = {filling.table.name: filling.total for filling in fillings(release)}
    return Loaded(
        courses=total["courses"],
        classes=total["classes"],
        chapters=total["chapters"],
        students=total["users"],
        enrollments=total["enrollments"],
        assessments=total["assessments"],
        attempts=total["attempts"],
        inserted=counts["inserted"],
        updated=counts["updated"],
    )


def fillings(release: Release) -> list[Filling]:
    """What the files have for each table, in an order in which each follows those that it refers to."""
    presentations = release.presentations
    modules = dict.fromkeys(presentation.module for presentation in presentations.values())
    students = dict.fromkeys(registration.student for registration in release.registrations)
    starts = {key: term_start(presentation.term) for key, presentation in presentations.items()}
    course_chapters = list(chapters(release))
    return [
        Filling(tables.SCHOOLS, 1, [SCHOOL]),
        Filling(tables.COURSES, len(modules), map(course, modules)),
        Filling(tables.CHAPTERS, len(course_chapters), course_chapters),
        Filling(tables.CLASSES, len(presentations), map(class_, presentations.values())),
        Filling(tables.USERS, len(students), map(user, students)),
        Filling(
            tables.ENROLLMENTS,
            len(release.registrations),
            (enrollment(one, starts[one.presentation]) for one in release.registrations),
        ),
        Filling(tables.ASSESSMENTS, len(release.assessments), assessments(release)),
        Filling(
            tables.ATTEMPTS,
            len(release.submissions),
            _attempts(release, starts),
        ),
    ]


def term_start(term: str) -> date:
    """First day of a term such as `2013J`."""
    return date(int(term[:4]), *_TERM_STARTS[term[4:]])


def course(module: str) -> rows.Course:
    """A module."""
    return rows.Course(module, SCHOOL.public_id, f"Module {module}")


def class_(presentation: Presentation) -> rows.Class:
    """A presentation of a module."""
    module, term, length = presentation
    start = term_start(term)
    return rows.Class(
        f"{module}-{term}", module, term, f"Module {module} {term}", start, start + timedelta(length)
    )


def user(student: int) -> rows.User:
    """A student; the data set has no names."""
    return rows.User(str(student), SCHOOL.public_id, "student", f"Student {student}")


def enrollment(registration: Registration, start: date) -> rows.Enrollment:
    """A registration in a presentation that begins on `start`."""
    presentation, student, registered, unregistered = registration
    return rows.Enrollment(
        f"{presentation}:{student}",
        presentation,
        str(student),
        "student",
        None if registered is None else start + timedelta(registered),
        None if unregistered is None else start + timedelta(unregistered),
    )


def units(presentation: Iterable[Assessment]) -> dict[int, int]:
    """Assessment → unit, from 1, for the assessments of one presentation; exams have none.

    The TMAs, in order of (day, id), end units 1, 2, …. An assessment belongs to the first unit whose TMA is
    due on or after its own day, else to the last; one whose day is not known comes after all others. Where
    there is no TMA, there is one unit.
    """
    work = [one for one in presentation if one.category != EXAM]
    ends = sorted(_due_day(one) for one in work if one.category == "TMA")
    last = max(len(ends), 1)
    return {one.id: min(bisect_left(ends, _due_day(one)) + 1, last) for one in work}


def chapters(release: Release) -> Iterator[rows.Chapter]:
    """Each module's units, as many as its longest presentation has TMAs, and then its exams."""
    last_unit: dict[str, int] = {}
    with_exam = set()
    for key, group in _by_presentation(release).items():
        module = release.presentations[key].module
        tmas = sum(one.category == "TMA" for one in group)
        last_unit[module] = max(last_unit.get(module, 0), tmas, *units(group).values())
        if any(one.category == EXAM for one in group):
            with_exam.add(module)
    for module, last in last_unit.items():
        for unit in range(1, last + 1):
            yield rows.Chapter(f"{module}-{unit}", module, unit, f"Unit {unit}", MASTERY_PERCENT)
        if module in with_exam:
            yield rows.Chapter(f"{module}-exam", module, last + 1, EXAM, MASTERY_PERCENT)


def assessments(release: Release) -> Iterator[rows.Assessment]:
    """Every assessment; its title counts those of its category within the class, by (day, id)."""
    for key, group in _by_presentation(release).items():
        module, term, _ = release.presentations[key]
        start = term_start(term)
        unit = units(group)
        ordinals: defaultdict[str, int] = defaultdict(int)
        for one in sorted(group, key=lambda one: (_due_day(one), one.id)):
            ordinals[one.category] += 1
            yield rows.Assessment(
                str(one.id),
                key,
                f"{module}-{unit.get(one.id, 'exam')}",
                f"{one.category} {ordinals[one.category]}",
                one.category,
                one.weight,
                POINTS_MAX,
                None if one.day is None else datetime.combine(start + timedelta(one.day), _END_OF_DAY),
                "best",
                1,
            )


def attempt(submission: Submission, assessment: Assessment, start: date) -> rows.Attempt:
    """A submission for an assessment of a presentation that begins on `start`; blank score: not graded yet.

    Submitted at 00:00:00 of its day. Late when that is after the day it was due, unless banked, which is
    a result taken over from an earlier presentation.
    """
    _, student, day, banked, score = submission
    return rows.Attempt(
        f"{assessment.id}:{student}:1",
        str(assessment.id),
        str(student),
        1,
        "submitted" if score is None else "graded",
        datetime.combine(start + timedelta(day), time.min),
        day > _due_day(assessment) and not banked,
        score,
        None if score is None else 100 * score / POINTS_MAX,
    )


def _attempts(release: Release, starts: dict[str, date]) -> Iterator[rows.Attempt]:
    for submission in release.submissions:
        assessment = release.assessments[submission.assessment]
        yield attempt(submission, assessment, starts[assessment.presentation])


def _due_day(assessment: Assessment) -> float:
    """The day that an assessment is due; one that is not known is after all others."""
    return inf if assessment.day is None else assessment.day


def _by_presentation(release: Release) -> dict[str, list[Assessment]]:
    groups: dict[str, list[Assessment]] = defaultdict(list)
    for one in release.assessments.values():
        groups[one.presentation].append(one)
    return groups
