"""Bringing the database in line with the files: once, again, after changes, and around what a school has made."""

from __future__ import annotations

import threading
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from studentapi.loading import oulad, writing
from studentapi.loading.writing import Conflict
from studentapi.mysql.database import Database
from tests.loading.small_oulad import contents, next_ids, replace_line, write_files

if TYPE_CHECKING:
    from pathlib import Path

RESULTS = """
    SELECT users.public_id, assessments.public_id, results.percent
    FROM results JOIN users ON users.id = student_id JOIN assessments ON assessments.id = assessment_id"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path)


def change(database: Database, sql: str, *params: object) -> None:
    with database.transaction() as tx:
        assert tx.execute(sql, params) > 0


def test_the_small_data_set(database: Database, folder: Path) -> None:
    loaded = oulad.load(database, folder)
    assert loaded == oulad.Loaded(
        courses=1,
        classes=2,
        chapters=3,
        students=2,
        enrollments=3,
        assessments=6,
        attempts=5,
        inserted=23,
        updated=0,
    )
    assert str(loaded) == (
        "1 courses, 2 classes, 3 chapters, 2 students, 3 enrollments, 6 assessments, 5 attempts; "
        "23 rows inserted, 0 updated"
    )
    attempts = database.read(
        """
        SELECT attempts.public_id, state, started_at, submitted_at, graded_at, is_late, score, percent
        FROM attempts ORDER BY public_id"""
    )
    assert attempts[:3] == (
        ("1:101:1", "graded", None, datetime.fromisoformat("2014-10-19"), None, 0, Decimal(78), Decimal(78)),
        ("1:102:1", "submitted", None, datetime.fromisoformat("2014-10-21"), None, 1, None, None),
        ("2:101:1", "graded", None, datetime.fromisoformat("2014-11-10"), None, 0, Decimal(55), Decimal(55)),
    )
    assert set(database.read(RESULTS)) == {
        ("101", "1", Decimal(78)),
        ("101", "2", Decimal(55)),
        ("101", "5", Decimal(90)),
        ("101", "6", Decimal("39.5")),
    }


def test_progress_goes_from_nothing_to_everything(database: Database, folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    oulad.load(database, folder, lambda *step: seen.append(step))
    assert list(dict.fromkeys(stage for stage, _, _ in seen)) == [
        "files",
        "schools",
        "courses",
        "chapters",
        "classes",
        "users",
        "enrollments",
        "assessments",
        "attempts",
    ]
    for stage in dict.fromkeys(stage for stage, _, _ in seen):
        steps = [(done, total) for name, done, total in seen if name == stage]
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1]


def test_a_second_run_changes_nothing_at_all(database: Database, folder: Path) -> None:
    oulad.load(database, folder)
    before, ids = contents(database), next_ids(database)
    again = oulad.load(database, folder)
    assert (again.inserted, again.updated) == (0, 0)
    assert contents(database) == before
    assert next_ids(database) == ids


def test_batches_of_any_size_give_the_same(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 2)
    assert oulad.load(database, folder).inserted == 23
    monkeypatch.setattr(writing, "BATCH", 3)
    assert oulad.load(database, folder)[-2:] == (0, 0)


def test_what_differs_is_updated_with_its_result_and_nothing_else_is(database: Database, folder: Path) -> None:
    oulad.load(database, folder)
    before = contents(database)
    replace_line(folder, "studentAssessment", 2, b"1,101,18,0,80\n")
    replace_line(folder, "studentAssessment", 4, b"2,101,40,1,\n")
    loaded = oulad.load(database, folder)
    assert (loaded.inserted, loaded.updated) == (0, 2)
    assert set(database.read(RESULTS)) == {
        ("101", "1", Decimal(80)),
        ("101", "5", Decimal(90)),
        ("101", "6", Decimal("39.5")),
    }
    after = contents(database)
    assert [table for table in before if before[table] != after[table]] == ["attempts", "results"]
    assert len(set(before["attempts"]) - set(after["attempts"])) == 2


def test_what_is_new_in_the_files_is_added(database: Database, folder: Path) -> None:
    oulad.load(database, folder)
    replace_line(folder, "studentAssessment", 6, b"6,101,11,0,39.5\n", b"3,102,50,0,61\n")
    assert oulad.load(database, folder)[-2:] == (1, 0)
    assert ("102", "3", Decimal(61)) in database.read(RESULTS)


def test_what_was_deleted_here_is_restored(database: Database, folder: Path) -> None:
    oulad.load(database, folder)
    change(database, "UPDATE attempts SET deleted_at = NOW(6) WHERE public_id = '1:101:1'")
    change(database, "DELETE FROM results WHERE percent = 78")
    assert oulad.load(database, folder)[-2:] == (0, 1)
    assert ("101", "1", Decimal(78)) in database.read(RESULTS)


def test_a_schools_own_rows_and_columns_are_left_alone(database: Database, folder: Path) -> None:
    oulad.load(database, folder)
    change(
        database,
        """
        INSERT INTO attempts (public_id, assessment_id, student_id, number, state, score, percent)
        SELECT 'own', assessment_id, student_id, 2, 'graded', 99, 99 FROM attempts WHERE public_id = '1:101:1'""",
    )
    change(database, "UPDATE results SET percent = 99 WHERE percent = 78")
    change(database, "UPDATE attempts SET graded_at = NOW(6) WHERE public_id = '1:101:1'")
    before = contents(database)
    assert oulad.load(database, folder)[-2:] == (0, 0)
    assert contents(database) == before

    replace_line(folder, "studentAssessment", 2, b"1,101,18,0,80\n")
    oulad.load(database, folder)
    assert ("101", "1", Decimal(99)) in database.read(RESULTS)


def test_an_assessment_that_counts_otherwise_again_has_its_results_recounted(
    database: Database, folder: Path
) -> None:
    oulad.load(database, folder)
    change(database, "UPDATE assessments SET counted = 'last' WHERE public_id = '1'")
    change(database, "UPDATE results SET percent = 1 WHERE percent = 78")
    assert oulad.load(database, folder)[-2:] == (0, 1)
    assert ("101", "1", Decimal(78)) in database.read(RESULTS)


@pytest.mark.parametrize(
    ("made_before", "message"),
    [
        ("UPDATE users SET role = 'teacher' WHERE public_id = '102'", "users '102' is there already.* role"),
        (
            "UPDATE assessments JOIN classes ON classes.public_id = 'XYZ-2014B' SET class_id = classes.id",
            "assessments '1' is there already.* class_id",
        ),
        (
            "UPDATE enrollments SET public_id = 'own' WHERE public_id = 'XYZ-2014J:102'",
            "enrollments 'XYZ-2014J:102' cannot be made: 'own' has the same user_id, class_id",
        ),
        (
            "UPDATE attempts SET public_id = 'own' WHERE public_id = '1:102:1'",
            "attempts '1:102:1' cannot be made: 'own' has the same student_id, assessment_id, number",
        ),
    ],
)
def test_something_else_in_the_place_of_a_row_stops_the_load(
    database: Database, folder: Path, made_before: str, message: str
) -> None:
    oulad.load(database, folder)
    change(database, made_before)
    before = contents(database)
    # a change that comes before the conflict, and has to be undone
    replace_line(folder, "assessments", 2, b"XYZ,2014J,1,TMA,19,11\n")
    with pytest.raises(Conflict, match=message):
        oulad.load(database, folder)
    assert contents(database) == before


def test_two_loads_at_once_make_one(database: Database, migrated_url: str, folder: Path) -> None:
    barrier = threading.Barrier(2)
    inserted: list[int] = []

    def load() -> None:
        own = Database(migrated_url)
        barrier.wait()
        inserted.append(oulad.load(own, folder).inserted)
        own.close()

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(inserted) == [0, 23]


def test_a_load_that_waits_too_long_for_another_says_so(
    database: Database, migrated_url: str, folder: Path
) -> None:
    oulad.load(database, folder)
    impatient = Database(migrated_url, statement_timeout=0.3)
    with database.transaction() as tx:
        tx.execute("UPDATE schools SET name = 'Another' WHERE public_id = 'OU'")
        with pytest.raises(Conflict, match="school 'OU' is being loaded or changed elsewhere"):
            oulad.load(impatient, folder)
    impatient.close()
