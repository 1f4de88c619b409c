"""A page of attempts: what is asked for, and rows of `statements.attempts` as the answer. For all in Python."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 500
_NAMES = (
    "id", "assessment_id", "student_id", "number", "state", "started_at", "submitted_at", "graded_at", "is_late",
    "score", "percent", "created_at", "updated_at",
)  # fmt: skip


def asked(limit: str | None, cursor: str | None) -> tuple[int, str] | None:
    """How many, and the id to go on after, from the query; None where it is not valid.

    A cursor is the last id of the page before.
    """
    if limit is None:
        limit = "100"
    if not re.fullmatch("[0-9]{1,3}", limit) or not 1 <= int(limit) <= MOST:
        return None
    if cursor is not None and not re.fullmatch(r"[A-Za-z0-9._:\-]{1,64}", cursor):
        return None
    return int(limit), cursor or ""


def page(rows: Sequence[Any], limit: int) -> dict[str, Any]:
    """The answer, of up to one row more than the page has."""
    items = [dict(zip(_NAMES, row, strict=True)) for row in rows[:limit]]
    for item in items:
        item["is_late"] = bool(item["is_late"])
    return {"items": items, "next_cursor": items[-1]["id"] if len(rows) > limit else None}
