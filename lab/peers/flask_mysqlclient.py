"""Flask with mysqlclient, the driver in C: a connection for each thread, in a threading.local, and plain SQL.

Told so by `lab.peers.REMEMBERED`, each process remembers tokens for a while.
"""

from __future__ import annotations

import os
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import MySQLdb
from flask import Flask, Response, abort, request
from pydantic import ValidationError
from werkzeug.routing import BaseConverter

from lab.answers.configuration import pymysql_options
from lab.peers import REMEMBERED, attempts, bearers, figures, recording, statements
from lab.peers.recording import Item, Recording, Refused, Rules

if TYPE_CHECKING:
    from collections.abc import Sequence


class PublicId(BaseConverter):
    """`<id:…>` in a route."""

    regex = recording.ID


application = Flask(__name__)
application.url_map.converters["id"] = PublicId
_local = threading.local()

KEPT_SECONDS = float(os.environ.get(REMEMBERED, "0"))
_tokens: dict[str, tuple[float, tuple[Any, ...]]] = {}
"""By digest: until when a token is gone by, and its row."""


def get_db() -> Any:
    """The connection of this thread."""
    if not hasattr(_local, "connection"):
        options = pymysql_options()
        _local.connection = MySQLdb.connect(
            host=options["host"],
            port=options["port"],
            user=options["user"],
            password=options["password"],
            database=options["database"],
            ssl_mode="DISABLED" if options["ssl_disabled"] else "PREFERRED",
            charset="utf8mb4",
            init_command=statements.SESSION,
            autocommit=True,
        )
    return _local.connection


def query(sql: str, *params: object) -> Sequence[tuple[Any, ...]]:
    """The rows of a statement."""
    cursor = get_db().cursor()
    cursor.execute(sql, params)
    rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    cursor.close()
    return rows


def bearer(digest: str) -> tuple[Any, ...] | None:
    """The row of a token, remembered where that is wanted; None where there is none."""
    known = _tokens.get(digest)
    if known is not None and monotonic() < known[0]:
        return known[1]
    rows = query(statements.BEARER, digest)
    if not rows:
        return None
    if KEPT_SECONDS:
        _tokens[digest] = monotonic() + KEPT_SECONDS, rows[0]
    return rows[0]


def authorize(scope: str, student_id: str | None = None) -> None:
    """End the request unless the bearer may."""
    status = bearers.refusal(bearer(bearers.digest(request.headers.get("Authorization"))), scope, student_id)
    if status is not None:
        abort(status)


def answer(body: Any, status: int = 200) -> Response:
    """JSON."""
    return Response(figures.dumps(body), status, content_type="application/json")


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    rows = query("SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", name)
    if not rows:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{rows[0][0]}', 200


@application.get("/api/v1/students/<id:student_id>/chapters/<id:chapter_id>/assessment-data")
def assessment_data(student_id: str, chapter_id: str) -> Response:
    """A student's assessment data in a chapter."""
    authorize("read", student_id)
    rows = query(statements.ASSESSMENT_DATA, student_id, chapter_id)
    if not rows:
        abort(404)
    return answer(figures.assessment_data(rows, figures.utc_now()))


@application.get("/api/v1/attempts")
def list_attempts() -> Response:
    """A page of attempts."""
    authorize("read")
    asked = attempts.asked(request.args.get("limit"), request.args.get("cursor"))
    if asked is None:
        abort(422)
    limit, after = asked
    sql, params = statements.attempts(after, limit + 1)
    return answer(attempts.page(query(sql, *params), limit))


@application.get("/api/v1/classes/<id:class_id>/chapters/<id:chapter_id>/statistics")
def statistics(class_id: str, chapter_id: str) -> Response:
    """The statistics of a class in a chapter."""
    authorize("read")
    rows = query(statements.CLASS, class_id, chapter_id)
    if not rows:
        abort(404)
    of = figures.Outline(*rows[0])
    sql, params = statements.students(of.class_key, of.chapter_key, figures.utc_now())
    return answer(figures.class_statistics(of, [figures.Student(*row) for row in query(sql, *params)]))


@application.post("/api/v1/attempts")
def record_attempt() -> Response:
    """Record an attempt with its responses, graded, and what counts of it."""
    authorize("write")
    try:
        given = Recording.model_validate_json(request.get_data())
    except ValidationError:
        abort(422)
    db = get_db()
    db.begin()
    try:
        attempt = _record(given)
    except Refused as refused:
        db.rollback()
        abort(refused.status)
    except BaseException:
        db.rollback()
        raise
    db.commit()
    return answer(attempt.shown(given), 201)


def _record(given: Recording) -> recording.Attempt:
    enrolled = query(statements.ENROLLMENT, given.student_id, given.assessment_id)
    if not enrolled:
        raise Refused(409, "The student is not enrolled.")
    student, withdrawn_on, now = enrolled[0]
    if withdrawn_on is not None and given.submitted_at.date() >= withdrawn_on:
        raise Refused(409, "The student has withdrawn.")
    rules = Rules(*query(statements.RULES, student, given.assessment_id)[0])
    items = [Item(*row) for row in query(statements.ITEMS, rules.id)]
    attempt = recording.attempt(given, rules, items, now)
    cursor = get_db().cursor()
    cursor.execute(statements.INSERT_ATTEMPT, attempt.columns(rules.id, student))
    inner = cursor.lastrowid
    cursor.executemany(statements.INSERT_RESPONSES, [(inner, *one) for one in attempt.responses])
    cursor.close()
    percents = [percent for (percent,) in query(statements.PERCENTS, student, rules.id)]
    percent = recording.counted(rules.counted, percents)
    query(statements.KEEP_RESULT, student, rules.id, percent, percent)
    return attempt
