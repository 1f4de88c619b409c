import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from apiflask import APIFlask
from flask import Flask
from pymysql import err

from studentapi import logs
from studentapi.api.auth import public
from studentapi.api.problems import RETRY_AFTER
from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.mysql.database import Database
from studentapi.mysql.errors import CommitUnknown, DatabaseUnavailable, StatementTimeout
from tests.clients import settings_for

SECRET = "geheim-93"


@pytest.fixture
def app(migrated_url: str) -> Iterator[APIFlask]:
    app = create_app(settings_for(migrated_url))
    yield app
    app.extensions[EXTENSION].database.close()


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (DatabaseUnavailable(2013, SECRET), 503, "database-unavailable"),
        (StatementTimeout(3024, SECRET), 504, "statement-timeout"),
        (CommitUnknown(2013, SECRET), 503, "commit-unknown"),
        (err.ProgrammingError(1064, SECRET), 500, "internal-server-error"),
        (RuntimeError(SECRET), 500, "internal-server-error"),
    ],
)
def test_every_error_has_one_shape_and_no_exceptions_text(
    app: Flask, error: Exception, status: int, kind: str
) -> None:
    def fail() -> str:
        raise error

    app.add_url_rule("/fail", view_func=public(fail))
    answer = app.test_client().get("/fail")
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    body = json.loads(answer.data)
    assert body.keys() == {"type", "title", "status", "detail"}
    assert (body["type"], body["status"]) == (f"urn:studentapi:{kind}", status)
    assert SECRET not in answer.text
    assert answer.headers.get("Retry-After") == (str(RETRY_AFTER) if kind == "database-unavailable" else None)


def test_a_log_of_an_error_shows_no_variables(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")  # on to the standard output that is captured here

    def fail() -> str:
        password = SECRET
        raise RuntimeError(len(password))

    app.add_url_rule("/fail", view_func=public(fail))
    app.test_client().get("/fail")
    out, err_ = capsys.readouterr()
    assert "unexpected error" in out
    assert SECRET not in out + err_


def test_unknown_paths_and_methods_are_problems(app: Flask) -> None:
    client = app.test_client()
    for answer, status in ((client.get("/nope"), 404), (client.delete("/livez"), 405)):
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert "GET" in client.delete("/livez").headers["Allow"]


def test_a_body_that_is_too_large_is_413(app: Flask) -> None:
    app.extensions[EXTENSION] = replace(app.extensions[EXTENSION], tokens=None)
    answer = app.test_client().post("/students/1/at-data", data={"chapterId": "x" * 2_000_000})
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")


def test_nothing_is_cached_and_types_are_not_guessed(app: Flask) -> None:
    headers = app.test_client().get("/livez").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_database_that_is_away_is_503_with_retry_after() -> None:
    app = create_app(settings_for("mysql://u:geheim-93@127.0.0.1:1/d"))
    client = app.test_client()
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER))


def test_a_transaction_that_a_view_leaves_open_is_undone_at_the_end_of_the_request(
    database: Database, app: APIFlask
) -> None:
    of_the_app = app.extensions[EXTENSION].database
    left = []

    def careless() -> str:
        left.append(of_the_app.transaction())
        left[0].__enter__().execute("INSERT INTO schools (public_id, name) VALUES ('x', 'X')")
        return "done"

    app.add_url_rule("/careless", view_func=public(careless))
    assert app.test_client().get("/careless").status_code == 200
    assert database.read("SELECT COUNT(*) FROM schools") == ((0,),)
    assert app.test_client().get("/readyz").status_code == 200, "the thread is free for the next request"
