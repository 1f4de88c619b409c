"""What is counted of a thread's own traffic with the server."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from pymysql import err

from studentapi.mysql.connection import Connection
from studentapi.mysql.database import Database
from studentapi.mysql.errors import NoConnection
from studentapi.mysql.tally import this_thread
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every command that goes to the server."""
    seen: list[str] = []
    original = Connection._begin_command

    def recording(self: Connection, command: int, sql: str | bytes) -> None:
        original(self, command, sql)
        seen.append(sql if isinstance(sql, str) else sql.decode())

    monkeypatch.setattr(Connection, "_begin_command", recording)
    return seen


def test_every_command_is_counted_those_of_connecting_too(database: Database, sent: list[str]) -> None:
    before = this_thread.tally.commands
    database.read("SELECT 1")
    assert len(sent) > 1
    with database.transaction() as tx:
        tx.execute("INSERT INTO schools (public_id, name) VALUES ('x', 'X')")
    database.check()
    with pytest.raises(err.ProgrammingError):
        database.read("SELECT nonsense FROM nowhere")
    assert this_thread.tally.commands - before == len(sent)


def test_another_thread_has_its_own(database: Database) -> None:
    before = this_thread.tally.commands, this_thread.tally.seconds
    thread = threading.Thread(target=database.read, args=("SELECT 1",))
    thread.start()
    thread.join()
    assert (this_thread.tally.commands, this_thread.tally.seconds) == before


def test_time_is_that_of_statements_and_counted_once(database: Database) -> None:
    before, started = this_thread.tally.seconds, monotonic()
    database.read("SELECT SLEEP(0.1)")  # and a connect, with statements of its own
    assert 0.1 <= this_thread.tally.seconds - before <= monotonic() - started


def test_waiting_for_a_server_that_is_away_is_counted() -> None:
    away = Database(f"mysql://u:p@127.0.0.1:{free_port()}/d", patience=0.2)
    before, started = this_thread.tally.seconds, monotonic()
    with pytest.raises(NoConnection):
        away.read("SELECT 1")
    away.close()
    assert 0.19 <= this_thread.tally.seconds - before <= monotonic() - started


def test_a_watch_sees_each_statement_as_it_was_written(database: Database) -> None:
    seen: list[tuple[str, bool]] = []

    @contextmanager
    def watch(connection: Connection, sql: str, has_parameters: bool) -> Iterator[None]:
        assert connection.open
        yield
        seen.append((sql, has_parameters))

    database.read("SELECT 1")
    this_thread.tally.watch = watch
    try:
        assert database.read("SELECT %s", ("private",)) == (("private",),)
        database.read("SELECT 2")
    finally:
        this_thread.tally.watch = None
    database.read("SELECT 3")
    assert seen == [("SELECT %s", True), ("SELECT 2", False)]
