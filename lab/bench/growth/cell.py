"""The small school that every size is made of, loaded by the project's own code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lab.bench.growth.sizes import EVERY
from studentapi import schema
from studentapi.loading import oulad, sample
from studentapi.loading.oulad_files import read_release
from studentapi.loading.writing import write
from studentapi.mysql.database import Database

if TYPE_CHECKING:
    from studentapi.loading.oulad_files import Release

STATEMENT_TIMEOUT = 60.0


def thinned(release: Release, every: int) -> Release:
    """One in `every` students of a release, evenly over their ids, with all of their work; all classes stay."""
    students = sorted({one.student for one in release.registrations})
    kept = set(students[::every])
    return replace(
        release,
        registrations=[one for one in release.registrations if one.student in kept],
        submissions=[one for one in release.submissions if one.student in kept],
    )


def load(url: str, every: int = EVERY) -> None:
    """Make the tables in the empty database at `url`, and load the small school, all in one transaction."""
    schema.upgrade(url)
    release = thinned(read_release(sample.FOLDER, lambda *_: None), every)
    database = Database(url, statement_timeout=STATEMENT_TIMEOUT)
    try:
        database.run(
            lambda tx: write(tx, oulad.SCHOOL.public_id, oulad.fillings(release), lambda *_: None),
        )
    finally:
        database.close()
