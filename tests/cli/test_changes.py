"""`studentapi changes`, as a shell calls it."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from studentapi.gradebook import people, writing
from studentapi.gradebook.changes import Author, Writer

if TYPE_CHECKING:
    from studentapi.mysql.database import Database

COMMAND = Path(sysconfig.get_path("scripts"), "studentapi")


def prune(url: str, directory: Path, before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "changes", "prune", "--before", before],
        env={**os.environ, "STUDENTAPI_DATABASE_URL": url},
        cwd=directory, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_changes_from_before_a_day_are_deleted(database: Database, migrated_url: str, tmp_path: Path) -> None:
    for school in ("s1", "s2"):
        with database.transaction() as tx:
            writing.create(Writer(tx, Author()), people.schools, {"name": school}, school)
    with database.transaction() as tx:
        tx.execute("UPDATE changes SET occurred_at = '2020-01-31 23:59:59.999999' WHERE resource_id = 's1'")
    assert prune(migrated_url, tmp_path, "2020-01-31").stderr == "changes deleted: 0\n"
    assert prune(migrated_url, tmp_path, "2020-02-01").stderr == "changes deleted: 1\n"
    assert database.read("SELECT resource_id FROM changes") == (("s2",),)
    assert prune(migrated_url, tmp_path, "yesterday").returncode == 2
