"""DBUtils' PersistentDB, as in the question's answer: a connection for each thread, pinged when it is fetched."""

from __future__ import annotations

import pymysql
from dbutils.persistent_db import PersistentDB
from flask import Flask, request
from pymysql.cursors import DictCursor

from lab.answers.configuration import pymysql_options

application = Flask(__name__)
db = PersistentDB(
    creator=pymysql, ping=1, **pymysql_options(), autocommit=True, charset="utf8mb4", cursorclass=DictCursor
)


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    cursor = db.connection().cursor()
    cursor.execute("SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", [name])
    row = cursor.fetchone()
    if row is None:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{row["city_id"]}', 200


@application.post("/")
def record() -> tuple[str, int]:
    """Record a row."""
    db.connection().cursor().execute("INSERT INTO record (request_key) VALUES (%s)", [request.form["key"]])
    return "recorded", 201
