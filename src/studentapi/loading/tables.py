"""The tables that a data set fills: which of their columns say whose a row is, and which may change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.loading import rows

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = tuple[Any, ...]

REFERENCES = {
    "school_id": "schools",
    "course_id": "courses",
    "chapter_id": "chapters",
    "class_id": "classes",
    "assessment_id": "assessments",
    "user_id": "users",
    "student_id": "users",
}
"""Column → the table that it refers to."""


@dataclass(frozen=True)
class Table:
    """A table, and the type of its rows, whose first field is `public_id`.

    `facts` are the columns that are brought in line with the files where they differ. The others say what
    the row is; a row that differs there is something else. `key` is the unique key beside the public id.
    """

    name: str
    row: type[Row]
    facts: tuple[str, ...]
    key: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All but the public id, in the order of a row."""
        return tuple(self.row.__annotations__)[1:]

    # Names of tables and columns are written into these statements, values never.

    @cached_property
    def select(self) -> str:
        """Rows by their public ids: `id`, `public_id`, `deleted_at`, then `columns`."""
        return (
            f"SELECT id, public_id, deleted_at, {', '.join(self.columns)} FROM {self.name} WHERE public_id IN %s"
        )

    @cached_property
    def select_by_key(self) -> str:
        """Public id by the values of `key`."""
        return f"SELECT public_id FROM {self.name} WHERE {' AND '.join(f'{column} = %s' for column in self.key)}"

    @cached_property
    def insert(self) -> str:
        """A row: its public id, then `columns`."""
        places = ", ".join(["%s"] * (1 + len(self.columns)))
        return f"INSERT INTO {self.name} (public_id, {', '.join(self.columns)}) VALUES ({places})"

    @cached_property
    def update(self) -> str:
        """Set `facts`, in their order, and undelete, by inner id."""
        changes = "".join(f"{column} = %s, " for column in self.facts)
        return f"UPDATE {self.name} SET {changes}deleted_at = NULL WHERE id = %s"


class Filling(NamedTuple):
    """What a data set has for one table: the rows, and how many they are."""

    table: Table
    total: int
    rows: Iterable[Row]


SCHOOLS = Table("schools", rows.School, ("name",))
USERS = Table("users", rows.User, ("name",))
COURSES = Table("courses", rows.Course, ("title",))
CHAPTERS = Table("chapters", rows.Chapter, ("position", "title", "mastery_percent"))
CLASSES = Table("classes", rows.Class, ("term", "title", "starts_on", "ends_on"))
ENROLLMENTS = Table("enrollments", rows.Enrollment, ("enrolled_on", "withdrawn_on"), key=("user_id", "class_id"))
ASSESSMENTS = Table(
    "assessments",
    rows.Assessment,
    ("chapter_id", "title", "category", "weight", "points_max", "due_at", "counted", "attempts_allowed"),
)
ATTEMPTS = Table(
    "attempts",
    rows.Attempt,
    ("state", "submitted_at", "is_late", "score", "percent"),
    key=("student_id", "assessment_id", "number"),
)
