"""Courses, the classes that they are held in, their chapters, and who is enrolled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook.refusals import Invalid
from studentapi.gradebook.resources import Column, Reference, Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.gradebook.resources import Row
    from studentapi.mysql.transaction import Transaction


def _in_order(first: str, second: str) -> Callable[[Transaction, Row | None, Row], None]:
    def check(tx: Transaction, before: Row | None, after: Row) -> None:
        del tx, before
        if after[first] is not None and after[second] is not None and after[second] < after[first]:
            raise Invalid(second, f"It lies before {first}")

    return check


NO_STUDENT = "This user is no student"
check_enrollment_dates = _in_order("enrolled_on", "withdrawn_on")


def _check_enrollment(tx: Transaction, before: Row | None, after: Row) -> None:
    """Refuse a student's enrollment of somebody who is none."""
    check_enrollment_dates(tx, before, after)
    if after["role"] == "student" and (before is None or before["role"] != "student"):
        rows = tx.read("SELECT role FROM users WHERE public_id = %s", (after["user_id"],))
        if rows and rows[0][0] != "student":
            raise Invalid("role", NO_STUDENT)


courses = Resource(
    "course",
    "courses",
    "courses",
    (Reference("school_id", "schools", "school"), Column("title", sorts=True)),
)

classes = Resource(
    "class",
    "classes",
    "classes",
    (
        Reference("course_id", "courses", "course"),
        Column("term"),
        Column("title", sorts=True),
        Column("starts_on", "date", sorts=True),
        Column("ends_on", "date"),
    ),
    check=_in_order("starts_on", "ends_on"),
)

chapters = Resource(
    "chapter",
    "chapters",
    "chapters",
    (
        Reference("course_id", "courses", "course"),
        Column("position", "integer", sorts=True),
        Column("title", sorts=True),
        Column("mastery_percent", "number"),
    ),
)

enrollments = Resource(
    "enrollment",
    "enrollments",
    "enrollments",
    (
        Reference("class_id", "classes", "class"),
        Reference("user_id", "users", "user"),
        Column("role", "choice"),
        Column("enrolled_on", "date"),
        Column("withdrawn_on", "date"),
    ),
    unique=("user_id", "class_id"),
    check=_check_enrollment,
)
