"""What is deleted is not there any more: in a chapter's data, and as a resource."""

import pytest

from studentapi.gradebook import courses
from studentapi.gradebook.listing import Listing
from studentapi.gradebook.progress import assessment_data
from studentapi.gradebook.resources import NotFound
from studentapi.mysql.database import Database


@pytest.fixture
def school(database: Database) -> Database:
    """One student with one graded attempt; a teacher of the same class."""
    with database.transaction() as tx:
        for statement in (
            "INSERT INTO schools (id, public_id, name) VALUES (1, 's', 'S')",
            "INSERT INTO users (id, public_id, school_id, role, name) VALUES (1, 'u', 1, 'student', 'U')",
            "INSERT INTO courses (id, public_id, school_id, title) VALUES (1, 'c', 1, 'C')",
            "INSERT INTO classes (id, public_id, course_id, term, title) VALUES (1, 'k', 1, 't', 'K')",
            "INSERT INTO chapters (id, public_id, course_id, position, title) VALUES (1, 'h', 1, 1, 'H')",
            "INSERT INTO enrollments (id, public_id, class_id, user_id, role) VALUES (1, 'e', 1, 1, 'student')",
            """INSERT INTO assessments (id, public_id, class_id, chapter_id, title, category, points_max)
                VALUES (1, 'a', 1, 1, 'A', 'x', 10)""",
            """INSERT INTO attempts (id, public_id, assessment_id, student_id, number, state, percent)
                VALUES (1, 't', 1, 1, 1, 'graded', 50)""",
            "INSERT INTO results (student_id, assessment_id, percent) VALUES (1, 1, 50)",
        ):
            tx.execute(statement)
    return database


def change(database: Database, statement: str) -> None:
    with database.transaction() as tx:
        tx.execute(statement)


def test_all_of_it_is_there_at_first(school: Database) -> None:
    data = assessment_data(school, "u", "h", "k")
    assert data["summary"]["mean_percent"] == 50
    assert [len(one["attempts"]) for one in data["assessments"]] == [1]


@pytest.mark.parametrize("table", ["users", "chapters", "courses", "classes"])
def test_what_a_deleted_thing_is_asked_for_is_not_found(school: Database, table: str) -> None:
    change(school, f"UPDATE {table} SET deleted_at = UTC_TIMESTAMP(6)")
    with pytest.raises(NotFound):
        assessment_data(school, "u", "h", "k")


@pytest.mark.parametrize("table", ["assessments", "enrollments"])
def test_a_deleted_assessment_or_enrollment_is_not_listed(school: Database, table: str) -> None:
    change(school, f"UPDATE {table} SET deleted_at = UTC_TIMESTAMP(6)")
    assert assessment_data(school, "u", "h")["assessments"] == []


def test_a_deleted_attempt_is_not_listed(school: Database) -> None:
    change(school, "UPDATE attempts SET deleted_at = UTC_TIMESTAMP(6)")
    assert [one["attempts"] for one in assessment_data(school, "u", "h")["assessments"]] == [[]]


def test_an_enrollment_as_teacher_is_no_students(school: Database) -> None:
    change(school, "UPDATE enrollments SET role = 'teacher'")
    assert assessment_data(school, "u", "h")["assessments"] == []


def test_a_deleted_resource_is_neither_found_nor_listed(school: Database) -> None:
    assert [row["id"] for row in Listing().page(courses.enrollments, school, limit=5).rows] == ["e"]
    change(school, "UPDATE enrollments SET deleted_at = UTC_TIMESTAMP(6)")
    assert Listing().page(courses.enrollments, school, limit=5).rows == []
    with pytest.raises(NotFound):
        courses.enrollments.one(school, "e")
