"""Rows of the gradebook as a data set describes them: by public ids, before the database has given any.

A field is the column of the same name. One that ends in `_id` holds the public id of the row it refers to.
What a data set does not know (`started_at`, `graded_at`) is no field, so that loading leaves it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal


class School(NamedTuple):
    """Everything hangs on one."""

    public_id: str
    name: str


class User(NamedTuple):
    """A person; `role` student, teacher or admin."""

    public_id: str
    school_id: str
    role: str
    name: str


class Course(NamedTuple):
    """What is taught."""

    public_id: str
    school_id: str
    title: str


class Chapter(NamedTuple):
    """`position` from 1 within the course."""

    public_id: str
    course_id: str
    position: int
    title: str
    mastery_percent: Decimal


class Class(NamedTuple):
    """A course in a term."""

    public_id: str
    course_id: str
    term: str
    title: str
    starts_on: date
    ends_on: date


class Enrollment(NamedTuple):
    """A user in a class; `role` student or teacher."""

    public_id: str
    class_id: str
    user_id: str
    role: str
    enrolled_on: date | None
    withdrawn_on: date | None


class Assessment(NamedTuple):
    """`weight` in percent of the class; `due_at` UTC without a zone."""

    public_id: str
    class_id: str
    chapter_id: str
    title: str
    category: str
    weight: Decimal
    points_max: Decimal
    due_at: datetime | None
    counted: str
    attempts_allowed: int | None


class Attempt(NamedTuple):
    """Times are UTC without a zone; `score` in points; a state other than graded has no percent."""

    public_id: str
    assessment_id: str
    student_id: str
    number: int
    state: str
    submitted_at: datetime
    is_late: bool
    score: Decimal | None
    percent: Decimal | None
