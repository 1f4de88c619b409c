"""What a write to an attempt locks, and what it learns by that.

The order is always the same, so that writers of attempts wait for each other instead of deadlocking: the
student's enrollment in the class, which lets one at a time write of a student in a class; the assessment,
shared, whose rules then stay as they are; its items, shared, where their keys or points are used; the attempt.
Who changes an assessment or an item locks that one and then the attempts.

All of these read what is committed now, whatever the transaction has seen before. The subqueries do not, and
need not: whose an attempt is, and what class an assessment is of, never changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.refusals import Invalid, NotAllowed
from studentapi.gradebook.resources import NotFound
from studentapi.gradebook.responses import item, items_of
from studentapi.gradebook.results import Graded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from studentapi.gradebook.resources import Row
    from studentapi.gradebook.responses import Item
    from studentapi.gradebook.results import Counted
    from studentapi.mysql.transaction import Transaction

# One statement, whose parts both servers carry out one after the other, each with its own lock. SYSDATE, unlike
# UTC_TIMESTAMP, is the time at which its part is reached: when all is locked. (The session's zone is UTC.)
# Of a bare MAX(number) MariaDB looks for the end of the index's piece, and locks another student's row there.
_STUDENT = "SELECT id FROM users WHERE public_id = %(student)s AND role = 'student' AND deleted_at IS NULL"
_PERCENT = "IF(state = 'graded' AND deleted_at IS NULL, percent, NULL)"
_ENROLLMENT_AND_RULES = f"""
    (SELECT 'enrollment', user_id, role, deleted_at, NULL, NULL, withdrawn_on, NULL, NULL FROM enrollments
        WHERE user_id = ({_STUDENT})
            AND class_id = (SELECT class_id FROM assessments WHERE public_id = %(assessment)s)
        FOR UPDATE)
    UNION ALL
    (SELECT 'rules', id, counted, due_at, points_max, attempts_allowed, NULL, NULL, NULL FROM assessments
        WHERE public_id = %(assessment)s AND deleted_at IS NULL LOCK IN SHARE MODE)"""
_ITEMS = """
    UNION ALL
    (SELECT 'item', id, kind, NULL, points, NULL, NULL, public_id, answer_key FROM items
        WHERE assessment_id = (SELECT id FROM assessments WHERE public_id = %(assessment)s) AND deleted_at IS NULL
        LOCK IN SHARE MODE)"""
_EARLIER_AND_NOW = f"""
    UNION ALL
    (SELECT 'earlier', MAX(number + 0),
            CONCAT_WS(' ', COUNT({_PERCENT}), SUM({_PERCENT}), MAX({_PERCENT}), MIN(number * 1000 + {_PERCENT})),
            NULL, NULL, SUM(deleted_at IS NULL), NULL, NULL, NULL
        FROM attempts FORCE INDEX (attempts_number)
        WHERE student_id = ({_STUDENT})
            AND assessment_id = (SELECT id FROM assessments WHERE public_id = %(assessment)s)
        FOR UPDATE)
    UNION ALL
    (SELECT 'now', NULL, NULL, SYSDATE(6), NULL, NULL, NULL, NULL, NULL)"""
_NOBODY = (None,) * 8
_ROOM = _ENROLLMENT_AND_RULES + _EARLIER_AND_NOW
_ROOM_WITH_ITEMS = _ENROLLMENT_AND_RULES + _ITEMS + _EARLIER_AND_NOW

_RULES = "SELECT id, points_max, due_at, attempts_allowed, UTC_TIMESTAMP(6)"

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
class Room:
    """Where a student makes another attempt, after those with numbers up to `last`, deleted ones among them.

    `there`: how many of these are not deleted; `graded`: what counts of them (its `last` means nothing).
    `items` are by their public ids.
    """

    place: Place
    counted: Counted
    last: int
    there: int
    graded: Graded | None
    items: Mapping[str, Item] = field(default_factory=dict)

    def next_number(self) -> int:
        """The number of another attempt; raises `NotAllowed` where no more are allowed. Deleted ones are none."""
        allowed = self.place.attempts_allowed
        if allowed is not None and self.there >= allowed:
            detail = f"The assessment allows {allowed} attempts, and they are used up."
            raise NotAllowed("attempts-used-up", detail)
        return self.last + 1


@dataclass(frozen=True)
class Held:
    """An attempt that nobody else writes now; `inner` is its inner id, `items` are by their public ids."""

    place: Place
    inner: int
    row: Row
    deleted: bool = False
    items: Mapping[str, Item] = field(default_factory=dict)


def room_for(
    tx: Transaction, assessment_id: str, student_id: str, at: datetime | None, *, with_items: bool = False
) -> Room:
    """Lock what an attempt needs that is to be made; `at` is when it was made, None for now. One statement.

    Raises `Invalid` for an assessment or a student that is not there, and `NotAllowed` unless the student is
    enrolled as one, and was not withdrawn on that day.
    """
    asked = {"student": student_id, "assessment": assessment_id}
    parts, found = {}, {}
    for part, *columns in tx.read(_ROOM_WITH_ITEMS if with_items else _ROOM, asked):
        if part == "item":
            inner, kind, _, points, _, _, public_id, key = columns
            found[public_id] = item(int(inner), public_id, kind, key, points)
        else:
            parts[part] = columns
    if "rules" not in parts:
        raise Invalid("assessment_id", "There is no such assessment")
    assessment, counted, due_at, points_max, allowed, *_ = parts["rules"]
    student, role, deleted_at, _, _, withdrawn_on, *_ = parts.get("enrollment", _NOBODY)
    now = parts["now"][2]
    if student is None or deleted_at is not None:
        if not tx.read(_STUDENT, asked):
            raise Invalid("student_id", "There is no such student")
        raise NotAllowed("not-enrolled", "The student is not enrolled in the assessment's class.")
    if role != "student":
        raise NotAllowed("enrolled-as-teacher", "A teacher of the class makes no attempts.")
    if withdrawn_on is not None and (at or now).date() >= withdrawn_on:
        raise NotAllowed("student-withdrawn", f"The student has withdrawn from the class on {withdrawn_on}.")
    last, graded, _, _, there, *_ = parts["earlier"]
    # whole numbers of a UNION are Decimal to MariaDB, and sums are to both
    allowed = None if allowed is None else int(allowed)
    place = Place(int(student), int(assessment), points_max, due_at, allowed, now)
    return Room(place, counted, int(last or 0), int(there or 0), _graded(*graded.split()), found)


def _graded(count: str, *figures: str) -> Graded | None:
    """The graded attempts: how many, and their total, their best, and 1000 · number + percent of the first."""
    if not figures:
        return None
    total, best, first = map(Decimal, figures)
    return Graded(int(count), total, best, first % 1000, first % 1000)


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
