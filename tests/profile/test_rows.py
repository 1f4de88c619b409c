"""The ways that assessment data may come are compared before they are timed."""

from __future__ import annotations

from contextlib import closing
from time import process_time
from typing import Any

import pytest

from lab.profile import rows
from studentapi.mysql.database import Database

STUDENTS = """
    SELECT users.public_id, chapters.public_id
    FROM attempts JOIN users ON users.id = attempts.student_id
        JOIN assessments ON assessments.id = attempts.assessment_id
        JOIN chapters ON chapters.id = assessments.chapter_id
    GROUP BY users.public_id, chapters.public_id LIMIT 40"""


def test_every_way_gives_the_rows_that_the_service_asks_for_and_is_timed(sample_url: str) -> None:
    with closing(Database(sample_url)) as database:
        students = [(str(student), str(chapter)) for student, chapter in database.read(STUDENTS)]
    costs = rows.measure(sample_url.partition("?")[0], students, 0.1, process_time)
    assert list(costs) == [rows.ARRAYS, rows.COLUMNS, rows.ONE]
    assert all(parts["app"] > 0 and parts["database"] > 0 for parts in costs.values())


def test_a_way_that_gives_other_rows_is_not_timed() -> None:
    ways: dict[str, Any] = {rows.ARRAYS: lambda _: [[1.50, None]], rows.COLUMNS: lambda _: [["1.5", None]]}
    rows.compare(ways, [("student", "chapter")])
    ways[rows.ONE] = lambda _: [[1.5, 0]]
    with pytest.raises(RuntimeError, match="are not the same"):
        rows.compare(ways, [("student", "chapter")])
