"""DBUtils' PooledDB: a pool that all threads of the process share, each connection pinged when it is fetched."""

from __future__ import annotations

import pymysql
from dbutils.pooled_db import PooledDB
from flask import Flask, request
from pymysql.cursors import DictCursor

from lab.answers.configuration import connections, pymysql_options

application = Flask(__name__)
pool = PooledDB(
    creator=pymysql,
    maxcached=connections(5),
    maxconnections=connections(10),
    blocking=True,
    ping=1,
    **pymysql_options(),
    charset="utf8mb4",
    cursorclass=DictCursor,
)


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    with pool.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", [name])
        row = cursor.fetchone()
    if row is None:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{row["city_id"]}', 200


@application.post("/")
def record() -> tuple[str, int]:
    """Record a row."""
    with pool.connection() as connection:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO record (request_key) VALUES (%s)", [request.form["key"]])
        connection.commit()
    return "recorded", 201
