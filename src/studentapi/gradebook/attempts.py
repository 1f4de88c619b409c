"""Attempts: what a student handed in, and what it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook.resources import Column, Reference, Resource
from studentapi.gradebook.results import recount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.resources import Change


def _recounted(writer: Writer, changes: Sequence[Change]) -> None:
    """A graded attempt that is deleted may have been the one that counted."""
    graded = [one.inner for one in changes if one.before is not None and one.before["state"] == "graded"]
    if graded:
        sql = "SELECT DISTINCT student_id, assessment_id FROM attempts WHERE id IN %s"
        recount(writer.tx, writer.tx.read(sql, (graded,)))


ASSESSMENT = Reference("assessment_id", "assessments", "assessment")

attempts = Resource(
    "attempt",
    "attempts",
    "attempts",
    (
        ASSESSMENT,
        Reference("student_id", "users", "student", role="student"),
        Column("number", "integer", given=False),
        Column("state", "choice", given=False),
        Column("started_at", "time"),
        Column("submitted_at", "time", sorts=True),
        Column("graded_at", "time", given=False),
        Column("is_late", "boolean", given=False),
        Column("score", "number"),
        Column("percent", "number", given=False),
    ),
    unique=("student_id", "assessment_id", "number"),
    follow=_recounted,
)
