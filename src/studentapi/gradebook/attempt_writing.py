"""Making attempts: started here, or recorded as another system has them; and their records, replaced and changed.

Each function is to be called in a transaction of its own, which it locks as `attempt_locks` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.gradebook import responses, writing
from studentapi.gradebook.attempt_keeping import insert, update
from studentapi.gradebook.attempt_locks import Held, hold, hold_if_any, room_for
from studentapi.gradebook.attempt_states import is_late, scored
from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.ids import new_id
from studentapi.gradebook.refusals import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from studentapi.gradebook.attempt_locks import Place, Room
    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.resources import Row
    from studentapi.gradebook.responses import Answer, Responses
    from studentapi.gradebook.writing import Guard
    from studentapi.mysql.transaction import Transaction


class Told(NamedTuple):
    """What a client says of an attempt; times are naive UTC. `responses` are all that there are, or not told."""

    assessment_id: str
    student_id: str
    started_at: datetime | None = None
    submitted_at: datetime | None = None
    score: Decimal | None = None
    responses: Sequence[Answer] | None = None
    exempt: bool = False

    @property
    def is_start(self) -> bool:
        """Whether this is an attempt that begins, and none that happened elsewhere."""
        return self.submitted_at is None and self.score is None and self.responses is None and not self.exempt

    @property
    def at(self) -> datetime | None:
        """When it was made; None for now."""
        return self.submitted_at or self.started_at


def create(writer: Writer, told: Told, public_id: str | None = None) -> Row:
    """Start an attempt, or record one; its number is one more than the student's last in the assessment.

    Raises `Invalid` for a value that cannot be, `NotAllowed` for what the rules forbid, and `Exists`.
    """
    return _create(writer, _room_for(writer.tx, told), told, public_id or new_id())


def replace(writer: Writer, public_id: str, told: Told, guard: Guard) -> tuple[Row, bool]:
    """Make the attempt `public_id`, or bring it in line with what is told; returns it, and whether it was made.

    Responses that are not told stay, as does the time of the start. One that was deleted is made again, with its
    number and nothing else of what it was. Raises as `create` does, and what `guard` raises.
    """
    tx = writer.tx
    held = hold_if_any(tx, public_id, with_items=True)
    if held is None:
        guard(None)
        room = _room_for(tx, told)
        found = attempts.locked(tx, public_id)
        if found is None:
            return _create(writer, room, told, public_id), True
        # made meanwhile, by a request like this one
        held = Held(room.place, *found, responses.items_of(tx, room.place.assessment))
    guard(None if held.deleted else held.row)
    for name in ("assessment_id", "student_id"):
        if held.row[name] != getattr(told, name):
            raise Invalid(name, "It cannot be changed")
    if held.deleted:
        _room_for(tx, told).next_number()
    return _replace(writer, held, told), held.deleted


def change(writer: Writer, public_id: str, values: Mapping[str, Any], guard: Guard) -> Row:
    """Give an attempt other times (`started_at`, `submitted_at`) or another `score`; its state follows.

    Raises `NotFound`, and as `replace` does.
    """
    held = hold(writer.tx, public_id)
    guard(held.row)
    kept = {name: held.row[name] for name in ("assessment_id", "student_id", "submitted_at", "score")}
    told = Told(**{**kept, **values}, exempt=held.row["state"] == "exempt")
    row = held.row if told.started_at or "started_at" not in values else {**held.row, "started_at": None}
    return update(writer, held, recorded(row, held.place, told, None))


def delete(writer: Writer, public_id: str, guard: Guard) -> None:
    """Delete an attempt; its number is not given again. Raises `NotFound`, and what `guard` raises."""
    hold(writer.tx, public_id)
    writing.delete(writer, attempts, public_id, guard)


def _room_for(tx: Transaction, told: Told) -> Room:
    with_items = told.responses is not None
    return room_for(tx, told.assessment_id, told.student_id, told.at, with_items=with_items)


def _create(writer: Writer, room: Room, told: Told, public_id: str) -> Row:
    place, items = room.place, room.items
    answered = None
    if told.responses is not None:
        answered = responses.graded(items, responses.checked(items, told.responses))
    row = {
        "id": public_id,
        "assessment_id": told.assessment_id,
        "student_id": told.student_id,
        "number": room.next_number(),
        **_begun(place, told),
    }
    row = recorded(row, place, told, None if answered is None else responses.total(items, answered))
    return insert(writer, room, row, answered)


def _begun(place: Place, told: Told) -> Row:
    """The fields of an attempt of which nothing is recorded yet."""
    return {
        "state": "in_progress",
        "started_at": place.now if told.is_start else None,
        "submitted_at": None,
        "graded_at": None,
        "is_late": False,
        "score": None,
        "percent": None,
    }


def _replace(writer: Writer, held: Held, told: Told) -> Row:
    saved: Responses | None = None
    answered: Responses | None = None
    total = None
    if told.responses is not None or held.deleted:
        # of a former life nothing comes back, not even the points for an answer that is given again
        saved = {} if held.deleted else responses.of_attempt(writer.tx, held.inner, held.items)
        answered = responses.checked(held.items, told.responses or ())
        # what a person gave for an answer stays with it
        same = {
            item: saved[item]
            for item, one in answered.items()
            if item in saved and saved[item].answer == one.answer
        }
        answered = responses.graded(held.items, {**answered, **same})
    if told.responses is not None and answered is not None:
        total = responses.total(held.items, answered)
    row = {**held.row, **_begun(held.place, told)} if held.deleted else held.row
    return update(writer, held, recorded(row, held.place, told, total), saved=saved, answered=answered)


def recorded(row: Row, place: Place, told: Told, total: Decimal | None) -> Row:
    """`row` with what is told; `total` are the points of its responses, where these are all graded."""
    started_at = told.started_at or row["started_at"]
    submitted_at = told.submitted_at
    if submitted_at is None and told.responses is not None:
        submitted_at = row["submitted_at"] or place.now
    same = submitted_at == row["submitted_at"]
    # what is there may be so: a file may have had it so
    moved = not same or started_at != row["started_at"]
    if moved and started_at is not None and submitted_at is not None and submitted_at < started_at:
        raise Invalid("submitted_at", "It lies before started_at")
    after = {
        **row,
        "started_at": started_at,
        "submitted_at": submitted_at,
        "is_late": row["is_late"] if same else is_late(submitted_at, place.due_at),
    }
    score = total if told.score is None else told.score
    graded_at = row["graded_at"] if score == row["score"] else place.now
    return scored(after, score, place.points_max, graded_at, exempt=told.exempt)
