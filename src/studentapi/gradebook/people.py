"""Schools and their people. A user is a student, a teacher or an administrator by its role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook.resources import Column, Reference, Resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.resources import Change


def _tokens_revoked(writer: Writer, changes: Sequence[Change]) -> None:
    """Who is deleted has no token any more, whoever comes next under the same id."""
    gone = [change.inner for change in changes if change.after is None]
    if gone:
        writer.tx.execute(
            "UPDATE tokens SET revoked_at = UTC_TIMESTAMP(6) WHERE user_id IN %s AND revoked_at IS NULL", (gone,)
        )


schools = Resource("school", "schools", "schools", (Column("name", sorts=True),))

_SCHOOL = Reference("school_id", "schools", "school")
_NAME = Column("name", sorts=True)

users = Resource(
    "user", "users", "users", (_SCHOOL, Column("role", "choice", once=True), _NAME), follow=_tokens_revoked
)

students = Resource(
    "student",
    "students",
    "users",
    (_SCHOOL, _NAME),
    fixed={"role": "student"},
    recorded_as="users",
    follow=_tokens_revoked,
)
