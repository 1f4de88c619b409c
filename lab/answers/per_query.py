"""A connection per query: nothing is kept, so nothing goes stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymysql
from flask import Flask, request

from lab.answers.configuration import pymysql_options

if TYPE_CHECKING:
    from collections.abc import Sequence

application = Flask(__name__)


def query(sql: str, params: Sequence[object] = ()) -> tuple[dict[str, Any], ...]:
    """The rows of one statement, run on a connection of its own."""
    connection = pymysql.connect(
        **pymysql_options(), charset="utf8mb4", autocommit=True, cursorclass=pymysql.cursors.DictCursor
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return tuple(cursor.fetchall())
    finally:
        connection.close()


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    rows = query("SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", [name])
    if not rows:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{rows[0]["city_id"]}', 200


@application.post("/")
def record() -> tuple[str, int]:
    """Record a row."""
    query("INSERT INTO record (request_key) VALUES (%s)", [request.form["key"]])
    return "recorded", 201
