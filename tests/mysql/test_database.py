import dataclasses
import gc
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymysql import err

from studentapi.mysql.address import Address
from studentapi.mysql.connection import Connection
from studentapi.mysql.database import Database
from studentapi.mysql.errors import CommitUnknown, DatabaseUnavailable, NoConnection, StatementTimeout
from studentapi.mysql.transaction import Transaction
from tests.mysql.listeners import Relay, listener, silent
from tests.servers import Server

TABLE = "schools"
INSERT = "INSERT INTO schools (public_id, name) VALUES (%s, 'a school')"


def rows(database: Database) -> list[str]:
    return [row[0] for row in database.read(f"SELECT public_id FROM {TABLE} ORDER BY public_id")]


def connection_id(database: Database) -> int:
    number: int = database.read("SELECT CONNECTION_ID()")[0][0]
    return number


def kill(server: Server, number: int) -> None:
    """End a connection, and wait until the server has."""
    server.execute(f"KILL {number}")
    while server.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"):
        time.sleep(0.01)


def waits_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def reopened(migrated_url: str) -> Iterator[Callable[..., Database]]:
    """Further Database objects on the same tables, closed after the test."""
    made: list[Database] = []

    def make(url: str | Address = migrated_url, **options: Any) -> Database:
        made.append(Database(url, **options))
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture
def relay(server: Server) -> Relay:
    """A way to the server that can be made to forget its flows."""
    return Relay(Address.parse(server.admin_url).hosts[0][1])


@pytest.fixture
def relayed(relay: Relay, migrated_url: str) -> Iterator[Address]:
    """The address of the gradebook by way of `relay`."""
    with listener(relay) as port:
        yield dataclasses.replace(Address.parse(migrated_url), hosts=(("127.0.0.1", port),))


def test_a_thread_keeps_its_connection_and_shares_it_with_no_other(database: Database) -> None:
    mine = connection_id(database)
    others: list[int] = []
    thread = threading.Thread(target=lambda: others.append(connection_id(database)))
    thread.start()
    thread.join()
    assert connection_id(database) == mine
    assert others != [mine]


def test_nothing_is_opened_before_it_is_needed(server: Server, reopened: Callable[..., Database]) -> None:
    before = server.execute("SELECT COUNT(*) FROM information_schema.processlist")
    reopened()
    assert server.execute("SELECT COUNT(*) FROM information_schema.processlist") == before


def test_a_thread_that_ends_leaves_no_connection(database: Database, server: Server) -> None:
    numbers: list[int] = []
    thread = threading.Thread(target=lambda: numbers.append(connection_id(database)))
    thread.start()
    thread.join()
    waits_for(lambda: not server.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {numbers[0]}"))


def test_a_read_is_served_after_its_idle_connection_was_killed(database: Database, server: Server) -> None:
    number = connection_id(database)
    kill(server, number)
    assert connection_id(database) != number


def test_a_transaction_is_served_after_its_idle_connection_was_killed(database: Database, server: Server) -> None:
    kill(server, connection_id(database))
    with database.transaction() as tx:
        tx.execute(INSERT, ("a",))
    assert rows(database) == ["a"]


def test_a_read_is_served_after_wait_timeout(database: Database, server: Server) -> None:
    number = connection_id(database)
    database._connection(0).fetch("SET SESSION wait_timeout = 1")
    waits_for(lambda: not server.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"))
    assert connection_id(database) != number


def test_a_read_that_is_killed_while_it_runs_is_run_once_more(database: Database, server: Server) -> None:
    number = connection_id(database)

    def kill_it() -> None:
        waits_for(
            lambda: server.execute(
                f"SELECT 1 FROM information_schema.processlist WHERE id = {number} AND info LIKE '%SLEEP%'"
            )
        )
        server.execute(f"KILL {number}")

    killer = threading.Thread(target=kill_it)
    killer.start()
    # MySQL and MariaDB answer a killed SLEEP differently; either way the client gets its row
    result = database.read("SELECT SLEEP(0.7), CONNECTION_ID()")
    killer.join()
    assert result[0][1] in (number, connection_id(database))
    assert connection_id(database) != number


def test_a_read_is_served_after_a_restart(database: Database, server: Server) -> None:
    connection_id(database)
    server.restart()
    assert database.read("SELECT 1") == ((1,),)


def test_no_statement_of_a_transaction_is_replayed_when_its_connection_is_killed(
    database: Database, server: Server
) -> None:
    with pytest.raises(DatabaseUnavailable), database.transaction() as tx:  # noqa: PT012
        tx.execute(INSERT, ("first",))
        kill(server, tx.read("SELECT CONNECTION_ID()")[0][0])
        tx.execute(INSERT, ("second",))
    assert rows(database) == []


def test_dbutils_replays_nothing_even_where_its_own_wrapper_is_used(database: Database, server: Server) -> None:
    wrapper = database._persistent.connection()
    kill(server, wrapper.dbapi_connection.thread_id())
    with pytest.raises(err.OperationalError):
        wrapper.cursor().execute("INSERT INTO schools (public_id, name) VALUES ('x', 'x')")
    assert rows(database) == []


def test_an_exception_undoes_the_transaction(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:  # noqa: PT012
        tx.execute(INSERT, ("a",))
        raise ZeroDivisionError
    assert rows(database) == []
    assert connection_id(database) == connection_id(database), "the connection is kept"


def test_an_error_of_a_statement_keeps_its_code_and_the_connection(database: Database) -> None:
    number = connection_id(database)
    with pytest.raises(err.IntegrityError) as caught, database.transaction() as tx:  # noqa: PT012
        tx.execute(INSERT, ("a",))
        tx.execute(INSERT, ("a",))
    assert caught.value.args[0] == 1062
    assert connection_id(database) == number
    assert rows(database) == []


def test_run_runs_the_whole_transaction_again_after_its_connection_was_lost(
    database: Database, server: Server
) -> None:
    tries = 0

    def work(tx: Transaction) -> str:
        nonlocal tries
        tries += 1
        tx.execute(INSERT, ("first",))
        if tries == 1:
            kill(server, tx.read("SELECT CONNECTION_ID()")[0][0])
        tx.execute(INSERT, ("second",))
        return "done"

    assert database.run(work) == "done"
    assert tries == 2
    assert rows(database) == ["first", "second"]


def test_run_keeps_a_sum_right_under_deadlocks(database: Database, reopened: Callable[..., Database]) -> None:
    with database.transaction() as tx:
        tx.execute_many("INSERT INTO schools (public_id, name) VALUES (%s, %s)", [("a", "0"), ("b", "0")])
    other = reopened(patience=30)
    tries = 0

    def move(first: str, second: str) -> Callable[[Transaction], None]:
        def work(tx: Transaction) -> None:
            nonlocal tries
            tries += 1
            tx.execute("UPDATE schools SET name = name + 1 WHERE public_id = %s", (first,))
            tx.execute("UPDATE schools SET name = name - 1 WHERE public_id = %s", (second,))

        return work

    def many(first: str, second: str) -> None:
        for _ in range(200):
            other.run(move(first, second))

    threads = [threading.Thread(target=many, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read("SELECT SUM(name), MIN(name) FROM schools") == ((0, "0"),)
    assert tries > 400, "there was no deadlock to survive"


def test_a_lost_reply_to_commit_is_neither_repeated_nor_hidden(
    database: Database, relay: Relay, relayed: Address, reopened: Callable[..., Database]
) -> None:
    through = reopened(relayed, statement_timeout=None)

    def work(tx: Transaction) -> None:
        tx.execute(INSERT, ("a",))
        tx._connection._budget = 0.5
        relay.dropping.set()

    with pytest.raises(CommitUnknown) as caught:
        through.run(work)
    assert caught.value.args[0] == 2013
    assert rows(database) in ([], ["a"])


def test_a_forgotten_flow_costs_an_idle_read_one_bounded_check(
    relay: Relay, relayed: Address, reopened: Callable[..., Database]
) -> None:
    through = reopened(relayed, idle_check=0.1)
    through.read("SELECT 1")
    relay.dropping.set()
    time.sleep(0.2)
    started = time.monotonic()
    assert through.read("SELECT 1") == ((1,),)
    assert time.monotonic() - started < 4
    assert relay.connections == 2


def test_an_old_connection_is_replaced_and_closed_in_order(
    server: Server, reopened: Callable[..., Database]
) -> None:
    database = reopened(max_age=0.2)
    aborted = server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
    first = connection_id(database)
    time.sleep(0.3)
    assert connection_id(database) != first
    waits_for(lambda: not server.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {first}"))
    assert server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'") == aborted


def test_a_deadlock_that_a_block_swallows_lets_nothing_of_it_through(
    database: Database, reopened: Callable[..., Database]
) -> None:
    """The server has ended the transaction: with autocommit on, the next statement would be committed alone."""
    with database.transaction() as tx:
        tx.execute_many("INSERT INTO schools (public_id, name) VALUES (%s, %s)", [("a", "0"), ("b", "0")])
    update = "UPDATE schools SET name = name + 1 WHERE public_id = %s"
    other = reopened()
    barrier = threading.Barrier(2)
    victims: list[str] = []

    def block(first: str, second: str) -> None:
        try:
            with other.transaction() as tx:
                tx.execute(update, (first,))
                barrier.wait()
                try:
                    tx.execute(update, (second,))
                except err.OperationalError:
                    victims.append(first)
                    tx.execute(INSERT, (f"after-{first}",))
        except RuntimeError as error:
            assert "over" in str(error)  # noqa: PT017

    threads = [threading.Thread(target=block, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(victims) == 1
    assert rows(database) == ["a", "b"]
    assert database.read("SELECT name FROM schools") == (("1",), ("1",))


def test_a_connection_lost_in_a_block_that_swallows_it_is_no_unknown_commit(
    database: Database, server: Server
) -> None:
    with pytest.raises(RuntimeError, match="over"), database.transaction() as tx:  # noqa: PT012
        tx.execute(INSERT, ("a",))
        kill(server, tx.read("SELECT CONNECTION_ID()")[0][0])
        with pytest.raises(DatabaseUnavailable):
            tx.execute(INSERT, ("b",))
    assert rows(database) == []


def test_a_write_past_its_deadline_is_ended_in_the_server(
    server: Server, database: Database, reopened: Callable[..., Database]
) -> None:
    with database.transaction() as tx:
        tx.execute(INSERT, ("a",))
    slow = reopened(statement_timeout=0.5)
    with pytest.raises(StatementTimeout), slow.transaction() as tx:
        tx.execute("UPDATE schools SET name = 'late' WHERE SLEEP(20) = 0")
    waits_for(
        lambda: (
            not server.execute(
                "SELECT 1 FROM information_schema.processlist "
                "WHERE info LIKE '%late%' AND info NOT LIKE '%processlist%'"
            )
        )
    )
    assert database.read("SELECT name FROM schools") == (("a school",),)


def test_a_silent_server_is_waited_for_once(reopened: Callable[..., Database]) -> None:
    with listener(silent) as port:
        away = reopened(f"mysql://u:p@127.0.0.1:{port}/d", patience=1.0, connect_timeout=0.6)
        started = time.monotonic()
        with pytest.raises(NoConnection):
            away.read("SELECT 1")
        assert time.monotonic() - started < 1.9


def test_a_statement_that_is_too_large_is_not_sent_again(
    server: Server, reopened: Callable[..., Database]
) -> None:
    limit = int(str(server.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]))
    database = reopened(statement_timeout=None, patience=0)
    tries = 0

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        tx.read("SELECT LENGTH(%s)", ("x" * (limit + 1),))

    with pytest.raises(err.OperationalError):
        database.run(work)
    assert tries <= 2
    assert database.read("SELECT 1") == ((1,),)


def test_a_database_that_is_away_is_waited_for_and_then_given_up(reopened: Callable[..., Database]) -> None:
    away = reopened("mysql://u:p@127.0.0.1:1/d", patience=0.5)
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable) as caught:
        away.read("SELECT 1")
    assert 0.2 < time.monotonic() - started < 2
    assert caught.value.args[0] == 2003


def test_what_will_not_pass_is_not_waited_for(server: Server, reopened: Callable[..., Database]) -> None:
    refused = reopened(dataclasses.replace(Address.parse(server.admin_url), password="wrong"), patience=30)
    with pytest.raises(DatabaseUnavailable) as caught:
        refused.read("SELECT 1")
    assert caught.value.args[0] == 1045


def test_check_does_not_wait(reopened: Callable[..., Database]) -> None:
    away = reopened("mysql://u:p@127.0.0.1:1/d", patience=30)
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        away.check()
    assert time.monotonic() - started < 2


def test_a_read_past_its_deadline_is_a_timeout_and_is_not_run_again(reopened: Callable[..., Database]) -> None:
    database = reopened(statement_timeout=0.5)
    started = time.monotonic()
    with pytest.raises(StatementTimeout):
        database.read("SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b "
                      "WHERE SLEEP(0.01) = 1")  # fmt: skip
    assert time.monotonic() - started < 1.5 + 0.4


def test_read_takes_nothing_that_writes(database: Database) -> None:
    with pytest.raises(ValueError, match="transaction"):
        database.read("DELETE FROM schools")
    with pytest.raises(ValueError, match="transaction"):
        database.read("WITH x AS (SELECT 1) DELETE FROM schools")


def test_a_read_beside_an_open_transaction_is_a_mistake_that_is_told(database: Database) -> None:
    with database.transaction(), pytest.raises(RuntimeError, match="read with it"):
        database.read("SELECT 1")
    with database.transaction(), pytest.raises(RuntimeError, match="open in this thread"), database.transaction():
        pass


def test_a_transaction_left_open_is_undone_at_the_end_of_the_request(database: Database) -> None:
    left = database.transaction()
    tx = left.__enter__()
    tx.execute(INSERT, ("a",))
    database.end_request()
    assert rows(database) == []
    with pytest.raises(RuntimeError, match="over"):
        tx.execute(INSERT, ("b",))
    left.gen.close()


def test_a_forked_child_opens_its_own_and_leaves_its_parents_alone(database: Database) -> None:
    mine = connection_id(database)
    forked = multiprocessing.get_context("fork")
    answer = forked.SimpleQueue()

    def in_the_child() -> None:
        answer.put(connection_id(database))
        database.close()
        gc.collect()

    child = forked.Process(target=in_the_child)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert answer.get() != mine
    assert connection_id(database) == mine


def test_closing_says_goodbye(server: Server, reopened: Callable[..., Database]) -> None:
    aborted = server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
    database = reopened()
    number = connection_id(database)
    database.close()
    waits_for(lambda: not server.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"))
    assert server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'") == aborted


def test_execute_many_writes_large_batches(database: Database) -> None:
    many = [(f"s{number}", "x" * 190) for number in range(5000)]
    with database.transaction() as tx:
        assert tx.execute_many("INSERT INTO schools (public_id, name) VALUES (%s, %s)", many) == 5000
    assert database.read("SELECT COUNT(*) FROM schools") == ((5000,),)


def test_the_check_of_a_connection_in_use_sends_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.read("SELECT 1")
    sent: list[object] = []
    original = Connection._execute_command

    def recording(self: Connection, command: int, sql: str | bytes) -> None:
        sent.append(sql)
        original(self, command, sql)

    monkeypatch.setattr(Connection, "_execute_command", recording)
    for _ in range(10):
        database.read("SELECT 2")
    assert sent == [b"SELECT 2"] * 10
    assert os.getpid() == database._connection(0).process
