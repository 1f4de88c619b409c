"""Answer keys, and the grades that answers to them may earn of ten points."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from studentapi.gradebook.grading import Grade

TEN = Decimal(10)
RIGHT, WRONG = Grade(TEN, True), Grade(Decimal(0), False)


def choices(*correct: str, of: str = "abcd", **more: object) -> dict[str, Any]:
    return {"choices": [{"id": one, "text": one.upper()} for one in of], "correct": list(correct), **more}


def numeric(value: object, tolerance: object = 0, **more: object) -> dict[str, Any]:
    return {"value": value, "tolerance": tolerance, **more}


def accept(*texts: str, case_sensitive: bool = False) -> dict[str, Any]:
    return {"accept": list(texts), "case_sensitive": case_sensitive}
