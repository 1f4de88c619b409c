"""The database layer in an application that loads in a moment, with the routes of `tests.faults.application`."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from studentapi.mysql import settlement
from studentapi.mysql.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

database = Database(os.environ["STUDENTAPI_DATABASE_URL"], markers=settlement.NAME)
atexit.register(database.close)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer `/livez`, and GET and POST of `/rows`."""
    body, status = "ok", "200 OK"
    if environ["REQUEST_METHOD"] == "POST":
        key = parse_qs(environ["wsgi.input"].read().decode())["key"][0]
        database.run(lambda tx: tx.execute("INSERT INTO record (request_key) VALUES (%s)", [key]))
        status = "201 Created"
    elif environ["PATH_INFO"] == "/rows":
        body = str(database.read("SELECT COUNT(*) FROM record")[0][0])
    start_response(status, [])
    return [body.encode()]
