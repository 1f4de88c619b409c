"""What a Database promises on a good day, and on an ordinary bad one."""

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable

import pytest
from pymysql import err

from studentapi.mysql import statements
from studentapi.mysql.connection import Connection
from studentapi.mysql.database import Database
from studentapi.mysql.errors import DatabaseUnavailable
from studentapi.mysql.transaction import Transaction
from tests.mysql.helpers import INSERT, aborted, connection_id, kill, rows, waits_for
from tests.servers import Server


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
    database._connections.get(0).fetch("SET SESSION wait_timeout = 1")
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
    with pytest.raises(DatabaseUnavailable), database.transaction() as tx:
        tx.execute(INSERT, ("first",))
        kill(server, tx.read("SELECT CONNECTION_ID()")[0][0])
        tx.execute(INSERT, ("second",))
    assert rows(database) == []


def test_dbutils_replays_nothing_even_where_its_own_wrapper_is_used(database: Database, server: Server) -> None:
    wrapper = database._connections._persistent.connection()
    kill(server, wrapper.dbapi_connection.thread_id())
    with pytest.raises(err.OperationalError):
        wrapper.cursor().execute("INSERT INTO schools (public_id, name) VALUES ('x', 'x')")
    assert rows(database) == []


def test_an_exception_undoes_the_transaction(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        tx.execute(INSERT, ("a",))
        raise ZeroDivisionError
    assert rows(database) == []
    assert connection_id(database) == connection_id(database), "the connection is kept"


def test_an_error_of_a_statement_keeps_its_code_and_the_connection(database: Database) -> None:
    number = connection_id(database)
    with pytest.raises(err.IntegrityError) as caught, database.transaction() as tx:
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
    before = aborted(server)
    database = reopened()
    number = connection_id(database)
    database.close()
    waits_for(lambda: not server.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"))
    assert aborted(server) == before


def test_what_the_rows_of_a_statement_say_leaves_no_state_in_the_session(database: Database) -> None:
    """Of a long statement only the beginning is looked at, where a text may be cut open."""
    rows = [(f"s{number}", "GET_LOCK('a', 1) " + "x" * 150) for number in range(100)]
    with database.transaction() as tx:
        tx.execute_many("INSERT INTO schools (public_id, name) VALUES (%s, %s)", rows)
    before = database.read("SELECT CONNECTION_ID()")
    database.end_request()
    assert database.read("SELECT CONNECTION_ID()") == before


def test_execute_many_writes_large_batches(database: Database) -> None:
    many = [(f"s{number}", "x" * 190) for number in range(5000)]
    with database.transaction() as tx:
        assert tx.execute_many("INSERT INTO schools (public_id, name) VALUES (%s, %s)", many) == 5000
    assert database.read("SELECT COUNT(*) FROM schools") == ((5000,),)


def test_the_check_of_a_connection_in_use_sends_nothing(
    reopened: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = reopened(idle_check=60)
    database.read("SELECT 1")
    sent: list[object] = []
    original = Connection._begin_command

    def recording(self: Connection, command: int, sql: str | bytes) -> None:
        sent.append(sql)
        original(self, command, sql)

    monkeypatch.setattr(Connection, "_begin_command", recording)
    for number in range(10):
        database.read(f"SELECT {number}")
    assert sent == [b"SELECT %d" % number for number in range(10)]
    assert os.getpid() == database._connections.get(0).process


def test_the_servers_own_words_for_closing_an_idle_connection_are_kept(
    database: Database, server: Server
) -> None:
    number = connection_id(database)
    database._connections.get(0).fetch("SET SESSION wait_timeout = 1")
    waits_for(lambda: not server.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"))
    assert connection_id(database) != number
    (shown,) = database.observation.connections()
    assert shown.last_error.startswith("closed while idle (")
    # MySQL says why; MariaDB hangs up
    assert ("(2013: " if server.is_mariadb else "(4031: ") in shown.last_error


@pytest.mark.parametrize("statement", ["CREATE TABLE not_in_here (a INT)", "COMMIT", "ROLLBACK"])
def test_a_statement_that_ends_the_transaction_is_told_and_nothing_is_run_again(
    database: Database, server: Server, statement: str
) -> None:
    tries = 0

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        tx.execute(INSERT, ("a",))
        tx.execute(statement)

    try:
        with pytest.raises(RuntimeError, match="committed the transaction by itself"):
            database.run(work)
    finally:
        server.execute("DROP TABLE IF EXISTS studentapi_test.not_in_here")
    assert tries == 1


def test_a_state_that_a_transaction_begins_with_is_begun_again(database: Database, server: Server) -> None:
    tries = 0

    def work(tx: Transaction) -> object:
        nonlocal tries
        tries += 1
        tx.execute("SET @tenant = 7")
        if tries == 1:
            kill(server, tx.read("SELECT CONNECTION_ID()")[0][0])
        return tx.read("SELECT @tenant")

    assert database.run(work) == ((7,),)
    assert tries == 2


def test_large_statements_are_not_kept(database: Database) -> None:
    before = statements._nature.cache_info().currsize
    with database.transaction() as tx:
        for number in range(3):
            tx.execute(INSERT + f" /* {'x' * 10_000} */", (f"row-{number}",))
    assert statements._nature.cache_info().currsize == before


def test_a_read_only_option_other_than_read_only_leaves_no_server(database: Database, server: Server) -> None:
    number = connection_id(database)
    with pytest.raises(err.Error):
        database.run(lambda tx: tx.execute("SELECT 1 INTO OUTFILE '/nowhere/at/all'"))
    assert connection_id(database) == number
    assert database.observation.totals()["servers_left"] == 0


def test_a_child_lives_that_was_forked_while_another_thread_awaited_an_answer(
    migrated_url: str, server: Server
) -> None:
    database = Database(migrated_url, at_once=1)
    started = threading.Event()

    def sleep() -> None:
        database.read("SELECT 1")
        started.set()
        database.read("SELECT SLEEP(1)")

    thread = threading.Thread(target=sleep)
    thread.start()
    assert started.wait(30)
    waits_for(lambda: server.execute("SELECT 1 FROM information_schema.processlist WHERE info LIKE '%SLEEP(1)'"))
    context = multiprocessing.get_context("fork")
    child = context.Process(target=lambda: os._exit(0 if database.read("SELECT 7") == ((7,),) else 1))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    thread.join()
    database.close()
