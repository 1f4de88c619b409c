"""Files that leave: what is in them, how much memory they take, and how one that broke off is known."""

from __future__ import annotations

import csv
import http.client
import json
import tracemalloc
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.api.files import EXAMPLES
from studentapi.api.streams import HARAKIRI, TooLong
from studentapi.gradebook import exporting
from studentapi.gradebook.people import students
from studentapi.gradebook.registry import RESOURCES
from tests.api.classroom import DONE, fill, imported, row, send
from tests.api.school import make, make_all
from tests.service import running

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from studentapi.mysql.database import Database
    from tests.servers import Server

ALL = [one.plural for one in (*RESOURCES, students)]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


@pytest.mark.parametrize("plural", ALL)
def test_a_file_has_what_the_list_has(writer: FlaskClient, plural: str) -> None:
    make_all(writer)
    writer.post("/api/v1/bulk/attempts", json={"attempts": [row("students-1", assessment_id="assessments-1")]})
    listed = writer.get(f"/api/v1/{plural}").json["items"]
    assert listed
    answer = writer.get(f"/api/v1/export/{plural}?format=ndjson")
    assert answer.mimetype == "application/x-ndjson"
    assert [json.loads(line) for line in answer.text.splitlines()] == listed
    answer = writer.get(f"/api/v1/export/{plural}")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{plural}.csv"'
    assert [list(one) for one in table(answer.text)] == [list(one) for one in listed]
    for told, one in zip(table(answer.text), listed, strict=True):
        for name, value in one.items():
            if isinstance(value, str):
                assert told[name] == value
            elif value is None:
                assert told[name] == ""
            else:
                assert json.loads(told[name]) == value


def test_a_file_is_narrowed_and_sorted_as_a_list_is(client: FlaskClient) -> None:
    query = "assessment_id=1752&state=graded&score.gt=90&sort=-submitted_at&fields=id,score"
    listed = client.get(f"/api/v1/attempts?{query}&limit=500").json["items"]
    assert 0 < len(listed) < 500
    lines = client.get(f"/api/v1/export/attempts?{query}&format=ndjson").text.splitlines()
    assert [json.loads(line) for line in lines] == listed
    assert client.get("/api/v1/export/attempts?limit=5").status_code == 422
    deleted = client.get("/api/v1/export/schools?include_deleted=true").text
    assert deleted.splitlines()[0].endswith(",deleted_at")


def test_a_file_of_nothing_has_its_header(writer: FlaskClient) -> None:
    assert writer.get("/api/v1/export/students").text == "id,school_id,name,created_at,updated_at\r\n"
    assert writer.get("/api/v1/export/students?format=ndjson").text == ""


def test_text_that_a_spreadsheet_would_compute_leaves_as_text_and_comes_back(
    writer: FlaskClient, database: Database
) -> None:
    make(writer, "schools")
    names = [
        "=1+1",
        "+1",
        "-1",
        "@a",
        "\tx",
        "'=1",
        "''=1",
        "O'Hara",
        "'t Hart",
        'q"q',
        "a,b",
        "two\r\nlines",
        "a\rb",
    ]
    for at, name in enumerate(names):
        make(writer, "students", f"-{at:02}", name=name)
    text = writer.get("/api/v1/export/students?fields=id,school_id,name").text
    cells = [cell for one in table(text) for cell in one.values()]
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]
    assert imported(writer, "students", text)["unchanged"] == len(names)
    # and where they are not there yet
    database.run(lambda tx: tx.execute("DELETE FROM users"))
    assert imported(writer, "students", text)["created"] == len(names)
    assert [one["name"] for one in writer.get("/api/v1/students").json["items"]] == names


def test_ten_times_the_rows_take_no_more_memory(client: FlaskClient) -> None:
    def peak(pages: int) -> int:
        answer = client.get("/api/v1/export/attempts", buffered=False)
        pieces = iter(answer.response)
        next(pieces)
        tracemalloc.start()
        sizes = [len(next(pieces)) for _ in range(pages)]
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        answer.close()
        assert sum(sizes) > pages * exporting.AT_ONCE * 50
        return found

    peak(1)
    assert peak(50) < 1.2 * peak(5)


def test_the_connection_is_clean_after_a_file_and_after_a_client_that_left(
    client: FlaskClient, statements: list[str]
) -> None:
    whole = client.get("/api/v1/export/assessments")
    assert whole.status_code == 200
    left = client.get("/api/v1/export/attempts", buffered=False)
    next(iter(left.response))
    left.close()
    asked = len(statements)
    assert client.get("/api/v1/students/11391").status_code == 200
    assert len(statements) <= asked + 2
    assert not [sql for sql in statements if sql.startswith(("BEGIN", "ROLLBACK"))]


def test_what_fails_before_the_first_row_is_an_error(writer: FlaskClient, server: Server) -> None:
    server.execute("RENAME TABLE studentapi_test.items TO studentapi_test.items_gone")
    try:
        answer = writer.get("/api/v1/export/items")
    finally:
        server.execute("RENAME TABLE studentapi_test.items_gone TO studentapi_test.items")
    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"


def test_what_takes_too_long_breaks_off(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HARAKIRI, "-2")
    answer = client.get("/api/v1/export/attempts", buffered=False)
    pieces = iter(answer.response)
    assert isinstance(next(pieces), bytes)
    with pytest.raises(TooLong):
        next(pieces)
    answer.close()


def test_the_examples_go_in_one_after_the_other(writer: FlaskClient) -> None:
    paths = writer.get("/openapi.json").json["paths"]
    for path in ("schools", "users", "courses", "classes", "chapters"):
        media = paths[f"/api/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]
        assert writer.post(f"/api/v1/{path}", json=media["example"]).status_code == 201
    for plural, text in EXAMPLES.items():
        media = paths[f"/api/v1/import/{plural}"]["post"]["requestBody"]["content"]["text/csv"]
        assert media["example"] == text
        assert imported(writer, plural, text)["created"] == 1


@pytest.fixture
def many_rows(writer: FlaskClient, database: Database) -> int:
    """So many students, with long names, that no buffer on the way holds the file."""
    fill(writer, 1)
    most = 120_000
    database.run(
        lambda tx: tx.execute_many(
            "INSERT INTO users (public_id, school_id, role, name) VALUES (%s, %s, %s, %s)",
            ((f"long{number}", 1, "student", "x" * 200) for number in range(most)),
        )
    )
    return most + 2


class _Raw:
    """A GET over a socket whose answer is not unpacked."""

    def __init__(self, port: int, path: str, version: str = "1.1") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.connection.sock.sendall(f"GET {path} HTTP/{version}\r\nHost: x\r\n\r\n".encode())
        self.file = self.connection.sock.makefile("rb")

    def rest(self) -> bytes:
        try:
            return self.file.read()
        finally:
            self.file.close()
            self.connection.close()


def test_under_uwsgi_a_file_that_broke_off_lacks_its_last_chunk(
    many_rows: int, migrated_url: str, server: Server, tmp_path: Path
) -> None:
    with running(migrated_url, tmp_path) as service:
        status, body = service.get("/api/v1/export/students?format=ndjson")
        assert (status, body.count(b"\n")) == (200, many_rows)
        whole = _Raw(service.port, "/api/v1/export/schools")
        assert whole.rest().endswith(b"\r\n0\r\n\r\n")
        broken = _Raw(service.port, "/api/v1/export/students?format=ndjson")
        begun = broken.file.read(1000)
        assert b"Transfer-Encoding: chunked" in begun
        server.execute("RENAME TABLE studentapi_test.users TO studentapi_test.users_gone")
        try:
            rest = broken.rest()
        finally:
            server.execute("RENAME TABLE studentapi_test.users_gone TO studentapi_test.users")
        assert rest.count(b'"id"') < many_rows
        assert not rest.endswith(b"0\r\n\r\n")
        assert "an answer broke off" in service.log.read_text()
        old = _Raw(service.port, "/api/v1/export/schools", "1.0").rest()
        assert b" 505 " in old.splitlines()[0]
        assert b"application/problem+json" in old
        service.stop()


def test_a_file_that_leaves_comes_in_elsewhere_with_the_same_result(
    writer: FlaskClient, database: Database
) -> None:
    ids = fill(writer, 5)
    rows = [row(one, score=at) for at, one in enumerate(ids)] + [{"assessment_id": "open", "student_id": ids[0]}]
    rows += [row(ids[1], exempt=True), row(ids[2], submitted_at=DONE, score=None)]
    assert writer.post("/api/v1/bulk/attempts", json={"attempts": rows}).status_code == 200
    files = {
        one: writer.get(f"/api/v1/export/{one}").text
        for one in ("students", "enrollments", "assessments", "attempts")
    }
    results = database.read("SELECT percent FROM results ORDER BY percent")
    for name in ("results", "attempts", "items", "assessments", "enrollments"):
        database.run(lambda tx, name=name: tx.execute(f"DELETE FROM {name}"))  # type: ignore[misc]
    database.run(lambda tx: tx.execute("DELETE FROM users WHERE role = 'student'"))
    for name, text in files.items():
        answer = send(writer, name, text)
        assert answer.status_code == 200, answer.json
        back = table(writer.get(f"/api/v1/export/{name}").text)
        assert _timeless(back) == _timeless(table(text))
    assert database.read("SELECT percent FROM results ORDER BY percent") == results


def _timeless(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in one.items() if name not in ("created_at", "updated_at")} for one in rows
    ]
