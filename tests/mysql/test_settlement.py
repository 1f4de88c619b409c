"""A lost reply to COMMIT: looked up, never guessed."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pymysql import err

from studentapi.gradebook import idempotency
from studentapi.gradebook.idempotency import Kept, Key
from studentapi.mysql import killing, servers, settlement
from studentapi.mysql.address import Address
from studentapi.mysql.answers import Result
from studentapi.mysql.asking import Facts
from studentapi.mysql.connection import Connection, open_connection
from studentapi.mysql.database import Database
from studentapi.mysql.errors import CommitUnknown, DatabaseUnavailable
from studentapi.mysql.transaction import Transaction
from tests.mysql.helpers import INSERT, rows, waits_for
from tests.mysql.listeners import Relay
from tests.servers import Server


@pytest.fixture
def through(relayed: Address, reopened: Callable[..., Database]) -> Database:
    """A database by way of the relay, whose COMMIT may take half a second."""
    return reopened(relayed, statement_timeout=None, markers=settlement.NAME)


def about_to_commit(tx: Transaction, fault: Callable[[], None]) -> None:
    """Have `fault` happen right before COMMIT is sent, and its reply awaited for half a second."""
    original = tx.connection.fetch

    def fetch(sql: str, params: Any = (), *, prepare: bool = False) -> Result:
        if sql == "COMMIT":
            tx.connection._budget = 0.5
            fault()
        return original(sql, params, prepare=prepare)

    tx.connection.fetch = fetch  # type: ignore[method-assign]


def test_a_commit_that_arrived_is_found_and_not_repeated(
    database: Database, relay: Relay, through: Database
) -> None:
    tries = 0

    def work(tx: Transaction) -> str:
        nonlocal tries
        tries += 1
        tx.execute(INSERT, ("a",))
        about_to_commit(tx, relay.muted.set)
        return "done"

    assert through.run(work) == "done"
    assert tries == 1
    assert rows(database) == ["a"]
    assert through.observation.totals()["commits_found"] == 1


def test_a_commit_that_never_arrived_is_undone_and_the_work_run_again(
    database: Database, relay: Relay, through: Database
) -> None:
    tries = 0

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        tx.execute(INSERT, ("a",))
        if tries == 1:
            about_to_commit(tx, relay.dropping.set)

    through.run(work)
    assert tries == 2
    assert rows(database) == ["a"]
    assert through.observation.totals()["commits_missing"] == 1


def test_a_block_whose_commit_never_arrived_says_that_nothing_was_written(
    database: Database, relay: Relay, through: Database
) -> None:
    with pytest.raises(DatabaseUnavailable, match="before COMMIT"), through.transaction() as tx:
        tx.execute(INSERT, ("a",))
        about_to_commit(tx, relay.dropping.set)
    assert rows(database) == []


def test_the_lost_connection_is_ended_so_that_its_locks_are_gone(
    server: Server, database: Database, relay: Relay, through: Database
) -> None:
    with pytest.raises(DatabaseUnavailable), through.transaction() as tx:
        tx.execute(INSERT, ("a",))
        about_to_commit(tx, relay.dropping.set)
    waits_for(lambda: server.execute("SELECT COUNT(*) FROM information_schema.innodb_trx") == ((0,),))


def test_without_markers_it_is_unknown(
    database: Database, relay: Relay, relayed: Address, reopened: Callable[..., Database]
) -> None:
    unmarked = reopened(relayed, statement_timeout=None)
    with pytest.raises(CommitUnknown), unmarked.transaction() as tx:
        tx.execute(INSERT, ("a",))
        about_to_commit(tx, relay.muted.set)
    assert unmarked.observation.totals()["commits_unknown"] == 1
    assert rows(database) == ["a"]


def test_what_another_server_cannot_know_is_unknown(
    database: Database,
    relay: Relay,
    relayed: Address,
    reopened: Callable[..., Database],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through = reopened(relayed, statement_timeout=0.5, patience=0.5, markers=settlement.NAME)
    with pytest.raises(CommitUnknown), through.transaction() as tx:
        tx.execute(INSERT, ("a",))
        about_to_commit(tx, relay.dropping.set)
        monkeypatch.setattr(servers, "learn", lambda connection: Facts("another server", writable=True))
    assert through.observation.totals()["commits_unknown"] == 1


def test_a_marker_that_was_replicated_is_found_on_the_server_that_took_over(
    database: Database, relay: Relay, through: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with through.transaction() as tx:
        tx.execute(INSERT, ("a",))
        about_to_commit(tx, relay.muted.set)
        monkeypatch.setattr(servers, "learn", lambda connection: Facts("another server", writable=False))
    assert rows(database) == ["a"]
    assert through.observation.totals()["commits_found"] == 1


def test_no_failure_to_settle_lets_the_work_run_again(
    database: Database, relay: Relay, through: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is: here, packets out of order while signing in."""
    tries = 0

    def out_of_order() -> Connection:
        raise err.InternalError("Packet sequence number wrong - got 9 expected 2")

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        tx.execute(INSERT, ("a",))
        about_to_commit(tx, relay.muted.set)
        monkeypatch.setattr(through._connector, "connect", lambda until: out_of_order())

    through._run_time = 0.5
    with pytest.raises(CommitUnknown):
        through.run(work)
    assert tries == 1
    assert rows(database) == ["a"]


def test_what_only_read_is_done_even_where_the_reply_to_commit_is_lost(
    database: Database, relay: Relay, through: Database
) -> None:
    with through.transaction() as tx:
        assert tx.read("SELECT 1 FROM schools FOR UPDATE") == ()
        about_to_commit(tx, relay.muted.set)


def test_a_server_that_stays_away_leaves_it_unknown(
    database: Database, relayed: Address, relay: Relay, reopened: Callable[..., Database]
) -> None:
    away = reopened(relayed, statement_timeout=None, patience=0.5, connect_timeout=0.5, markers=settlement.NAME)
    with pytest.raises(CommitUnknown), away.transaction() as tx:
        tx.execute(INSERT, ("a",))
        about_to_commit(tx, relay.muted.set)
        relay.refusing.set()


def test_a_lost_reply_to_the_settling_itself_is_settled_too(database: Database, migrated_url: str) -> None:
    """The first attempt to settle wrote its own marker and lost its connection: the second must not take it for
    the transaction's."""
    address = Address.parse(migrated_url)
    markers = settlement.Markers(settlement.NAME)

    def connect() -> Connection:
        connection = open_connection(address)
        connection.facts = servers.learn(connection)
        return connection

    lost = connect()
    lost.fetch("BEGIN")
    marker = markers.write(lost)
    lost.discard()
    beside = connect()
    killing.command_of_ended(lost, beside)
    beside.fetch(f"INSERT INTO {settlement.NAME} (id, outcome) VALUES (%s, 'undone')", (marker,))
    beside.close()
    assert markers.settle(marker, lost, connect, deadline=float("inf")) is False


def test_settling_waits_for_a_transaction_that_is_still_under_way(
    migrated_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A KILL that reaches nothing, as through a proxy, changes no answer: the marker's key is locked."""
    address = Address.parse(migrated_url)
    markers = settlement.Markers(settlement.NAME)
    killed: list[Connection] = []
    monkeypatch.setattr(settlement, "command_of_ended", lambda lost, beside: killed.append(lost))

    def connect() -> Connection:
        connection = open_connection(address)
        connection.facts = servers.learn(connection)
        return connection

    slow = connect()
    slow.fetch("BEGIN")
    marker = markers.write(slow)
    settled: list[bool] = []
    thread = threading.Thread(
        target=lambda: settled.append(markers.settle(marker, slow, connect, deadline=float("inf")))
    )
    thread.start()
    waits_for(lambda: killed)
    slow.fetch("COMMIT")
    thread.join()
    slow.close()
    assert settled == [True]


def test_a_transaction_that_only_reads_writes_no_marker(database: Database, migrated_url: str) -> None:
    marked = Database(migrated_url, markers=settlement.NAME)
    with marked.transaction() as tx:
        tx.read("SELECT 1")
    marked.close()
    assert database.read(f"SELECT COUNT(*) FROM {settlement.NAME}") == ((0,),)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_row_of_the_transactions_own_is_the_marker_it_is_settled_by(
    database: Database, relay: Relay, through: Database, *, arrives: bool
) -> None:
    """Here in the idempotency keys: found, or fenced so that the work may begin again with another."""
    tries = 0

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        assert idempotency.claim(tx, Key.of("token", "key", b"request")) is None
        tx.execute(INSERT, ("a",))
        idempotency.keep(tx, Key.of("token", "key", b"request"), Kept(201, {}, b"{}"))
        if tries == 1:
            about_to_commit(tx, relay.muted.set if arrives else relay.dropping.set)

    through.run(work)
    assert tries == (1 if arrives else 2)
    assert rows(database) == ["a"]
    assert database.read(f"SELECT COUNT(*) FROM {settlement.NAME}") == ((0,),)
    outcomes = database.read("SELECT outcome, status FROM idempotency_keys ORDER BY outcome")
    assert outcomes == ((("committed", 201),) if arrives else (("committed", 201), ("undone", None)))


def test_old_markers_are_deleted_in_time(
    database: Database, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "PURGE_EVERY", 1)
    with database.transaction() as tx:
        tx.execute(
            f"INSERT INTO {settlement.NAME} (id, outcome, created_at) VALUES "
            "(REPEAT('a', 16), 'committed', UTC_TIMESTAMP() - INTERVAL 2 DAY), "
            "(REPEAT('b', 16), 'committed', UTC_TIMESTAMP() - INTERVAL 1 HOUR)"
        )
    marked = Database(migrated_url, markers=settlement.NAME)
    with marked.transaction() as tx:
        tx.execute(INSERT, ("a",))
    marked.close()
    kept = database.read(f"SELECT id FROM {settlement.NAME} WHERE id IN (REPEAT('a', 16), REPEAT('b', 16))")
    assert kept == ((b"b" * 16,),)


def test_the_table_that_is_documented_is_the_one_that_is_migrated(server: Server, migrated_url: str) -> None:
    server.execute("CREATE DATABASE documented_markers")
    try:
        connection = open_connection(Address.parse(server.url("documented_markers")))
        connection.fetch(settlement.TABLE)
        connection.close()
        told = [
            server.execute(
                "SELECT column_name, column_type, is_nullable, column_key FROM information_schema.columns "
                f"WHERE table_schema = '{schema}' AND table_name = '{settlement.NAME}' ORDER BY column_name"
            )
            for schema in ("documented_markers", "studentapi_test")
        ]
        assert told[0] == told[1] != ()
    finally:
        server.execute("DROP DATABASE documented_markers")
