"""studentapi's own connections, in an app as small as the others."""

from __future__ import annotations

import atexit

from flask import Flask, request

from lab.answers.configuration import database_url, max_age
from studentapi.mysql.database import Database
from studentapi.mysql.errors import DatabaseUnavailable, StatementTimeout

application = Flask(__name__)
database = Database(database_url(), max_age=max_age(), markers="commit_markers")
atexit.register(database.close)


@application.teardown_appcontext
def end_request(_: BaseException | None) -> None:
    """Leave nothing open."""
    database.end_request()


@application.errorhandler(DatabaseUnavailable)
def unavailable(_: DatabaseUnavailable) -> tuple[str, int, dict[str, str]]:
    """The database is away for longer than a request waits."""
    return "the database is away", 503, {"Retry-After": "1"}


@application.errorhandler(StatementTimeout)
def too_slow(_: StatementTimeout) -> tuple[str, int]:
    """The statement took longer than it may."""
    return "the database took too long", 504


@application.get("/")
def city() -> tuple[str, int]:
    """The city's number."""
    name = request.args["city"]
    rows = database.read(
        "SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1", [name], prepare=True
    )
    if not rows:
        return f'City "{name}" not found', 404
    return f'City "{name}" is #{rows[0][0]}', 200


@application.post("/")
def record() -> tuple[str, int]:
    """Record a row."""
    key = request.form["key"]
    database.run(lambda tx: tx.execute("INSERT INTO record (request_key) VALUES (%s)", [key]))
    return "recorded", 201
