"""What the database does to its clients, and what they see of it."""

import dataclasses
import threading
import time
from collections.abc import Callable

import pytest
from pymysql import err

from studentapi.mysql.address import Address
from studentapi.mysql.database import Database
from studentapi.mysql.errors import CommitUnknown, DatabaseUnavailable, NoConnection, StatementTimeout, TooLarge
from studentapi.mysql.transaction import Transaction
from tests.mysql.helpers import INSERT, aborted, connection_id, kill, rows, waits_for
from tests.mysql.listeners import Relay, listener, silent
from tests.servers import Server


def test_a_lost_reply_to_commit_is_neither_repeated_nor_hidden(
    database: Database, relay: Relay, relayed: Address, reopened: Callable[..., Database]
) -> None:
    through = reopened(relayed, statement_timeout=None)

    def work(tx: Transaction) -> None:
        tx.execute(INSERT, ("a",))
        tx.connection._budget = 0.5
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
    before = aborted(server)
    first = connection_id(database)
    time.sleep(0.3)
    assert connection_id(database) != first
    waits_for(lambda: not server.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {first}"))
    database.close()
    assert aborted(server) == before


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
    with pytest.raises(RuntimeError, match="over"), database.transaction() as tx:
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
        away = reopened(f"mysql://u:p@127.0.0.1:{port}/d", patience=3.0, connect_timeout=2.0)
        started = time.monotonic()
        with pytest.raises(NoConnection):
            away.read("SELECT 1")
        assert time.monotonic() - started < 5.5


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

    number = connection_id(database)
    with pytest.raises(TooLarge):
        database.run(work)
    assert tries == 1
    assert connection_id(database) == number, "nothing was sent, and nothing lost"
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
    database = reopened(statement_timeout=2.0)
    started = time.monotonic()
    with pytest.raises(StatementTimeout):
        database.read("SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b "
                      "WHERE SLEEP(0.01) = 1")  # fmt: skip
    assert time.monotonic() - started < 3.9


def test_a_read_whose_answer_never_comes_is_read_again(
    relay: Relay, relayed: Address, reopened: Callable[..., Database]
) -> None:
    """The server would have ended it: a second later, it cannot be reached any more."""
    through = reopened(relayed, statement_timeout=0.5)
    assert through.read("SELECT 1") == ((1,),)
    relay.muted.set()
    assert through.read("SELECT 2") == ((2,),)
    assert through.observation.totals()["reads_repeated"] == 1


def test_what_a_dead_link_held_in_the_server_is_ended(
    server: Server, database: Database, relay: Relay, relayed: Address, reopened: Callable[..., Database]
) -> None:
    through = reopened(relayed, statement_timeout=0.5)
    tries = 0

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        tx.execute(INSERT, ("a",))
        if tries == 1:
            relay.dropping.set()
        tx.read("SELECT 1 FROM schools FOR UPDATE")

    through.run(work)
    assert tries == 2, "its own lock did not stand in the way"
    assert rows(database) == ["a"]
    assert through.observation.totals()["ended_in_server"] == 1
