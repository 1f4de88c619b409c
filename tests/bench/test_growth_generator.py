"""The generator of growing data, on a real server: a school of some two thousand attempts, and copies of it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from lab.bench.growth import asking, multiply
from lab.bench.growth.cell import thinned
from lab.bench.growth.generate import CELL, Generator, lasting
from lab.bench.growth.sizes import Size
from lab.peers import data
from studentapi.gradebook import tokens
from studentapi.gradebook.class_statistics import chapter_statistics
from studentapi.gradebook.progress import assessment_data
from studentapi.loading import sample
from studentapi.loading.oulad_files import read_release
from studentapi.mysql.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.loading.oulad_files import Release
    from tests.servers import Server

EVERY = 85
ONCE = Size("test_once", "one", 2000, 1)
NINE = Size("test_nine", "nine", 18_000, 9)
OF_THE_BENCH = data.STUDENTS


@pytest.fixture(scope="module")
def generator(server: Server) -> Iterator[Generator]:
    made = Generator(server.url, every=EVERY)
    made.make((ONCE, NINE))
    yield made
    server.execute(*(f"DROP DATABASE IF EXISTS {name}" for name in (CELL, ONCE.database, NINE.database)))


@pytest.fixture(scope="module")
def release() -> Release:
    return read_release(sample.FOLDER, lambda *_: None)


def rows(generator: Generator, size: Size, sql: str) -> tuple[tuple[Any, ...], ...]:
    with closing(generator.connect(size.database)) as connection:
        return connection.fetch(sql).rows


def one(generator: Generator, size: Size, sql: str) -> Any:
    return rows(generator, size, sql)[0][0]


def test_one_student_in_so_many_is_kept_with_all_of_their_work(release: Release) -> None:
    thin = thinned(release, EVERY)
    students = {registration.student for registration in thin.registrations}
    everyone = {registration.student for registration in release.registrations}
    assert len(students) == -(-len(everyone) // EVERY)
    assert thin.registrations == [each for each in release.registrations if each.student in students]
    assert thin.submissions == [each for each in release.submissions if each.student in students]
    assert thin.assessments == release.assessments


def test_a_students_share_is_as_in_the_sample(generator: Generator, release: Release) -> None:
    students = len({registration.student for registration in release.registrations})
    for size in (ONCE, NINE):
        there = one(generator, size, "SELECT COUNT(*) FROM users") - OF_THE_BENCH
        attempts = one(generator, size, "SELECT COUNT(*) FROM attempts")
        enrollments = one(generator, size, "SELECT COUNT(*) FROM enrollments") - OF_THE_BENCH
        assert attempts / there == pytest.approx(len(release.submissions) / students, rel=0.1)
        assert enrollments / there == pytest.approx(len(release.registrations) / students, rel=0.1)


def test_attempts_are_spread_over_students_and_scores_as_in_the_sample(
    generator: Generator, release: Release
) -> None:
    by_student: dict[int, int] = {}
    for submission in release.submissions:
        by_student[submission.student] = by_student.get(submission.student, 0) + 1
    wanted = sorted(by_student.values())
    found = sorted(
        count for (count,) in rows(generator, NINE, "SELECT COUNT(*) FROM attempts GROUP BY student_id")
    )
    for part in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert found[int(part * len(found))] == pytest.approx(wanted[int(part * len(wanted))], abs=2)
    mean = one(generator, NINE, "SELECT AVG(percent) FROM attempts WHERE state = 'graded'")
    scores = [float(each.score) for each in release.submissions if each.score is not None]
    assert float(mean) == pytest.approx(sum(scores) / len(scores), abs=3)


def test_every_copy_is_the_same_as_the_first(generator: Generator) -> None:
    for table in ("users", "classes", "assessments", "enrollments", "attempts", "results"):
        of_the_bench = {
            "users": data.STUDENTS, "enrollments": data.STUDENTS, "classes": 1, "assessments": data.QUIZZES
        }.get(table, 0)  # fmt: skip
        counts = [one(generator, size, f"SELECT COUNT(*) FROM {table}") - of_the_bench for size in (ONCE, NINE)]
        assert counts[1] == 9 * counts[0] > 0
    assert one(generator, NINE, "SELECT COUNT(*) FROM courses") == 3 * 7 + 1  # the square root of the copies
    per_copy = rows(
        generator, NINE,
        "SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(public_id, ':', 1), '.', -1) AS copy, COUNT(*), AVG(percent),"
        " MIN(submitted_at), MAX(submitted_at) FROM attempts WHERE public_id LIKE '%.%' GROUP BY copy",
    )  # fmt: skip
    assert len(per_copy) == 8
    assert len({figures for _, *values in per_copy if (figures := tuple(values))}) == 1


def test_every_reference_leads_somewhere_and_stays_in_its_copy(generator: Generator) -> None:
    references = {
        "attempts": ("assessment_id", "assessments"),
        "enrollments": ("class_id", "classes"),
        "assessments": ("class_id", "classes"),
        "classes": ("course_id", "courses"),
        "chapters": ("course_id", "courses"),
        "results": ("student_id", "users"),
    }
    for table, (column, parent) in references.items():
        lost = f"SELECT COUNT(*) FROM {table} t LEFT JOIN {parent} p ON p.id = t.{column} WHERE p.id IS NULL"
        assert one(generator, NINE, lost) == 0
    other_course = """
        SELECT COUNT(*) FROM assessments JOIN classes ON classes.id = assessments.class_id
            JOIN chapters ON chapters.id = assessments.chapter_id WHERE chapters.course_id <> classes.course_id"""
    assert one(generator, NINE, other_course) == 0
    strangers = """
        SELECT COUNT(*) FROM attempts JOIN assessments ON assessments.id = attempts.assessment_id
            LEFT JOIN enrollments
                ON enrollments.class_id = assessments.class_id AND enrollments.user_id = attempts.student_id
        WHERE enrollments.id IS NULL"""
    assert one(generator, NINE, strangers) == 0


def test_the_project_reads_a_copy_as_it_reads_the_original(generator: Generator) -> None:
    with closing(generator.connect(CELL)) as connection:
        student, chapter, class_ = connection.fetch(
            "SELECT users.public_id, chapters.public_id, classes.public_id FROM results"
            " JOIN users ON users.id = results.student_id JOIN assessments ON assessments.id = assessment_id"
            " JOIN chapters ON chapters.id = assessments.chapter_id JOIN classes ON classes.id = class_id"
            " ORDER BY users.id LIMIT 1"
        ).rows[0]
    database = Database(generator.url(NINE.database))
    try:
        original = assessment_data(database, student, chapter)
        copy = assessment_data(database, f"{student}.7", f"{chapter}.1")
        assert original["summary"] == copy["summary"]
        assert original["summary"]["graded"] > 0
        figures = [
            chapter_statistics(database, f"{class_}{of_copy}", f"{chapter}{of_era}")
            for of_copy, of_era in (("", ""), (".7", ".1"))
        ]
        for each in figures:
            del each["class"], each["chapter"]
        assert figures[0] == figures[1]
        assert figures[0]["n"] > 0
    finally:
        database.close()


def test_what_is_whole_is_kept_and_what_is_not_is_made_again(generator: Generator) -> None:
    told: list[str] = []
    again = Generator(generator.url, every=EVERY, tell=told.append)
    again.make((ONCE, NINE))
    assert told == []
    assert again.made_seconds == 0
    with closing(generator.connect(ONCE.database)) as connection:
        connection.fetch("DROP TABLE growth")  # as a run leaves it that was broken off
        connection.fetch("DELETE FROM results")
    again.make((ONCE, NINE))
    again.settle()
    assert again.made_seconds > 0
    assert len(told) == 2
    assert ONCE.database in told[-1]
    counts = [one(generator, size, "SELECT COUNT(*) FROM results") for size in (ONCE, NINE)]
    assert counts[1] == 9 * counts[0] > 0


def test_everything_that_is_asked_for_is_there(generator: Generator) -> None:
    questions = {question.name: question for question in asking.questions(generator, NINE)}
    assert list(questions) == list(asking.TITLES)
    assert all(question.requests for question in questions.values())
    students = {request.path.split("/")[4] for request in questions["assessment-data"].requests}
    known = {public_id for (public_id,) in rows(generator, NINE, "SELECT public_id FROM users")}
    assert students <= known
    assert sum("." in student for student in students) > len(students) / 2
    digest = one(generator, NINE, "SELECT digest FROM tokens")
    assert digest == tokens.digest(data.TOKEN)


def test_the_server_counts_no_table_anew_while_it_is_filled_and_every_one_in_the_end(
    generator: Generator,
) -> None:
    asked = "SELECT @@innodb_stats_auto_recalc"
    during: list[int] = []
    again = Generator(generator.url, every=EVERY, tell=lambda _: during.append(one(generator, NINE, asked)))
    before = one(generator, NINE, asked)
    with closing(generator.connect(ONCE.database)) as connection:
        connection.fetch("DROP TABLE growth")
    again.make((ONCE,))
    assert before == 1
    assert during == [0, 0]
    assert one(generator, NINE, asked) == before
    for database in (CELL, ONCE.database):
        counted = (
            "SELECT n_rows FROM mysql.innodb_table_stats"
            f" WHERE database_name = '{database}' AND table_name = 'attempts'"
        )
        there = one(generator, ONCE, f"SELECT COUNT(*) FROM {database}.attempts")
        assert one(generator, ONCE, counted) == pytest.approx(there, rel=0.2)


@pytest.mark.parametrize(
    ("attempts", "said"), [(100_000, ""), (1_000_000, ": up to 2 min"), (10_000_000, ": 3 to 15 min")]
)
def test_who_waits_is_told_how_long_it_takes_at_least_and_at_most(attempts: int, said: str) -> None:
    assert lasting(attempts) == said


def test_settling_leaves_the_servers_settings_as_they_were(generator: Generator) -> None:
    asked = "SELECT @@innodb_max_dirty_pages_pct, @@innodb_io_capacity, @@innodb_io_capacity_max"
    before = rows(generator, ONCE, asked)
    generator.settle()
    assert rows(generator, ONCE, asked) == before


def test_a_statement_names_every_column_that_is_not_computed(generator: Generator) -> None:
    with closing(generator.connect(CELL)) as connection:
        cell = multiply.source(connection, CELL)
    made = multiply.statement(cell, "attempts", ["id", "public_id", "student_id", "state"])
    assert "INSERT INTO attempts (id, public_id, student_id, state)" in made
    assert f"t.student_id + copies.copy * {cell.strides['users']}" in made
