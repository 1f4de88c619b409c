from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from studentapi.mysql.connection import Connection
from studentapi.mysql.database import Database
from tests.clients import bearer, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apiflask import APIFlask
    from flask.testing import FlaskClient

    Made = Callable[..., APIFlask]


@pytest.fixture
def app(sample: Database, sample_url: str) -> Iterator[APIFlask]:
    """The app on the whole sample."""
    del sample  # it is there for its watch over connections
    app = create_app(settings_for(sample_url))
    app.testing = True
    yield app
    app.extensions[EXTENSION].database.close()


@pytest.fixture(scope="session")
def reader(sample_url: str) -> str:
    """The secret of a token that may read everything."""
    database = Database(sample_url)
    secret = tokens.create(database, ("read",), label="reader").secret
    database.close()
    return secret


@pytest.fixture
def client(app: APIFlask, reader: str) -> FlaskClient:
    return bearer(app, reader)


@pytest.fixture
def empty(database: Database, migrated_url: str) -> Iterator[APIFlask]:
    """The app on an empty gradebook, without rate limits."""
    del database  # it empties the gradebook after the test
    settings = settings_for(migrated_url)
    limits = {name: "" for name in type(settings).model_fields if name in _LIMITS}
    app = create_app(settings.model_copy(update=limits))
    app.testing = True
    yield app
    app.extensions[EXTENSION].database.close()


@pytest.fixture
def made(database: Database, migrated_url: str) -> Iterator[Made]:
    """Makes an app with these settings besides the defaults."""
    apps = []

    def make(**settings: object) -> APIFlask:
        apps.append(create_app(settings_for(migrated_url).model_copy(update=settings)))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions[EXTENSION].database.close()


@pytest.fixture
def writer(empty: APIFlask, database: Database) -> FlaskClient:
    """A client that may read and write an empty gradebook."""
    return bearer(empty, tokens.create(database, ("read", "write"), label="writer").secret)


_LIMITS = ("rate_limit_token", "rate_limit_address", "rate_limit_failures")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every command that goes to the server from now on."""
    sent: list[str] = []
    original = Connection._begin_command

    def recording(self: Connection, command: int, sql: str | bytes) -> None:
        sent.append(sql if isinstance(sql, str) else sql.decode(errors="replace"))
        original(self, command, sql)

    monkeypatch.setattr(Connection, "_begin_command", recording)
    return sent
