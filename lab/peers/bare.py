"""A bare WSGI function with PyMySQL in a threading.local: no framework, and the driver as it comes.

It checks no connection, and has nothing for a lost one: it is there to be held to, and nobody's service.
"""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pymysql

from lab.answers.configuration import pymysql_options
from lab.peers import attempts, figures, statements
from lab.peers.bearers import digest, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

Answer = tuple[int, str, bytes]

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_ID = r"([A-Za-z0-9._:\-]{1,64})"
_local = threading.local()


class Refused(Exception):  # noqa: N818 - named for the condition
    """Not for this bearer, or not there; its argument is the status."""


def query(sql: str, params: Sequence[object]) -> Sequence[tuple[Any, ...]]:
    """The rows of a statement, on this thread's connection."""
    if not hasattr(_local, "connection"):
        _local.connection = pymysql.connect(**pymysql_options(), charset="utf8mb4", autocommit=True)
    with _local.connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows


def authorize(environ: WSGIEnvironment, student_id: str | None = None) -> None:
    """Raise `Refused` unless the bearer may read."""
    found = query(statements.BEARER, [digest(environ.get("HTTP_AUTHORIZATION"))])
    status = refusal(found[0] if found else None, "read", student_id)
    if status is not None:
        raise Refused(status)


def city(environ: WSGIEnvironment) -> Answer:
    """The city's number."""
    name = parse_qs(environ["QUERY_STRING"])["city"][0]
    rows = query("SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", [name])
    if not rows:
        return 404, _TEXT, f'City "{name}" not found'.encode()
    return 200, _TEXT, f'City "{name}" is #{rows[0][0]}'.encode()


def assessment_data(environ: WSGIEnvironment, student_id: str, chapter_id: str) -> Answer:
    """A student's assessment data in a chapter."""
    authorize(environ, student_id)
    rows = query(statements.ASSESSMENT_DATA, [student_id, chapter_id])
    if not rows:
        raise Refused(404)
    return 200, _JSON, figures.dumps(figures.assessment_data(rows, figures.utc_now()))


def list_attempts(environ: WSGIEnvironment) -> Answer:
    """A page of attempts."""
    authorize(environ)
    given = parse_qs(environ["QUERY_STRING"])
    asked = attempts.asked(given.get("limit", [None])[0], given.get("cursor", [None])[0])
    if asked is None:
        raise Refused(422)
    limit, after = asked
    return 200, _JSON, figures.dumps(attempts.page(query(*statements.attempts(after, limit + 1)), limit))


ROUTES: list[tuple[re.Pattern[str], Callable[..., Answer]]] = [
    (re.compile("/"), city),
    (re.compile(f"/api/v1/students/{_ID}/chapters/{_ID}/assessment-data"), assessment_data),
    (re.compile("/api/v1/attempts"), list_attempts),
]


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request."""
    status, kind, body = _answer(environ)
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]


def _answer(environ: WSGIEnvironment) -> Answer:
    try:
        for pattern, view in ROUTES:
            match = pattern.fullmatch(environ["PATH_INFO"])
            if match and environ["REQUEST_METHOD"] == "GET":
                return view(environ, *match.groups())
    except Refused as refused:
        return refused.args[0], _JSON, b"{}"
    return 404, _JSON, b"{}"
