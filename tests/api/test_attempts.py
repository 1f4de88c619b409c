"""Attempts through the API: started, saved, submitted, graded, exempt; recorded, replaced, changed, deleted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.gradebook import documents
from tests.api.school import make, make_all
from tests.clients import another

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from studentapi.mysql.database import Database

ANY = {"If-Match": "*"}
PATH = "/api/v1/attempts"
WHOSE = {"assessment_id": "assessments-1", "student_id": "students-1"}
RIGHT, WRONG = {"item_id": "items-1", "answer": 0.75}, {"item_id": "items-1", "answer": 0.5}


@pytest.fixture
def school(writer: FlaskClient) -> FlaskClient:
    """A client of a school with an assessment of 10 points, due on 2026-10-01, with one item of 4 points."""
    make_all(writer)
    change(writer, "assessments", attempts_allowed=None)
    return writer


def change(client: FlaskClient, plural: str, **values: Any) -> TestResponse:
    return client.patch(f"/api/v1/{plural}/{plural}-1", json=values, headers=ANY)


def started(client: FlaskClient, public_id: str = "x", **told: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={**WHOSE, "id": public_id, **told})
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json or {}
    return made


def step(client: FlaskClient, name: str, body: Any = None, public_id: str = "x") -> dict[str, Any]:
    answer = client.post(f"{PATH}/{public_id}/{name}", json=body)
    assert answer.status_code == 200, answer.json
    done: dict[str, Any] = answer.json or {}
    return done


def save(client: FlaskClient, *responses: dict[str, Any], public_id: str = "x") -> TestResponse:
    return client.put(f"{PATH}/{public_id}/responses", json={"responses": responses}, headers=ANY)


def counted(client: FlaskClient) -> Any:
    """The student's percent in the assessment, as the chapter's figures have it."""
    answer = client.get("/api/v1/students/students-1/chapters/chapters-1/assessment-data")
    (assessment,) = answer.json["assessments"]
    assert answer.json["summary"]["mean_percent"] == assessment["percent"]
    return assessment["percent"]


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["type"].removeprefix("urn:studentapi:")


def invalid(answer: TestResponse) -> list[str]:
    assert answer.status_code == 422, answer.json
    return [error["name"] for error in answer.json["errors"]]


def test_an_attempt_is_started_answered_submitted_and_graded(school: FlaskClient) -> None:
    begun = school.post(PATH, json=WHOSE)
    assert begun.status_code == 201
    assert begun.json.items() >= {**WHOSE, "number": 1, "state": "in_progress", "score": None}.items()
    assert begun.json["started_at"] == begun.json["created_at"]
    there = school.get(begun.headers["Location"])
    assert (there.json, there.headers["ETag"]) == (begun.json, begun.headers["ETag"])
    attempt = begun.json["id"]

    saved = save(school, RIGHT, public_id=attempt)
    ungraded = {**RIGHT, "points": None, "is_correct": None, "points_max": 4}
    assert saved.json == {"attempt_id": attempt, "responses": [ungraded]}
    shown = school.get(f"{PATH}/{attempt}/responses")
    assert (shown.json, shown.headers["ETag"]) == (saved.json, saved.headers["ETag"])
    assert counted(school) is None

    graded = step(school, "submit", public_id=attempt)
    assert graded == school.get(f"{PATH}/{attempt}").json
    assert (graded["state"], graded["score"], graded["percent"], graded["is_late"]) == ("graded", 4, 40, True)
    shown = school.get(f"{PATH}/{attempt}/responses")
    assert shown.json["responses"] == [{**ungraded, "points": 4, "is_correct": True}]
    assert counted(school) == 40


def test_what_a_machine_cannot_grade_waits_for_a_person(school: FlaskClient) -> None:
    make(school, "items", "essay", kind="essay", answer_key=None, points=5, position=2)
    started(school)
    save(school, RIGHT, {"item_id": "essay", "answer": "It is three quarters."})
    assert step(school, "submit")["state"] == "submitted"
    assert counted(school) is None
    assert step(school, "grade", {})["state"] == "submitted", "the essay has no points yet"
    graded = step(school, "grade", {"points": [{"item_id": "essay", "points": 3.5}]})
    assert (graded["state"], graded["score"], counted(school)) == ("graded", 7.5, 75)
    assert step(school, "grade", {"points": [{"item_id": "essay", "points": 5}]})["score"] == 9
    assert step(school, "grade", {"score": 12})["percent"] == counted(school) == 120, "bonus points"


@pytest.mark.parametrize(
    ("points", "name"),
    [
        ([{"item_id": "essay", "points": 5.0001}], "points.0.points"),
        ([{"item_id": "items-1", "points": 1}], "points.0.item_id"),
        ([{"item_id": "none", "points": 1}], "points.0.item_id"),
        ([{"item_id": "essay", "points": 1}] * 2, "points.1.item_id"),
        ([{"item_id": "essay", "points": -1}], "points.0.points"),
    ],
)
def test_points_are_within_the_item_and_for_what_a_person_grades(
    school: FlaskClient, points: list[Any], name: str
) -> None:
    make(school, "items", "essay", kind="essay", answer_key=None, points=5, position=2)
    started(school, responses=[RIGHT])
    assert invalid(school.post(f"{PATH}/x/grade", json={"points": points})) == [name]
    assert invalid(school.post(f"{PATH}/x/grade", json={"points": [], "score": 1})) == ["points"]


@pytest.mark.parametrize(
    ("responses", "name"),
    [
        ([{"item_id": "none", "answer": 1}], "responses.0.item_id"),
        ([{"item_id": "elsewhere", "answer": 1}], "responses.0.item_id"),
        ([RIGHT, WRONG], "responses.1.item_id"),
        ([{"item_id": "items-1", "answer": "three quarters"}], "responses.0.answer"),
        ([{"item_id": "items-1", "answer": {"value": 1}}], "responses.0.answer"),
        ([{"item_id": "items-1"}], "responses.0.answer"),
        ([{"item_id": 7, "answer": 1}], "responses.0.item_id"),
    ],
)
def test_a_response_that_cannot_be_is_named(school: FlaskClient, responses: list[Any], name: str) -> None:
    make(school, "assessments", "another")
    make(school, "items", "elsewhere", assessment_id="another")
    started(school)
    assert invalid(save(school, *responses)) == [name]
    assert invalid(school.post(PATH, json={**WHOSE, "responses": responses})) == [name]
    assert school.get(f"{PATH}/x/responses").json["responses"] == []


def test_saving_keeps_the_answers_to_other_items(school: FlaskClient) -> None:
    make(school, "items", "other", position=2)
    started(school)
    save(school, {**RIGHT, "item_id": "other"}, WRONG)
    save(school, RIGHT)
    found = school.get(f"{PATH}/x/responses").json["responses"]
    assert [(one["item_id"], one["answer"]) for one in found] == [("items-1", 0.75), ("other", 0.75)]
    save(school, {"item_id": "items-1", "answer": None})
    assert school.get(f"{PATH}/x/responses").json["responses"][0]["answer"] is None


def test_who_saves_over_answers_has_to_have_seen_them(school: FlaskClient) -> None:
    started(school)
    path, body = f"{PATH}/x/responses", {"responses": [RIGHT]}
    first = school.put(path, json=body)
    assert first.status_code == 200, "there is nothing to save over"
    assert school.put(path, json=body).status_code == 428
    assert school.put(path, json=body, headers={"If-Match": '"another"'}).status_code == 412
    seen = {"If-Match": first.headers["ETag"]}
    assert school.put(path, json={"responses": [WRONG]}, headers=seen).status_code == 200
    assert school.put(path, json=body, headers=seen).status_code == 412


def test_steps_heed_an_entity_tag(school: FlaskClient) -> None:
    made = started(school)
    tag = school.get(f"{PATH}/x").headers["ETag"]
    save(school, RIGHT)
    assert school.post(f"{PATH}/x/submit", headers={"If-Match": tag}).status_code == 412
    assert school.get(f"{PATH}/x").json["updated_at"] > made["updated_at"], "its responses are part of it"
    assert step(school, "submit")["state"] == "graded"


@pytest.mark.parametrize(
    ("told", "state", "score", "late"),
    [
        ({"started_at": "2026-09-01T08:00:00Z"}, "in_progress", None, False),
        ({"submitted_at": "2026-10-01T12:00:00Z"}, "submitted", None, False),
        ({"submitted_at": "2026-10-01T12:00:00.000001Z"}, "submitted", None, True),
        ({"submitted_at": "2026-10-01T14:00:00+02:00", "score": 7}, "graded", 7, False),
        ({"score": 7}, "graded", 7, False),
        ({"submitted_at": "2026-09-30T12:00:00Z", "responses": [RIGHT]}, "graded", 4, False),
        ({"responses": []}, "graded", 0, True),
        ({"responses": [WRONG], "score": 3.5}, "graded", 3.5, True),
        ({"exempt": True}, "exempt", None, False),
        ({"exempt": True, "score": 5}, "exempt", 5, False),
    ],
)
def test_what_happened_elsewhere_is_recorded(
    school: FlaskClient, told: dict[str, Any], state: str, score: float | None, late: bool
) -> None:
    made = started(school, **told)
    assert (made["state"], made["score"], made["is_late"]) == (state, score, late)
    assert made["percent"] == (None if score is None else score * 10)
    assert made == school.get(f"{PATH}/x").json
    assert isinstance(made["number"], int)
    assert counted(school) == (made["percent"] if state == "graded" else None)


def test_recording_takes_as_many_statements_for_ten_responses_as_for_one(
    school: FlaskClient, statements: list[str]
) -> None:
    answers = []
    for one in range(10):
        make(school, "items", f"i{one}", position=one + 2)
        answers.append({"item_id": f"i{one}", "answer": 0.75})
    taken = []
    for responses in (answers[:1], answers):
        statements.clear()
        headers = {"Idempotency-Key": str(len(responses))}
        answer = school.post(PATH, json={**WHOSE, "responses": responses}, headers=headers)
        assert answer.json["score"] == 4 * len(responses)
        taken.append(len(statements))
    # BEGIN and COMMIT, 2 for the key, one for all locks, the attempt, its responses, the audit, the result
    assert taken == [9, 9]


def test_the_whole_record_is_replaced_by_its_id(school: FlaskClient) -> None:
    path = f"{PATH}/mine"
    made = school.put(path, json={**WHOSE, "responses": [RIGHT], "submitted_at": "2026-09-30T12:00:00Z"})
    assert (made.status_code, made.json["number"], made.json["score"]) == (201, 1, 4)
    body = {**WHOSE, "submitted_at": "2026-09-30T12:00:00Z", "score": 9}
    assert school.put(path, json=body).status_code == 428
    replaced = school.put(path, json=body, headers={"If-Match": made.headers["ETag"]})
    assert (replaced.status_code, replaced.json["score"], counted(school)) == (200, 9, 90)
    assert school.get(f"{PATH}/mine/responses").json["responses"][0]["points"] == 4, "they were not told"
    assert school.put(path, json=body, headers=ANY).json == replaced.json, "nothing differs"
    gone = school.put(path, json={**body, "responses": []}, headers=ANY)
    assert (gone.json["score"], school.get(f"{PATH}/mine/responses").json["responses"]) == (9, [])
    make(school, "students", "another")
    assert invalid(school.put(path, json={**body, "student_id": "another"}, headers=ANY)) == ["student_id"]


def test_a_record_is_mended_field_by_field(school: FlaskClient) -> None:
    started(school, submitted_at="2026-09-30T12:00:00Z", score=5)
    path = f"{PATH}/x"
    assert school.patch(path, json={"score": 6}).status_code == 428
    mended = school.patch(path, json={"score": 6}, headers=ANY).json
    assert (mended["percent"], counted(school)) == (60, 60)
    late = school.patch(path, json={"submitted_at": "2026-10-02T00:00:00Z"}, headers=ANY).json
    assert (late["is_late"], late["graded_at"]) == (True, mended["graded_at"])
    taken_back = school.patch(path, json={"score": None}, headers=ANY).json
    assert (taken_back["state"], taken_back["graded_at"], counted(school)) == ("submitted", None, None)
    assert invalid(school.patch(path, json={"started_at": "2026-10-03T00:00:00Z"}, headers=ANY)) == [
        "submitted_at"
    ]
    assert invalid(school.patch(path, json={"student_id": "students-1"}, headers=ANY)) == ["student_id"]


def test_a_clock_that_is_ahead_is_no_reason_to_refuse(school: FlaskClient) -> None:
    begun = started(school, started_at="2126-01-01T00:00:00Z")
    assert begun["started_at"] == "2126-01-01T00:00:00Z"
    handed_in = step(school, "submit")
    assert handed_in["state"] == "graded"
    assert handed_in["started_at"] == handed_in["submitted_at"] < begun["started_at"]
    assert handed_in == school.get(f"{PATH}/x").json
    assert school.patch(f"{PATH}/x", json={"score": 6}, headers=ANY).json["percent"] == 60


def test_submitting_leaves_the_time_of_the_start(school: FlaskClient) -> None:
    begun = started(school, started_at="2026-09-01T08:00:00Z")
    assert step(school, "submit")["started_at"] == begun["started_at"]


def test_a_deleted_attempt_counts_no_more_and_keeps_its_number(school: FlaskClient) -> None:
    change(school, "assessments", attempts_allowed=2)
    started(school, "a", score=9)
    started(school, "b", score=3)
    assert refusal(school.post(PATH, json=WHOSE)) == (409, "attempts-used-up")
    assert school.delete(f"{PATH}/a").status_code == 428
    assert school.delete(f"{PATH}/a", headers=ANY).status_code == 204
    assert (school.get(f"{PATH}/a").status_code, counted(school)) == (404, 30)
    assert school.post(f"{PATH}/a/submit").status_code == 404
    assert refusal(school.post(PATH, json={**WHOSE, "id": "a"})) == (409, "attempt-exists")
    again = school.put(f"{PATH}/a", json={**WHOSE, "score": 8})
    assert (again.status_code, again.json["number"], counted(school)) == (201, 1, 80)
    school.delete(f"{PATH}/a", headers=ANY)
    assert started(school, "c")["number"] == 3
    assert refusal(school.put(f"{PATH}/a", json=WHOSE)) == (409, "attempts-used-up")


def test_a_deleted_attempt_that_is_made_again_has_none_of_its_times(school: FlaskClient) -> None:
    change(school, "assessments", due_at="2026-09-02T00:00:00Z")
    former = started(school, "a", started_at="2026-09-01T08:00:00Z", submitted_at="2026-09-03T08:00:00Z", score=9)
    assert former["is_late"]
    told = {**WHOSE, "submitted_at": former["submitted_at"], "score": 9}
    school.delete(f"{PATH}/a", headers=ANY)
    again = school.put(f"{PATH}/a", json=told)
    assert (again.status_code, again.json["started_at"], again.json["is_late"]) == (201, None, True)
    assert again.json["graded_at"] > former["graded_at"]
    school.delete(f"{PATH}/a", headers=ANY)
    begun = school.put(f"{PATH}/a", json=WHOSE).json
    assert (begun["state"], begun["submitted_at"], begun["graded_at"]) == ("in_progress", None, None)
    assert begun["started_at"] > again.json["graded_at"]
    assert not begun["is_late"]


def test_an_exempt_attempt_does_not_count_until_it_is_reinstated(school: FlaskClient) -> None:
    started(school, score=9)
    assert (step(school, "exempt")["state"], counted(school)) == ("exempt", None)
    assert refusal(school.post(f"{PATH}/x/grade", json={"score": 1})) == (409, "attempt-exempt")
    assert (step(school, "reinstate")["state"], counted(school)) == ("graded", 90)


@pytest.mark.parametrize(
    ("enrollment", "code"),
    [
        (None, "not-enrolled"),
        ({"role": "teacher"}, "enrolled-as-teacher"),
        ({"withdrawn_on": "2026-09-30"}, "student-withdrawn"),
    ],
)
def test_only_who_is_enrolled_as_a_student_makes_attempts(
    school: FlaskClient, enrollment: dict[str, str] | None, code: str
) -> None:
    started(school, "before")
    path = "/api/v1/enrollments/enrollments-1"
    if enrollment is None:
        assert school.delete(path, headers=ANY).status_code == 204
    else:
        assert school.patch(path, json=enrollment, headers=ANY).status_code == 200
    told = {**WHOSE, "submitted_at": "2026-09-30T12:00:00Z"}
    assert refusal(school.post(PATH, json=told)) == (409, code)
    assert refusal(school.put(f"{PATH}/y", json=told)) == (409, code)
    assert step(school, "submit", public_id="before")["state"] == "graded", "what is there is still graded"


def test_what_was_handed_in_before_the_withdrawal_is_recorded(school: FlaskClient) -> None:
    change(school, "enrollments", withdrawn_on="2026-09-30")
    assert started(school, submitted_at="2026-09-29T23:59:59Z", score=1)["state"] == "graded"


@pytest.mark.parametrize("name", ["assessment_id", "student_id"])
def test_what_an_attempt_is_of_has_to_be_there(school: FlaskClient, name: str) -> None:
    assert invalid(school.post(PATH, json={**WHOSE, name: "none"})) == [name]
    assert invalid(school.put(f"{PATH}/x", json={**WHOSE, name: "none"})) == [name]


def test_a_score_that_no_percent_can_say_is_refused(school: FlaskClient) -> None:
    assert started(school, score=99.9999)["percent"] == 999.999
    assert refusal(school.post(PATH, json={**WHOSE, "score": 100})) == (409, "score-too-high")
    assert refusal(change(school, "assessments", points_max=1)) == (409, "score-too-high")
    assert invalid(school.post(PATH, json={**WHOSE, "score": -1})) == ["score"]


def test_a_start_that_is_repeated_under_its_key_is_one_attempt(school: FlaskClient) -> None:
    headers = {"Idempotency-Key": "start-1"}
    clients = [another(school) for _ in range(8)]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda one: one.post(PATH, json=WHOSE, headers=headers), clients))
    answers.append(school.post(PATH, json=WHOSE, headers=headers))
    made = [answer for answer in answers if answer.status_code == 201]
    assert {refusal(answer) for answer in answers if answer not in made} <= {(409, "still-running")}
    assert {answer.json["number"] for answer in made} == {1}
    assert made[-1].headers["Idempotent-Replayed"] == "true"
    assert len(school.get(PATH).json["items"]) == 1


def test_simultaneous_puts_of_one_attempt_make_it_once(school: FlaskClient) -> None:
    clients = [another(school) for _ in range(8)]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda one: one.put(f"{PATH}/x", json=WHOSE), clients))
    assert sorted(answer.status_code for answer in answers) == [201] + [428] * 7
    assert [one["number"] for one in school.get(PATH).json["items"]] == [1]


def test_each_write_is_in_the_audit_with_its_responses(school: FlaskClient, database: Database) -> None:
    started(school)
    save(school, RIGHT)
    step(school, "submit")
    school.delete(f"{PATH}/x", headers=ANY)
    rows = database.records(
        "SELECT action, row_before, row_after FROM changes WHERE resource = 'attempts' ORDER BY id"
    )
    told = [
        (row["action"], *(row[n] and documents.loads(row[n]) for n in ("row_before", "row_after")))
        for row in rows
    ]
    assert [action for action, _, _ in told] == ["create", "update", "update", "delete"]
    assert "responses" not in told[0][2]
    assert (told[1][1]["responses"], told[1][2]["responses"][0]["answer"]) == ([], 0.75)
    assert (told[2][2]["state"], told[2][2]["responses"][0]["points"]) == ("graded", 4)
    assert told[3][1]["score"] == 4
