"""A small app to look at, and what is seen of its requests."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from studentapi.api.auth import public
from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from tests.clients import bearer, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from apiflask import APIFlask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from studentapi.mysql.database import Database

STUDENT = "/api/v1/students/s-4711"
RULE = "/api/v1/students/<public_id:public_id>"


class Observed:
    """The app on a school of one student, a client with a token that reads, and the log's lines."""

    def __init__(self, database: Database, url: str, **settings: str) -> None:
        with database.transaction() as tx:
            tx.execute("INSERT INTO schools (public_id, name) VALUES ('x', 'X')")
            tx.execute(
                "INSERT INTO users (public_id, school_id, role, name) "
                "SELECT 's-4711', id, 'student', 'Ada Lovelace' FROM schools"
            )
        self.token = tokens.create(database, ("read",), label="reader")
        self.app: APIFlask = create_app(settings_for(url).model_copy(update=settings))
        self.client: FlaskClient = bearer(self.app, self.token.secret)
        self.written: list[str] = []
        self._handler = _Keeping(self.written)
        root = logging.getLogger("studentapi")
        self._handler.setFormatter(root.handlers[0].formatter)
        root.addHandler(self._handler)

    def ask(
        self, path: str = STUDENT, method: str = "GET", client: FlaskClient | None = None, **headers: str
    ) -> TestResponse:
        """Ask, and take the whole answer; headers with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (client or self.client).open(path, method=method, headers=named, buffered=True)

    def lines(self, logger: str = "studentapi.request") -> list[dict[str, Any]]:
        """What this logger has written so far."""
        return [line for line in map(json.loads, self.written) if line["logger"] == logger]

    def view(self, path: str, function: Callable[[], Any]) -> None:
        """Add a route that is open to everyone."""
        self.app.add_url_rule(path, path, public(function))

    def close(self) -> None:
        """Let go of the database and the log."""
        logging.getLogger("studentapi").removeHandler(self._handler)
        self.app.extensions[EXTENSION].database.close()


class _Keeping(logging.Handler):
    def __init__(self, written: list[str]) -> None:
        super().__init__()
        self._written = written

    def emit(self, record: logging.LogRecord) -> None:
        self._written.append(self.format(record))
