"""A data set in the shape of OULAD that fits a page, and what tests ask of a database after loading it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from studentapi.mysql.database import Database

FILES = {
    "courses": """\
"code_module","code_presentation","module_presentation_length"
"XYZ","2014J","240"
"XYZ","2014B","241"
""",
    "assessments": """\
"code_module","code_presentation","id_assessment","assessment_type","date","weight"
"XYZ","2014J","1","TMA","19","10"
"XYZ","2014J","2","CMA","30","5"
"XYZ","2014J","3","TMA","54","35"
"XYZ","2014J","4","CMA","60","0"
"XYZ","2014J","5","Exam","?","100"
"XYZ","2014B","6","TMA","12","100"
""",
    "studentInfo": """\
"code_module","code_presentation","id_student","gender","region","highest_education","imd_band","age_band",\
"num_of_prev_attempts","studied_credits","disability","final_result"
"XYZ","2014J","101","M","Scotland","HE Qualification","90-100%","55<=","0","240","N","Pass"
"XYZ","2014J","102","F","Scotland","A Level or Equivalent","?","0-35","0","60","Y","Withdrawn"
"XYZ","2014B","101","M","Scotland","HE Qualification","90-100%","55<=","1","240","N","Fail"
""",
    "studentRegistration": """\
"code_module","code_presentation","id_student","date_registration","date_unregistration"
"XYZ","2014J","101","-20","?"
"XYZ","2014J","102","-5","40"
"XYZ","2014B","101","?","?"
""",
    "studentAssessment": """\
id_assessment,id_student,date_submitted,is_banked,score
1,101,18,0,78
1,102,20,0,
2,101,40,1,55
5,101,250,0,90
6,101,11,0,39.5
""",
}


def write_files(folder: Path) -> Path:
    """Write all five files."""
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    return folder


def replace_line(folder: Path, name: str, number: int, *replacement: bytes) -> None:
    """Put other bytes, line ends included, in the place of line `number`, which counts from 1."""
    file = folder / f"{name}.csv"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[number - 1 : number] = replacement
    file.write_bytes(b"".join(lines))


def contents(database: Database) -> dict[str, Any]:
    """Every row of every table, with its times."""
    tables = [table for (table,) in database.read("SHOW TABLES")]
    return {table: sorted(database.read(f"SELECT * FROM {table}"), key=repr) for table in tables}


def next_ids(database: Database) -> dict[str, str]:
    """Each table's definition, which has the inner id that the next row gets."""
    tables = [table for (table,) in database.read("SHOW TABLES")]
    return {table: database.read(f"SHOW CREATE TABLE {table}")[0][1] for table in tables}
