"""A school of one class, which tests fill line by line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from studentapi.gradebook.results import recount

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from studentapi.mysql.database import Database
    from studentapi.mysql.transaction import Transaction

_FIRST = (
    "INSERT INTO schools (id, public_id, name) VALUES (1, 's', 'S')",
    "INSERT INTO courses (id, public_id, school_id, title) VALUES (1, 'c', 1, 'C')",
    "INSERT INTO courses (id, public_id, school_id, title) VALUES (2, 'other', 1, 'O')",
    "INSERT INTO classes (id, public_id, course_id, term, title) VALUES (1, 'k', 1, 't', 'K')",
    "INSERT INTO chapters (public_id, course_id, position, title, mastery_percent) VALUES ('h', 1, 1, 'H', 80)",
    "INSERT INTO chapters (public_id, course_id, position, title) VALUES ('i', 1, 2, 'I'), ('x', 2, 1, 'X')",
)


class School:
    """Class `k` of course `c`, chapters `h` (mastered with 80) and `i`; chapter `x` of course `other`.

    Public ids throughout.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.run(*_FIRST)

    def run(self, *statements: str) -> None:
        with self.database.transaction() as tx:
            for statement in statements:
                tx.execute(statement)

    def students(self, ids: Iterable[str], withdrawn_on: date | None = None) -> None:
        """Make students and enroll them."""
        rows = list(ids)
        with self.database.transaction() as tx:
            tx.execute_many(
                "INSERT INTO users (public_id, school_id, role, name) VALUES (%s, %s, %s, %s)",
                [(one, 1, "student", one.upper()) for one in rows],
            )
            keys = _keys(tx, "users")
            tx.execute_many(
                "INSERT INTO enrollments (public_id, class_id, user_id, role, withdrawn_on)"
                " VALUES (%s, %s, %s, %s, %s)",
                [(f"e-{one}", 1, keys[one], "student", withdrawn_on) for one in rows],
            )

    def assessment(
        self, public_id: str, *, chapter: str = "h", weight: float = 0, due_at: datetime | None = None,
        counted: str = "best",
    ) -> None:  # fmt: skip
        with self.database.transaction() as tx:
            tx.execute(
                "INSERT INTO assessments (public_id, class_id, chapter_id, title, category, weight, points_max,"
                " due_at, counted) VALUES (%s, 1, (SELECT id FROM chapters WHERE public_id = %s), 'A', 'quiz',"
                " %s, 100, %s, %s)",
                (public_id, chapter, weight, due_at, counted),
            )

    def attempts(self, rows: Iterable[Sequence[Any]]) -> None:
        """Each row: id, student, assessment, percent; number, state, submitted and late, or defaults."""
        defaults: tuple[Any, ...] = (1, "graded", None, False)
        with self.database.transaction() as tx:
            students, assessments = _keys(tx, "users"), _keys(tx, "assessments")
            whole = [(*row, *defaults[len(row) - 4 :]) for row in rows]
            pairs = [(students[row[1]], assessments[row[2]]) for row in whole]
            tx.execute_many(
                "INSERT INTO attempts (public_id, student_id, assessment_id, score, percent, number, state,"
                " submitted_at, is_late) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [(row[0], *pair, row[3], *row[3:]) for row, pair in zip(whole, pairs, strict=True)],
            )
            recount(tx, sorted(set(pairs)))

    def items(self, assessment: str, rows: Iterable[tuple[str, str, float, Any]]) -> None:
        """Each row: id, kind, points, answer key."""
        with self.database.transaction() as tx:
            inner = _keys(tx, "assessments")[assessment]
            tx.execute_many(
                "INSERT INTO items (public_id, assessment_id, position, kind, prompt, points, answer_key)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [
                    (public_id, inner, position, kind, "Why?", points, None if key is None else json.dumps(key))
                    for position, (public_id, kind, points, key) in enumerate(rows)
                ],
            )

    def responses(self, rows: Iterable[tuple[str, str, Any, float | None]]) -> None:
        """Each row: attempt, item, answer, points."""
        with self.database.transaction() as tx:
            attempts, items = _keys(tx, "attempts"), _keys(tx, "items")
            tx.execute_many(
                "INSERT INTO responses (attempt_id, item_id, answer, points) VALUES (%s, %s, %s, %s)",
                [
                    (attempts[attempt], items[item], json.dumps(answer), points)
                    for attempt, item, answer, points in rows
                ],
            )


def _keys(tx: Transaction, table: str) -> dict[str, int]:
    """Inner ids by public ones."""
    return dict(tx.read(f"SELECT public_id, id FROM {table}"))
