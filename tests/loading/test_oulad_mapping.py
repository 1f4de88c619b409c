"""The mapping from OULAD's lines to the gradebook's rows: pure, without a database."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from studentapi.loading import oulad, rows
from studentapi.loading.oulad_files import Assessment, Registration, Submission, read_release
from studentapi.loading.sample import FOLDER
from tests.loading.small_oulad import write_files

if TYPE_CHECKING:
    from pathlib import Path

START = date(2013, 10, 1)


def silent(stage: str, done: int, total: int) -> None:
    pass


def an_assessment(number: int, category: str = "TMA", day: int | None = 19) -> Assessment:
    return Assessment(number, "AAA-2013J", category, day, Decimal(10))


@pytest.mark.parametrize(
    ("term", "start"),
    [("2013B", date(2013, 2, 1)), ("2013J", date(2013, 10, 1)), ("2014B", date(2014, 2, 1))],
)
def test_terms_begin_in_february_and_october(term: str, start: date) -> None:
    assert oulad.term_start(term) == start


def test_days_of_an_enrollment_count_from_the_start() -> None:
    assert oulad.enrollment(Registration("AAA-2013J", 11391, -159, None), START) == rows.Enrollment(
        "AAA-2013J:11391", "AAA-2013J", "11391", "student", date(2013, 4, 25), None
    )
    assert oulad.enrollment(Registration("AAA-2013J", 1, None, 12), START)[4:] == (None, date(2013, 10, 13))


def test_an_attempt() -> None:
    submission = Submission(1752, 11391, 18, banked=False, score=Decimal(78))
    assert oulad.attempt(submission, an_assessment(1752), START) == rows.Attempt(
        "1752:11391:1",
        "1752",
        "11391",
        1,
        "graded",
        datetime.fromisoformat("2013-10-19"),
        False,
        Decimal(78),
        Decimal(78),
    )


def test_a_blank_score_is_submitted_and_not_graded() -> None:
    attempt = oulad.attempt(Submission(1, 2, 18, banked=False, score=None), an_assessment(1), START)
    assert (attempt.state, attempt.score, attempt.percent) == ("submitted", None, None)


def test_a_score_of_zero_is_graded() -> None:
    attempt = oulad.attempt(Submission(1, 2, 18, banked=False, score=Decimal(0)), an_assessment(1), START)
    assert (attempt.state, attempt.score, attempt.percent) == ("graded", Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("due", "submitted", "banked", "late"),
    [
        (19, 18, False, False),
        (19, 19, False, False),
        (19, 20, False, True),
        (19, 20, True, False),
        (None, 500, False, False),
    ],
)
def test_late_is_after_the_due_day_and_not_banked(
    due: int | None, submitted: int, banked: bool, late: bool
) -> None:
    submission = Submission(1, 2, submitted, banked, Decimal(50))
    assert oulad.attempt(submission, an_assessment(1, day=due), START).is_late is late


def test_an_assessment_belongs_to_the_first_unit_whose_tma_is_due_on_or_after_its_day() -> None:
    group = [
        an_assessment(4, day=54),
        an_assessment(3, day=19),
        an_assessment(10, "CMA", 19),
        an_assessment(11, "CMA", 20),
        an_assessment(12, "CMA", 55),
        an_assessment(13, "CMA", None),
        an_assessment(14, "Exam", 19),
    ]
    assert oulad.units(group) == {3: 1, 4: 2, 10: 1, 11: 2, 12: 2, 13: 2}


def test_units_where_days_coincide_are_unknown_or_there_is_no_tma() -> None:
    assert oulad.units([an_assessment(2, day=9), an_assessment(1, day=9)]) == {1: 1, 2: 1}
    assert oulad.units([an_assessment(1, day=None), an_assessment(2, day=9)]) == {2: 1, 1: 2}
    assert oulad.units([an_assessment(1, "CMA", 9)]) == {1: 1}
    assert oulad.units([an_assessment(1, "Exam", None)]) == {}


def test_all_rows_of_a_small_data_set(tmp_path: Path) -> None:
    release = read_release(write_files(tmp_path), silent)
    made = {filling.table.name: list(filling.rows) for filling in oulad.fillings(release)}
    assert made["schools"] == [("OU", "Open University")]
    assert made["courses"] == [("XYZ", "OU", "Module XYZ")]
    assert made["chapters"] == [
        ("XYZ-1", "XYZ", 1, "Unit 1", 40),
        ("XYZ-2", "XYZ", 2, "Unit 2", 40),
        ("XYZ-exam", "XYZ", 3, "Exam", 40),
    ]
    assert made["classes"] == [
        ("XYZ-2014J", "XYZ", "2014J", "Module XYZ 2014J", date(2014, 10, 1), date(2015, 5, 29)),
        ("XYZ-2014B", "XYZ", "2014B", "Module XYZ 2014B", date(2014, 2, 1), date(2014, 9, 30)),
    ]
    assert made["users"] == [
        ("101", "OU", "student", "Student 101"),
        ("102", "OU", "student", "Student 102"),
    ]
    due = datetime.fromisoformat("2014-10-20T23:59:59")
    assert made["assessments"][0] == ("1", "XYZ-2014J", "XYZ-1", "TMA 1", "TMA", 10, 100, due, "best", 1)
    assert [(row[0], row[2], row[3]) for row in made["assessments"]] == [
        ("1", "XYZ-1", "TMA 1"),
        ("2", "XYZ-2", "CMA 1"),
        ("3", "XYZ-2", "TMA 2"),
        ("4", "XYZ-2", "CMA 2"),
        ("5", "XYZ-exam", "Exam 1"),
        ("6", "XYZ-1", "TMA 1"),
    ]
    assert made["assessments"][4][7] is None
    assert [row[0] for row in made["attempts"]] == ["1:101:1", "1:102:1", "2:101:1", "5:101:1", "6:101:1"]


def test_every_filling_has_as_many_rows_as_it_says() -> None:
    for filling in oulad.fillings(read_release(FOLDER, silent)):
        assert sum(1 for _ in filling.rows) == filling.total, filling.table.name


def test_chapters_of_the_whole_sample_by_the_rule_written_otherwise() -> None:
    """For each assessment, walk its class's TMAs in order, and stop at the first that is due late enough."""
    packed = (FOLDER / "assessments.csv.gz").read_bytes()
    lines = list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode())))
    tmas = defaultdict(list)
    for one in lines:
        if one["assessment_type"] == "TMA":
            tmas[one["code_module"], one["code_presentation"]].append(
                (int(one["date"]), int(one["id_assessment"]))
            )
    expected = {}
    for one in lines:
        chapter = "exam"
        if one["assessment_type"] != "Exam":
            for unit, (day, _) in enumerate(sorted(tmas[one["code_module"], one["code_presentation"]]), start=1):
                chapter = str(unit)
                if day >= int(one["date"]):
                    break
        expected[one["id_assessment"]] = f"{one['code_module']}-{chapter}"

    release = read_release(FOLDER, silent)
    assert {one.public_id: one.chapter_id for one in oulad.assessments(release)} == expected
    assert {one.public_id for one in oulad.chapters(release)} == set(expected.values())
    assert len(set(expected.values())) == 40
