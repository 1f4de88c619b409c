"""The columns of files that come in: how each cell is read, by the rules that the JSON API has for its field.

An empty cell is null; null is what the field is where it may be left out, and refused where it may not.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.gradebook import values
from studentapi.gradebook.assessments import assessments
from studentapi.gradebook.attempt_states import STATES
from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.courses import enrollments
from studentapi.gradebook.people import students

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.gradebook.resources import Resource

    Read = Callable[[str], Any]
    """Makes a value of a cell that is not empty; raises ValueError with a sentence for whoever sent it."""

REQUIRED = object()
"""In place of what an empty cell is: it may not be empty."""


class FileColumn(NamedTuple):
    """A column: its name, how a cell is read, what an empty one is, and whether the column may be missing."""

    name: str
    read: Read
    empty: Any = REQUIRED
    optional: bool = False

    def value(self, cell: str) -> Any:
        """The value of a cell. Raises ValueError."""
        if cell == "":
            if self.empty is REQUIRED:
                raise ValueError("It is required")
            return self.empty
        return self.read(cell)


def _text(most: int, cell: str) -> str:
    if len(cell) > most:
        raise ValueError(f"It has {most} characters or less")
    return cell


def _choice(choices: tuple[str, ...], cell: str) -> str:
    if cell not in choices:
        *first, last = (repr(one) for one in choices)
        raise ValueError(f"It is one of {', '.join(first)} or {last}")
    return cell


def _bounded(least: Any, most: Any, value: Any) -> Any:
    if value < least:
        raise ValueError(f"It is {least} or more")
    if value > most:
        raise ValueError(f"It is {most} or less")
    return value


def _number(least: str, most: int, cell: str) -> Decimal:
    value = values.read_number(cell)
    _bounded(Decimal(least), Decimal(most), value)
    return values.rounded(value)


def _integer(least: int, most: int, cell: str) -> int:
    return int(_bounded(least, most, values.read_integer(cell)))


def _not_read(cell: str) -> None:
    """What follows from the others, or is this gradebook's own."""
    del cell


_TITLE = partial(_text, values.TITLE_MOST)
_POINTS = partial(_number, "0", values.POINTS_GIVEN_MOST)
_TIMES = tuple(FileColumn(name, _not_read, None, optional=True) for name in ("created_at", "updated_at"))

COLUMNS: dict[str, tuple[FileColumn, ...]] = {
    students.plural: (
        FileColumn("id", values.read_id),
        FileColumn("school_id", values.read_id),
        FileColumn("name", _TITLE),
        *_TIMES,
    ),
    enrollments.plural: (
        FileColumn("id", values.read_id, None),
        FileColumn("class_id", values.read_id),
        FileColumn("user_id", values.read_id),
        FileColumn("role", partial(_choice, ("student", "teacher"))),
        FileColumn("enrolled_on", values.read_date, None),
        FileColumn("withdrawn_on", values.read_date, None),
        *_TIMES,
    ),
    assessments.plural: (
        FileColumn("id", values.read_id),
        FileColumn("class_id", values.read_id),
        FileColumn("chapter_id", values.read_id),
        FileColumn("title", _TITLE),
        FileColumn("category", partial(_text, 64)),
        FileColumn("weight", _POINTS, Decimal(0)),
        FileColumn("points_max", partial(_number, "0.0001", values.POINTS_GIVEN_MOST)),
        FileColumn("due_at", values.read_time, None),
        FileColumn("counted", partial(_choice, ("best", "last", "first", "mean")), "best"),
        FileColumn("attempts_allowed", partial(_integer, 1, 1_000_000), None),
        *_TIMES,
    ),
    attempts.plural: (
        FileColumn("id", values.read_id, None),
        FileColumn("assessment_id", values.read_id),
        FileColumn("student_id", values.read_id),
        FileColumn("number", partial(_integer, 1, 2**32 - 1), None, optional=True),
        FileColumn("state", partial(_choice, STATES), None, optional=True),
        FileColumn("started_at", values.read_time, None),
        FileColumn("submitted_at", values.read_time, None),
        FileColumn("graded_at", values.read_time, None, optional=True),
        FileColumn("is_late", values.read_boolean, None, optional=True),
        FileColumn("score", _POINTS, None),
        FileColumn("percent", _not_read, None, optional=True),
        *_TIMES,
    ),
}
"""By the resource's plural, all that a file may have; in an order in which each refers to those before it."""

RESOURCES: dict[str, Resource] = {one.plural: one for one in (students, enrollments, assessments, attempts)}
