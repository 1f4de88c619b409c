"""Responses: a student's answers to the items of an assessment, within an attempt; and what they earn.

The points of an item that has an answer key follow from the key alone; those of any other are a person's to give.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from studentapi.gradebook import documents
from studentapi.gradebook.answer_keys import InvalidAnswer, InvalidKey, Key, check_answer_by, read_key
from studentapi.gradebook.grading import Grade, grade_by
from studentapi.gradebook.refusals import Invalid
from studentapi.gradebook.resources import NotFound, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from studentapi.mysql.database import Database
    from studentapi.mysql.transaction import Transaction

_SELECT = """
    SELECT items.public_id, responses.answer, responses.points, responses.is_correct, items.points
    FROM attempts
        LEFT JOIN (responses JOIN items ON items.id = responses.item_id AND items.deleted_at IS NULL)
            ON responses.attempt_id = attempts.id AND responses.deleted_at IS NULL
    WHERE attempts.public_id = %s AND attempts.deleted_at IS NULL
    ORDER BY items.position, items.public_id"""


class Item(NamedTuple):
    """What grading has to know of an item; `id` is its inner id. `key`: None where a person grades."""

    id: int
    public_id: str
    kind: str
    key: Key | None
    points: Decimal

    @property
    def is_graded_by_machine(self) -> bool:
        """Whether its key tells what an answer earns."""
        return self.key is not None

    def grade(self, answer: Any) -> Grade:
        """What an answer earns by the key. One that the key has no place for earns nothing."""
        try:
            return grade_by(self.kind, self.key, answer, self.points)
        except InvalidAnswer:
            return Grade(Decimal("0.0000"), is_correct=False)


class Answer(NamedTuple):
    """An answer as a client gives it; `item_id` is public."""

    item_id: str
    answer: Any


class Response(NamedTuple):
    """An answer, and what it was given; None where it is not graded."""

    answer: Any
    points: Decimal | None = None
    is_correct: bool | None = None


Responses = dict[str, Response]
"""Those of an attempt, by the public ids of their items."""


def shown(database: Database, attempt_id: str) -> Row:
    """The responses of an attempt in the order of the items, with what each could earn. Raises `NotFound`."""
    rows = database.read(_SELECT, (attempt_id,))
    if not rows:
        raise NotFound("attempt", attempt_id)
    return document(attempt_id, [(item, of_columns(*columns), most) for item, *columns, most in rows if item])


def document(attempt_id: str, responses: Iterable[tuple[str, Response, Decimal]]) -> Row:
    """What clients are shown of an attempt's responses: with each its item's public id and points."""
    return {
        "attempt_id": attempt_id,
        "responses": [
            {"item_id": item, **response._asdict(), "points_max": most} for item, response, most in responses
        ],
    }


def items_of(tx: Transaction, assessment: int) -> dict[str, Item]:
    """The items of an assessment (its inner id) in their order, locked against change, by their public ids."""
    rows = tx.read(
        "SELECT id, public_id, kind, answer_key, points FROM items"
        " WHERE assessment_id = %s AND deleted_at IS NULL ORDER BY position, public_id LOCK IN SHARE MODE",
        (assessment,),
    )
    return {public_id: item(inner, public_id, kind, key, points) for inner, public_id, kind, key, points in rows}


def item(inner: int, public_id: str, kind: str, key: str | None, points: Decimal) -> Item:
    """An item of its columns."""
    read = _kept_key if key is None or len(key) <= _KEPT_KEY else _key
    return Item(inner, public_id, kind, read(kind, key), points)


def of_attempt(tx: Transaction, attempt: int, items: Mapping[str, Item]) -> Responses:
    """The responses of an attempt (its inner id) in the order of `items`."""
    rows = tx.read(
        "SELECT item_id, answer, points, is_correct FROM responses"
        " WHERE attempt_id = %s AND deleted_at IS NULL FOR UPDATE",
        (attempt,),
    )
    found = {item: of_columns(*columns) for item, *columns in rows}
    return {item.public_id: found[item.id] for item in items.values() if item.id in found}


def checked(items: Mapping[str, Item], answers: Sequence[Answer]) -> Responses:
    """`answers` as ungraded responses. Raises `Invalid` for one to no item, that cannot be, or comes twice."""
    found: Responses = {}
    for position, (item_id, answer) in enumerate(answers):
        name = f"responses.{position}"
        item = items.get(item_id)
        if item is None:
            raise Invalid(f"{name}.item_id", "There is no such item in the assessment")
        if item_id in found:
            raise Invalid(f"{name}.item_id", "Given more than once")
        try:
            check_answer_by(item.kind, item.key, answer)
        except InvalidAnswer as error:
            raise Invalid(f"{name}.answer", str(error)) from error
        found[item_id] = Response(answer)
    return found


def graded(items: Mapping[str, Item], responses: Responses) -> Responses:
    """`responses` with what the items' keys give them; those without a key stay as they are."""
    return {
        item_id: Response(one.answer, *items[item_id].grade(one.answer))
        if items[item_id].is_graded_by_machine
        else one
        for item_id, one in responses.items()
    }


def total(items: Mapping[str, Item], responses: Responses) -> Decimal | None:
    """The points of all items, where what is not answered earns none.

    None where a person has to grade something yet, and where there are no items.
    """
    points = Decimal(0)
    for item_id, item in items.items():
        response = responses.get(item_id)
        if response is not None and response.points is not None:
            points += response.points
        elif not item.is_graded_by_machine:
            return None
    return points if items else None


def write(tx: Transaction, attempt: int, items: Mapping[str, Item], responses: Responses) -> None:
    """Keep responses of an attempt, in place of those to the same items: one statement."""
    write_rows(tx, [(attempt, items[item_id].id, response) for item_id, response in responses.items()])


def write_rows(tx: Transaction, rows: Iterable[tuple[int, int, Response]]) -> None:
    """Keep responses by the inner ids of their attempts and items."""
    tx.execute_many(
        """
        INSERT INTO responses (attempt_id, item_id, answer, points, is_correct) VALUES (%s, %s, %s, %s, %s)
        ON DUPLICATE KEY UPDATE answer = VALUES(answer), points = VALUES(points), is_correct = VALUES(is_correct),
            deleted_at = NULL""",
        ((attempt, item, _stored(one.answer), one.points, one.is_correct) for attempt, item, one in rows),
    )


def delete(tx: Transaction, attempt: int, items: Mapping[str, Item], gone: Collection[str]) -> None:
    """Delete the responses of an attempt to the items of these public ids."""
    if gone:
        tx.execute(
            "UPDATE responses SET deleted_at = UTC_TIMESTAMP(6) WHERE attempt_id = %s AND item_id IN %s",
            (attempt, [items[item_id].id for item_id in gone]),
        )


def delete_all(tx: Transaction, attempt: int) -> None:
    """Delete the responses of an attempt, to items that are deleted, too."""
    tx.execute(
        "UPDATE responses SET deleted_at = UTC_TIMESTAMP(6) WHERE attempt_id = %s AND deleted_at IS NULL",
        (attempt,),
    )


def _stored(answer: Any) -> str | None:
    return None if answer is None else documents.dumps(answer).decode()


def usable(kind: str, key: Any) -> Key | None:
    """An item's key; None for one that came in unchecked and is none, so that a person grades."""
    try:
        return read_key(kind, key)
    except InvalidKey:
        return None


def _key(kind: str, text: str | None) -> Key | None:
    return None if text is None else usable(kind, documents.loads(text))


_KEPT_KEY = 4096
"""Characters of a key that is remembered at most: a class answers the same items one after the other."""
_kept_key = lru_cache(maxsize=1024)(_key)


def of_columns(answer: str | None, points: Decimal | None, is_correct: int | None) -> Response:
    """A response of its columns."""
    return Response(
        None if answer is None else documents.loads(answer),
        points,
        None if is_correct is None else bool(is_correct),
    )
