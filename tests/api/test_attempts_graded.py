"""Automatic grading through the API: every kind of item, and what a change of an item does to what is graded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.school import make, make_all

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

ANY = {"If-Match": "*"}
PATH = "/api/v1/attempts"
WHOSE = {"assessment_id": "assessments-1", "student_id": "students-1"}
CHOICES = [{"id": one, "text": one.upper()} for one in "abcd"]


@pytest.fixture
def school(writer: FlaskClient) -> FlaskClient:
    """A client of a school with an assessment of 10 points and no items."""
    make_all(writer, "assessments")
    path = "/api/v1/assessments/assessments-1"
    assert writer.patch(path, json={"attempts_allowed": None}, headers=ANY).status_code == 200
    return writer


def change(client: FlaskClient, item: str, **values: Any) -> TestResponse:
    return client.patch(f"/api/v1/items/{item}", json=values, headers=ANY)


def recorded(client: FlaskClient, **answers: Any) -> dict[str, Any]:
    responses = [{"item_id": item, "answer": answer} for item, answer in answers.items()]
    answer = client.post(PATH, json={**WHOSE, "responses": responses})
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json or {}
    return made


def read(client: FlaskClient, attempt: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"{PATH}/{attempt['id']}").json or {}
    return answer


def points(client: FlaskClient, attempt: dict[str, Any]) -> dict[str, Any]:
    found = client.get(f"{PATH}/{attempt['id']}/responses").json["responses"]
    return {one["item_id"]: (one["points"], one["is_correct"]) for one in found}


def counted(client: FlaskClient) -> Any:
    answer = client.get("/api/v1/students/students-1/chapters/chapters-1/assessment-data")
    return answer.json["assessments"][0]["percent"]


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["type"].removeprefix("urn:studentapi:")


@pytest.mark.parametrize(
    ("item", "answer", "earned", "is_correct"),
    [
        (("single_choice", {"choices": CHOICES, "correct": ["b"]}), "b", 4, True),
        (("single_choice", {"choices": CHOICES, "correct": ["b"]}), "c", 0, False),
        (("multiple_choice", {"choices": CHOICES, "correct": ["a", "b"]}), ["b", "a"], 4, True),
        (("multiple_choice", {"choices": CHOICES, "correct": ["a", "b"]}), ["a"], 0, False),
        (
            ("multiple_choice", {"choices": CHOICES, "correct": ["a", "b"], "partial": "per_choice"}),
            ["a"],
            2,
            False,
        ),
        (("true_false", {"correct": False}), False, 4, True),
        (("true_false", {"correct": False}), True, 0, False),
        (("numeric", {"value": 9.81, "tolerance": 0.01}), 9.82, 4, True),
        (("numeric", {"value": 9.81, "tolerance": 0.01}), 9.8201, 0, False),
        (("numeric", {"value": 9.81, "tolerance": 0.01}), "9.80", 4, True),
        (("short_text", {"accept": ["mitochondrion", "Mitochondria"]}), " MITOCHONDRIA ", 4, True),
        (("short_text", {"accept": ["Na"], "case_sensitive": True}), "na", 0, False),
        (("short_text", {"accept": ["Na"]}), None, 0, False),
    ],
)
def test_each_kind_is_graded_by_its_key(
    school: FlaskClient, item: tuple[str, dict[str, Any]], answer: Any, earned: float, is_correct: bool
) -> None:
    kind, key = item
    make(school, "items", kind=kind, answer_key=key, points=4)
    attempt = recorded(school, **{"items-1": answer})
    assert (attempt["state"], attempt["score"], attempt["percent"]) == ("graded", earned, earned * 10)
    assert points(school, attempt) == {"items-1": (earned, is_correct)}
    assert counted(school) == earned * 10


def test_an_item_that_was_not_answered_earns_nothing(school: FlaskClient) -> None:
    make(school, "items", "one")
    make(school, "items", "two")
    assert recorded(school, one=0.75)["score"] == 4


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("numeric", {"value": "many"}),
        ("numeric", {"correct": True}),
        ("single_choice", {"choices": CHOICES, "correct": ["a", "b"]}),
        ("essay", {"value": 1}),
    ],
)
def test_a_key_that_does_not_fit_its_kind_is_refused(school: FlaskClient, kind: str, key: Any) -> None:
    make(school, "items")
    made = school.put("/api/v1/items/another", json={**made_of(school), "kind": kind, "answer_key": key})
    changed = change(school, "items-1", kind=kind, answer_key=key)
    for answer in (made, changed):
        assert (answer.status_code, [one["name"] for one in answer.json["errors"]]) == (422, ["answer_key"])
        assert "many" not in answer.text


def made_of(client: FlaskClient) -> dict[str, Any]:
    row = client.get("/api/v1/items/items-1").json
    return {name: row[name] for name in ("assessment_id", "position", "prompt", "points")}


def test_another_key_grades_what_is_graded_anew(school: FlaskClient) -> None:
    make(school, "items", points=6)
    wrong, right, open_one = (
        recorded(school, **{"items-1": 0.5}),
        recorded(school, **{"items-1": 0.75}),
        begun(school),
    )
    given = recorded(school, **{"items-1": 0.75})
    assert school.post(f"{PATH}/{given['id']}/grade", json={"score": 9}).status_code == 200
    assert counted(school) == 90
    assert change(school, "items-1", answer_key={"value": 0.5}).status_code == 200
    assert [read(school, one)["score"] for one in (wrong, right, given)] == [6, 0, 9]
    assert [points(school, one)["items-1"] for one in (wrong, right, given)] == [
        (6, True),
        (0, False),
        (0, False),
    ]
    assert points(school, open_one) == {"items-1": (None, None)}, "it is not submitted yet"
    assert read(school, wrong)["updated_at"] > wrong["updated_at"]
    school.delete(f"{PATH}/{given['id']}", headers=ANY)
    assert counted(school) == 60
    assert change(school, "items-1", points=3).status_code == 200
    assert (read(school, wrong)["percent"], counted(school)) == (30, 30)


def begun(client: FlaskClient) -> dict[str, Any]:
    attempt: dict[str, Any] = client.post(PATH, json=WHOSE).json or {}
    body = {"responses": [{"item_id": "items-1", "answer": 0.5}]}
    assert client.put(f"{PATH}/{attempt['id']}/responses", json=body).status_code == 200
    return attempt


def test_points_that_a_person_gave_stay_with_the_item(school: FlaskClient) -> None:
    make(school, "items", kind="essay", answer_key=None, points=5)
    attempt = recorded(school, **{"items-1": "…"})
    body = {"points": [{"item_id": "items-1", "points": 4}]}
    assert school.post(f"{PATH}/{attempt['id']}/grade", json=body).json["score"] == 4
    assert refusal(change(school, "items-1", points=3.5)) == (409, "item-answered")
    assert change(school, "items-1", points=4).status_code == 200
    assert (read(school, attempt)["score"], points(school, attempt)) == (4, {"items-1": (4, None)})


ESSAY: dict[str, Any] = {"kind": "essay", "answer_key": None, "points": 8}


@pytest.fixture
def essay(school: FlaskClient) -> str:
    """An attempt whose essay was given 6 points, deleted."""
    make(school, "items", **ESSAY)
    attempt = recorded(school, **{"items-1": "…"})
    path = f"{PATH}/{attempt['id']}"
    body = {"points": [{"item_id": "items-1", "points": 6}]}
    assert school.post(f"{path}/grade", json=body).json["score"] == 6
    assert school.delete(path, headers=ANY).status_code == 204
    return path


def test_a_deleted_attempt_that_is_made_again_has_none_of_its_points(school: FlaskClient, essay: str) -> None:
    told = {**WHOSE, "responses": [{"item_id": "items-1", "answer": "…"}]}
    again = school.put(essay, json=told)
    assert (again.status_code, again.json["state"], again.json["score"]) == (201, "submitted", None)
    assert points(school, again.json or {}) == {"items-1": (None, None)}
    assert school.post(f"{essay}/grade", json={}).json["state"] == "submitted"
    assert counted(school) is None


def test_points_come_back_neither_with_the_attempt_nor_with_the_item(school: FlaskClient, essay: str) -> None:
    assert school.delete("/api/v1/items/items-1", headers=ANY).status_code == 204
    assert school.put(essay, json=WHOSE).json["state"] == "in_progress"
    make(school, "items", **ESSAY)
    shown = school.get(f"{essay}/responses")
    assert shown.json["responses"] == []
    body = {"responses": [{"item_id": "items-1", "answer": "…"}]}
    saved = school.put(f"{essay}/responses", json=body, headers={"If-Match": shown.headers["ETag"]})
    assert (saved.status_code, saved.json["responses"][0]["points"]) == (200, None)
    shown = school.get(f"{essay}/responses")
    assert (shown.json, shown.headers["ETag"]) == (saved.json, saved.headers["ETag"])
    assert school.post(f"{essay}/submit").json["state"] == "submitted"
    graded = school.post(f"{essay}/grade", json={}).json
    assert (graded["state"], graded["score"], counted(school)) == ("submitted", None, None)


def test_an_item_that_was_answered_keeps_its_kind_and_its_place_for_the_answers(school: FlaskClient) -> None:
    make(school, "items", kind="single_choice", answer_key={"choices": CHOICES, "correct": ["b"]})
    attempt = recorded(school, **{"items-1": "c"})
    fewer = {"choices": CHOICES[:2], "correct": ["b"]}
    assert refusal(change(school, "items-1", answer_key=fewer)) == (409, "item-answered")
    assert refusal(change(school, "items-1", kind="essay", answer_key=None)) == (409, "item-answered")
    assert refusal(school.delete("/api/v1/items/items-1", headers=ANY)) == (409, "item-answered")
    school.delete(f"{PATH}/{attempt['id']}", headers=ANY)
    assert change(school, "items-1", kind="essay", answer_key=None).status_code == 200
    assert school.delete("/api/v1/items/items-1", headers=ANY).status_code == 204


def test_a_key_that_is_taken_away_leaves_the_points(school: FlaskClient) -> None:
    make(school, "items")
    attempt = recorded(school, **{"items-1": 0.75})
    assert change(school, "items-1", answer_key=None).status_code == 200
    assert points(school, attempt) == {"items-1": (4, True)}
    body = {"points": [{"item_id": "items-1", "points": 1}]}
    assert school.post(f"{PATH}/{attempt['id']}/grade", json=body).json["score"] == 1
    assert change(school, "items-1", answer_key={"value": 0.75}).status_code == 200
    assert read(school, attempt)["score"] == 4, "with a key, the key grades"


def test_percents_and_results_follow_points_max_and_the_counted_attempt(school: FlaskClient) -> None:
    for score in (3, 9, 6):
        assert school.post(PATH, json={**WHOSE, "score": score}).status_code == 201
    path = "/api/v1/assessments/assessments-1"
    assert counted(school) == 90
    for rule, percent in (("first", 30), ("last", 60), ("mean", 60), ("best", 90)):
        assert school.patch(path, json={"counted": rule}, headers=ANY).status_code == 200
        assert counted(school) == percent
    assert school.patch(path, json={"points_max": 7}, headers=ANY).status_code == 200
    found = school.get(PATH).json["items"]
    assert sorted(one["percent"] for one in found) == [42.8571, 85.7143, 128.5714]
    assert counted(school) == 128.5714


def test_all_of_an_assessment_is_deleted_with_it(school: FlaskClient) -> None:
    make(school, "items")
    attempt = recorded(school, **{"items-1": 0.75})
    path = "/api/v1/assessments/assessments-1"
    assert refusal(school.delete(path, headers=ANY)) == (409, "assessment-in-use")
    assert school.delete(f"{path}?cascade=true", headers=ANY).status_code == 204
    assert school.get(f"{PATH}/{attempt['id']}/responses").status_code == 404


def test_no_answer_key_shows_in_what_is_said_of_attempts(school: FlaskClient) -> None:
    make(school, "items", kind="short_text", answer_key={"accept": ["Hafnium"]})
    attempt = recorded(school, **{"items-1": "iron"})
    said = [
        school.get(PATH),
        school.get(f"{PATH}/{attempt['id']}"),
        school.get(f"{PATH}/{attempt['id']}/responses"),
        school.post(PATH, json={**WHOSE, "responses": [{"item_id": "items-1", "answer": 7}]}),
        school.post(f"{PATH}/{attempt['id']}/grade", json={"points": [{"item_id": "items-1", "points": 9}]}),
        school.get("/api/v1/students/students-1/chapters/chapters-1/assessment-data"),
    ]
    assert [answer.status_code for answer in said] == [200, 200, 200, 422, 422, 200]
    assert not any("hafnium" in answer.text.lower() for answer in said)
