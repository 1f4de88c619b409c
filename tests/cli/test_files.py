"""`studentapi import` and `export`, as a shell calls them; and the whole sample out and in again."""

from __future__ import annotations

import csv
import os
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studentapi.cli import files
from studentapi.gradebook.file_columns import RESOURCES as IMPORTED
from studentapi.gradebook.people import students
from studentapi.gradebook.registry import RESOURCES

if TYPE_CHECKING:
    from studentapi.mysql.database import Database

COMMAND = Path(sysconfig.get_path("scripts"), "studentapi")
BASE = ("schools", "courses", "classes", "chapters")


class Run:
    """The command, on one gradebook."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory

    def __call__(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments], input=given,
            env={**os.environ, "STUDENTAPI_DATABASE_URL": self.url},
            cwd=self.directory, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip


@pytest.fixture
def studentapi(database: Database, migrated_url: str, tmp_path: Path) -> Run:
    """Run a command on a gradebook with one school."""
    database.run(lambda tx: tx.execute("INSERT INTO schools (public_id, name) VALUES ('s', 'School')"))
    return Run(migrated_url, tmp_path)


def test_every_kind_that_http_has_is_there() -> None:
    assert set(files.IMPORTED) == set(IMPORTED)
    assert set(files.EXPORTED) == {one.plural for one in (*RESOURCES, students)}


def test_a_file_is_imported_and_exported(studentapi: Run) -> None:
    (studentapi.directory / "in.csv").write_text("id,school_id,name\na,s,Ann\nb,s,Bo\n")
    run = studentapi("import", "students", "in.csv")
    assert (run.returncode, run.stdout) == (0, "")
    assert "2 students: 2 created, 0 updated, 0 unchanged" in run.stderr
    run = studentapi("import", "students", "-", given="id,school_id,name\na,s,Anna\n")
    assert "1 students: 0 created, 1 updated, 0 unchanged" in run.stderr
    run = studentapi("export", "students")
    assert run.returncode == 0
    assert [one["name"] for one in csv.DictReader(StringIO(run.stdout))] == ["Anna", "Bo"]
    run = studentapi("export", "students", "--format", "ndjson", "--output", "out.ndjson")
    assert (run.returncode, run.stdout) == (0, "")
    assert (studentapi.directory / "out.ndjson").read_text().count("\n") == 2
    assert "students: 2" in run.stderr


def test_a_dry_run_changes_nothing(studentapi: Run, database: Database) -> None:
    run = studentapi("import", "students", "-", "--dry-run", given="id,school_id,name\na,s,Ann\n")
    assert run.returncode == 0
    assert "1 created" in run.stderr
    assert "dry run" in run.stderr
    assert database.read("SELECT COUNT(*) FROM users") == ((0,),)


def test_faults_are_printed_with_their_lines_and_nothing_is_imported(studentapi: Run, database: Database) -> None:
    run = studentapi("import", "students", "-", given="id,school_id,name\na,s,Ann\nb,nowhere,Bo\nc,s\n")
    assert run.returncode == 1
    assert "line 3: school_id: There is no such school\n" in run.stderr
    assert "line 4: It has 2 cells; the header has 3\n" in run.stderr
    assert "nothing was imported" in run.stderr
    assert "Traceback" not in run.stderr
    assert database.read("SELECT COUNT(*) FROM users") == ((0,),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "students", "nothing.csv"), "does not exist"),
        (("import", "items", "-"), "'items' is not one of"),
        (("export", "tokens"), "'tokens' is not one of"),
        (("export", "students", "--output", "no/such/folder.csv"), "No such file or directory"),
    ],
)
def test_a_mistake_is_one_clear_line(studentapi: Run, arguments: tuple[str, ...], message: str) -> None:
    run = studentapi(*arguments)
    assert run.returncode != 0
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_a_file_that_cannot_be_finished_is_not_there(studentapi: Run, migrated_url: str) -> None:
    elsewhere = Run(migrated_url.replace("studentapi_test", "studentapi_nothing"), studentapi.directory)
    (studentapi.directory / "out.csv").write_text("as it was")
    run = elsewhere("export", "students", "--output", "out.csv")
    assert run.returncode == 1
    assert [one.name for one in studentapi.directory.iterdir()] == ["out.csv"]
    assert (studentapi.directory / "out.csv").read_text() == "as it was"


def test_what_is_no_plain_file_is_written_to_and_never_replaced(studentapi: Run) -> None:
    pipe = studentapi.directory / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        run = studentapi("export", "schools", "--output", "pipe")
        assert run.returncode == 0, run.stderr
        assert "School" in read.result()
    assert pipe.is_fifo()


def test_the_whole_sample_goes_out_and_comes_in_the_same(
    sample: Database, sample_url: str, database: Database, migrated_url: str, tmp_path: Path
) -> None:
    source, target = Run(sample_url, tmp_path), Run(migrated_url, tmp_path)
    for table in BASE:
        rows = sample.read(f"SELECT * FROM {table}")
        places = ", ".join(["%s"] * len(rows[0]))
        database.run(
            lambda tx, table=table, places=places, rows=rows: tx.execute_many(  # type: ignore[misc]
                f"INSERT INTO {table} VALUES ({places})", rows
            )
        )
    for kind, count in (
        ("students", 28_785),
        ("enrollments", 32_593),
        ("assessments", 206),
        ("attempts", 173_912),
    ):
        assert source("export", kind, "--output", f"{kind}.csv").returncode == 0
        run = target("import", kind, f"{kind}.csv")
        assert f"{count} {kind}: {count} created, 0 updated, 0 unchanged" in run.stderr, run.stderr
        assert target("export", kind, "--output", "back.csv").returncode == 0
        assert _rows(tmp_path / "back.csv") == _rows(tmp_path / f"{kind}.csv")
    results = (
        "SELECT users.public_id, assessments.public_id, percent FROM results"
        " JOIN users ON users.id = results.student_id JOIN assessments ON assessments.id = results.assessment_id"
        " ORDER BY users.public_id, assessments.public_id"
    )
    assert database.read(results) == sample.read(results)


def _rows(path: Path) -> list[tuple[tuple[str, str], ...]]:
    with path.open(newline="") as stream:
        return [
            tuple((name, value) for name, value in one.items() if name not in ("created_at", "updated_at"))
            for one in csv.DictReader(stream)
        ]
