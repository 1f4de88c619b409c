"""A finding: what one check saw, how it is to be taken, and what to change."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from studentapi.mysql.errors import code_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pymysql import err

Figure = str | int | float | bool | list[str] | None


class Verdict(enum.StrEnum):
    """How a finding is to be taken, mildest first."""

    OK = "ok"
    ADVICE = "advice"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """What the check `check` saw, in a phrase; `change`, in a sentence, unless all is well.

    `figures` are the numbers in `found`, by name with their unit, for programs.
    """

    check: str
    verdict: Verdict
    found: str
    change: str | None = None
    figures: dict[str, Figure] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.found if self.change is None else f"{self.found}. {self.change}"


def ok(check: str, found: str, **figures: Figure) -> Finding:
    """Nothing is to be changed."""
    return Finding(check, Verdict.OK, found, None, figures)


def advice(check: str, found: str, change: str, **figures: Figure) -> Finding:
    """The service does its work; `change` would make it faster, safer, or ready for a bad day."""
    return Finding(check, Verdict.ADVICE, found, change, figures)


def problem(check: str, found: str, change: str, **figures: Figure) -> Finding:
    """Requests fail, or will, unless `change` is made."""
    return Finding(check, Verdict.PROBLEM, found, change, figures)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The gravest of their verdicts."""
    order = list(Verdict)
    return max((finding.verdict for finding in findings), key=order.index, default=Verdict.OK)


def told(error: err.Error) -> str:
    """An error in one line of printable characters: its message and, where it has one, its code."""
    message = str(error.args[-1]) if error.args else type(error).__name__
    line = "".join(one if one.isprintable() else " " for one in message)
    return " ".join(line.split()) + (f" ({code_of(error)})" if code_of(error) else "")
