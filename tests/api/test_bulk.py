"""Many attempts in one request: what becomes of each row, and of all of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.api.bulk import MOST_BODY_BYTES, ROWS_MOST
from tests.api.classroom import DONE, fill, row
from tests.api.school import make, make_all
from tests.clients import another

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from studentapi.mysql.database import Database


def send(client: FlaskClient, rows: list[Any], **query: str) -> TestResponse:
    return client.post("/api/v1/bulk/attempts", json={"attempts": rows}, query_string=query)


def sent(client: FlaskClient, rows: list[Any], **query: str) -> list[dict[str, Any]]:
    answer = send(client, rows, **query)
    assert answer.status_code == 200, answer.json
    results: list[dict[str, Any]] = answer.json["results"]
    assert [one["index"] for one in results] == list(range(len(rows)))
    return results


def attempt(client: FlaskClient, public_id: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/attempts/{public_id}")
    assert answer.status_code == 200
    return dict(answer.json or {})


def count(database: Database, table: str = "attempts") -> int:
    return int(database.read(f"SELECT COUNT(*) FROM {table}")[0][0])


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"created_at", "updated_at", *names}}


def test_rows_become_what_single_requests_make_of_them(writer: FlaskClient, database: Database) -> None:
    one, other = fill(writer, 2)
    told: list[dict[str, Any]] = [
        {"score": 5, "submitted_at": DONE},
        {"submitted_at": "2026-10-02T00:00:00Z"},
        {"score": 7.25, "submitted_at": "2026-10-02T00:00:00.5Z", "started_at": DONE},
        {"exempt": True},
        {"started_at": DONE},
        {"score": 9, "exempt": True, "submitted_at": DONE},
    ]
    sent(
        writer,
        [{**row, "assessment_id": "open", "student_id": one, "id": f"b{at}"} for at, row in enumerate(told)],
    )
    for at, values in enumerate(told):
        body = {**values, "assessment_id": "open", "student_id": other, "id": f"o{at}"}
        assert writer.post("/api/v1/attempts", json=body).status_code == 201
    for at in range(len(told)):
        bulk, single = attempt(writer, f"b{at}"), attempt(writer, f"o{at}")
        for found in (bulk, single):
            if found["graded_at"] is not None:
                found["graded_at"] = found["graded_at"] == found["created_at"]
        assert without(bulk, "id", "student_id") == without(single, "id", "student_id")
    results: dict[str, Any] = dict(
        database.read("SELECT users.public_id, percent FROM results JOIN users ON users.id = results.student_id")
    )
    assert results[one] == results[other]
    recorded = database.read(
        "SELECT action, row_before, row_after FROM changes WHERE resource = 'attempts' ORDER BY id"
    )
    assert len(recorded) == 2 * len(told)
    assert all(action == "create" and before is None and after for action, before, after in recorded)


def test_an_attempt_with_nothing_told_begins_now(writer: FlaskClient) -> None:
    (student,) = fill(writer, 1)
    (result,) = sent(writer, [{"assessment_id": "open", "student_id": student}])
    made = attempt(writer, result["id"])
    assert made["state"] == "in_progress"
    assert made["started_at"] == made["created_at"]


def test_one_bad_row_and_nothing_is_written(writer: FlaskClient, database: Database) -> None:
    (student,) = fill(writer, 1)
    rows = [
        row(student),
        row("nobody"),
        row(student, score="much", extra=1),
        "no row",
        row(student, assessment_id="nothing"),
        row(student, id="x"),
        row(student, id="x"),
    ]
    answer = send(writer, rows)
    assert answer.status_code == 422
    assert answer.json["type"] == "urn:studentapi:invalid-rows"
    assert [(one["name"], one["detail"]) for one in answer.json["errors"]] == [
        ("attempts.1.student_id", "There is no such student"),
        ("attempts.2.extra", "There is no such field"),
        ("attempts.2.score", "This is no number"),
        ("attempts.3", "This is no object"),
        ("attempts.4.assessment_id", "There is no such assessment"),
        ("attempts.6.id", "Given more than once"),
    ]
    assert count(database) == 0
    assert count(database, "results") == 0
    assert database.read("SELECT 1 FROM changes WHERE resource = 'attempts'") == ()


def test_in_mode_each_the_good_rows_are_written_and_the_bad_ones_told(
    writer: FlaskClient, database: Database
) -> None:
    (student,) = fill(writer, 1)
    rows = [row(student, id="a"), row("nobody", id="b"), {"id": "c"}, row(student)]
    results = sent(writer, rows, mode="each")
    assert [one["status"] for one in results] == ["created", "invalid", "invalid", "created"]
    assert [one["id"] for one in results[:3]] == ["a", "b", "c"]
    assert results[1]["errors"] == [{"name": "student_id", "detail": "There is no such student"}]
    assert [one["name"] for one in results[2]["errors"]] == ["assessment_id", "student_id"]
    assert count(database) == 2
    assert [attempt(writer, results[at]["id"])["number"] for at in (0, 3)] == [1, 2]


def test_a_row_whose_id_is_known_replaces_and_the_same_again_changes_nothing(
    writer: FlaskClient, database: Database
) -> None:
    one, other = fill(writer, 2)
    sent(writer, [row(one, id="a"), row(other, id="b")])
    before = attempt(writer, "b")
    again = [row(one, id="a", score=7.5), row(other, id="b")]
    assert [result["status"] for result in sent(writer, again)] == ["updated", "unchanged"]
    assert (attempt(writer, "a")["percent"], attempt(writer, "a")["number"]) == (75, 1)
    assert attempt(writer, "b") == before
    assert database.read("SELECT percent FROM results ORDER BY percent")[1] == (75,)
    (change,) = database.read("SELECT resource_id, row_before FROM changes WHERE action = 'update'")
    assert change[0] == "a"
    assert '"percent":50' in change[1].replace(" ", "")
    # without a score nothing counts any more
    sent(writer, [row(one, id="a", score=None), row(other, id="b", score=None)])
    assert count(database, "results") == 0


def test_a_row_never_moves_to_another_student(writer: FlaskClient) -> None:
    one, other = fill(writer, 2)
    sent(writer, [row(one, id="a")])
    answer = send(writer, [row(other, id="a")])
    assert answer.status_code == 422
    assert answer.json["errors"][0]["name"] == "attempts.0.student_id"


def test_a_deleted_attempt_is_made_again_with_its_number_and_without_its_responses(
    writer: FlaskClient, database: Database
) -> None:
    make_all(writer)
    body = {
        "id": "a",
        "assessment_id": "assessments-1",
        "student_id": "students-1",
        "responses": [{"item_id": "items-1", "answer": 0.75}],
    }
    assert writer.post("/api/v1/attempts", json=body).status_code == 201
    assert writer.delete("/api/v1/attempts/a", headers={"If-Match": "*"}).status_code == 204
    (result,) = sent(writer, [row("students-1", id="a", assessment_id="assessments-1")])
    assert result["status"] == "created"
    assert attempt(writer, "a")["number"] == 1
    assert writer.get("/api/v1/attempts/a/responses").json["responses"] == []
    assert database.read("SELECT action FROM changes WHERE resource = 'attempts' ORDER BY id DESC LIMIT 1") == (
        ("restore",),
    )


REFUSED: dict[str, dict[str, Any]] = {
    "no such assessment": {"assessment_id": "nothing"},
    "no such student": {"student_id": "nobody"},
    "no student": {"student_id": "users-1"},
    "not enrolled": {"student_id": "outside"},
    "enrolled as a teacher": {"student_id": "helper"},
    "withdrawn": {"student_id": "gone"},
    "used up": {"assessment_id": "assessments-1"},
    "too many points": {"score": 100},
    "too many points for any": {"score": 99_999},
    "submitted before it began": {"started_at": "2026-09-21T00:00:00Z"},
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_row_is_refused_for_what_a_single_request_is(writer: FlaskClient, case: str) -> None:
    (student,) = fill(writer, 1)
    for name in ("outside", "helper", "gone"):
        make(writer, "students", name)
    make(writer, "enrollments", "e-helper", user_id="helper", role="teacher")
    make(writer, "enrollments", "e-gone", user_id="gone", withdrawn_on="2026-09-20")
    sent(writer, [row(student, assessment_id="assessments-1")] * 2)
    body = {**row(student), **REFUSED[case]}
    single = writer.post("/api/v1/attempts", json=body).json
    bulk = send(writer, [body]).json
    assert bulk["status"] == 422
    (error,) = bulk["errors"]
    if single["status"] == 422:
        assert (error["name"], error["detail"]) == (
            f"attempts.0.{single['errors'][0]['name']}",
            single["errors"][0]["detail"],
        )
    else:
        assert (single["status"], error["detail"]) == (409, single["detail"])


def test_the_number_of_attempts_allowed_holds_within_one_request(writer: FlaskClient) -> None:
    (student,) = fill(writer, 1)
    results = sent(writer, [row(student, assessment_id="assessments-1")] * 3, mode="each")
    assert [one["status"] for one in results] == ["created", "created", "invalid"]


def test_ten_times_the_rows_take_hardly_more_statements(writer: FlaskClient, statements: list[str]) -> None:
    students = fill(writer, 500)

    def asked(rows: list[dict[str, Any]]) -> int:
        statements.clear()
        sent(writer, rows)
        return len(statements)

    few = asked([row(one) for one in students])
    many = asked([row(one, id=f"{one}-{at}") for at in range(10) for one in students])
    again = asked([row(one, id=f"{one}-{at}", score=6) for at in range(10) for one in students])
    away = asked([row(one, id=f"{one}-{at}", score=None) for at in range(10) for one in students])
    assert few < 30
    # a statement has half a megabyte at most
    assert many < few + 15
    assert again < few + 25
    assert away < few + 25


def test_a_repeated_request_has_its_effect_once(writer: FlaskClient, database: Database) -> None:
    (student,) = fill(writer, 1)
    body = {"attempts": [row(student)]}
    answers = [
        writer.post("/api/v1/bulk/attempts", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert count(database) == 1


def test_bodies_and_rows_have_their_limits(writer: FlaskClient) -> None:
    (student,) = fill(writer, 1)
    assert send(writer, [row(student)] * (ROWS_MOST + 1)).status_code == 422
    assert send(writer, []).status_code == 422
    too_large = writer.post(
        "/api/v1/bulk/attempts", data=b" " * (MOST_BODY_BYTES + 1), content_type="application/json"
    )
    assert too_large.status_code == 413
    # more than other routes take
    rows = [
        row(student, id=f"{at:064}", started_at="2026-09-20T09:00:00.123456+00:00") for at in range(ROWS_MOST)
    ]
    assert {one["status"] for one in sent(writer, rows)} == {"created"}


def test_requests_that_write_the_same_rows_at_once_wait_for_each_other(
    writer: FlaskClient, database: Database
) -> None:
    students = fill(writer, 40)

    def work(at: int) -> set[str]:
        order = students if at % 2 else students[::-1]
        rows = [row(one, id=f"shared-{one}", score=at) for one in order] + [row(one) for one in order]
        return {one["status"] for one in sent(another(writer), rows)}

    with ThreadPoolExecutor(4) as pool:
        statuses = set().union(*pool.map(work, range(12)))
    assert statuses <= {"created", "updated", "unchanged"}
    numbers = database.read(
        "SELECT student_id, MIN(number), MAX(number), COUNT(*) FROM attempts GROUP BY student_id"
    )
    assert len(numbers) == len(students)
    assert {tuple(rest) for _, *rest in numbers} == {(1, 13, 13)}


def test_numbers_have_no_gaps_where_bulk_and_single_requests_run_at_once(
    writer: FlaskClient, database: Database
) -> None:
    students = fill(writer, 3)

    def work(at: int) -> None:
        client = another(writer)
        if at % 2:
            sent(client, [row(one) for one in students for _ in range(3)])
        else:
            for one in students:
                assert client.post("/api/v1/attempts", json=row(one)).status_code == 201

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    numbers = database.read("SELECT MIN(number), MAX(number), COUNT(*) FROM attempts GROUP BY student_id")
    assert numbers == ((1, 24, 24),) * 3
    assert database.read("SELECT COUNT(*) FROM changes WHERE resource = 'attempts'") == ((72,),)
