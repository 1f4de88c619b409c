"""Every source of an error is answered in one shape."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from pymysql import err

from studentapi.api.auth import public
from studentapi.api.problem_types import PREFIX, TYPES
from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from studentapi.mysql.errors import CommitUnknown, Crowded, DatabaseUnavailable, SessionLost, StatementTimeout
from studentapi.settings import Settings
from tests.api.reference import KINDS
from tests.clients import bearer, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apiflask import APIFlask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from studentapi.mysql.database import Database

    Ask = Callable[[FlaskClient], TestResponse]

SECRET = "geheim-93"
SCHOOLS = "/api/v1/schools"
SCHOOL = f"{SCHOOLS}/green-hill"
JSON = "application/json"
AGAIN = {one.name.replace("KIND", word): one.again for one in TYPES for word in KINDS}
STATUSES = {one.name.replace("KIND", word): one.status for one in TYPES for word in KINDS}
JARGON = re.compile(
    r"Traceback|Error\b|Exception|pydantic|werkzeug|orjson|pymysql|line \d+|char \d+|Input should|Extra inputs"
    r"|valid dictionary|validation|NoneType|\bdict\b|\bstr\b|SELECT|INSERT",
)


def _made_under_one_key(client: FlaskClient, name: str) -> TestResponse:
    return client.post(SCHOOLS, json={"name": name}, headers={"Idempotency-Key": "1"})


RAISED: dict[str, tuple[Exception, int]] = {
    "database-unavailable": (DatabaseUnavailable(2013, SECRET), 503),
    "database-unavailable, its session lost": (SessionLost(2013, SECRET), 503),
    "database-busy": (Crowded(2013, SECRET), 503),
    "commit-unknown": (CommitUnknown(2013, SECRET), 503),
    "statement-timeout": (StatementTimeout(3024, SECRET), 504),
    "internal-server-error, SQL": (err.ProgrammingError(1064, SECRET), 500),
    "internal-server-error, Python": (RuntimeError(SECRET), 500),
}
ASKED: dict[str, tuple[Ask, int]] = {
    "not-found": (lambda client: client.get("/nowhere"), 404),
    "not-found, an id that is none": (lambda client: client.get(f"{SCHOOLS}/a%20b"), 404),
    "not-found, bytes": (lambda client: client.get(f"{SCHOOLS}/%ff%00"), 404),
    "school-not-found": (lambda client: client.get(f"{SCHOOLS}/none"), 404),
    "method-not-allowed": (lambda client: client.delete(SCHOOLS), 405),
    "invalid-request, a parameter": (lambda client: client.get(f"{SCHOOLS}?nope=1&limit=x&sort=age"), 422),
    "invalid-request, a list in a parameter": (lambda client: client.get(f"{SCHOOLS}?fields=id,age"), 422),
    "invalid-request, twice": (lambda client: client.get(f"{SCHOOLS}?limit=1&limit=2"), 422),
    "invalid-value, a cursor": (lambda client: client.get(f"{SCHOOLS}?cursor=AAAA"), 422),
    "invalid-request, fields": (lambda client: client.post(SCHOOLS, json={"name": 7, "nope": {}}), 422),
    "invalid-request, no object": (lambda client: client.post(SCHOOLS, json=["name"]), 422),
    "invalid-request, null": (
        lambda client: client.patch(SCHOOL, data=b"null", content_type=JSON, headers={"If-Match": "*"}), 422,
    ),
    "invalid-request, a name twice": (
        lambda client: client.post(SCHOOLS, data=b'{"name": "a", "name": "b"}', content_type=JSON), 422,
    ),
    "invalid-value": (
        lambda client: client.post("/api/v1/courses", json={"school_id": "none", "title": "a"}), 422,
    ),
    "bad-request, no JSON": (lambda client: client.post(SCHOOLS, data=b"{'a'", content_type=JSON), 400),
    "bad-request, nothing": (lambda client: client.post(SCHOOLS, data=b"", content_type=JSON), 400),
    "bad-request, deep": (lambda client: client.post(SCHOOLS, data=b"[" * 9999, content_type=JSON), 400),
    "bad-request, deep and closed": (
        lambda client: client.post(SCHOOLS, data=b"[" * 300 + b"]" * 300, content_type=JSON), 400,
    ),
    "bad-request, half a surrogate pair": (
        lambda client: client.post(SCHOOLS, data=b'{"name": "\\ud800"}', content_type=JSON), 400,
    ),
    "bad-request, bytes in a query": (
        lambda client: client.get(SCHOOLS, environ_overrides={"QUERY_STRING": "a=\xff"}), 400,
    ),
    "bad-request, a key": (
        lambda client: client.post(SCHOOLS, json={"name": "a"}, headers={"Idempotency-Key": "a b"}), 400,
    ),
    "bad-request, a condition": (lambda client: client.get(SCHOOL, headers={"If-None-Match": "abc"}), 400),
    "school-exists": (lambda client: client.post(SCHOOLS, json={"id": "green-hill", "name": "a"}), 409),
    "school-in-use": (lambda client: client.delete(SCHOOL, headers={"If-Match": "*"}), 409),
    "idempotency-key-reused": (lambda client: [_made_under_one_key(client, name) for name in "ab"][1], 422),
    "length-required": (lambda client: client.get(SCHOOLS, headers={"Transfer-Encoding": "chunked"}), 411),
    "precondition-failed": (
        lambda client: client.put(SCHOOL, json={"name": "a"}, headers={"If-Match": '"0"'}), 412,
    ),
    "precondition-required": (lambda client: client.put(SCHOOL, json={"name": "a"}), 428),
    "content-too-large": (lambda client: client.post(SCHOOLS, data=b"x" * 2**20 + b"x", content_type=JSON), 413),
    "unsupported-media-type": (lambda client: client.post(SCHOOLS, data=b"x", content_type="text/plain"), 415),
}  # fmt: skip


@pytest.fixture
def made(database: Database, migrated_url: str) -> Iterator[APIFlask]:
    """The app, with a school that is in use."""
    app = create_app(settings_for(migrated_url))
    client = bearer(app, tokens.create(database, ("read", "write"), label="writer").secret)
    client.put(SCHOOL, json={"name": "Green Hill School"})
    client.put("/api/v1/courses/biology", json={"school_id": "green-hill", "title": "Biology"})
    yield app
    app.extensions[EXTENSION].database.close()


@pytest.fixture
def writer(made: APIFlask, database: Database) -> FlaskClient:
    return bearer(made, tokens.create(database, ("read", "write"), label="another").secret)


def assert_problem(answer: TestResponse, kind: str, status: int) -> None:
    """The one assertion."""
    kind = kind.partition(",")[0]
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    body: dict[str, Any] = answer.json  # type: ignore[assignment]
    assert body["type"] == PREFIX + kind
    assert body["status"] == status
    assert STATUSES[kind] == status
    assert body.keys() - {"errors", "used_by", "violated-policies"} == {"type", "title", "status", "detail"}
    assert all(isinstance(body[name], str) and body[name] for name in ("title", "detail"))
    assert not JARGON.search(answer.text.replace(body["title"], "")), answer.text
    assert SECRET not in answer.text
    assert answer.headers["X-Request-ID"]
    assert ("errors" in body) == (kind in ("invalid-request", "invalid-value"))
    for error in body.get("errors", ()):
        assert error.keys() == {"location", "name", "detail"}
        assert error["location"] in ("query", "body")
        assert error["name"]
        assert error["detail"][0].isupper()
    assert ("Retry-After" in answer.headers) == ("after `Retry-After`" in AGAIN[kind])


@pytest.mark.parametrize("kind", ASKED)
def test_what_a_client_does_wrong_is_a_problem_of_one_shape(writer: FlaskClient, kind: str) -> None:
    ask, status = ASKED[kind]
    assert_problem(ask(writer), kind, status)


@pytest.mark.parametrize("kind", RAISED)
def test_what_goes_wrong_here_is_a_problem_of_one_shape(kind: str) -> None:
    error, status = RAISED[kind]
    app = create_app(settings_for("mysql://u:p@127.0.0.1:1/d"))

    def fail() -> str:
        raise error

    app.add_url_rule("/fail", view_func=public(fail))
    assert_problem(app.test_client().get("/fail"), kind, status)


def test_who_may_not_is_told_so_in_that_shape(made: APIFlask, database: Database) -> None:
    reader = bearer(made, tokens.create(database, ("read",), label="reader").secret)
    assert_problem(made.test_client().get(SCHOOLS), "token-missing", 401)
    assert_problem(bearer(made, "studentapi_none").get(SCHOOLS), "token-invalid", 401)
    assert_problem(reader.post(SCHOOLS, json={"name": "a"}), "forbidden", 403)


def test_who_asks_too_often_is_told_so_in_that_shape(
    made: APIFlask, database: Database, migrated_url: str
) -> None:
    secret = tokens.create(database, ("read",), label="eager").secret
    settings = Settings(
        database_url=SecretStr(migrated_url), rate_limit_token="1/minute", _env_file=None,  # type: ignore[call-arg]
    )  # fmt: skip
    app = create_app(settings)
    client = bearer(app, secret)
    assert client.get(SCHOOLS).status_code == 200
    answer = client.get(SCHOOLS)
    app.extensions[EXTENSION].database.close()
    assert_problem(answer, "too-many-requests", 429)


def test_what_is_wrong_is_said_in_plain_words(writer: FlaskClient) -> None:
    body = {"school_id": "a b", "title": "", "nope": 1}
    said = {one["name"]: one["detail"] for one in writer.post("/api/v1/courses", json=body).json["errors"]}
    assert said["nope"] == "There is no such field"
    assert said["title"] == "It has 1 characters or more"
    assert said.keys() == {"school_id", "title", "nope"}
    assert writer.post(SCHOOLS, json={}).json["errors"] == [
        {"location": "body", "name": "name", "detail": "It is required"}
    ]


def test_titles_are_what_the_standard_calls_them(writer: FlaskClient) -> None:
    assert writer.get("/nowhere").json["title"] == HTTPStatus.NOT_FOUND.phrase
    assert writer.post(SCHOOLS, json={}).json["title"] == "Unprocessable Content"
