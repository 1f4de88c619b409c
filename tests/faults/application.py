"""The service as it is, and two routes more, by which a test writes rows and reads them.

With OPENED_BEFORE_FORK in the environment, uWSGI's master has a connection before it forks.
"""

from __future__ import annotations

import os

from flask import request

from studentapi import wsgi
from studentapi.api.state import database

application = wsgi.application
if "OPENED_BEFORE_FORK" in os.environ:
    wsgi._database.read("SELECT 1")


@wsgi._app.get("/rows")
def rows() -> tuple[str, int]:
    """How many rows there are."""
    return str(database().read("SELECT COUNT(*) FROM record")[0][0]), 200


@wsgi._app.post("/rows")
def record() -> tuple[str, int]:
    """Record a row."""
    key = request.form["key"]
    database().run(lambda tx: tx.execute("INSERT INTO record (request_key) VALUES (%s)", [key]))
    return "recorded", 201
