"""Each request's own log line, and the id that its answer and all of its lines carry."""

from __future__ import annotations

import json
import logging
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from werkzeug.test import EnvironBuilder, run_wsgi_app

from studentapi import logs
from studentapi.api.request_ids import trace_id_of
from studentapi.mysql.errors import NoConnection
from studentapi.mysql.tally import this_thread
from tests.api.observed import RULE, STUDENT, Observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.mysql.database import Database

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
MADE = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def observed(database: Database, migrated_url: str) -> Iterator[Observed]:
    observed = Observed(database, migrated_url)
    yield observed
    observed.close()


def test_a_request_has_one_line_with_its_figures(observed: Observed, statements: list[str]) -> None:
    answer = observed.ask(X_Request_ID="abc.1:2_3-4", traceparent=PARENT)
    (line,) = observed.lines()
    assert line.pop("duration_ms") >= line.pop("database_ms") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "studentapi.request",
        "method": "GET",
        "route": RULE,
        "status": 200,
        "bytes": len(answer.data),
        "statements": len(statements),
        "request_id": "abc.1:2_3-4",
        "trace_id": TRACE,
        "token": observed.token.id,
        "client": "127.0.0.1",
    }
    assert statements


def test_statements_are_those_of_the_request_alone(observed: Observed, statements: list[str]) -> None:
    observed.ask()  # opens the connection, and makes the token known
    statements.clear()
    observed.ask()
    observed.ask("/livez")
    _, read, alive = observed.lines()
    assert (read["statements"], alive["statements"]) == (len(statements), 0)
    assert 0 < read["statements"] < observed.lines()[0]["statements"]
    assert alive["database_ms"] == 0


def test_a_line_holds_nothing_of_the_address_the_body_or_the_secret(observed: Observed) -> None:
    observed.ask(f"{STUDENT}?private-query=1")
    observed.ask("/students/s-4711/private-path")
    observed.client.post(
        "/students/s-4711/at-data", data={"chapterId": "private-body"}, headers={"X-Other": "private-header"}
    ).close()
    assert [line["route"] for line in observed.lines()] == [
        RULE,
        None,
        "/students/<public_id:student_id>/at-data",
    ]
    text = "".join(observed.written)
    assert "private" not in text
    assert "4711" not in text
    assert observed.token.secret not in text


def test_the_line_can_be_turned_off_and_the_id_is_there_all_the_same(
    database: Database, migrated_url: str
) -> None:
    observed = Observed(database, migrated_url, request_log="off")
    try:
        assert MADE.fullmatch(observed.ask().headers["X-Request-ID"])
        assert observed.written == []
    finally:
        observed.close()


def test_a_log_of_warnings_has_no_lines_of_requests(observed: Observed) -> None:
    logging.getLogger("studentapi").setLevel("WARNING")
    try:
        observed.ask()
    finally:
        logging.getLogger("studentapi").setLevel("INFO")
    assert observed.written == []


def test_lines_go_to_standard_output_as_json(observed: Observed, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")  # on to the standard output that is captured here
    observed.ask(X_Request_ID="mine")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["request_id"] == "mine"


def _fail() -> Any:
    raise RuntimeError("broken")


def _away() -> Any:
    raise NoConnection(2003, "away")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", STUDENT, 200),
        ("HEAD", STUDENT, 200),
        ("OPTIONS", STUDENT, 200),
        ("GET", "/api/v1/students/nobody", 404),
        ("GET", "/no/such/route", 404),
        ("DELETE", "/livez", 405),
        ("GET", "/docs", 200),
        ("GET", "/docs/../../settings.py", 404),
        ("GET", f"{STUDENT}?nonsense=1", 422),
        ("POST", "/students/s-4711/at-data", 422),
        ("GET", "/fail", 500),
        ("GET", "/away", 503),
    ],
)
def test_every_answer_carries_the_id_of_its_line(observed: Observed, method: str, path: str, status: int) -> None:
    observed.view("/fail", _fail)
    observed.view("/away", _away)
    answer = observed.ask(path, method, X_Request_ID="mine")
    (line,) = observed.lines()
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (status, "mine")
    assert (line["status"], line["request_id"], line["method"]) == (status, "mine", method)


def test_what_is_no_request_has_a_line(observed: Observed) -> None:
    environ = EnvironBuilder("/livez").get_environ()
    del environ["REQUEST_METHOD"], environ["PATH_INFO"]
    _, status, headers = run_wsgi_app(observed.app.wsgi_app, environ, buffered=True)
    (line,) = observed.lines()
    assert (status, line["method"], line["route"], line["status"]) == ("400 BAD REQUEST", "other", None, 400)
    assert headers["X-Request-ID"] == line["request_id"]


def test_an_answer_to_nobody_carries_an_id(observed: Observed) -> None:
    answer = observed.ask(client=observed.app.test_client())
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (401, observed.lines()[0]["request_id"])
    assert observed.lines()[0]["token"] is None


@pytest.mark.parametrize(
    "sent", ["", " ", "a" * 129, "a b", "é", 'a","event":"forged', "a;b", "a/b", "<a>", "a\tb"]
)
def test_an_id_that_is_none_is_replaced(observed: Observed, sent: str) -> None:
    ids = [observed.ask(X_Request_ID=sent).headers["X-Request-ID"] for _ in range(2)]
    assert all(MADE.fullmatch(made) for made in ids)
    assert ids[0] != ids[1]
    assert [line["request_id"] for line in observed.lines()] == ids


def test_the_longest_id_is_taken(observed: Observed) -> None:
    assert observed.ask(X_Request_ID="a" * 128).headers["X-Request-ID"] == "a" * 128


def test_a_method_that_was_made_up_is_not_repeated(observed: Observed) -> None:
    assert observed.ask(method="FORGED").status_code == 405
    assert observed.lines()[0]["method"] == "other"


@pytest.mark.parametrize(
    "sent",
    [
        PARENT,
        f"00-{TRACE}-00f067aa0ba902b7-00",
        f"00-{TRACE}-00f067aa0ba902b7-ff",
        f"01-{TRACE}-00f067aa0ba902b7-01",
        f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later",
    ],
)
def test_a_valid_traceparent_is_gone_on_with(sent: str) -> None:
    assert trace_id_of(sent) == TRACE


@pytest.mark.parametrize(
    "sent",
    [
        "",
        TRACE,
        PARENT.upper(),
        f"{PARENT}-more",
        f"{PARENT}\n",
        f" {PARENT}",
        f"{PARENT},{PARENT}",
        f"0-{TRACE}-00f067aa0ba902b7-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-1",
        f"00-{TRACE[:-1]}g-00f067aa0ba902b7-01",
        f"cc-{TRACE}-00f067aa0ba902b7-01.more",
    ],
)
def test_another_traceparent_is_left_alone(sent: str) -> None:
    assert trace_id_of(sent) is None


def test_the_answer_tells_its_place_in_the_trace(observed: Observed) -> None:
    mine, others = (observed.ask(traceparent=sent).headers["traceresponse"] for sent in (PARENT, "nonsense"))
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-00", mine)
    assert "00f067aa0ba902b7" not in mine
    assert trace_id_of(others) not in (None, TRACE)
    assert [line["trace_id"] for line in observed.lines()] == [TRACE, trace_id_of(others)]


def test_every_line_of_a_request_carries_its_ids_while_others_run(observed: Observed) -> None:
    together = threading.Barrier(8)

    def say() -> str:
        together.wait(30)
        structlog.get_logger("studentapi.said").warning("ours")
        logging.getLogger("studentapi.said").warning("a library's")
        together.wait(30)
        return "said"

    observed.view("/say", say)
    names = [f"request-{number}" for number in range(8)]
    threads = [
        threading.Thread(target=lambda name=name: observed.ask("/say", X_Request_ID=name)) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [(line["request_id"], line["event"]) for line in observed.lines("studentapi.said")]
    assert sorted(said) == sorted((name, event) for name in names for event in ("a library's", "ours"))
    traces = {line["request_id"]: line["trace_id"] for line in observed.lines()}
    assert all(traces[line["request_id"]] == line["trace_id"] for line in observed.lines("studentapi.said"))


def test_an_error_is_logged_with_the_id_that_its_client_got(observed: Observed) -> None:
    observed.view("/fail", _fail)
    answer = observed.ask("/fail")
    (line,) = observed.lines("studentapi.api.problems")
    assert line["request_id"] == answer.headers["X-Request-ID"]


def test_nothing_of_a_request_is_left_in_its_thread(observed: Observed) -> None:
    observed.ask()
    structlog.get_logger("studentapi.said").warning("later")
    (line,) = observed.lines("studentapi.said")
    assert "request_id" not in line
    assert "trace_id" not in line
    assert this_thread.tally.watch is None


def test_a_request_whose_line_fails_is_counted_and_leaves_nothing_in_its_thread(observed: Observed) -> None:
    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no line")

    requests, handler = logging.getLogger(logs.REQUESTS), Failing()
    requests.addHandler(handler)
    try:
        with pytest.raises(RuntimeError, match="no line"):
            observed.ask()
    finally:
        requests.removeHandler(handler)
    assert (this_thread.tally.watch, logs.of_request.get()) == (None, None)
    figures = observed.ask("/metrics").text
    assert "studentapi_requests_in_flight 1.0" in figures.splitlines()  # this one


def test_a_stream_is_counted_to_its_end(observed: Observed, statements: list[str]) -> None:
    database = observed.app.extensions["studentapi"].database

    def parts() -> Iterator[bytes]:
        for _ in range(3):
            database.read("SELECT 1")
            structlog.get_logger("studentapi.said").warning("part")
            yield b"12345"

    observed.view("/stream", parts)
    answer = observed.client.get("/stream")
    assert observed.lines() == []
    assert answer.data == b"12345" * 3
    answer.close()
    (line,) = observed.lines()
    assert (line["bytes"], line["statements"]) == (15, len(statements))
    assert [said["request_id"] for said in observed.lines("studentapi.said")] == [line["request_id"]] * 3


def test_a_client_that_leaves_has_its_line(observed: Observed) -> None:
    observed.client.get("/docs").close()
    observed.client.get(STUDENT).close()
    assert [line["route"] for line in observed.lines()] == ["/docs", RULE]


def test_times_are_told_to_a_token_that_asks(observed: Observed) -> None:
    observed.ask()
    answer = observed.ask(X_Server_Timing="1")
    number = observed.lines()[-1]["statements"]
    told = re.fullmatch(
        r'db;dur=(\d+\.\d{3});desc="(\d+) statements?", app;dur=(\d+\.\d{3})', answer.headers["Server-Timing"]
    )
    assert told is not None
    assert int(told[2]) == number
    assert 0 < float(told[1]) + float(told[3]) <= observed.lines()[-1]["duration_ms"] + 0.001


@pytest.mark.parametrize("asked", ["", "0", "true", "on"])
def test_times_are_told_to_nobody_who_does_not_ask(observed: Observed, asked: str) -> None:
    assert "Server-Timing" not in observed.ask(X_Server_Timing=asked).headers


@pytest.mark.parametrize("path", [STUDENT, "/livez", "/no/such/route"])
def test_times_are_told_to_nobody_without_a_token(observed: Observed, path: str) -> None:
    for secret in ("", "Bearer wrong"):
        answer = observed.ask(path, client=observed.app.test_client(), X_Server_Timing="1", Authorization=secret)
        assert "Server-Timing" not in answer.headers


def test_times_are_told_to_everybody_where_no_token_is_needed(database: Database, migrated_url: str) -> None:
    observed = Observed(database, migrated_url, auth="off")
    try:
        assert "Server-Timing" in observed.ask(client=observed.app.test_client(), X_Server_Timing="1").headers
    finally:
        observed.close()
