"""What a write to an attempt locks, and what it learns by that: a statement each.

The order is always the same, so that writers of attempts wait for each other instead of deadlocking: the
student's enrollment in the class, which lets one at a time write of a student in a class; the assessment,
shared, whose rules then stay as they are; its items, shared, where their keys or points are used; the attempt.
Who changes an assessment or an item locks that one and then the attempts.

All of these read what is committed now, whatever the transaction has seen before. The subqueries do not, and
need not: whose an attempt is, and what class an assessment is of, never changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.refusals import Invalid, NotAllowed
from studentapi.gradebook.resources import NotFound
from studentapi.gradebook.responses import items_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from studentapi.gradebook.resources import Row
    from studentapi.gradebook.responses import Item
    from studentapi.mysql.transaction import Transaction

_ENROLLMENT = """
    SELECT user_id, role, withdrawn_on, deleted_at FROM enrollments
    WHERE user_id = (SELECT id FROM users WHERE public_id = %s AND role = 'student' AND deleted_at IS NULL)
        AND class_id = (SELECT class_id FROM assessments WHERE public_id = %s)
    FOR UPDATE"""
_RULES = "SELECT id, points_max, due_at, attempts_allowed, UTC_TIMESTAMP(6)"
_ASSESSMENT = f"{_RULES} FROM assessments WHERE public_id = %s AND deleted_at IS NULL LOCK IN SHARE MODE"

_ENROLLMENT_OF_ATTEMPT = """
    SELECT id FROM enrollments
    WHERE user_id = (SELECT student_id FROM attempts WHERE public_id = %s)
        AND class_id = (SELECT class_id FROM assessments
                        WHERE id = (SELECT assessment_id FROM attempts WHERE public_id = %s))
    FOR UPDATE"""
_ASSESSMENT_OF_ATTEMPT = f"""
    {_RULES}, (SELECT student_id FROM attempts WHERE public_id = %s) FROM assessments
    WHERE id = (SELECT assessment_id FROM attempts WHERE public_id = %s) LOCK IN SHARE MODE"""


class Place(NamedTuple):
    """Where an attempt is made: inner ids, the assessment's rules, and the time in the database (naive, UTC)."""

    student: int
    assessment: int
    points_max: Decimal
    due_at: datetime | None
    attempts_allowed: int | None
    now: datetime


@dataclass(frozen=True)
class Held:
    """An attempt that nobody else writes now; `inner` is its inner id, `items` are by their public ids."""

    place: Place
    inner: int
    row: Row
    deleted: bool = False
    items: Mapping[str, Item] = field(default_factory=dict)


def place_for(tx: Transaction, assessment_id: str, student_id: str, at: datetime | None) -> Place:
    """Lock what an attempt needs that is to be made; `at` is when it was made, None for now.

    Raises `Invalid` for an assessment or a student that is not there, and `NotAllowed` unless the student is
    enrolled as one, and was not withdrawn on that day.
    """
    enrolled = tx.read(_ENROLLMENT, (student_id, assessment_id))
    found = tx.read(_ASSESSMENT, (assessment_id,))
    if not found:
        raise Invalid("assessment_id", "There is no such assessment")
    assessment, points_max, due_at, attempts_allowed, now = found[0]
    if not enrolled or enrolled[0][-1] is not None:
        if not tx.read(
            "SELECT id FROM users WHERE public_id = %s AND role = 'student' AND deleted_at IS NULL", (student_id,)
        ):
            raise Invalid("student_id", "There is no such student")
        raise NotAllowed("not-enrolled", "The student is not enrolled in the assessment's class.")
    student, role, withdrawn_on, _ = enrolled[0]
    if role != "student":
        raise NotAllowed("enrolled-as-teacher", "A teacher of the class makes no attempts.")
    if withdrawn_on is not None and (at or now).date() >= withdrawn_on:
        raise NotAllowed("student-withdrawn", f"The student has withdrawn from the class on {withdrawn_on}.")
    return Place(student, assessment, points_max, due_at, attempts_allowed, now)


def hold_if_any(tx: Transaction, public_id: str, *, with_items: bool = False) -> Held | None:
    """Lock an attempt, a deleted one too, and what writing it needs; None where there is none.

    The enrollment may have ended: what a student has handed in is still graded.
    """
    tx.read(_ENROLLMENT_OF_ATTEMPT, (public_id, public_id))
    rules = tx.read(_ASSESSMENT_OF_ATTEMPT, (public_id, public_id))
    if not rules:
        return None
    *assessed, student = rules[0]
    place = Place(student, *assessed)
    items = items_of(tx, place.assessment) if with_items else {}
    found = attempts.locked(tx, public_id)
    return None if found is None else Held(place, *found, items)


def hold(tx: Transaction, public_id: str, *, with_items: bool = False) -> Held:
    """As `hold_if_any`; raises `NotFound` where there is none, or a deleted one."""
    held = hold_if_any(tx, public_id, with_items=with_items)
    if held is None or held.deleted:
        raise NotFound(attempts.kind, public_id)
    return held
