"""Courses, the classes that they are held in, their chapters, and who is enrolled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook.refusals import Invalid
from studentapi.gradebook.resources import Column, Reference, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from studentapi.gradebook.resources import Check, Pair
    from studentapi.mysql.transaction import Transaction


def _in_order(first: str, second: str) -> Check:
    def check(tx: Transaction, pairs: Sequence[Pair]) -> Mapping[int, Invalid]:
        del tx
        return {
            place: Invalid(second, f"It lies before {first}")
            for place, (_, after) in enumerate(pairs)
            if after[first] is not None and after[second] is not None and after[second] < after[first]
        }

    return check


_check_dates = _in_order("enrolled_on", "withdrawn_on")


def _check_enrollments(tx: Transaction, pairs: Sequence[Pair]) -> Mapping[int, Invalid]:
    """Refuse a student's enrollment of somebody who is none."""
    made = {
        place: after["user_id"]
        for place, (before, after) in enumerate(pairs)
        if after["role"] == "student" and (before is None or before["role"] != "student")
    }
    rows = tx.read("SELECT public_id, role FROM users WHERE public_id IN %s", ([*made.values()],)) if made else ()
    others = {public_id for public_id, role in rows if role != "student"}
    refused = {
        place: Invalid("role", "This user is no student") for place, user in made.items() if user in others
    }
    return {**refused, **_check_dates(tx, pairs)}


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
    check=_check_enrollments,
)
