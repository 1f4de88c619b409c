"""The sample in the package: whole, unchanged by a second load, and with the figures that it is known for."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from studentapi.loading import sample as sample_data

if TYPE_CHECKING:
    from studentapi.mysql.database import Database
    from tests.servers import Server

TOTALS = {
    "schools": 1,
    "courses": 7,
    "classes": 22,
    "chapters": 40,
    "users": 28_785,
    "enrollments": 32_593,
    "assessments": 206,
    "attempts": 173_912,
    "results": 173_912 - 173,
}


@pytest.mark.parametrize(("table", "rows"), TOTALS.items())
def test_totals(sample: Database, table: str, rows: int) -> None:
    assert sample.read(f"SELECT COUNT(*) FROM {table}") == ((rows,),)


def test_is_loaded(database: Database) -> None:
    assert not sample_data.is_loaded(database)


def test_a_second_load_changes_nothing_at_all(sample: Database, server: Server) -> None:
    assert sample_data.is_loaded(sample)
    names = ", ".join(f"studentapi_sample.{table}" for table in TOTALS)
    definitions = [f"SHOW CREATE TABLE studentapi_sample.{table}" for table in TOTALS]

    def state() -> list[object]:
        return [server.execute(sql) for sql in (f"CHECKSUM TABLE {names}", *definitions)]

    before = state()
    again = sample_data.load(sample)
    assert (again.inserted, again.updated) == (0, 0)
    assert (again.students, again.attempts) == (28_785, 173_912)
    assert state() == before


def test_student_11391_in_the_first_chapter(sample: Database) -> None:
    rows = sample.read(
        """
        SELECT assessments.public_id, assessments.title, assessments.weight, assessments.due_at,
               attempts.public_id, attempts.state, attempts.submitted_at, attempts.is_late,
               attempts.score, attempts.percent, results.percent
        FROM users
            JOIN enrollments ON enrollments.user_id = users.id
            JOIN assessments ON assessments.class_id = enrollments.class_id
            JOIN chapters ON chapters.id = assessments.chapter_id
            JOIN attempts ON attempts.student_id = users.id AND attempts.assessment_id = assessments.id
            JOIN results ON results.student_id = users.id AND results.assessment_id = assessments.id
        WHERE users.public_id = '11391' AND chapters.public_id = 'AAA-1'"""
    )
    points = Decimal(78)
    assert rows == (
        (
            *("1752", "TMA 1", Decimal(10), datetime.fromisoformat("2013-10-20T23:59:59")),
            *("1752:11391:1", "graded", datetime.fromisoformat("2013-10-19"), 0, points, points, points),
        ),
    )


def test_the_rest_of_student_11391(sample: Database) -> None:
    rows = sample.read(
        """
        SELECT users.name, users.role, enrollments.public_id, enrolled_on, withdrawn_on, classes.public_id,
               classes.term, starts_on, ends_on, courses.public_id, courses.title, schools.name
        FROM users JOIN enrollments ON user_id = users.id JOIN classes ON classes.id = class_id
            JOIN courses ON courses.id = course_id JOIN schools ON schools.id = courses.school_id
        WHERE users.public_id = '11391'"""
    )
    assert rows == (
        (
            *("Student 11391", "student", "AAA-2013J:11391", date(2013, 4, 25), None, "AAA-2013J", "2013J"),
            *(date(2013, 10, 1), date(2014, 6, 26), "AAA", "Module AAA", "Open University"),
        ),
    )


def test_chapters_stand_in_order_with_the_exam_last(sample: Database) -> None:
    rows = sample.read(
        """
        SELECT chapters.public_id, position, chapters.title, mastery_percent
        FROM chapters JOIN courses ON courses.id = course_id
        WHERE courses.public_id = 'GGG' ORDER BY position"""
    )
    assert rows == (
        ("GGG-1", 1, "Unit 1", 40),
        ("GGG-2", 2, "Unit 2", 40),
        ("GGG-3", 3, "Unit 3", 40),
        ("GGG-exam", 4, "Exam", 40),
    )


def test_results_are_those_of_the_graded_attempts(sample: Database) -> None:
    assert sample.read(
        """
        SELECT COUNT(*), SUM(attempts.percent <> results.percent OR attempts.percent <> attempts.score)
        FROM attempts JOIN results USING (student_id, assessment_id)
        WHERE attempts.state = 'graded'"""
    ) == ((173_739, 0),)


def test_the_attribution_comes_with_the_data() -> None:
    text = (sample_data.FOLDER / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for part in ("Kuzilek", "Hlosta", "Zdrahal", "10.1038/sdata.2017.171", "CC BY 4.0", "What is here"):
        assert part in text
