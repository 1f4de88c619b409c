"""Keeping what became of an attempt: its row, its responses, what is written down of them, and what counts.

The rows are made here and not read back, so that recording an attempt takes few statements, however many
responses it has: their times are those of `Place.now`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymysql import err

from studentapi.gradebook import responses
from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.changes import Record
from studentapi.gradebook.refusals import Exists
from studentapi.gradebook.results import Graded, keep, recount
from studentapi.mysql.errors import is_duplicate

if TYPE_CHECKING:
    from collections.abc import Collection

    from studentapi.gradebook.attempt_locks import Held, Room
    from studentapi.gradebook.changes import Action, Writer
    from studentapi.gradebook.resources import Row
    from studentapi.gradebook.responses import Responses
    from studentapi.mysql.transaction import Transaction

_INSERT = """
    INSERT INTO attempts (public_id, number, state, started_at, submitted_at, graded_at, is_late, score, percent,
        created_at, updated_at, assessment_id, student_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_UPDATE = """
    UPDATE attempts SET state = %s, started_at = %s, submitted_at = %s, graded_at = %s, is_late = %s, score = %s,
        percent = %s, updated_at = %s, deleted_at = NULL
    WHERE id = %s"""
_MADE_ONCE = ("id", "number")
_CHANGING = ("state", "started_at", "submitted_at", "graded_at", "is_late", "score", "percent")


def insert(writer: Writer, room: Room, row: Row, answered: Responses | None = None) -> Row:
    """Keep an attempt that is new; `row` has all fields but its times. Returns it whole. Raises `Exists`."""
    tx, place = writer.tx, room.place
    row = {**row, "created_at": place.now, "updated_at": place.now}
    values = [row[name] for name in (*_MADE_ONCE, *_CHANGING, "created_at", "updated_at")]
    try:
        tx.execute(_INSERT, (*values, place.assessment, place.student))
    except err.IntegrityError as error:
        existing = _existing(tx, row["id"]) if is_duplicate(error) else None
        raise existing or error from error
    if answered:
        responses.write(tx, tx.last_insert_id, room.items, answered)
    writer.record(Record(attempts.plural, row["id"], "create", None, _told(row, answered, answered or ())))
    if row["state"] == "graded":
        percent = row["percent"]
        graded = Graded.of([percent]) if room.graded is None else room.graded.then(percent)
        keep(tx, [(place.student, place.assessment, graded.counted(room.counted))])
    return row


def update(
    writer: Writer, held: Held, after: Row, *, saved: Responses | None = None, answered: Responses | None = None
) -> Row:
    """Keep what an attempt is now, a deleted one too, and return it; where nothing differs, nothing is written.

    `saved` are the responses that it has, of a deleted one none; `answered` those that it is to have; both or
    neither.
    """
    tx, before, place = writer.tx, held.row, held.place
    if after == before and answered == saved and not held.deleted:
        return before
    after = {**after, "updated_at": place.now}
    if held.deleted:  # of its former life nothing comes back but what is given again
        responses.delete_all(tx, held.inner)
    if saved is not None and answered is not None:
        responses.write(
            tx, held.inner, held.items, {item: one for item, one in answered.items() if one != saved.get(item)}
        )
        responses.delete(tx, held.inner, held.items, saved.keys() - answered.keys())
    tx.execute(_UPDATE, (*(after[name] for name in _CHANGING), place.now, held.inner))
    differing = _differing(saved or {}, answered or {})
    told = None if held.deleted else _told(before, saved, differing)
    action: Action = "restore" if held.deleted else "update"
    writer.record(Record(attempts.plural, before["id"], action, told, _told(after, answered, differing)))
    if _counts(held, before, after):
        recount(tx, [(place.student, place.assessment)])
    return after


def _counts(held: Held, before: Row, after: Row) -> bool:
    """Whether another percent may count than did."""
    was = before["percent"] if before["state"] == "graded" and not held.deleted else None
    now = after["percent"] if after["state"] == "graded" else None
    return bool(was != now)


def _differing(saved: Responses, answered: Responses) -> set[str]:
    return {item for item in saved.keys() | answered.keys() if saved.get(item) != answered.get(item)}


def _told(row: Row, answered: Responses | None, differing: Collection[str]) -> Row:
    """What is written down of an attempt: with those of its responses that change, where any does."""
    if answered is None:
        return row
    told = [{"item_id": item, **one._asdict()} for item, one in answered.items() if item in differing]
    return {**row, "responses": told}


def _existing(tx: Transaction, public_id: str) -> Exists | None:
    rows = tx.read("SELECT deleted_at FROM attempts WHERE public_id = %s LOCK IN SHARE MODE", (public_id,))
    return Exists(attempts.kind, public_id, deleted=rows[0][0] is not None) if rows else None
