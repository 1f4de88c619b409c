"""The states of an attempt: what may be done in each, and what follows from its record."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, get_args

from studentapi.gradebook.refusals import NotAllowed
from studentapi.gradebook.values import POINTS_KEPT_MOST, rounded

if TYPE_CHECKING:
    from datetime import datetime

    from studentapi.gradebook.resources import Row

State = Literal["in_progress", "submitted", "graded", "exempt"]
STATES: tuple[State, ...] = get_args(State)
Step = Literal["save", "submit", "grade", "exempt", "reinstate"]
STEPS: tuple[Step, ...] = get_args(Step)

MOST_PERCENT = Decimal("999.9999")
"""The largest that the columns hold; more than 100 percent are bonus points."""

DETAILS = {
    "attempt-exempt": "The attempt is exempt: reinstate it first.",
    "attempt-not-exempt": "The attempt is not exempt.",
    "attempt-not-submitted": "The attempt is still in progress: submit it first.",
    "attempt-submitted": "The attempt has been submitted: its answers stay as they are.",
}
"""What the codes of refused steps say."""

REFUSED: dict[Step, dict[State, str]] = {
    "save": {"submitted": "attempt-submitted", "graded": "attempt-submitted", "exempt": "attempt-exempt"},
    "submit": {"submitted": "attempt-submitted", "graded": "attempt-submitted", "exempt": "attempt-exempt"},
    "grade": {"in_progress": "attempt-not-submitted", "exempt": "attempt-exempt"},
    "exempt": {"exempt": "attempt-exempt"},
    "reinstate": dict.fromkeys(("in_progress", "submitted", "graded"), "attempt-not-exempt"),
}
"""The codes by which steps are refused; all others may be taken."""


def assert_allowed(step: Step, state: State) -> None:
    """Raise `NotAllowed` for a step that cannot be taken from `state`."""
    code = REFUSED[step].get(state)
    if code is not None:
        raise NotAllowed(code, DETAILS[code])


def state_of(row: Row, *, exempt: bool = False) -> State:
    """The state that follows from what is recorded of an attempt."""
    if exempt:
        return "exempt"
    if row["score"] is not None:
        return "graded"
    return "in_progress" if row["submitted_at"] is None else "submitted"


def scored(
    row: Row, score: Decimal | None, points_max: Decimal, graded_at: datetime | None, *, exempt: bool
) -> Row:
    """`row` with a score, or without one, and the percent and state that follow.

    Raises `NotAllowed` as `percent_of` does.
    """
    after = {
        **row,
        "graded_at": None if score is None else graded_at,
        "score": score,
        "percent": None if score is None else percent_of(score, points_max),
    }
    return {**after, "state": state_of(after, exempt=exempt)}


def percent_of(score: Decimal, points_max: Decimal) -> Decimal:
    """100 · score / points_max, rounded half up to 4 decimals.

    Raises `NotAllowed` for more than `MOST_PERCENT`, or a score of more than `POINTS_KEPT_MOST`.
    """
    # Decimal divides to 28 digits: no quotient of two such numbers lies closer to a half than that
    percent = rounded(100 * score / points_max)
    if percent > MOST_PERCENT or score > POINTS_KEPT_MOST:
        raise NotAllowed("score-too-high", f"The score would be more than {MOST_PERCENT} percent of points_max.")
    return percent


def is_late(submitted_at: datetime | None, due_at: datetime | None) -> bool:
    """Whether a submission came after the due time; at that very moment it is on time."""
    return submitted_at is not None and due_at is not None and submitted_at > due_at
