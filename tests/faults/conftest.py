"""A database for what is broken on purpose, and a watch over what a test leaves behind."""

from __future__ import annotations

import itertools
import re
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from lab.injection.proxy import Proxy
from studentapi import schema
from studentapi.mysql import settlement
from studentapi.mysql.database import Database
from tests.faults.helpers import NAME, moved
from tests.servers import Server, start
from tests.service import Service, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# No unique key: a row that was written twice has to show.
RECORD = f"""CREATE TABLE {NAME}.record (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    request_key VARCHAR(64) NOT NULL,
    KEY by_key (request_key)
) ENGINE = InnoDB"""


@pytest.fixture(scope="session")
def faults_url(server: Server) -> Iterator[str]:
    """The tables of the gradebook and one that takes any row, without TLS: a proxy looks for statements."""
    yield from _with_tables(server)


@pytest.fixture(scope="session")
def second_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Another server with the same tables."""
    kind = request.config.getoption("--database")
    with start("auto" if kind == "url" else kind, tmp_path_factory.mktemp("second")) as running:
        for _ in _with_tables(running):
            yield running


def _with_tables(server: Server) -> Iterator[str]:
    server.execute(f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}")
    schema.upgrade(server.url(NAME))
    server.execute(RECORD)
    yield server.url(NAME).partition("?")[0] + "?ssl_mode=disabled"
    server.execute(f"DROP DATABASE {NAME}")


@pytest.fixture(autouse=True)
def nothing_left(server: Server, faults_url: str) -> Iterator[None]:
    """Fail the test that leaves a connection or a transaction behind; undo what it wrote."""
    yield
    deadline = time.monotonic() + 10
    while left := _left(server):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.05)
    server.execute(f"TRUNCATE TABLE {NAME}.record", f"TRUNCATE TABLE {NAME}.{settlement.NAME}")


def _left(server: Server) -> list[object]:
    assert re.fullmatch(r"\w+", NAME)
    connections = server.execute(
        f"SELECT id, command, state, info FROM information_schema.processlist WHERE db = '{NAME}'"
    )
    transactions = server.execute(
        "SELECT trx_id, trx_state, trx_started, trx_query FROM information_schema.innodb_trx "
        "WHERE trx_mysql_thread_id NOT IN "
        f"(SELECT id FROM information_schema.processlist WHERE db IS NULL OR db <> '{NAME}')"
    )
    return [*connections, *transactions]


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A way to the server that can be cut."""
    with Proxy(*server.address) as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy: Proxy, faults_url: str) -> str:
    """The address by way of the proxy."""
    return moved(faults_url, ("127.0.0.1", proxy.port))


@pytest.fixture
def databases(faults_url: str) -> Iterator[Callable[..., Database]]:
    """Makes Database objects with markers on the tables, closed after the test."""
    with ExitStack() as stack:

        def make(url: str = faults_url, **options: Any) -> Database:
            database = Database(url, **{"markers": settlement.NAME, **options})
            stack.callback(database.close)
            return database

        yield make


@pytest.fixture
def serving(faults_url: str, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Runs the service with `tests.faults.application`; it has to end well after the test."""
    numbers = itertools.count(1)
    with ExitStack() as stack:

        def run(url: str = faults_url, **options: Any) -> Service:
            directory = tmp_path / f"service-{next(numbers)}"
            directory.mkdir()
            defaults = {"application": "tests.faults.application:application", "STUDENTAPI_THREADS": "8"}
            service = stack.enter_context(running(url, directory, **{**defaults, **options}))
            stack.callback(service.stop)
            return service

        yield run
