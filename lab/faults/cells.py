"""An outcome in a few words, the same in the terminal, the picture and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.faults.verdict import Severity

if TYPE_CHECKING:
    from lab.faults.verdict import Outcome

SHORT = {
    "per_query": "per query",
    "per_request": "per request",
    "retry_in_cursor": "retry in\ncursor()",
    "timer": "hourly\ntimer",
    "pooled_db": "PooledDB",
    "persistent_db": "PersistentDB",
    "sqlalchemy_recycle": "SQLAlchemy\npool_recycle",
    "sqlalchemy_pre_ping": "SQLAlchemy\npool_pre_ping",
    "studentapi": "studentapi",
}
"""Titles for narrow columns."""
AT_ONCE = 0.1
"""Seconds after a fault that count as no time."""


def worded(outcome: Outcome) -> tuple[str, str]:
    """The worst, and what else there is to say."""
    match outcome.severity:
        case Severity.UNTOUCHED:
            return "–", "cannot happen"
        case Severity.NOTHING:
            return "ok", ""
        case Severity.STALL:
            return f"{outcome.stall:.1f} s", "stall"
        case Severity.FAILED:
            return _failed(outcome), f"{outcome.unsure} yet written" if outcome.unsure else recovery(outcome)
        case Severity.DOWN:
            return _failed(outcome), recovery(outcome)
        case Severity.ROWS:
            counts = {"lost": outcome.lost, "doubled": outcome.doubled}
            worst = " ".join(f"{count} {word}" for word, count in counts.items() if count)
            return worst, f"{outcome.failed} failed" if outcome.failed else "no error"


def recovery(outcome: Outcome) -> str:
    """How long after the fault the last failure was."""
    if outcome.recovery is None:
        return "still failing"
    return "then fine" if outcome.recovery < AT_ONCE else f"fine in {outcome.recovery:.1f} s"


def _failed(outcome: Outcome) -> str:
    return f"{outcome.failed} {'hung' if outcome.hung else 'failed'}"
