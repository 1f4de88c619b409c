"""What follows from a change of an assessment or of an item for attempts that are there already.

Their percents, their machine-graded responses and the results change in the transaction of that change, and each
attempt that does is written down.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from studentapi.gradebook import responses
from studentapi.gradebook.answer_keys import InvalidAnswer, InvalidKey, check_answer_by, check_key
from studentapi.gradebook.attempt_states import percent_of
from studentapi.gradebook.attempts import ASSESSMENT, attempts
from studentapi.gradebook.changes import Record
from studentapi.gradebook.documents import dumps
from studentapi.gradebook.refusals import Invalid, NotAllowed
from studentapi.gradebook.responses import Item, Response
from studentapi.gradebook.results import recount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.resources import Change, Pair, Row
    from studentapi.mysql.transaction import Transaction

ANSWERED = "item-answered"
KEY_BYTES = 64 * 1024
"""JSON of an answer key, with the texts of its choices."""
_ALL = 2**62
_WRITE = """
    INSERT INTO attempts (id, public_id, assessment_id, student_id, number, state, score, percent, updated_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON DUPLICATE KEY UPDATE score = VALUES(score), percent = VALUES(percent), updated_at = VALUES(updated_at)"""
"""Every row is there: what is inserted is what a row must have."""
_WRITTEN = ("number", "state", "score", "percent")
_AT_ONCE = 1000


def check_items(tx: Transaction, pairs: Sequence[Pair]) -> Mapping[int, Invalid]:
    """Refuse answer keys that do not fit their kind.

    Raises `NotAllowed` for another kind once there are responses.
    """
    found: dict[int, Invalid] = {}
    for place, (before, after) in enumerate(pairs):
        if before is not None and all(before[name] == after[name] for name in ("kind", "answer_key")):
            continue
        if len(dumps(after["answer_key"])) > KEY_BYTES:
            found[place] = Invalid("answer_key", f"It has more than {KEY_BYTES} bytes")
            continue
        try:
            check_key(after["kind"], after["answer_key"])
        except InvalidKey as error:
            found[place] = Invalid("answer_key", str(error))
            continue
        if before is not None and before["kind"] != after["kind"]:
            rows = tx.read("SELECT id FROM items WHERE public_id = %s", (before["id"],))
            if _responses_to(tx, rows[0][0], 1):
                raise NotAllowed(ANSWERED, "The item has responses: its kind stays as it is.")
    return found


def regrade_item(writer: Writer, change: Change) -> None:
    """Grade the responses to an item anew after its key or its points changed.

    Raises `NotAllowed` where that cannot be: an answer would be none any more, a person has given more than the
    item would be worth, or the item is deleted while it has responses.
    """
    before, after, tx = change.before, change.after, writer.tx
    if after is None:
        if _responses_to(tx, change.inner, 1):
            raise NotAllowed(ANSWERED, "The item has responses: it stays; worth 0 points it counts no more.")
        return
    if before is None or all(before[name] == after[name] for name in ("answer_key", "points")):
        return
    assessment, points_max, now = tx.read(
        "SELECT id, points_max, UTC_TIMESTAMP(6) FROM assessments WHERE public_id = %s LOCK IN SHARE MODE",
        (after["assessment_id"],),
    )[0]
    key = responses.usable(after["kind"], after["answer_key"])
    item = Item(change.inner, after["id"], after["kind"], key, after["points"])
    was = dict(_responses_to(tx, change.inner, _ALL))
    now_is = {attempt: _regraded(item, one) for attempt, one in was.items()}
    changed = {attempt: one for attempt, one in now_is.items() if one != was[attempt]}
    if not changed:
        return
    sums = _sums(tx, list(changed))
    responses.write_rows(tx, [(attempt, item.id, one) for attempt, one in changed.items()])
    scores = {
        attempt: sums[attempt] + (one.points or 0) - (was[attempt].points or 0)
        for attempt, one in changed.items()
    }
    there = attempts.referring(tx, ASSESSMENT, [assessment], _ALL)
    _keep(
        writer,
        assessment,
        {
            # a score that is not the sum of its responses' points was given as a whole, and stays
            inner: (row, _scored(row, scores[inner], points_max) if row["score"] == sums[inner] else dict(row))
            for inner, row in there
            if inner in changed
        },
        now,
    )


def reassess(writer: Writer, change: Change) -> None:
    """Bring percents and results in line with an assessment whose points_max, or counted attempt, changed.

    Raises `NotAllowed` where a percent would be too high.
    """
    before, after, tx = change.before, change.after, writer.tx
    if before is None or after is None:
        return
    if before["points_max"] != after["points_max"]:
        there = attempts.referring(tx, ASSESSMENT, [change.inner], _ALL)
        now: datetime = tx.read("SELECT UTC_TIMESTAMP(6)")[0][0]
        wanted = {
            inner: (row, _scored(row, row["score"], after["points_max"]))
            for inner, row in there
            if row["score"] is not None
        }
        _keep(writer, change.inner, {inner: rows for inner, rows in wanted.items() if rows[0] != rows[1]}, now)
    if before["counted"] != after["counted"]:
        rows = tx.read(
            "SELECT student_id, assessment_id FROM attempts"
            " WHERE assessment_id = %s AND state = 'graded' AND deleted_at IS NULL FOR UPDATE",
            (change.inner,),
        )
        recount(tx, list(dict.fromkeys(rows)))


def _responses_to(tx: Transaction, item: int, most: int) -> Sequence[tuple[int, Response]]:
    """Up to `most` responses to an item, with the inner ids of their attempts; both locked."""
    rows = tx.read(
        "SELECT responses.attempt_id, responses.answer, responses.points, responses.is_correct"
        " FROM responses JOIN attempts ON attempts.id = responses.attempt_id AND attempts.deleted_at IS NULL"
        " WHERE responses.item_id = %s AND responses.deleted_at IS NULL LIMIT %s FOR UPDATE",
        (item, most),
    )
    return [(attempt, responses.of_columns(*rest)) for attempt, *rest in rows]


def _regraded(item: Item, one: Response) -> Response:
    """A response by the item as it is now; what is not graded yet stays so."""
    try:
        check_answer_by(item.kind, item.key, one.answer)
    except InvalidAnswer:
        raise NotAllowed(ANSWERED, "The item has responses that this answer_key has no place for.") from None
    if one.points is None:
        return one
    if item.is_graded_by_machine:
        return Response(one.answer, *item.grade(one.answer))
    if one.points > item.points:
        raise NotAllowed(ANSWERED, "The item has responses that were given more points than that.")
    return one


def _sums(tx: Transaction, of: Sequence[int]) -> Mapping[int, Decimal]:
    """The points of all responses of attempts, by inner ids."""
    found: dict[int, Decimal] = defaultdict(Decimal)
    for start in range(0, len(of), _AT_ONCE):
        found.update(
            tx.read(
                "SELECT attempt_id, SUM(points) FROM responses WHERE attempt_id IN %s AND deleted_at IS NULL"
                " AND points IS NOT NULL GROUP BY attempt_id FOR UPDATE",
                (of[start : start + _AT_ONCE],),
            )
        )
    return found


def _scored(row: Row, score: Decimal, points_max: Decimal) -> dict[str, Any]:
    return {**row, "score": score, "percent": percent_of(score, points_max)}


def _keep(writer: Writer, assessment: int, rows: Mapping[int, tuple[Row, Row]], now: datetime) -> None:
    """Keep scores and percents of attempts at an assessment, by inner ids: each row before and after."""
    if not rows:
        return
    tx = writer.tx
    students = dict(
        tx.read("SELECT id, student_id FROM attempts WHERE assessment_id = %s FOR UPDATE", (assessment,))
    )
    tx.execute_many(
        _WRITE,
        (
            (inner, row["id"], assessment, students[inner], *(row[name] for name in _WRITTEN), now)
            for inner, (_, row) in rows.items()
        ),
    )
    writer.record(
        *(
            Record(attempts.plural, row["id"], "update", before, {**row, "updated_at": now})
            for before, row in rows.values()
        )
    )
    graded = [inner for inner, (_, row) in rows.items() if row["state"] == "graded"]
    recount(tx, list(dict.fromkeys((students[inner], assessment) for inner in graded)))
