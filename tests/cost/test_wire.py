"""What is counted at the wire is what went over it."""

from __future__ import annotations

import dataclasses
import socket
from typing import TYPE_CHECKING

import pytest

from lab.injection.flow import Direction, Flow
from lab.injection.listeners import packet
from lab.injection.proxy import Proxy
from studentapi.mysql.address import Address
from studentapi.mysql.database import Database
from tests.cost.statements import names, round_trips
from tests.cost.wire import CONNECT, QUERY, Command, Tap
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

TO, FROM = Direction.TO_SERVER, Direction.TO_CLIENT
PING, ASKED = packet(b"\x0e"), packet(b"\x03SELECT 1")
ANSWER = packet(b"\x00\x00\x00\x02\x00\x00\x00", 1)


@pytest.fixture
def flow() -> Iterator[Flow]:
    one, other = socket.socketpair()
    flow = Flow(one, other)
    yield flow
    flow.close()


def heard(flow: Flow, *said: tuple[Direction, bytes]) -> list[Command]:
    """The commands in what passed, without the connect."""
    tap = Tap()
    for direction, data in said:
        tap.look(flow, direction, data)
    assert tap.commands[0] == Command(CONNECT, "", begins=True)
    return tap.commands[1:]


def test_commands_have_their_kinds_and_texts(flow: Flow) -> None:
    commands = heard(flow, (TO, ASKED), (FROM, ANSWER), (TO, PING), (FROM, ANSWER), (TO, packet(b"\x01")))
    assert [command[:2] for command in commands] == [(QUERY, "SELECT 1"), ("PING", ""), ("QUIT", "")]
    assert round_trips(commands) == 3


def test_a_command_may_come_byte_by_byte(flow: Flow) -> None:
    commands = heard(flow, *((TO, bytes([byte])) for byte in ASKED))
    assert commands == [Command(QUERY, "SELECT 1", begins=True)]


def test_commands_in_one_piece_are_one_round_trip(flow: Flow) -> None:
    commands = heard(flow, (TO, ASKED + PING), (FROM, ANSWER * 2), (TO, PING))
    assert names(commands) == ["SELECT", "PING", "PING"]
    assert round_trips(commands) == 2


def test_a_prepared_statement_is_told_by_its_number(flow: Flow) -> None:
    number = b"\x07\x00\x00\x00"
    commands = heard(
        flow,
        (TO, packet(b"\x16SELECT ?")),
        (FROM, packet(b"\x00" + number + bytes(7), 1)[:6]),
        (FROM, packet(b"\x00" + number + bytes(7), 1)[6:]),
        (TO, packet(b"\x17" + number + bytes(5))),
    )
    assert names(commands) == ["PREPARE SELECT", "SELECT"]
    assert [command.text for command in commands] == ["SELECT ?"] * 2
    assert round_trips(commands) == 2


def test_only_packets_that_begin_a_command_are_counted(flow: Flow) -> None:
    """Signing in is none, nor is the rest of a statement that is longer than a packet."""
    long = (b"\xff\xff\xff\x00\x03" + b"x" * (2**24 - 2), packet(b"rest", 1))
    said = [(FROM, packet(b"greeting")), (TO, packet(b"who it is", 1)), *((TO, part) for part in long)]
    (command,) = heard(flow, *said)
    assert (command.kind, len(command.text)) == (QUERY, 2**24 - 2)


def test_what_a_database_sends_is_counted(server: Server, migrated_url: str) -> None:
    tap = Tap()
    with Proxy(*server.address) as proxy:
        proxy.watch(tap)
        address = Address.parse(migrated_url.partition("?")[0] + "?ssl_mode=disabled")
        database = Database(dataclasses.replace(address, hosts=(("127.0.0.1", proxy.port),)))
        database.read("SELECT 1")
        assert tap.commands[0].kind == CONNECT
        tap.commands.clear()
        database.read("SELECT %s", ("; it's one statement",))
        database.check()
        with database.transaction() as tx:
            tx.execute("INSERT INTO schools (public_id, name) VALUES ('a', 'FROM users')")
            tx.execute("DELETE FROM schools")
        database.close()
        eventually(lambda: tap.commands[-1].kind == "QUIT")  # which nobody answers
    assert names(tap.commands) == [
        "SELECT", "PING", "BEGIN", "INSERT schools", "DELETE schools", "COMMIT", "QUIT",
    ]  # fmt: skip
    assert round_trips(tap.commands) == 7


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("select 1", "SELECT"),
        ("SELECT a FROM t JOIN `u` ON t.b = u.b", "SELECT t, u"),
        ("(SELECT a FROM t) UNION (SELECT a FROM u)", "SELECT t (u)"),
        (
            "SELECT (SELECT a FROM u WHERE u.b = t.b) FROM t WHERE c = 'FROM v' FOR UPDATE",
            "SELECT t (u) FOR UPDATE",
        ),
        ("SELECT 1 FROM t LEFT JOIN (u JOIN v ON 1) ON 1 LOCK IN SHARE MODE", "SELECT t, u, v FOR SHARE"),
        ("SELECT 1 FROM (SELECT a FROM t) AS x", "SELECT (t)"),
        ("SELECT STRAIGHT_JOIN a FROM t STRAIGHT_JOIN u ON 1", "SELECT t, u"),
        ("INSERT INTO t (a) VALUES (1), (2) ON DUPLICATE KEY UPDATE a = VALUES(a)", "INSERT t or UPDATE"),
        ("UPDATE t SET a = (SELECT b FROM u)", "UPDATE t (u)"),
        ("DELETE t FROM JSON_TABLE('[]', '$' COLUMNS (a INT PATH '$')) AS j JOIN t ON 1", "DELETE t"),
        ("COMMIT", "COMMIT"),
    ],
)
def test_a_statement_is_named_by_what_it_does_to_which_tables(sql: str, name: str) -> None:
    assert names([Command(QUERY, sql, begins=True)]) == [name]


def test_statements_in_one_command_are_counted_each() -> None:
    assert names([Command(QUERY, "BEGIN; SELECT ';' FROM t;", begins=True)]) == ["BEGIN", "SELECT t"]
