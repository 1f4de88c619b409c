"""The timer: a connection that is older than an hour is replaced before its use.

One connection for the whole process, as in the question: it is run with processes of one thread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pymysql
from flask import Flask, request
from pymysql.cursors import DictCursor

from lab.answers.configuration import max_age, pymysql_options

if TYPE_CHECKING:
    from pymysql.connections import Connection

application = Flask(__name__)


class DB:
    """The process's connection, and when it was opened."""

    conn: Connection[DictCursor] | None = None
    opened = 0.0

    def cursor(self) -> DictCursor:
        """A cursor on a connection that is not too old."""
        if DB.conn is not None and time.monotonic() - DB.opened > max_age():
            DB.conn.close()
            DB.conn = None
        if DB.conn is None:
            DB.conn = pymysql.connect(
                **pymysql_options(), charset="utf8mb4", autocommit=True, cursorclass=DictCursor
            )
            DB.opened = time.monotonic()
        return DB.conn.cursor()


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    with DB().cursor() as cursor:
        cursor.execute("SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", [name])
        row = cursor.fetchone()
    if row is None:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{row["city_id"]}', 200


@application.post("/")
def record() -> tuple[str, int]:
    """Record a row."""
    with DB().cursor() as cursor:
        cursor.execute("INSERT INTO record (request_key) VALUES (%s)", [request.form["key"]])
    return "recorded", 201
