"""The columns of files that come in: how each cell is read, by the rules that the JSON API has for its field.

An empty cell is null; null is what the field is where it may be left out, and refused where it may not.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

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

_ID = re.compile(r"[A-Za-z0-9._:\-]{1,64}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+\-]?[0-9]{1,2})?")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_FIRST_YEAR = 1000
_POINTS_MOST = 99_999


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


def _id(cell: str) -> str:
    if not _ID.fullmatch(cell) or cell in (".", ".."):
        raise ValueError("An id is 1 to 64 of A-Z a-z 0-9 . _ : -, and neither '.' nor '..'")
    return cell


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
    if not _NUMBER.fullmatch(cell):
        raise ValueError("This is no number")
    value = Decimal(cell)
    _bounded(Decimal(least), Decimal(most), value)
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _integer(least: int, most: int, cell: str) -> int:
    if not _INTEGER.fullmatch(cell):
        raise ValueError("This is no whole number")
    return int(_bounded(least, most, int(cell)))


def _boolean(cell: str) -> bool:
    if cell not in ("true", "false"):
        raise ValueError("It is true or false")
    return cell == "true"


def _time(cell: str) -> datetime:
    if _TIME.fullmatch(cell):
        try:
            # of further digits of a second, six are kept
            found = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", cell.upper()))
            moment = found.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            moment = datetime.min  # noqa: DTZ901 - naive, as the database has it
        if moment.year >= _FIRST_YEAR:
            return moment
    raise ValueError("This is no time as RFC 3339 has it, from the year 1000 on, such as 2026-01-31T12:00:00Z")


def _date(cell: str) -> date:
    if _DATE.fullmatch(cell):
        try:
            day = date.fromisoformat(cell)
        except ValueError:
            day = date.min
        if day.year >= _FIRST_YEAR:
            return day
    raise ValueError("This is no date from the year 1000 on, such as 2026-01-31")


def _not_read(cell: str) -> None:
    """What follows from the others, or is this gradebook's own."""
    del cell


_TITLE = partial(_text, 200)
_POINTS = partial(_number, "0", _POINTS_MOST)
_TIMES = tuple(FileColumn(name, _not_read, None, optional=True) for name in ("created_at", "updated_at"))

COLUMNS: dict[str, tuple[FileColumn, ...]] = {
    students.plural: (
        FileColumn("id", _id),
        FileColumn("school_id", _id),
        FileColumn("name", _TITLE),
        *_TIMES,
    ),
    enrollments.plural: (
        FileColumn("id", _id, None),
        FileColumn("class_id", _id),
        FileColumn("user_id", _id),
        FileColumn("role", partial(_choice, ("student", "teacher"))),
        FileColumn("enrolled_on", _date, None),
        FileColumn("withdrawn_on", _date, None),
        *_TIMES,
    ),
    assessments.plural: (
        FileColumn("id", _id),
        FileColumn("class_id", _id),
        FileColumn("chapter_id", _id),
        FileColumn("title", _TITLE),
        FileColumn("category", partial(_text, 64)),
        FileColumn("weight", _POINTS, Decimal(0)),
        FileColumn("points_max", partial(_number, "0.0001", _POINTS_MOST)),
        FileColumn("due_at", _time, None),
        FileColumn("counted", partial(_choice, ("best", "last", "first", "mean")), "best"),
        FileColumn("attempts_allowed", partial(_integer, 1, 1_000_000), None),
        *_TIMES,
    ),
    attempts.plural: (
        FileColumn("id", _id, None),
        FileColumn("assessment_id", _id),
        FileColumn("student_id", _id),
        FileColumn("number", partial(_integer, 1, 2**32 - 1), None, optional=True),
        FileColumn("state", partial(_choice, STATES), None, optional=True),
        FileColumn("started_at", _time, None),
        FileColumn("submitted_at", _time, None),
        FileColumn("graded_at", _time, None, optional=True),
        FileColumn("is_late", _boolean, None, optional=True),
        FileColumn("score", _POINTS, None),
        FileColumn("percent", _not_read, None, optional=True),
        *_TIMES,
    ),
}
"""By the resource's plural, all that a file may have; in an order in which each refers to those before it."""

RESOURCES: dict[str, Resource] = {one.plural: one for one in (students, enrollments, assessments, attempts)}
