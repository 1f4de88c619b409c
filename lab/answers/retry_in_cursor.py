"""The question's own retry: connect again when `cursor()` fails.

PyMySQL's `cursor()` asks nobody, so it does not fail; `execute` does. One connection for the whole process: it is
run with processes of one thread, as it was when it worked for a day or two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymysql
from flask import Flask, request
from pymysql.cursors import DictCursor

from lab.answers.configuration import pymysql_options

if TYPE_CHECKING:
    from pymysql.connections import Connection

application = Flask(__name__)


class DB:
    """The process's connection."""

    conn: Connection[DictCursor]

    def connect(self) -> None:
        """Open the connection."""
        DB.conn = pymysql.connect(**pymysql_options(), charset="utf8mb4", autocommit=True, cursorclass=DictCursor)

    def cursor(self) -> DictCursor:
        """A cursor, on a new connection where the old one fails."""
        try:
            cursor = self.conn.cursor()
        except Exception:  # noqa: BLE001 - as in the question
            self.connect()
            cursor = self.conn.cursor()
        return cursor


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    cursor = DB().cursor()
    cursor.execute("SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", [name])
    row = cursor.fetchone()
    if row is None:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{row["city_id"]}', 200


@application.post("/")
def record() -> tuple[str, int]:
    """Record a row."""
    DB().cursor().execute("INSERT INTO record (request_key) VALUES (%s)", [request.form["key"]])
    return "recorded", 201
