"""CSV files that come in: all of a file or nothing, and every fault with its line."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.api.files import EXAMPLES, MOST_BODY_BYTES, ROWS_MOST
from studentapi.gradebook.file_columns import COLUMNS
from tests.api.classroom import DONE, fill, imported, send
from tests.api.school import BODIES, make, make_all
from tests.clients import another

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from studentapi.mysql.database import Database
    from tests.servers import Server

STUDENTS = "id,school_id,name\r\n"
ATTEMPTS = "id,assessment_id,student_id,started_at,submitted_at,score\r\n"


def faults(client: FlaskClient, plural: str, text: str | bytes) -> list[tuple[int, str | None, str]]:
    """Send a file with faults; returns them."""
    answer = send(client, plural, text)
    assert answer.status_code == 422, answer.json
    assert answer.json["type"] == "urn:studentapi:invalid-file"
    return [(one["line"], one["column"], one["reason"]) for one in answer.json["report"]["errors"]]


def kept(database: Database, table: str) -> int:
    return int(database.read(f"SELECT COUNT(*) FROM {table}")[0][0])


def test_rows_are_made_then_unchanged_then_updated(writer: FlaskClient, database: Database) -> None:
    make(writer, "schools")
    text = STUDENTS + 'a,schools-1,Ann\r\nb,schools-1,"Berg, Bo"\r\n'

    def counts(text: str) -> list[int]:
        report = imported(writer, "students", text)
        return [report[name] for name in ("rows", "created", "updated", "unchanged")]

    assert counts(text) == [2, 2, 0, 0]
    assert counts(text) == [2, 0, 0, 2]
    before = writer.get("/api/v1/students/b").json
    assert before["name"] == "Berg, Bo"
    assert counts(text.replace("Ann", "Anna")) == [2, 0, 1, 1]
    assert writer.get("/api/v1/students/a").json["name"] == "Anna"
    assert writer.get("/api/v1/students/b").json == before
    actions = database.read("SELECT resource_id, action FROM changes WHERE resource = 'users' ORDER BY id")
    assert actions == (("a", "create"), ("b", "create"), ("a", "update"))
    assert database.read("SELECT DISTINCT role FROM users") == (("student",),)


def test_what_is_written_down_of_a_row_is_what_put_writes_down(writer: FlaskClient, database: Database) -> None:
    make_all(writer)
    header = list(BODIES["assessments"])
    body = {**BODIES["assessments"], "title": "By file"}
    text = ",".join(["id", *header]) + "\r\n" + ",".join(["f", *(str(body[name]) for name in header)]) + "\r\n"
    imported(writer, "assessments", text)
    make(writer, "assessments", "p", title="By file")
    imported(writer, "assessments", text.replace("By file", "Again"))
    row = writer.get("/api/v1/assessments/p")
    writer.put(
        "/api/v1/assessments/p", json={**body, "title": "Again"}, headers={"If-Match": row.headers["ETag"]}
    )

    def told(public_id: str) -> list[Any]:
        rows = database.read(
            "SELECT action, row_before, row_after FROM changes WHERE resource_id = %s ORDER BY id", (public_id,)
        )
        parsed = [(action, json.loads(before or "{}"), json.loads(after)) for action, before, after in rows]
        for _, *both in parsed:
            for one in both:
                for name in ("id", "created_at", "updated_at"):
                    one.pop(name, None)
        return parsed

    assert told("f") == told("p")
    assert len(told("f")) == 2
    same = [writer.get(f"/api/v1/assessments/{one}").json for one in ("f", "p")]
    for one in same:
        for name in ("id", "created_at", "updated_at"):
            del one[name]
    assert same[0] == same[1]


def test_enrollments_without_ids_are_found_by_user_and_class(writer: FlaskClient) -> None:
    make_all(writer)
    header = "id,class_id,user_id,role,enrolled_on,withdrawn_on\r\n"
    report = imported(writer, "enrollments", header + ",classes-1,students-1,student,2026-09-01,2026-12-01\r\n")
    assert (report["created"], report["updated"]) == (0, 1)
    assert writer.get("/api/v1/enrollments/enrollments-1").json["withdrawn_on"] == "2026-12-01"
    assert faults(writer, "enrollments", header + "e2,classes-1,students-1,student,,\r\n") == [
        (2, "id", "The enrollment 'enrollments-1' is for the same")
    ]
    assert faults(writer, "enrollments", header + ",classes-1,users-1,teacher,,\r\n" * 2) == [
        (3, "user_id", "It is the same as in line 2")
    ]


def test_a_row_that_somebody_else_makes_at_this_moment_is_refused_whole(
    writer: FlaskClient, database: Database, server: Server
) -> None:
    make_all(writer)
    text = "id,class_id,user_id,role,enrolled_on,withdrawn_on\r\n,classes-1,users-1,teacher,,\r\n"
    asked = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO enrollments%'"
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as tx:
            tx.execute(
                "INSERT INTO enrollments (public_id, class_id, user_id, role)"
                " SELECT 'e', classes.id, users.id, 'teacher' FROM classes JOIN users"
                " WHERE users.public_id = 'users-1'"
            )
            sending = pool.submit(send, another(writer), "enrollments", text)
            while server.execute(asked) == ((0,),):
                assert not sending.done()
        answer = sending.result()
    assert (answer.status_code, answer.json["type"]) == (409, "urn:studentapi:made-meanwhile")
    assert imported(writer, "enrollments", text)["unchanged"] == 1


def test_attempts_get_numbers_states_and_results(writer: FlaskClient, database: Database) -> None:
    (student,) = fill(writer, 1)
    text = ATTEMPTS + f",open,{student},,{DONE},5\r\nx,open,{student},,2026-11-01T00:00:00+01:00,\r\n"
    assert imported(writer, "attempts", text)["created"] == 2
    late = writer.get("/api/v1/attempts/x").json
    assert (late["number"], late["state"], late["is_late"]) == (2, "submitted", True)
    assert late["submitted_at"] == "2026-10-31T23:00:00Z"
    assert [float(percent) for (percent,) in database.read("SELECT percent FROM results")] == [50.0]


def test_facts_of_another_gradebook_are_taken_over(writer: FlaskClient) -> None:
    (student,) = fill(writer, 1)
    header = (
        "id,assessment_id,student_id,number,state,started_at,submitted_at,graded_at,is_late,score,percent\r\n"
    )
    text = (
        header
        + f"a,open,{student},3,graded,,2026-11-01T00:00:00Z,2026-11-05T00:00:00Z,false,5,\r\n"
        + f"b,open,{student},1,exempt,{DONE},,,,,\r\n"
        + f"c,open,{student},,in_progress,,,,,,\r\n"
    )
    imported(writer, "attempts", text)
    found = [writer.get(f"/api/v1/attempts/{one}").json for one in "abc"]
    assert [one["number"] for one in found] == [3, 1, 4]
    assert [one["state"] for one in found] == ["graded", "exempt", "in_progress"]
    assert (found[0]["graded_at"], found[0]["is_late"], found[0]["percent"]) == (
        "2026-11-05T00:00:00Z",
        False,
        50,
    )
    assert imported(writer, "attempts", text)["unchanged"] == 3
    assert faults(writer, "attempts", header + f",open,{student},3,graded,,,,,,\r\n") == [
        (2, "number", "The student has an attempt of this number")
    ]
    assert faults(writer, "attempts", header + f",open,{student},,graded,,{DONE},,,,\r\n") == [
        (2, "state", "By what is recorded it is 'submitted'")
    ]
    assert faults(writer, "attempts", header + f",open,{student},,,,{DONE},{DONE},,,\r\n") == [
        (2, "graded_at", "There is no score")
    ]


def test_a_submission_before_the_start_is_a_fault_unless_another_gradebook_has_it_so(writer: FlaskClient) -> None:
    (student,) = fill(writer, 1)
    header = "id,assessment_id,student_id,number,started_at,submitted_at,score\r\n"
    times = "2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,"
    assert faults(writer, "attempts", header + f",open,{student},,{times}\r\n") == [
        (2, "submitted_at", "It lies before started_at")
    ]
    imported(writer, "attempts", header + f"a,open,{student},1,{times}\r\n")
    found = writer.get("/api/v1/attempts/a").json
    assert (found["started_at"], found["is_late"]) == ("2026-11-02T00:00:00Z", True)


def test_what_happened_before_a_withdrawal_or_beyond_the_number_allowed_is_taken(writer: FlaskClient) -> None:
    make_all(writer)
    make(writer, "students", "gone")
    make(writer, "enrollments", "e-gone", user_id="gone", withdrawn_on="2026-09-02")
    text = ATTEMPTS + f",assessments-1,gone,,{DONE},5\r\n" * 3
    assert imported(writer, "attempts", text)["created"] == 3


def test_every_bad_line_is_told_and_nothing_is_written(writer: FlaskClient, database: Database) -> None:
    make(writer, "schools")
    lines = [
        b"good,schools-1,Good",
        b"a b,schools-1,Ann",
        b'multi,schools-1,"two\r\nlines"',
        b"short,schools-1",
        b"",
        b"noname,schools-1,",
        b"elsewhere,nowhere,Ann",
        b'quote,schools-1,"a"b',
        b"latin,schools-1,Ann\xe9",
        b"good,schools-1,Twice",
        b"two,nowhere," + b"x" * 201,
    ]
    assert faults(writer, "students", STUDENTS.encode() + b"\r\n".join(lines) + b"\r\n") == [
        (3, "id", "An id is 1 to 64 of A-Z a-z 0-9 . _ : -, and neither '.' nor '..'"),
        (6, None, "It has 2 cells; the header has 3"),
        (8, "name", "It is required"),
        (9, "school_id", "There is no such school"),
        (10, None, "A quote is in the wrong place"),
        (11, "name", "It has bytes that are not UTF-8"),
        (12, "id", "It is the same as in line 2"),
        (13, "name", "It has 200 characters or less"),
    ]
    assert kept(database, "users") == 0
    assert database.read("SELECT 1 FROM changes WHERE resource = 'users'") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, None, "The file is empty: the first line names the columns")]),
        ("id,name\r\n", [(1, "school_id", "The column is missing")]),
        (
            "id,school_id,name,age,id\r\n",
            [(1, "age", "There is no such column"), (1, "id", "The column is there twice")],
        ),
        (
            "id;school_id;name\r\n",
            [
                (1, "id", "The column is missing"),
                (1, "id;school_id;name", "There is no such column: cells are separated by commas"),
                (1, "name", "The column is missing"),
                (1, "school_id", "The column is missing"),
            ],
        ),
        (
            STUDENTS + 'a,s,"open\r\n' + "b,s,Bo\r\n",
            [(2, None, "A quote is not closed; what follows is not read")],
        ),
        (
            STUDENTS + "a,s," + "x" * 70_000,
            [(2, None, "A line is longer than 64 KiB; what follows is not read")],
        ),
    ],
)
def test_a_file_that_is_none_of_its_kind_is_told_so(
    writer: FlaskClient, text: str, expected: list[tuple[int, str | None, str]]
) -> None:
    assert faults(writer, "students", text) == expected


def test_of_very_many_faults_a_thousand_are_told_and_the_others_counted(writer: FlaskClient) -> None:
    report = send(writer, "students", STUDENTS + "a b,c d,e\r\n" * 3000).json["report"]
    assert len(report["errors"]) == 1000
    assert report["more_errors"] == 5000
    assert report["rows"] == 3000
    assert report["errors"][-1]["line"] == 501


def test_a_dry_run_tells_what_would_be_and_changes_nothing(writer: FlaskClient, database: Database) -> None:
    make(writer, "schools")
    text = STUDENTS + "a,schools-1,Ann\r\n"
    answer = send(writer, "students", text, dry_run="true")
    assert answer.status_code == 200
    assert (answer.json["created"], answer.json["dry_run"]) == (1, True)
    wrong = send(writer, "students", text + "b,nowhere,Bo\r\n", dry_run="true")
    assert wrong.status_code == 200
    assert [one["line"] for one in wrong.json["errors"]] == [3]
    assert kept(database, "users") == 0
    assert imported(writer, "students", text)["created"] == 1


def test_an_id_of_a_teacher_makes_no_student(writer: FlaskClient) -> None:
    make_all(writer, "users")
    assert faults(writer, "students", STUDENTS + "users-1,schools-1,Ann\r\n") == [
        (2, "id", "There is another of this id")
    ]


def test_what_was_deleted_is_made_again(writer: FlaskClient) -> None:
    make_all(writer, "students")
    writer.delete("/api/v1/students/students-1", headers={"If-Match": "*"})
    assert imported(writer, "students", STUDENTS + "students-1,schools-1,Ann\r\n")["created"] == 1
    assert writer.get("/api/v1/students/students-1").status_code == 200


def test_a_change_that_single_requests_refuse_is_a_fault(writer: FlaskClient) -> None:
    make_all(writer)
    make(writer, "schools", "other")
    assert faults(writer, "students", STUDENTS + "students-1,other,Ann\r\n") == [
        (2, "school_id", "It cannot be changed")
    ]
    make(writer, "courses", "c2")
    make(writer, "chapters", "ch2", course_id="c2")
    text = EXAMPLES["assessments"].replace("biology-2026", "classes-1").replace("biology-cells", "ch2")
    assert faults(writer, "assessments", text) == [(2, "chapter_id", "This chapter is not of the class's course")]
    header = "id,class_id,user_id,role,enrolled_on,withdrawn_on\r\n"
    wrong = header + "enrollments-1,classes-1,students-1,student,2026-09-02,2026-09-01\r\n"
    assert faults(writer, "enrollments", wrong) == [(2, "withdrawn_on", "It lies before enrolled_on")]


def test_other_points_for_an_assessment_change_its_results(writer: FlaskClient, database: Database) -> None:
    (student,) = fill(writer, 1)
    imported(writer, "attempts", ATTEMPTS + f",open,{student},,{DONE},5\r\n")
    text = EXAMPLES["assessments"].replace("cells-essay", "open").replace("biology-2026", "classes-1")
    imported(writer, "assessments", text.replace("biology-cells", "chapters-1"))
    assert database.read("SELECT percent FROM results") == ((25,),)


def test_text_that_a_spreadsheet_would_compute_is_text(writer: FlaskClient) -> None:
    make(writer, "schools")
    imported(writer, "students", STUDENTS + "a,schools-1,=1+1\r\nb,schools-1,'=1+1\r\nc,schools-1,'t Hart\r\n")
    names = [one["name"] for one in writer.get("/api/v1/students").json["items"]]
    assert names == ["=1+1", "=1+1", "'t Hart"]


@pytest.mark.parametrize(
    "text", ["\ufeffid,school_id,name\na,schools-1,Ann\n", "name,id,school_id\r\nAnn,a,schools-1"]
)
def test_a_byte_order_mark_plain_line_ends_and_any_order_of_columns_are_taken(
    writer: FlaskClient, text: str
) -> None:
    make(writer, "schools")
    imported(writer, "students", text)
    assert writer.get("/api/v1/students/a").json["name"] == "Ann"


def test_a_file_too_long_for_a_request_is_sent_to_the_command_line(writer: FlaskClient) -> None:
    answer = send(writer, "students", STUDENTS + "a,b,c\r\n" * (ROWS_MOST + 1))
    assert (answer.status_code, answer.json["type"]) == (413, "urn:studentapi:too-many-rows")
    assert "studentapi import" in answer.json["detail"]
    assert send(writer, "students", b"x" * (MOST_BODY_BYTES + 1)).status_code == 413
    assert writer.post("/api/v1/import/students", json={}).status_code == 415


CELLS: dict[str, list[str]] = {
    "id": ["a", "A.b_c:d-1", "x" * 64, "x" * 65, "a b", ".", "..", "é", "-1"],
    "title": ["x", "x" * 200, "x" * 201, " ", "\t", "日本"],
    "category": ["x" * 64, "x" * 65],
    "weight": ["0", "-0.1", "99999", "99999.1", "1e2", "0.00005", "1.23456", "x", "1,5", "Infinity", ".5", "5."],
    "points_max": ["0", "0.0001", "0.00009", "99999", "100000"],
    "due_at": [
        "2026-01-31T12:00:00Z", "2026-01-31t12:00:00.1234567+05:30", "2026-01-31", "2026-01-31 12:00:00",
        "0999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-01:00", "2026-01-31T12:00:00",
    ],
    "counted": ["best", "mean", "Best", "worst"],
    "attempts_allowed": ["1", "0", "1000000", "1000001", "1.5", "-1", "1e3"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "cell"), [(name, cell) for name, cells in CELLS.items() for cell in cells])
def test_a_cell_is_taken_where_the_json_api_takes_the_value(writer: FlaskClient, name: str, cell: str) -> None:
    make_all(writer, "chapters")
    body: dict[str, Any] = {**BODIES["assessments"], "id": "x"}
    try:
        body[name] = json.loads(cell) if name in ("weight", "points_max", "attempts_allowed") else cell
    except ValueError:
        body[name] = cell
    by_json = writer.post("/api/v1/assessments", json=body)
    if by_json.status_code == 201:
        writer.delete(f"/api/v1/assessments/{by_json.json['id']}", headers={"If-Match": "*"})
    values = {**BODIES["assessments"], "id": "x", name: cell}
    quoted = ",".join('"' + str(value).replace('"', '""') + '"' for value in values.values())
    by_file = send(writer, "assessments", ",".join(values) + "\r\n" + quoted + "\r\n")
    if name == "attempts_allowed" and cell == "1e3":
        return  # a whole number is written as one
    assert (by_json.status_code == 201) == (by_file.status_code == 200), (by_json.json, by_file.json)
    if by_json.status_code == 201:
        made = writer.get(f"/api/v1/assessments/{by_json.json['id']}").json
        assert made[name] == by_json.json[name]


def test_the_columns_of_a_file_are_the_fields_of_the_json_api(writer: FlaskClient) -> None:
    schemas = writer.get("/openapi.json").json["components"]["schemas"]
    for plural, columns in COLUMNS.items():
        fields = schemas[plural.removesuffix("s").title()]["properties"]
        assert {one.name for one in columns} == set(fields)
