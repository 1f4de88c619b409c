"""What becomes of an attempt that was started: answers saved, submitted, graded, exempt and reinstated.

Each function is to be called in a transaction of its own, and returns the attempt as it is kept unless it says
otherwise. All raise `NotFound`, `NotAllowed` for a step that cannot be taken in the attempt's state, and what
their `guard` raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from studentapi.gradebook import responses
from studentapi.gradebook.attempt_keeping import update
from studentapi.gradebook.attempt_locks import hold
from studentapi.gradebook.attempt_states import assert_allowed, is_late, scored, state_of
from studentapi.gradebook.refusals import Invalid, NotAllowed
from studentapi.gradebook.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from studentapi.gradebook.attempt_locks import Held
    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.resources import Row
    from studentapi.gradebook.responses import Answer, Item, Responses
    from studentapi.gradebook.writing import Guard


class Points(NamedTuple):
    """What a person gives for an item; `item_id` is public."""

    item_id: str
    points: Decimal


def save(writer: Writer, public_id: str, answers: Sequence[Answer], guard: Guard) -> Row:
    """Keep answers beside those to other items; returns them all, as `responses.shown` does.

    `guard` is given these. Raises `Invalid` for an answer that cannot be.
    """
    held = hold(writer.tx, public_id, with_items=True)
    saved = responses.of_attempt(writer.tx, held.inner, held.items)
    guard(_document(held, saved))
    assert_allowed("save", held.row["state"])
    answered = _in_order(held.items, {**saved, **responses.checked(held.items, answers)})
    update(writer, held, held.row, saved=saved, answered=answered)
    return _document(held, answered)


def submit(writer: Writer, public_id: str, guard: Guard) -> Row:
    """Hand in the attempt as it is, and grade what its items' keys can: all of it, or a person does the rest."""
    held = hold(writer.tx, public_id, with_items=True)
    guard(held.row)
    assert_allowed("submit", held.row["state"])
    place = held.place
    handed_in = {**held.row, "submitted_at": place.now, "is_late": is_late(place.now, place.due_at)}
    if handed_in["started_at"] is not None:  # told by a client, whose clock may be ahead
        handed_in["started_at"] = min(handed_in["started_at"], place.now)
    saved = responses.of_attempt(writer.tx, held.inner, held.items)
    answered = responses.graded(held.items, saved)
    score = responses.total(held.items, answered)
    try:
        after = scored(handed_in, score, place.points_max, place.now, exempt=False)
    except NotAllowed:  # items that are worth too much are no reason to refuse a student's answers
        after = scored(handed_in, None, place.points_max, place.now, exempt=False)
    return update(writer, held, after, saved=saved, answered=answered)


def grade(writer: Writer, public_id: str, score: Decimal, guard: Guard) -> Row:
    """Give the attempt a score as a whole, whatever its responses earn."""
    held = hold(writer.tx, public_id)
    guard(held.row)
    assert_allowed("grade", held.row["state"])
    return update(writer, held, scored(held.row, score, held.place.points_max, held.place.now, exempt=False))


def grade_items(writer: Writer, public_id: str, given: Sequence[Points], guard: Guard) -> Row:
    """Give points to items without a key, and grade the others anew; once all have some, their sum is the score.

    Raises `Invalid` for points that cannot be.
    """
    held = hold(writer.tx, public_id, with_items=True)
    guard(held.row)
    assert_allowed("grade", held.row["state"])
    saved = responses.of_attempt(writer.tx, held.inner, held.items)
    answered = responses.graded(held.items, _pointed(held.items, saved, given))
    score, after = responses.total(held.items, answered), held.row
    if score is not None:
        after = scored(after, score, held.place.points_max, held.place.now, exempt=False)
    return update(writer, held, after, saved=saved, answered=answered)


def exempt(writer: Writer, public_id: str, guard: Guard) -> Row:
    """Let the attempt not count; what was recorded of it stays."""
    held = hold(writer.tx, public_id)
    guard(held.row)
    assert_allowed("exempt", held.row["state"])
    return update(writer, held, {**held.row, "state": "exempt"})


def reinstate(writer: Writer, public_id: str, guard: Guard) -> Row:
    """Let an exempt attempt be what it was."""
    held = hold(writer.tx, public_id)
    guard(held.row)
    assert_allowed("reinstate", held.row["state"])
    return update(writer, held, {**held.row, "state": state_of(held.row)})


def _pointed(items: Mapping[str, Item], saved: Responses, given: Sequence[Points]) -> Responses:
    found = dict(saved)
    seen: set[str] = set()
    for position, (item_id, points) in enumerate(given):
        name, item = f"points.{position}", items.get(item_id)
        if item is None:
            raise Invalid(f"{name}.item_id", "There is no such item in the assessment")
        if item_id in seen:
            raise Invalid(f"{name}.item_id", "Given more than once")
        if item.is_graded_by_machine:
            raise Invalid(f"{name}.item_id", "Its answer key tells its points: change that, or give a score")
        if points > item.points:
            raise Invalid(f"{name}.points", f"The item is worth {item.points.normalize():f}")
        seen.add(item_id)
        found[item_id] = Response(found[item_id].answer if item_id in found else None, points)
    return _in_order(items, found)


def _in_order(items: Mapping[str, Item], found: Responses) -> Responses:
    return {item_id: found[item_id] for item_id in items if item_id in found}


def _document(held: Held, found: Responses) -> Row:
    return responses.document(
        held.row["id"], [(item_id, one, held.items[item_id].points) for item_id, one in found.items()]
    )
