"""Several hosts: the one that takes writes serves, and is left when it does so no more."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pymysql import err

from studentapi import embedded
from studentapi.mysql.address import Address
from studentapi.mysql.asking import Facts
from studentapi.mysql.connection import Connection, open_connection
from studentapi.mysql.database import Database
from studentapi.mysql.errors import NoConnection
from studentapi.mysql.servers import Servers, learn
from tests.mysql.helpers import INSERT, connection_id
from tests.servers import Server


@pytest.fixture
def read_only(server: Server) -> Iterator[None]:
    """The server refuses writes, also those of an administrator where it can."""
    server.execute(f"SET GLOBAL {'read_only' if server.is_mariadb else 'super_read_only'} = 1")
    yield
    server.execute("SET GLOBAL read_only = 0")


def served_by(server: Server, url: str) -> Connection:
    connection = Servers(Address.parse(url), statement_timeout=None).open(3.0)
    connection.close()
    return connection


def test_a_server_says_who_it_is_and_whether_it_takes_writes(server: Server, migrated_url: str) -> None:
    first, second = served_by(server, migrated_url).facts, served_by(server, migrated_url).facts
    assert first == second
    assert first.identity
    assert first.writable
    assert first.largest_packet == server.execute("SELECT @@max_allowed_packet")[0][0]


def test_a_read_only_server_is_known_when_it_is_met(server: Server, migrated_url: str, read_only: None) -> None:
    assert not served_by(server, migrated_url).facts.writable


def test_what_does_not_know_the_question_is_taken_to_write(migrated_url: str) -> None:
    class Proxy:
        is_mariadb = False

        def fetch(self, sql: str) -> object:
            raise err.OperationalError(1193, "Unknown system variable")

    assert learn(Proxy()) == Facts(None, writable=True)  # type: ignore[arg-type]


def test_a_host_that_is_not_there_is_passed_over(migrated_url: str, reopened: Callable[..., Database]) -> None:
    address = Address.parse(migrated_url)
    both = dataclasses.replace(address, hosts=(("127.0.0.1", 1), *address.hosts))
    assert reopened(both, patience=0).read("SELECT 1") == ((1,),)


def test_reads_are_served_by_a_server_that_takes_no_writes(
    read_only: None, reopened: Callable[..., Database]
) -> None:
    assert reopened(patience=0).read("SELECT 1") == ((1,),)


def test_a_write_waits_for_a_server_that_takes_it(
    server: Server, database: Database, read_only: None, reopened: Callable[..., Database]
) -> None:
    patient = reopened(patience=30)
    patient.read("SELECT 1")
    impatient = reopened(patience=0.3)
    with pytest.raises(NoConnection) as caught:
        impatient.run(lambda tx: tx.execute(INSERT, ("a",)))
    assert caught.value.args[0] == 1290
    server.execute("SET GLOBAL read_only = 0")
    patient.run(lambda tx: tx.execute(INSERT, ("b",)))
    assert database.read("SELECT public_id FROM schools") == (("b",),)


def test_a_server_that_turns_read_only_under_a_transaction_is_left(
    server: Server, database: Database, reopened: Callable[..., Database]
) -> None:
    """The connections of the other threads are replaced, too: they go to the server that was left."""
    number = connection_id(database)
    server.execute(f"SET GLOBAL {'read_only' if server.is_mariadb else 'super_read_only'} = 1")
    try:
        impatient = reopened(patience=0)
        impatient.read("SELECT 1")
        with pytest.raises(NoConnection):
            impatient.run(lambda tx: tx.execute(INSERT, ("a",)))
    finally:
        server.execute("SET GLOBAL read_only = 0")
    assert connection_id(database) == number, "another Database makes up its own mind"


class Administrator:
    """One of two servers."""

    def __init__(self, url: str) -> None:
        self.address = Address.parse(url)

    def execute(self, *statements: str) -> object:
        """Run statements; returns the rows of the last one."""
        with closing(open_connection(self.address)) as connection:
            return [connection.fetch(statement).rows for statement in statements][-1]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[embedded.PrivateServer, embedded.PrivateServer]]:
    if embedded.find_server() is None:
        pytest.skip("no server program on this machine: two servers cannot be started")
    with embedded.PrivateServer(tmp_path / "a") as first, embedded.PrivateServer(tmp_path / "b") as second:
        yield first, second


def test_after_a_promotion_reads_and_writes_go_to_the_new_primary(
    pair: tuple[embedded.PrivateServer, embedded.PrivateServer],
) -> None:
    old, new = (Administrator(private.root_url) for private in pair)
    for one in (old, new):
        one.execute(
            "CREATE TABLE studentapi.t (a INT)",
            "CREATE USER app@'%' IDENTIFIED BY 'x'",
            "GRANT ALL ON studentapi.* TO app@'%'",
        )
    new.execute("SET GLOBAL read_only = 1")
    ports = [one.address.hosts[0][1] for one in (old, new)]
    database = Database(f"mysql://app:x@127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/studentapi")

    def port() -> object:
        return database.read("SELECT @@port")[0][0]

    try:
        assert port() == ports[0]
        database.run(lambda tx: tx.execute("INSERT INTO t VALUES (1)"))
        old.execute("SET GLOBAL read_only = 1")
        assert port() == ports[0], "reads are served meanwhile"
        new.execute("SET GLOBAL read_only = 0")
        database.run(lambda tx: tx.execute("INSERT INTO t VALUES (2)"))
        assert port() == ports[1]
        assert [one.execute("SELECT a FROM studentapi.t") for one in (old, new)] == [((1,),), ((2,),)]
        assert database.observation.totals()["servers_left"] == 1
        # and stays there when the first one, too, says that it takes writes: two must not be written at once
        old.execute("SET GLOBAL read_only = 0")
        number = connection_id(database)
        new.execute(f"KILL {number}")
        deadline = time.monotonic() + 30
        while connection_id(database) == number:
            assert time.monotonic() < deadline
        assert port() == ports[1]
    finally:
        database.close()
