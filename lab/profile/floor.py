"""What a call to the database costs one thread, from plain socket calls up: the city lookup, asked every way.

Plain sockets are the floor: the request lies ready as bytes, the answer is taken as it comes, and one number is
cut out of it. No driver and no safety is in it: nothing that asks this server from Python can cost less.
"""

from __future__ import annotations

import struct
from contextlib import ExitStack, closing
from time import monotonic, thread_time
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import COMMAND

from lab.answers.data import cities
from lab.peers.statements import SESSION
from studentapi.mysql.address import Address
from studentapi.mysql.database import Database

try:
    import MySQLdb
except ImportError:  # it is compiled, where that can be
    MySQLdb = None

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[[str], int]

SQL = "SELECT city_id FROM city WHERE city = %s ORDER BY city_id LIMIT 1"
SOCKETS, SOCKETS_TEXT = "plain sockets, prepared statement", "plain sockets, statement as text"
MYSQLCLIENT, PYMYSQL = "mysqlclient's cursor", "PyMySQL's cursor"
READ, READ_TEXT = "Database.read and end_request, prepared", "Database.read and end_request, as text"
CALLS = 300
"""Calls in a turn."""
NAMES = 50
"""Cities that are asked for in turn."""

_HEADER = struct.Struct("<IB")
_EXECUTE = struct.Struct("<IBI")
_STRING = b"\xfd\x00"
_END, _END_SIZE = b"\x05\x00\x00", 9
"""How an answer's last packet begins, and its bytes: EOF, since nothing newer is agreed upon."""
_CHUNK = 8192


def measure(url: str, seconds: float) -> dict[str, list[float]]:
    """µs of CPU time of a call, by the way of asking, one for each round of about `seconds` in all.

    `url` is that of a database with the cities, without options. Everyone takes turns, and answers rightly before
    (else `RuntimeError`).
    """
    wanted = {name: int(number) for number, name, *_ in reversed(cities())}
    names = [*wanted][:NAMES]
    with ExitStack() as stack:
        ways = _ways(Address.parse(f"{url}?ssl_mode=disabled"), names, stack)
        for way, ask in ways.items():
            # often enough for a statement to have been prepared
            for name in names:
                if (found := ask(name)) != wanted[name]:
                    raise RuntimeError(f"{way}: {name} is #{found}, and should be #{wanted[name]}")
        rounds: dict[str, list[float]] = {way: [] for way in ways}
        deadline = monotonic() + seconds
        while monotonic() < deadline or not rounds[SOCKETS]:
            for way, ask in ways.items():
                rounds[way].append(_turn(ask, names))
        return rounds


def _turn(ask: Ask, names: list[str]) -> float:
    asked = [names[number % len(names)] for number in range(CALLS)]
    began = thread_time()
    for name in asked:
        ask(name)
    return (thread_time() - began) / CALLS * 1e6


def _ways(address: Address, names: list[str], stack: ExitStack) -> dict[str, Ask]:
    """Each way to ask, on a connection of its own, which ends with `stack`."""
    host, port = address.hosts[0]
    options: dict[str, Any] = {"host": host, "port": port, "user": address.user, "password": address.password}
    options["database"] = address.database

    def connect() -> pymysql.Connection[Any]:
        return stack.enter_context(closing(pymysql.connect(**options, ssl_disabled=True, autocommit=True)))

    database = stack.enter_context(closing(Database(address)))
    ways = {SOCKETS: prepared(connect(), names), SOCKETS_TEXT: as_text(connect(), names)}
    if MySQLdb is not None:
        ours = MySQLdb.connect(
            **options, ssl_mode="DISABLED", charset="utf8mb4", init_command=SESSION, autocommit=True
        )
        ways[MYSQLCLIENT] = by_cursor(stack.enter_context(closing(ours)))
    ways[PYMYSQL] = by_cursor(connect())
    ways[READ], ways[READ_TEXT] = by_database(database, prepare=True), by_database(database, prepare=False)
    return ways


def by_cursor(connection: Any) -> Ask:
    """By a cursor for each call, as the peers do."""

    def ask(name: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(SQL, [name])
            return int(cursor.fetchall()[0][0])

    return ask


def by_database(database: Database, *, prepare: bool) -> Ask:
    """By studentapi's connections, as a request does."""

    def ask(name: str) -> int:
        rows = database.read(SQL, [name], prepare=prepare)
        database.end_request()
        return int(rows[0][0])

    return ask


def prepared(connection: pymysql.Connection[Any], names: list[str]) -> Ask:
    """By executing a prepared statement on the socket of `connection`."""
    sock = _socket(connection)
    statement = SQL.replace("%s", "?").encode()
    sock.sendall(_command(COMMAND.COM_STMT_PREPARE, statement))
    began = bytearray()
    ends = 0
    while ends < 2:  # noqa: PLR2004 - of its parameters, and of its columns
        more = sock.recv(_CHUNK)
        began += more
        ends = _packets(began).count(_END_SIZE - 4)
        if not more or began[4] == 0xFF:  # noqa: PLR2004 - ERR
            raise RuntimeError("the database server does not prepare the statement")
    (number,) = struct.unpack_from("<I", began, 5)
    requests = {}
    for name in names:
        value = name.encode()
        parameters = b"\x00\x01" + _STRING + bytes((len(value),)) + value
        requests[name] = _command(COMMAND.COM_STMT_EXECUTE, _EXECUTE.pack(number, 0, 1) + parameters)

    def ask(name: str) -> int:
        sock.sendall(requests[name])
        answer = _answer(sock)
        return int.from_bytes(answer[-_END_SIZE - 4 : -_END_SIZE], "little")

    return ask


def as_text(connection: pymysql.Connection[Any], names: list[str]) -> Ask:
    """By the statement as text, on the socket of `connection`."""
    sock = _socket(connection)
    requests = {
        name: _command(COMMAND.COM_QUERY, (SQL % connection.escape(name)).encode(connection.encoding))
        for name in names
    }

    def ask(name: str) -> int:
        sock.sendall(requests[name])
        answer = _answer(sock)
        # at most three digits, behind their number
        size = next(size for size in (1, 2, 3) if answer[-_END_SIZE - size - 1] == size)
        return int(answer[-_END_SIZE - size : -_END_SIZE])

    return ask


def _socket(connection: pymysql.Connection[Any]) -> Any:
    sock: Any = connection._sock  # type: ignore[attr-defined]  # noqa: SLF001 - PyMySQL signs in
    sock.settimeout(None)
    return sock


def _command(command: int, payload: bytes) -> bytes:
    return _HEADER.pack(len(payload) + 1, command) + payload


def _answer(sock: Any) -> bytes:
    """An answer of one row."""
    data: bytes = sock.recv(_CHUNK)
    while data[-_END_SIZE : -_END_SIZE + 3] != _END:
        more = sock.recv(_CHUNK)
        if not more:
            raise RuntimeError("the database server has closed the connection")
        data += more
    return data


def _packets(data: bytearray) -> list[int]:
    """The sizes of the EOF packets in `data`; a part of a packet at its end does not count."""
    sizes, at = [], 0
    while at + 4 < len(data):
        size = int.from_bytes(data[at : at + 3], "little")
        if data[at + 4] == 0xFE and at + 4 + size <= len(data):  # noqa: PLR2004 - EOF
            sizes.append(size)
        at += 4 + size
    return sizes
