"""A class with students, an assessment and its items, made in the database, and a way to write into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from studentapi.gradebook import documents
from studentapi.gradebook.changes import Author, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database
    from studentapi.mysql.transaction import Transaction

T = TypeVar("T")

CHOICES = {"choices": [{"id": one, "text": one} for one in "abc"], "correct": ["b"]}
MACHINE = (("choice", "single_choice", CHOICES, 4), ("number", "numeric", {"value": 2}, 6))
"""Items by id, kind, key and points."""
ESSAY = (("essay", "essay", None, 5),)


def furnish(
    database: Database,
    *,
    students: int = 1,
    assessments: int = 1,
    items: Iterable[tuple[str, str, Any, int]] = (),
    **rules: Any,
) -> None:
    """Make students s1, s2, … of one class, and assessments a1, a2, … of 10 points; `items` are of a1."""

    def work(tx: Transaction) -> None:
        tx.execute("INSERT INTO schools (id, public_id, name) VALUES (1, 'school', 'S')")
        tx.execute("INSERT INTO courses (id, public_id, school_id, title) VALUES (1, 'course', 1, 'C')")
        tx.execute("INSERT INTO classes (id, public_id, course_id, term, title) VALUES (1, 'class', 1, 't', 'K')")
        tx.execute("INSERT INTO chapters (id, public_id, course_id, position, title) VALUES (1, 'h', 1, 1, 'H')")
        for one in range(1, students + 1):
            tx.execute(
                "INSERT INTO users (id, public_id, school_id, role, name) VALUES (%s, %s, 1, 'student', 'N')",
                (one, f"s{one}"),
            )
            tx.execute(
                "INSERT INTO enrollments (public_id, class_id, user_id, role) VALUES (%s, 1, %s, 'student')",
                (f"e{one}", one),
            )
        columns = {"class_id": 1, "chapter_id": 1, "title": "A", "category": "x", "points_max": 10, **rules}
        for one in range(1, assessments + 1):
            values = {"id": one, "public_id": f"a{one}", **columns}
            tx.execute(
                f"INSERT INTO assessments ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
                tuple(values.values()),
            )
        for position, (public_id, kind, key, points) in enumerate(items):
            tx.execute(
                "INSERT INTO items (public_id, assessment_id, position, kind, prompt, answer_key, points)"
                " VALUES (%s, 1, %s, %s, '?', %s, %s)",
                (public_id, position, kind, None if key is None else documents.dumps(key).decode(), points),
            )

    database.run(work)


def write(database: Database, work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Call a function of the gradebook that takes a writer, in a transaction of its own."""
    return database.run(lambda tx: work(Writer(tx, Author()), *arguments, **named))


def anything(row: Row | None) -> None:
    """A guard that lets everything pass."""
