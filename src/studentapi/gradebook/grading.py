"""Automatic grading: the points that an answer earns, by its item's kind and key."""

from __future__ import annotations

import math
import unicodedata
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from studentapi.gradebook.answer_keys import (
    MAX_DIGITS,
    MAX_EXPONENT,
    ChoiceKey,
    Key,
    NumericKey,
    TextKey,
    TrueFalseKey,
    check_answer_by,
    read_choices,
    read_key,
    read_number,
    read_text,
    read_truth,
)
from studentapi.gradebook.values import POINTS_KEPT_MOST

_UNITS = 10_000
"""Of points: 4 decimals."""
_NOTHING = Decimal("0.0000")
_EXACT = Context(prec=3 * (MAX_EXPONENT + MAX_DIGITS))
"""Enough for every difference and product of numbers in these bounds to be exact."""


class Grade(NamedTuple):
    """Points with 4 decimals, and whether the answer is wholly right; both None where a person has to grade."""

    points: Decimal | None
    is_correct: bool | None


def is_graded_by_machine(kind: str, key: object) -> bool:
    """Whether `grade` gives points; else a person does. Raises `InvalidKey`."""
    return read_key(kind, key) is not None


def grade(kind: str, key: object, answer: object, points: Decimal) -> Grade:
    """Grade an answer to an item that is worth `points`: 0 to `POINTS_KEPT_MOST`, with at most 4 decimals.

    No answer (None) earns 0. What is earned is rounded half up to 4 decimals.

    - single_choice, true_false: all or nothing
    - multiple_choice: all or nothing; with `"partial": "per_choice"` points · max(0, right - wrong) / correct,
      where right and wrong count the correct and the other choices that were chosen, and correct all correct
      ones (Canvas New Quizzes, "Partial credit with penalty")
    - numeric: |answer - value| ≤ max(tolerance, relative · |value|), the bound included, with exact decimals
      (the form of Python's `math.isclose`, PEP 485, with the relative bound of the key's value alone)
    - short_text: equal to one of the accepted texts, both after NFKC, case folding (unless case_sensitive),
      with runs of white space as one blank and none at the ends

    Raises `InvalidKey`, `InvalidAnswer`, and ValueError for points.
    """
    return grade_by(kind, read_key(kind, key), answer, points)


def grade_by(kind: str, of: Key | None, answer: object, points: Decimal) -> Grade:
    """As `grade`, with the key as `read_key` gives it."""
    if not points.is_finite() or not 0 <= points <= POINTS_KEPT_MOST or round(points, 4) != points:
        raise ValueError(f"points are from 0 to {POINTS_KEPT_MOST}, with at most 4 decimals")
    if of is None:
        check_answer_by(kind, None, answer)
        return Grade(None, None)
    if answer is None:
        return _grade(points, 0)
    match of:
        case ChoiceKey():
            return _grade(points, _choices_share(of, read_choices(kind, of, answer)))
        case TrueFalseKey():
            return _grade(points, read_truth(answer) is of.correct)
        case NumericKey():
            return _grade(points, _is_near(of, read_number(answer)))
        case TextKey():
            return _grade(points, _is_accepted(of, read_text(answer)))


def _grade(points: Decimal, share: Fraction | int) -> Grade:
    if share in (0, 1):  # all or nothing, as most are
        return Grade((points if share else _NOTHING).quantize(_NOTHING), share == 1)
    units = math.floor(Fraction(points) * share * _UNITS + Fraction(1, 2))
    return Grade(Decimal(units).scaleb(-4, _EXACT), share == 1)


def _choices_share(key: ChoiceKey, chosen: frozenset[str]) -> Fraction | int:
    if not key.per_choice:
        return chosen == key.correct
    right, wrong = len(chosen & key.correct), len(chosen - key.correct)
    return Fraction(max(0, right - wrong), len(key.correct))


def _is_near(key: NumericKey, answer: tuple[Decimal, ...]) -> bool:
    with localcontext(_EXACT):
        return any(
            abs(given - value) <= max(key.tolerance, key.relative * abs(value))
            for given in answer
            for value in key.value
        )


def _is_accepted(key: TextKey, answer: str) -> bool:
    given = _plain(answer, key.case_sensitive)
    return any(_plain(one, key.case_sensitive) == given for one in key.accept)


def _plain(text: str, case_sensitive: bool) -> str:
    plain = unicodedata.normalize("NFKC", text)
    if not case_sensitive:
        plain = unicodedata.normalize("NFKC", plain.casefold())  # folding may leave its result unnormalized
    return " ".join(plain.split())
