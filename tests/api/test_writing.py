"""Every resource is made, replaced, changed and deleted by the same rules."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.gradebook import tokens, writing
from tests.api.school import BODIES, make, make_all
from tests.clients import another

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from studentapi.mysql.database import Database

ANY = {"If-Match": "*"}
TITLES = {"users": "name", "students": "name", "schools": "name", "items": "prompt", "enrollments": "enrolled_on"}
"""What a test changes; elsewhere it is the title."""

OPTIONAL = (
    "starts_on", "ends_on", "mastery_percent", "enrolled_on", "withdrawn_on", "weight", "due_at", "counted",
    "attempts_allowed", "answer_key",
)  # fmt: skip

every = pytest.mark.parametrize("plural", BODIES)


def part_of(plural: str) -> dict[str, Any]:
    name = TITLES.get(plural, "title")
    return {name: "2026-09-05" if name == "enrolled_on" else "Another"}


def before(client: FlaskClient, plural: str) -> None:
    """Make all that `plural` refers to."""
    for one in BODIES:
        if one == plural:
            return
        make(client, one)


@every
def test_post_makes_one_and_tells_where(writer: FlaskClient, plural: str) -> None:
    before(writer, plural)
    made = writer.post(f"/api/v1/{plural}", json=BODIES[plural])
    assert made.status_code == 201
    assert made.json.items() >= BODIES[plural].items()
    there = writer.get(made.headers["Location"])
    assert (there.json, there.headers["ETag"]) == (made.json, made.headers["ETag"])


@every
def test_put_makes_one_by_its_id_and_then_replaces_it(writer: FlaskClient, plural: str) -> None:
    before(writer, plural)
    path = f"/api/v1/{plural}/{plural}-1"
    made = writer.put(path, json=BODIES[plural])
    assert (made.status_code, made.json["id"]) == (201, f"{plural}-1")
    same = writer.put(path, json=BODIES[plural], headers=ANY)
    assert (same.status_code, same.json) == (200, made.json), "nothing differs, so nothing is written"
    replaced = writer.put(path, json=BODIES[plural] | part_of(plural), headers=ANY)
    assert replaced.status_code == 200
    assert replaced.json.items() >= part_of(plural).items()
    assert replaced.json["created_at"] == made.json["created_at"]
    assert replaced.json["updated_at"] > made.json["updated_at"]


@every
def test_patch_changes_what_it_names_alone(writer: FlaskClient, plural: str) -> None:
    make_all(writer, plural)
    path = f"/api/v1/{plural}/{plural}-1"
    old = writer.get(path).json or {}
    new = writer.patch(path, json=part_of(plural), headers=ANY)
    assert new.status_code == 200
    assert new.json == {**old, **part_of(plural), "updated_at": new.json["updated_at"]}
    assert writer.get(path).json == new.json
    assert writer.patch(path, json={}, headers=ANY).json == new.json


@every
def test_what_is_deleted_is_gone_until_it_is_put_again(writer: FlaskClient, plural: str) -> None:
    make_all(writer, plural)
    path = f"/api/v1/{plural}/{plural}-1"
    gone = writer.delete(path, headers=ANY)
    assert (gone.status_code, gone.data) == (204, b"")
    assert "Content-Type" not in gone.headers
    assert writer.get(path).status_code == writer.delete(path, headers=ANY).status_code == 404
    assert writer.patch(path, json=part_of(plural), headers=ANY).status_code == 404
    assert f"{plural}-1" not in [one["id"] for one in writer.get(f"/api/v1/{plural}").json["items"]]
    taken = writer.post(f"/api/v1/{plural}", json=BODIES[plural] | {"id": f"{plural}-1"})
    assert taken.status_code == 409
    assert "deleted" in taken.json["detail"]
    assert writer.put(path, json=BODIES[plural]).status_code == 201
    assert writer.get(path).json.items() >= BODIES[plural].items()


@every
def test_an_id_that_is_taken_is_a_conflict(writer: FlaskClient, plural: str) -> None:
    make_all(writer, plural)
    taken = writer.post(f"/api/v1/{plural}", json=BODIES[plural] | {"id": f"{plural}-1"})
    assert taken.status_code == 409
    assert taken.json["type"].endswith("-exists")


@every
def test_what_it_refers_to_has_to_be_there_and_stays(writer: FlaskClient, plural: str) -> None:
    make_all(writer, plural)
    for name in [name for name in BODIES[plural] if name.endswith("_id")]:
        missing = writer.post(f"/api/v1/{plural}", json=BODIES[plural] | {name: "no-such"})
        assert missing.status_code == 422
        assert [error["name"] for error in missing.json["errors"]] == [name]
        if name != "chapter_id":
            path = f"/api/v1/{plural}/{plural}-1"
            settled = writer.patch(path, json={name: "no-such"}, headers=ANY)
            assert (settled.status_code, settled.json["errors"][0]["name"]) == (422, name)


@every
def test_a_body_with_a_field_too_many_or_too_few_is_refused_by_its_name(writer: FlaskClient, plural: str) -> None:
    make_all(writer)
    body = BODIES[plural]
    path = f"/api/v1/{plural}/{plural}-2"
    for name in ("shoe_size", "created_at"):
        answer = writer.put(path, json={**body, name: None})
        assert (answer.status_code, answer.json["errors"][0]["name"]) == (422, name)
    for name in body:
        required = name not in OPTIONAL
        less = {other: body[other] for other in body if other != name}
        if required:
            assert writer.put(path, json=less).json["errors"][0]["name"] == name
        wrong_values: tuple[object, ...] = ([], True, "\ud800")
        for bad in wrong_values:
            # json writes a lone surrogate, as some clients do
            wrong = json.dumps({**body, name: bad})
            answer = writer.put(path, data=wrong, content_type="application/json")
            assert answer.status_code in (400, 422), (name, bad)
    assert writer.get(path).status_code == 404


def test_what_others_refer_to_is_deleted_only_with_them(writer: FlaskClient, database: Database) -> None:
    make_all(writer)
    refused = writer.delete("/api/v1/schools/schools-1", headers=ANY)
    assert refused.status_code == 409
    assert refused.json["used_by"] == ["courses", "users"]
    assert writer.delete("/api/v1/schools/schools-1?cascade=true", headers=ANY).status_code == 204
    for plural in BODIES:
        assert writer.get(f"/api/v1/{plural}").json["items"] == []
        assert [one["id"] for one in writer.get(f"/api/v1/{plural}?include_deleted=true").json["items"]]
    deleted = database.read("SELECT resource FROM changes WHERE action = 'delete' ORDER BY id")
    assert deleted[-1] == ("schools",)
    assert len(deleted) == len(BODIES)


def test_a_school_is_deleted_with_all_that_its_students_have_answered(
    writer: FlaskClient, database: Database
) -> None:
    make_all(writer)
    body = {
        "assessment_id": "assessments-1", "student_id": "students-1", "submitted_at": "2026-09-30T00:00:00Z",
        "responses": [{"item_id": "items-1", "answer": 0.75}],
    }  # fmt: skip
    assert writer.post("/api/v1/attempts", json=body).status_code == 201
    assert writer.delete("/api/v1/schools/schools-1?cascade=true", headers=ANY).status_code == 204
    assert writer.get("/api/v1/attempts").json["items"] == []
    assert database.read("SELECT COUNT(*) FROM results") == ((0,),)


def test_a_deletion_takes_along_all_that_is_reached_by_two_ways_or_is_refused(
    writer: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(writer, "schools")
    for plural in ("courses", "classes"):
        make(writer, plural)
    make(writer, "schools", "schools-2")
    for number in range(6):
        school = "schools-2" if number == 5 else "schools-1"
        make(writer, "students", f"s{number}", school_id=school)
        make(writer, "enrollments", f"e{number}", user_id=f"s{number}")
    monkeypatch.setattr(writing, "CASCADE_MOST", 12)
    refused = writer.delete("/api/v1/schools/schools-1?cascade=true", headers=ANY)
    assert (refused.status_code, refused.json["type"]) == (409, "urn:studentapi:too-many-to-delete")
    monkeypatch.setattr(writing, "CASCADE_MOST", 13)
    assert writer.delete("/api/v1/schools/schools-1?cascade=true", headers=ANY).status_code == 204
    assert writer.get("/api/v1/enrollments").json["items"] == []
    assert [one["id"] for one in writer.get("/api/v1/users").json["items"]] == ["s5"]


def test_who_is_deleted_has_no_token_any_more_and_nor_has_who_comes_next(
    writer: FlaskClient, database: Database
) -> None:
    make_all(writer, "students")
    tokens.create(database, student_id="students-1")
    writer.delete("/api/v1/students/students-1", headers=ANY)
    make(writer, "students")
    assert [token.revoked_at is None for token in tokens.all_tokens(database) if token.student_id] == [False]


def test_nothing_is_made_beneath_what_is_being_deleted(writer: FlaskClient, database: Database) -> None:
    """A deletion and the making of a child at one time: one of them is refused, whichever comes second."""
    for number in range(20):
        make(writer, "schools", f"school-{number}")

    def delete(number: int) -> int:
        return another(writer).delete(f"/api/v1/schools/school-{number}", headers=ANY).status_code

    def fill(number: int) -> int:
        body = {"school_id": f"school-{number}", "name": "Ann"}
        return another(writer).put(f"/api/v1/students/student-{number}", json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        deleted = [pool.submit(delete, number) for number in range(20)]
        filled = [pool.submit(fill, number) for number in range(20)]
    outcomes = {(one.result(), other.result()) for one, other in zip(deleted, filled, strict=True)}
    assert outcomes <= {(204, 422), (409, 201)}
    orphans = database.read(
        "SELECT COUNT(*) FROM users JOIN schools ON schools.id = users.school_id"
        " WHERE users.deleted_at IS NULL AND schools.deleted_at IS NOT NULL"
    )
    assert orphans == ((0,),)


def test_a_chapter_of_another_course_is_refused(writer: FlaskClient) -> None:
    make_all(writer)
    make(writer, "courses", "courses-2")
    make(writer, "chapters", "chapters-2", course_id="courses-2")
    answer = writer.patch("/api/v1/assessments/assessments-1", json={"chapter_id": "chapters-2"}, headers=ANY)
    assert (answer.status_code, answer.json["errors"][0]["name"]) == (422, "chapter_id")


def test_a_user_is_enrolled_in_a_class_once(writer: FlaskClient) -> None:
    make_all(writer)
    again = writer.post("/api/v1/enrollments", json=BODIES["enrollments"])
    assert (again.status_code, again.json["type"]) == (409, "urn:studentapi:enrollment-exists")
    assert "enrollments-1" in again.json["detail"]


def test_only_a_student_is_enrolled_as_one(writer: FlaskClient) -> None:
    make_all(writer)
    for role, status in (("student", 422), ("teacher", 201)):
        body = {"class_id": "classes-1", "user_id": "users-1", "role": role}
        answer = writer.post("/api/v1/enrollments", json=body)
        assert answer.status_code == status
        assert status == 201 or answer.json["errors"][0]["name"] == "role"


def test_a_teacher_is_no_student(writer: FlaskClient) -> None:
    make_all(writer)
    assert writer.get("/api/v1/students/users-1").status_code == 404
    answer = writer.put("/api/v1/students/users-1", json=BODIES["students"], headers=ANY)
    assert answer.status_code in (409, 412)
    assert writer.get("/api/v1/users/users-1").json["role"] == "teacher"


def test_each_write_is_written_down_with_who_and_what(writer: FlaskClient, database: Database) -> None:
    make(writer, "schools")
    writer.patch("/api/v1/schools/schools-1", json={"name": "Another"}, headers={**ANY, "X-Request-ID": "r-1"})
    writer.patch("/api/v1/schools/schools-1", json={"name": "Another"}, headers=ANY)
    writer.delete("/api/v1/schools/schools-1", headers=ANY)
    writer.put("/api/v1/schools/schools-1", json={"name": "Third"})
    rows = database.read(
        "SELECT action, JSON_VALUE(row_before, '$.name'), JSON_VALUE(row_after, '$.name'), resource_id,"
        " token = (SELECT public_id FROM tokens) FROM changes ORDER BY id"
    )
    assert rows == (
        ("create", None, "School", "schools-1", 1),
        ("update", "School", "Another", "schools-1", 1),
        ("delete", "Another", None, "schools-1", 1),
        ("restore", None, "Third", "schools-1", 1),
    )
    assert database.read("SELECT request_id FROM changes WHERE action = 'update'") == (("r-1",),)
