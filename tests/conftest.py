"""What all tests share: a real server, a clean gradebook, the whole sample, a watch for what is left behind."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from studentapi import schema
from studentapi.loading import sample as sample_data
from studentapi.mysql.database import Database
from tests.servers import Server, start

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("auto", "url", "docker", "local"),
        default="auto",
        help="where the tests' server comes from: STUDENTAPI_TEST_DATABASE_URL, Docker (MySQL 9.7), a server "
        "binary of this machine; auto: the first of these that there is",
    )


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of our own, for the whole run."""
    with start(request.config.getoption("--database"), tmp_path_factory.mktemp("server")) as running:
        version = running.execute("SELECT VERSION()")[0][0]
        reporter = request.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"\ndatabase server: {version}, {running.name}")
        yield running


@pytest.fixture(scope="session")
def migrated_url(server: Server) -> Iterator[str]:
    """A gradebook with its tables."""
    yield from _migrated(server, "studentapi_test")


@pytest.fixture(scope="session")
def sample_url(server: Server) -> Iterator[str]:
    """A gradebook with the whole sample; tests only read it."""
    for url in _migrated(server, "studentapi_sample"):
        database = Database(url)
        sample_data.load(database, lambda stage, done, total: None)
        database.close()
        yield url


@pytest.fixture
def database(server: Server, migrated_url: str) -> Iterator[Database]:
    """An empty gradebook; whatever the test wrote is gone after it, and so has to be each of its connections."""
    database = Database(migrated_url)
    yield database
    database.close()
    _assert_nothing_left(server, "studentapi_test")
    _empty(server, "studentapi_test")


@pytest.fixture
def sample(server: Server, sample_url: str) -> Iterator[Database]:
    """The whole sample, for reading."""
    database = Database(sample_url)
    yield database
    database.close()
    _assert_nothing_left(server, "studentapi_sample")


def _migrated(server: Server, name: str) -> Iterator[str]:
    server.execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    schema.upgrade(server.url(name))
    yield server.url(name)
    server.execute(f"DROP DATABASE {name}")


def _empty(server: Server, name: str) -> None:
    tables = [str(table) for (table,) in server.execute(f"SHOW TABLES FROM {name}") if table != "alembic_version"]
    asked = " UNION ALL ".join(f"(SELECT '{table}' FROM {name}.{table} LIMIT 1)" for table in tables)
    filled = [f"TRUNCATE TABLE {name}.{table}" for (table,) in server.execute(asked)]
    if filled:
        server.execute("SET foreign_key_checks = 0", *filled)


def _assert_nothing_left(server: Server, name: str) -> None:
    """Fail the test that leaves a connection behind, and with it a transaction or a lock."""
    assert re.fullmatch(r"\w+", name)
    deadline = time.monotonic() + 5
    while left := server.execute(
        f"SELECT id, command, time, info FROM information_schema.processlist WHERE db = '{name}'"
    ):
        assert time.monotonic() < deadline, f"connections left open: {left}"
        time.sleep(0.02)
