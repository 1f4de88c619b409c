import dataclasses
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from pymysql import err
from pymysql.constants import FIELD_TYPE

from studentapi.mysql.address import Address
from studentapi.mysql.connection import Connection, open_connection
from studentapi.mysql.errors import Consequence, DatabaseUnavailable, StatementTimeout, consequence
from tests.mysql.listeners import listener, silent, trickling
from tests.servers import Server


@pytest.fixture
def address(migrated_url: str) -> Address:
    return Address.parse(migrated_url)


@pytest.fixture
def connection(address: Address) -> Iterator[Connection]:
    connection = open_connection(address, statement_timeout=1.0)
    yield connection
    if connection.open:
        connection.close()


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every command that is sent from now on."""
    sent: list[bytes] = []
    original = Connection._begin_command

    def recording(self: Connection, command: int, sql: str | bytes) -> None:
        sent.append(sql.encode() if isinstance(sql, str) else sql)
        original(self, command, sql)

    monkeypatch.setattr(Connection, "_begin_command", recording)
    return sent


@pytest.mark.parametrize("behaviour", [silent, trickling])
def test_a_connect_is_bounded_as_a_whole(behaviour: object) -> None:
    with listener(behaviour) as port:  # type: ignore[arg-type]
        started = time.monotonic()
        with pytest.raises(err.OperationalError):
            open_connection(Address.parse(f"mysql://u:p@127.0.0.1:{port}/d"), connect_timeout=0.5)
        took = time.monotonic() - started
    assert 0.4 < took < 2


def test_a_server_that_is_not_there_has_a_code() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(err.OperationalError) as caught:
        open_connection(Address.parse(f"mysql://u:p@127.0.0.1:{port}/d"))
    assert caught.value.args[0] == 2003
    assert consequence(caught.value) is Consequence.WAIT


def test_an_unknown_host_is_an_operational_error() -> None:
    with pytest.raises(err.OperationalError, match="no-such-host"):
        open_connection(Address.parse("mysql://u:p@no-such-host.invalid/d"), connect_timeout=2)


def test_the_next_host_serves_when_the_first_does_not(address: Address) -> None:
    host, port = address.hosts[0]
    with listener(silent) as dead:
        both = dataclasses.replace(address, hosts=(("127.0.0.1", dead), (host, port)))
        connection = open_connection(both, connect_timeout=2)
        assert connection.port == port
        connection.close()


def test_a_wrong_password_is_refused_and_in_no_message(address: Address) -> None:
    wrong = dataclasses.replace(address, password="geheim")
    with pytest.raises(err.OperationalError) as caught:
        open_connection(wrong)
    assert consequence(caught.value) is Consequence.REFUSED
    assert "geheim" not in str(caught.value)


def test_the_session_is_set_by_one_statement(address: Address, commands: list[bytes]) -> None:
    connection = open_connection(address, statement_timeout=7.0)
    assert len(commands) == 1
    (zone, mode, autocommit, charset, lock_wait) = connection.fetch(
        "SELECT @@time_zone, @@sql_mode, @@autocommit, @@character_set_connection, @@innodb_lock_wait_timeout"
    ).rows[0]
    assert (zone, autocommit, charset, lock_wait) == ("+00:00", 1, "utf8mb4", 3)
    assert "STRICT_ALL_TABLES" in mode
    connection.close()


def test_the_socket_notices_a_dead_link(connection: Connection) -> None:
    sock = connection._socket()
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < 240
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 4000
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_slow_read_is_ended_in_the_server(connection: Connection) -> None:
    started = time.monotonic()
    with pytest.raises(err.Error) as caught:
        # MySQL ends a bare SLEEP without an error; a scan it cannot.
        connection.fetch("SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, "
                         "information_schema.columns c WHERE SLEEP(0.01) = 1")  # fmt: skip
    assert time.monotonic() - started < 2.5
    assert consequence(caught.value) is Consequence.TIMED_OUT
    assert connection.fetch("SELECT 1").rows == ((1,),), "the connection goes on"


def test_an_answer_that_never_comes_is_given_up(address: Address) -> None:
    connection = open_connection(address, statement_timeout=None)
    connection._budget = 0.3
    with pytest.raises(StatementTimeout):
        connection.fetch("SELECT SLEEP(3)")
    assert not connection.open


def test_a_killed_connection_is_not_quiet(connection: Connection, server: Server) -> None:
    assert connection.is_quiet()
    server.execute(f"KILL {connection.thread_id()}")
    deadline = time.monotonic() + 5
    while connection.is_quiet():
        assert time.monotonic() < deadline
    with pytest.raises(err.OperationalError) as caught:
        connection.fetch("SELECT 1")
    assert consequence(caught.value) is Consequence.DISCARD


def test_a_closed_connection_says_so_with_a_code(connection: Connection) -> None:
    connection.discard()
    with pytest.raises(DatabaseUnavailable) as caught:
        connection.fetch("SELECT 1")
    assert caught.value.args[0] == 2006


def test_parameters_are_escaped(connection: Connection) -> None:
    nasty = "'; DROP TABLE x; -- \\ \x00 % 🎓"
    assert connection.fetch("SELECT %s, %s", (nasty, 5)).rows == ((nasty, 5),)
    assert connection.fetch("SELECT %(a)s", {"a": nasty}).rows == ((nasty,),)
    assert connection.fetch("SELECT '%'").rows == (("%",),), "no parameters, no formatting"


def test_a_large_answer_arrives_whole(connection: Connection) -> None:
    assert connection.fetch("SELECT REPEAT('x', 3000000)").rows[0][0] == "x" * 3_000_000


def test_an_answer_that_was_broken_off_is_never_taken_for_the_next(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(value: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(connection.decoders, FIELD_TYPE.LONG, interrupt)
    monkeypatch.setitem(connection.decoders, FIELD_TYPE.LONGLONG, interrupt)
    with pytest.raises(KeyboardInterrupt):
        connection.fetch("SELECT 1 UNION SELECT 2 UNION SELECT 3")
    assert not connection.open


def test_what_is_no_mysql_server_is_told_by_a_code() -> None:
    def web_server(client: socket.socket, over: threading.Event) -> None:
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        over.wait(5)

    with listener(web_server) as port, pytest.raises(err.OperationalError) as caught:
        open_connection(Address.parse(f"mysql://u:p@127.0.0.1:{port}/d"), connect_timeout=1)
    assert caught.value.args[0] == 2012


def test_tls_is_demanded_where_it_is_required(address: Address) -> None:
    required = dataclasses.replace(address, ssl_mode="required")
    offered = open_connection(dataclasses.replace(address, ssl_mode="preferred"))
    has_tls = bool(offered.fetch("SHOW SESSION STATUS LIKE 'Ssl_cipher'").rows[0][1])
    offered.close()
    if has_tls:
        connection = open_connection(required)
        assert connection.fetch("SHOW SESSION STATUS LIKE 'Ssl_cipher'").rows[0][1]
        connection.close()
        with pytest.raises(err.OperationalError) as caught:
            open_connection(dataclasses.replace(address, ssl_mode="verify_identity"))
        assert (caught.value.args[0], consequence(caught.value)) == (2026, Consequence.REFUSED)
    else:
        with pytest.raises(err.OperationalError, match="SSL is required"):
            open_connection(required)


def test_a_value_that_cannot_be_sent_costs_no_connection(connection: Connection) -> None:
    with pytest.raises(UnicodeEncodeError):
        connection.fetch("SELECT %s", ("\ud800",))
    assert connection.fetch("SELECT 1").rows == ((1,),)


@pytest.mark.parametrize("in_main_thread", [True, False])
def test_signals_do_not_put_a_deadline_off(address: Address, in_main_thread: bool) -> None:
    raised: list[BaseException] = []

    def wait() -> None:
        connection = open_connection(address, statement_timeout=1.0)
        limit = "max_statement_time" if connection.is_mariadb else "max_execution_time"
        connection.fetch(f"SET {limit} = 0")  # so that nobody but us ends it
        try:
            connection.fetch("SELECT SLEEP(8)")
        except err.Error as error:
            raised.append(error)

    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)
    started = time.monotonic()
    try:
        if in_main_thread:
            wait()
        else:
            thread = threading.Thread(target=wait)
            thread.start()
            thread.join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 5
    assert len(raised) == 1


def test_an_interruption_in_the_middle_of_an_answer_closes_the_connection(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(connection, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        connection.query("SELECT 1")
    assert not connection.open
