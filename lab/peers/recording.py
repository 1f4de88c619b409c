"""Recording an attempt: the body that is taken, and its grade. The same for all in Python that record.

They grade the questions with one right choice of several; of other kinds the class of the bench has none.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

ID = r"[A-Za-z0-9._:\-]{1,64}"

Id = Annotated[str, Field(pattern=f"^{ID}$")]
Time = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC).replace(tzinfo=None))]
"""Taken with any offset, kept in UTC (naive)."""


class Given(BaseModel):
    """An answer to an item."""

    model_config = ConfigDict(extra="forbid")

    item_id: Id
    answer: str | None


class Recording(BaseModel):
    """The body: an attempt that happened elsewhere."""

    model_config = ConfigDict(extra="forbid")

    id: Id | None = None
    assessment_id: Id
    student_id: Id
    submitted_at: Time
    responses: list[Given] = Field(max_length=500)


class Refused(Exception):  # noqa: N818 - named for the condition
    """The attempt cannot be recorded; `status` is HTTP's."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Rules(NamedTuple):
    """An assessment, and what the student has done there: the last number, and how many attempts.

    Some drivers give the last two as Decimal.
    """

    id: int
    points_max: Decimal
    due_at: datetime | None
    counted: str
    attempts_allowed: int | None
    last_number: int
    attempts: int


class Item(NamedTuple):
    """An item of the assessment; `key` as JSON."""

    id: int
    public_id: str
    kind: str
    key: str | None
    points: Decimal


class Graded(NamedTuple):
    """A response that is graded, by its item's inner id; `answer` as JSON."""

    item: int
    answer: str | None
    points: Decimal
    is_correct: bool


@dataclass(frozen=True)
class Attempt:
    """What is to be kept. Times are naive UTC; `graded_at` is the time of the database."""

    id: str
    number: int
    submitted_at: datetime
    graded_at: datetime
    is_late: bool
    score: Decimal
    percent: Decimal
    responses: list[Graded]

    def columns(self, assessment: int, student: int) -> tuple[object, ...]:
        """Parameters of `statements.INSERT_ATTEMPT`; the arguments are inner ids."""
        graded = (self.submitted_at, self.graded_at, self.is_late, self.score, self.percent)
        return (self.id, assessment, student, self.number, "graded", *graded, self.graded_at, self.graded_at)

    def shown(self, given: Recording) -> dict[str, Any]:
        """The answer."""
        return {
            "id": self.id,
            "assessment_id": given.assessment_id,
            "student_id": given.student_id,
            "number": self.number,
            "state": "graded",
            "started_at": None,
            "submitted_at": self.submitted_at,
            "graded_at": self.graded_at,
            "is_late": self.is_late,
            "score": self.score,
            "percent": self.percent,
            "created_at": self.graded_at,
            "updated_at": self.graded_at,
        }


def attempt(given: Recording, rules: Rules, items: Sequence[Item], now: datetime) -> Attempt:
    """The attempt that `given` makes, graded; raises `Refused`."""
    if rules.attempts_allowed is not None and rules.attempts >= rules.attempts_allowed:
        raise Refused(409, "The attempts are used up.")
    by_id = {item.public_id: item for item in items}
    responses: dict[str, Graded] = {}
    for one in given.responses:
        item = by_id.get(one.item_id)
        if item is None or one.item_id in responses:
            raise Refused(422, "There is no such item in the assessment, or it is given twice.")
        responses[one.item_id] = _grade(item, one.answer)
    score = sum((one.points for one in responses.values()), Decimal(0))
    percent = (100 * score / rules.points_max).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return Attempt(
        given.id or str(uuid.uuid4()),
        int(rules.last_number) + 1,
        given.submitted_at,
        now,
        rules.due_at is not None and given.submitted_at > rules.due_at,
        score,
        percent,
        list(responses.values()),
    )


def counted(rule: str, percents: Sequence[Decimal]) -> Decimal:
    """The percent that counts, of the graded attempts in the order of their numbers."""
    match rule:
        case "best":
            return max(percents)
        case "first":
            return percents[0]
        case "last":
            return percents[-1]
        case _:
            return (sum(percents, Decimal(0)) / len(percents)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _grade(item: Item, answer: str | None) -> Graded:
    if item.kind != "single_choice" or item.key is None:
        raise Refused(422, "Only questions with one right choice are graded here.")
    key = orjson.loads(item.key)
    if answer is not None and answer not in {choice["id"] for choice in key["choices"]}:
        raise Refused(422, "There is no such choice.")
    is_correct = answer is not None and answer in key["correct"]
    return Graded(
        item.id,
        None if answer is None else orjson.dumps(answer).decode(),
        item.points if is_correct else Decimal("0.0000"),
        is_correct,
    )
