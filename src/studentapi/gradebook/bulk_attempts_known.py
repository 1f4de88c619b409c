"""What many attempts at once need to know of what is there, and what each of them is to be by that.

Locked in the order of `attempt_locks`, each kind in the order of its keys, so that two of these wait for each
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from studentapi.gradebook.attempt_locks import Place
from studentapi.gradebook.attempt_states import is_late
from studentapi.gradebook.attempt_writing import Told, recorded
from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.bulk import pairs_at_once
from studentapi.gradebook.ids import new_id
from studentapi.gradebook.refusals import Invalid, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from studentapi.gradebook.resources import Row
    from studentapi.mysql.transaction import Transaction


class Facts(NamedTuple):
    """What a gradebook has written down of an attempt, and another is to have as it was.

    `number` and `is_late` are None where they are to follow from the rest; `graded_at` where there is none.
    `state` is what has to follow. With a number, the times are taken in whatever order they are.
    """

    number: int | None = None
    state: str | None = None
    is_late: bool | None = None
    graded_at: datetime | None = None
    knows_graded_at: bool = False


class Given(NamedTuple):
    """An attempt: its place, its id or None, and what is told of it, which has no responses.

    With `facts` it is one that has happened elsewhere, whatever the rules are now: it does not begin here, and
    neither a withdrawal nor the number of attempts allowed forbids it.
    """

    row: int
    public_id: str | None
    told: Told
    facts: Facts | None = None


class There(NamedTuple):
    """An attempt that is there, by its inner id; nobody else writes it now."""

    inner: int
    row: Row
    deleted: bool


class _Enrolled(NamedTuple):
    role: str
    withdrawn_on: date | None


class Wanted(NamedTuple):
    """What an attempt is to be."""

    given: Given
    place: Place
    there: There | None
    after: Row


class Known:
    """What is there already, read and locked for all rows: students, assessments, enrollments, attempts."""

    def __init__(self, tx: Transaction, given: Sequence[Given]) -> None:
        students = sorted({one.told.student_id for one in given})
        self._students: dict[str, int] = dict(
            tx.read(
                "SELECT public_id, id FROM users"
                " WHERE public_id IN %s AND role = 'student' AND deleted_at IS NULL",
                (students,),
            )
        )
        asked = sorted({one.told.assessment_id for one in given})
        classes: dict[str, int] = dict(
            tx.read("SELECT public_id, class_id FROM assessments WHERE public_id IN %s", (asked,))
        )
        self._classes = classes
        self._enrolled = self._enrollments(tx, given)
        rows = tx.read(
            "SELECT public_id, id, points_max, due_at, attempts_allowed"
            " FROM assessments FORCE INDEX (assessments_public_id)"
            " WHERE public_id IN %s AND deleted_at IS NULL ORDER BY public_id LOCK IN SHARE MODE",
            (asked,),
        )
        self.now: datetime = tx.read("SELECT UTC_TIMESTAMP(6)")[0][0]
        self._rules = {public_id: rules for public_id, *rules in rows}
        self._there = _those_there(tx, [one.public_id for one in given if one.public_id is not None])
        self._numbers = self._last_numbers(tx, given)

    def wanted(self, one: Given) -> Wanted:
        """What an attempt is to be. Raises `Invalid` and `NotAllowed`, as `attempt_writing` does."""
        there = None if one.public_id is None else self._there.get(one.public_id)
        if there is not None:
            _assert_same(one, there.row)
        place = self._place(one)
        if there is not None and not there.deleted:
            return Wanted(one, place, there, _after(one, there.row, place))
        self._assert_enrolled(one, place)
        number = self._next_number(one, place, there)
        after = _after(one, _new(one, number, place) if there is None else there.row, place)
        numbers = self._numbers[place.student, place.assessment]
        numbers.there += 1
        numbers.taken.add(number)
        return Wanted(one, place, there, after)

    def _place(self, one: Given) -> Place:
        rules = self._rules.get(one.told.assessment_id)
        if rules is None:
            raise Invalid("assessment_id", "There is no such assessment")
        student = self._students.get(one.told.student_id)
        if student is None:
            raise Invalid("student_id", "There is no such student")
        inner, points_max, due_at, attempts_allowed = rules
        return Place(student, inner, points_max, due_at, attempts_allowed, self.now)

    def _assert_enrolled(self, one: Given, place: Place) -> None:
        enrolled = self._enrolled.get((place.student, self._classes[one.told.assessment_id]))
        if enrolled is None:
            raise NotAllowed("not-enrolled", "The student is not enrolled in the assessment's class.")
        if enrolled.role != "student":
            raise NotAllowed("enrolled-as-teacher", "A teacher of the class makes no attempts.")
        day = enrolled.withdrawn_on
        if day is not None and one.facts is None and (one.told.at or place.now).date() >= day:
            raise NotAllowed("student-withdrawn", f"The student has withdrawn from the class on {day}.")

    def _next_number(self, one: Given, place: Place, there: There | None) -> int:
        """The number of one that is made, or made again."""
        numbers = self._numbers.setdefault((place.student, place.assessment), _Numbers())
        allowed = place.attempts_allowed
        if one.facts is None and allowed is not None and numbers.there >= allowed:
            raise NotAllowed(
                "attempts-used-up", f"The assessment allows {allowed} attempts, and they are used up."
            )
        if there is not None:
            return int(there.row["number"])
        given = None if one.facts is None else one.facts.number
        if given in numbers.taken:
            raise Invalid("number", "The student has an attempt of this number")
        return given or numbers.last + 1

    def _enrollments(self, tx: Transaction, given: Sequence[Given]) -> dict[tuple[int, int], _Enrolled]:
        """Those that are wanted, by the inner ids of student and class; locked in the order of their own."""
        pairs = {
            (self._students.get(one.told.student_id), self._classes.get(one.told.assessment_id)) for one in given
        }
        if not self._students:
            return {}
        rows = tx.read(
            "SELECT id, user_id, class_id FROM enrollments WHERE user_id IN %s",
            (sorted(self._students.values()),),
        )
        wanted = sorted(inner for inner, *pair in rows if tuple(pair) in pairs)
        if not wanted:
            return {}
        locked = tx.read(
            "SELECT user_id, class_id, role, withdrawn_on, deleted_at FROM enrollments FORCE INDEX (PRIMARY)"
            " WHERE id IN %s ORDER BY id FOR UPDATE",
            (wanted,),
        )
        return {
            (user, in_class): _Enrolled(role, withdrawn_on)
            for user, in_class, role, withdrawn_on, deleted_at in locked
            if deleted_at is None
        }

    def _last_numbers(self, tx: Transaction, given: Sequence[Given]) -> dict[tuple[int, int], _Numbers]:
        """The numbers given so far, by inner ids, where another may be asked for."""
        pairs = set()
        for one in given:
            there = None if one.public_id is None else self._there.get(one.public_id)
            if there is None or there.deleted:
                student, rules = self._students.get(one.told.student_id), self._rules.get(one.told.assessment_id)
                if student is not None and rules is not None:
                    pairs.add((student, rules[0]))
        found: dict[tuple[int, int], _Numbers] = {}
        for some in pairs_at_once(pairs):
            rows = tx.read(
                "SELECT student_id, assessment_id, number, deleted_at IS NULL"
                " FROM attempts FORCE INDEX (attempts_number) WHERE (student_id, assessment_id) IN %s",
                (some,),
            )
            for student, assessment, number, there_is in rows:
                numbers = found.setdefault((student, assessment), _Numbers())
                numbers.taken.add(number)
                numbers.there += there_is
        return found


class _Numbers:
    """The numbers of a student's attempts at an assessment, and how many of these are not deleted."""

    def __init__(self) -> None:
        self.taken: set[int] = set()
        self.there = 0

    @property
    def last(self) -> int:
        return max(self.taken, default=0)


def _those_there(tx: Transaction, public_ids: Sequence[str]) -> dict[str, There]:
    if not public_ids:
        return {}
    names = ["id", *attempts.names, "created_at", "updated_at"]
    rows = tx.read(
        f"SELECT t.id, t.deleted_at IS NOT NULL, {attempts.columns()}"
        " FROM attempts AS t FORCE INDEX (attempts_public_id) WHERE t.public_id IN %s"
        " ORDER BY t.public_id FOR UPDATE",
        (sorted(public_ids),),
    )
    found = [
        There(inner, dict(zip(names, values, strict=True)), bool(deleted)) for inner, deleted, *values in rows
    ]
    attempts.finished([one.row for one in found])
    return {one.row["id"]: one for one in found}


def _new(one: Given, number: int, place: Place) -> Row:
    told, started_at, submitted_at = one.told, None, None
    if one.facts is None:
        started_at = place.now if told.is_start else None
    elif one.facts.number is not None:
        # they may lie in the wrong order: one was told by a client, the other is of the gradebook's own clock
        started_at, submitted_at = told.started_at, told.submitted_at
    return {
        "id": one.public_id or new_id(),
        "assessment_id": told.assessment_id,
        "student_id": told.student_id,
        "number": number,
        "state": "in_progress",
        "started_at": started_at,
        "submitted_at": submitted_at,
        "graded_at": None,
        "is_late": is_late(submitted_at, place.due_at),
        "score": None,
        "percent": None,
        "created_at": place.now,
        "updated_at": place.now,
    }


def _assert_same(one: Given, row: Row) -> None:
    for name in ("assessment_id", "student_id"):
        if row[name] != getattr(one.told, name):
            raise Invalid(name, "It cannot be changed")
    if one.facts is not None and one.facts.number not in (None, row["number"]):
        raise Invalid("number", "It cannot be changed")


def _after(one: Given, row: Row, place: Place) -> Row:
    """`row` with what is told, and with the facts."""
    after, facts = recorded(row, place, one.told, None), one.facts
    if facts is None:
        return after
    if facts.state not in (None, after["state"]):
        raise Invalid("state", f"By what is recorded it is {after['state']!r}")
    if facts.knows_graded_at:
        if facts.graded_at is not None and after["score"] is None:
            raise Invalid("graded_at", "There is no score")
        after = {**after, "graded_at": facts.graded_at}
    return after if facts.is_late is None else {**after, "is_late": facts.is_late}
