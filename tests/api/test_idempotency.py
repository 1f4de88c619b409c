"""Each POST under an Idempotency-Key has its effect once, and one answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from studentapi.gradebook import tokens
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from tests.api.school import BODIES, make_all
from tests.clients import another, bearer
from tests.processes import eventually

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from studentapi.mysql.database import Database
    from tests.servers import Server

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
SCHOOLS = "/api/v1/schools"


def count(database: Database) -> int:
    return int(database.read("SELECT COUNT(*) FROM schools")[0][0])


@pytest.mark.parametrize("plural", BODIES)
def test_the_same_request_again_has_the_same_answer_and_no_further_effect(
    writer: FlaskClient, database: Database, plural: str
) -> None:
    make_all(writer, plural)
    body = BODIES[plural] | ({"user_id": "users-1", "role": "teacher"} if plural == "enrollments" else {})
    first = writer.post(f"/api/v1/{plural}", json=body, headers=KEY)
    again = writer.post(f"/api/v1/{plural}", json=body, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.data == again.data
    assert [first.headers[name] for name in ("ETag", "Location", "Content-Type")] == [
        again.headers[name] for name in ("ETag", "Location", "Content-Type")
    ]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    table = "users" if plural == "students" else plural
    of_role = " WHERE role = 'student'" if plural == "students" else ""
    assert database.read(f"SELECT COUNT(*) FROM {table}{of_role}") == ((2,),)


def test_another_request_under_the_same_key_is_refused(writer: FlaskClient, database: Database) -> None:
    writer.post(SCHOOLS, json={"name": "One"}, headers=KEY)
    for path, body in ((SCHOOLS, {"name": "Two"}), ("/api/v1/students", BODIES["students"])):
        answer = writer.post(path, json=body, headers=KEY)
        assert (answer.status_code, answer.json["type"]) == (422, "urn:studentapi:idempotency-key-reused")
    assert count(database) == 1


def test_keys_of_different_tokens_are_different_keys(writer: FlaskClient, database: Database) -> None:
    other = bearer(writer.application, tokens.create(database, ("write",)).secret)
    answers = [one.post(SCHOOLS, json={"name": "One"}, headers=KEY).json["id"] for one in (writer, other)]
    assert len(set(answers)) == count(database) == 2


def test_a_refusal_is_not_kept(writer: FlaskClient, database: Database) -> None:
    student = BODIES["students"]
    assert writer.post("/api/v1/students", json=student, headers=KEY).status_code == 422
    make_all(writer, "schools")
    assert writer.post("/api/v1/students", json=student, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(writer: FlaskClient, database: Database, key: str) -> None:
    answer = writer.post(
        SCHOOLS, json={"name": "One"}, headers={"Idempotency-Key": key.encode().decode("latin-1")}
    )
    assert answer.status_code == 400
    assert count(database) == 0


def test_while_the_first_is_at_work_the_second_is_told_so(
    writer: FlaskClient, database: Database, server: Server
) -> None:
    with (
        closing(open_connection(Address.parse(server.admin_url))) as holding,
        ThreadPoolExecutor(1) as pool,
    ):
        holding.fetch("LOCK TABLES studentapi_test.schools WRITE")
        first = pool.submit(another(writer).post, SCHOOLS, json={"name": "One"}, headers=KEY)
        waiting = "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'INSERT INTO schools%'"
        eventually(lambda: bool(server.execute(waiting)))
        second = writer.post(SCHOOLS, json={"name": "One"}, headers=KEY)
        assert (second.status_code, second.json["type"]) == (409, "urn:studentapi:still-running")
        assert second.headers["Retry-After"] == "1"
        holding.fetch("UNLOCK TABLES")
        assert first.result().status_code == 201
    assert writer.post(SCHOOLS, json={"name": "One"}, headers=KEY).data == first.result().data
    assert count(database) == 1


def test_many_at_once_under_one_key_have_one_effect(writer: FlaskClient, database: Database) -> None:
    start = threading.Barrier(8)

    def ask(number: int) -> tuple[int, bytes]:
        start.wait()
        answer = another(writer).post(SCHOOLS, json={"name": "One"}, headers={"Idempotency-Key": f"key-{number}"})
        return answer.status_code, answer.data

    for number in range(10):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, [number] * 8))
        assert {status for status, _ in answers} <= {201, 409}
        assert len({data for status, data in answers if status == 201}) == 1
        assert count(database) == number + 1
