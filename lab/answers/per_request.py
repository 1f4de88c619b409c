"""A connection per request, in `g`, closed by the teardown: Flask's own tutorial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymysql
from flask import Flask, g, request
from pymysql.cursors import DictCursor

from lab.answers.configuration import pymysql_options

if TYPE_CHECKING:
    from pymysql.connections import Connection

application = Flask(__name__)


def get_db() -> Connection[DictCursor]:
    """The request's connection, opened when it is first asked for."""
    if "db" not in g:
        g.db = pymysql.connect(**pymysql_options(), charset="utf8mb4", autocommit=True, cursorclass=DictCursor)
    db: Connection[DictCursor] = g.db
    return db


@application.teardown_appcontext
def close_db(_: BaseException | None) -> None:
    """Close it at the end of the request."""
    db = g.pop("db", None)
    if db is not None:
        db.close()


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    with get_db().cursor() as cursor:
        cursor.execute("SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", [name])
        row = cursor.fetchone()
    if row is None:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{row["city_id"]}', 200


@application.post("/")
def record() -> tuple[str, int]:
    """Record a row."""
    with get_db().cursor() as cursor:
        cursor.execute("INSERT INTO record (request_key) VALUES (%s)", [request.form["key"]])
    return "recorded", 201
