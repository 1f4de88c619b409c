"""Whatever is wrong with the files: it is named, and the database is as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from studentapi.loading import oulad
from studentapi.loading.csv_files import MalformedFile
from tests.loading.small_oulad import contents, next_ids, replace_line, write_files

if TYPE_CHECKING:
    from pathlib import Path

    from studentapi.mysql.database import Database

LINES = [
    ("courses", 2, b'"XYZ","2014J"\n', "courses.csv, line 2: 2 columns, where the header has 3"),
    ("courses", 2, b'"XYZ","2014J","long"\n', "line 2: module_presentation_length has to be a whole number"),
    ("courses", 2, b'"XYZ","2014J","0"\n', "line 2: module_presentation_length has to be from 1 to 3650"),
    ("courses", 2, b'"XYZ","2014Q","240"\n', "line 2: code_presentation has to be a year and B or J"),
    ("courses", 2, b'"X:Z","2014J","240"\n', "line 2: code_module has to be letters and digits"),
    ("courses", 3, b'"XYZ","2014J","240"\n', "line 3: presentation XYZ-2014J is already in line 2"),
    (
        "assessments",
        1,
        b"code_module,code_presentation,id_assessment,date,weight\n",
        "assessment_type is missing",
    ),
    ("assessments", 3, b"ABC,2014J,2,CMA,30,5\n", "line 3: courses has no presentation ABC-2014J"),
    ("assessments", 3, b"XYZ,2014J,1,CMA,30,5\n", "line 3: assessment 1 is already in line 2"),
    ("assessments", 3, b"XYZ,2014J,2,XMA,30,5\n", "line 3: assessment_type has to be one of TMA, CMA, Exam"),
    ("assessments", 3, b"XYZ,2014J,2,CMA,soon,5\n", "line 3: date has to be a whole number, not 'soon'"),
    ("assessments", 3, b"XYZ,2014J,2,TMA,,5\n", "assessments.csv, line 3: date is blank"),
    ("assessments", 3, b"XYZ,2014J,2,CMA,99999,5\n", "line 3: date has to be from -3650 to 3650"),
    ("assessments", 3, b"XYZ,2014J,2,CMA,30,-5\n", "line 3: weight has to be from 0 to 100, not '-5'"),
    ("assessments", 3, b"XYZ,2014J,2,CMA,30,\n", "assessments.csv, line 3: weight is blank"),
    ("studentInfo", 3, b"XYZ,2014J,x,F,S,A,?,0-35,0,60,Y,Pass\n", "line 3: id_student has to be a whole number"),
    ("studentInfo", 3, b"XYZ,2014J,102,F,\xa3,A,?,0-35,0,60,Y,Pass\n", "line 3: byte 0xA3 at position 17 is not"),
    ("studentInfo", 3, b"XYZ,2014J,102,F,S,A,?,0-35,0,60,Y\n", "line 3: 11 columns, where the header has 12"),
    (
        "studentInfo",
        3,
        b"XYZ,2014J,102,F,S,A,?,0-35,0,many,Y,Pass\n",
        "line 3: studied_credits has to be a whole",
    ),
    ("studentInfo", 3, b"XYZ,2014J,102,F,S,A,?,0-35,0,60,Y,\n", "line 3: final_result is blank"),
    ("studentInfo", 3, b"XYZ,2014J,101,F,S,A,?,0-35,0,60,Y,Pass\n", "101 in XYZ-2014J is already in line 2"),
    (
        "studentInfo",
        3,
        b"XYZ,2015J,102,F,S,A,?,0-35,0,60,Y,Pass\n",
        "line 3: courses has no presentation XYZ-2015J",
    ),
    ("studentRegistration", 3, b"XYZ,2014J,103,-5,40\n", "line 3: studentInfo has no student 103 in XYZ-2014J"),
    ("studentRegistration", 3, b"", "studentInfo.csv, line 3: studentRegistration has no such student"),
    ("studentRegistration", 3, b"XYZ,2014J,101,-5,40\n", "line 3: student 101 in XYZ-2014J is already in line 2"),
    (
        "studentRegistration",
        3,
        b"XYZ,2014J,102,-5 days,40\n",
        "line 3: date_registration has to be a whole number",
    ),
    ("studentAssessment", 4, b"2,101,40,1\n", "studentAssessment.csv, line 4: 4 columns, where the header has 5"),
    ("studentAssessment", 4, b"2,101,40,1,lots\n", "line 4: score has to be a number with at most 4 decimals"),
    ("studentAssessment", 4, b"2,101,40,1,100.5\n", "line 4: score has to be from 0 to 100, not '100.5'"),
    ("studentAssessment", 4, b"2,101,,1,55\n", "line 4: date_submitted is blank"),
    ("studentAssessment", 4, b"2,101,40,yes,55\n", "line 4: is_banked has to be one of 0, 1, not 'yes'"),
    ("studentAssessment", 4, b"99,101,40,1,55\n", "line 4: assessments has no assessment 99"),
    ("studentAssessment", 4, b"2,999,40,1,55\n", "line 4: student 999 is not registered in XYZ-2014J"),
    ("studentAssessment", 6, b"6,102,11,0,39\n", "line 6: student 102 is not registered in XYZ-2014B"),
    ("studentAssessment", 4, b"1,101,40,1,55\n", "line 4: assessment 1 of student 101 is already in line 2"),
    ("studentAssessment", 4, b'2,"101,40,1,55\n', "studentAssessment.csv, line 4: a quote is not closed"),
    ("studentAssessment", 4, b"2,101,40,1\0,55\n", "studentAssessment.csv, line 4: a NUL byte within the line"),
    ("studentAssessment", 6, b"6,101,11", "studentAssessment.csv, line 6: no line end: the file is cut off here"),
]


@pytest.mark.parametrize("case", LINES, ids=lambda case: case[-1])
def test_a_malformed_line_is_named_and_nothing_is_written(
    database: Database, tmp_path: Path, case: tuple[str, int, bytes, str]
) -> None:
    name, number, replacement, message = case
    write_files(tmp_path)
    before, ids = contents(database), next_ids(database)
    replace_line(tmp_path, name, number, replacement)
    with pytest.raises(MalformedFile) as caught:
        oulad.load(database, tmp_path)
    assert message in str(caught.value)
    assert contents(database) == before
    assert next_ids(database) == ids


def test_a_loaded_database_stays_as_it_was_too(database: Database, tmp_path: Path) -> None:
    write_files(tmp_path)
    oulad.load(database, tmp_path)
    before = contents(database)
    replace_line(tmp_path, "studentAssessment", 2, b"1,101,18,0,100\n")
    replace_line(tmp_path, "studentAssessment", 6, b"6,101,11,0,bad\n")
    with pytest.raises(MalformedFile, match=r"studentAssessment\.csv, line 6: score"):
        oulad.load(database, tmp_path)
    assert contents(database) == before


@pytest.mark.parametrize(
    "name", ["courses", "assessments", "studentInfo", "studentRegistration", "studentAssessment"]
)
def test_a_missing_file_is_named(database: Database, tmp_path: Path, name: str) -> None:
    (write_files(tmp_path) / f"{name}.csv").unlink()
    with pytest.raises(MalformedFile, match=rf"^{name}\.csv: there is no such file"):
        oulad.load(database, tmp_path)
    assert not database.read("SELECT 1 FROM schools")
