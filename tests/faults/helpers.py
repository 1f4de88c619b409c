"""What the tests of faults ask of a server, and clients that ask the service without pause."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from pymysql import err

from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Server
    from tests.service import Service

NAME = "studentapi_faults"
INSERT = "INSERT INTO record (request_key) VALUES (%s)"
NO_ANSWER = 0
"""Stands for the status of a request to which no answer came."""


def moved(url: str, *hosts: tuple[str, int]) -> str:
    """The address of the same database, by way of these hosts and ports."""
    login, _, rest = url.partition("@")
    places = ",".join(f"{host}:{port}" for host, port in hosts)
    return f"{login}@{places}/{rest.partition('/')[2]}"


def connections(server: Server) -> set[int]:
    """The server's connections to the database of these tests."""
    rows = server.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{NAME}'")
    return {int(str(number)) for (number,) in rows}


def kill(server: Server, *numbers: int) -> None:
    """End these connections, and return when the server has."""
    for number in numbers:
        with suppress(err.OperationalError):  # 1094: gone already
            server.execute(f"KILL {number}")
    eventually(lambda: not connections(server) & set(numbers))


def statements(server: Server, like: str) -> int:
    """How many statements like this run, or wait for a lock."""
    return len(
        server.execute(f"SELECT 1 FROM information_schema.processlist WHERE db = '{NAME}' AND info LIKE '{like}'")
    )


def rows(server: Server) -> dict[str, int]:
    """How often each key was recorded."""
    found = server.execute(f"SELECT request_key, COUNT(*) FROM {NAME}.record GROUP BY request_key")
    return {str(key): int(str(count)) for key, count in found}


def aborted(server: Server) -> int:
    """How many clients went away without a word, once the server has seen all of them off."""
    eventually(lambda: not connections(server))
    return int(str(server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")[0][1]))


class Answer(NamedTuple):
    """What became of one request."""

    key: str
    status: int
    body: bytes
    started: float
    ended: float


class Load:
    """Clients that ask the service without pause while the block lasts: half of them write, half of them read.

    The keys that they write begin with `name`.
    """

    def __init__(self, service: Service, clients: int = 4, *, name: str = "") -> None:
        self.answers: list[Answer] = []
        self._service = service
        self._name = name
        self._over = threading.Event()
        self._keys = itertools.count()
        self._threads = [
            threading.Thread(target=self._ask, args=(self._write if number % 2 else self._read,))
            for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def more(self, answers: int = 100) -> None:
        """Return when this many further requests were answered well."""
        before = self._good()
        eventually(lambda: self._good() >= before + answers, seconds=90)

    def bad(self) -> list[Answer]:
        """Requests that were not answered as on a good day."""
        return [answer for answer in self.answers if answer.status not in (200, 201)]

    def assert_written_once(self, server: Server) -> None:
        """Every acknowledged row has to be there once, every other at most once."""
        found = rows(server)
        assert all(found.get(answer.key) == 1 for answer in self.answers if answer.status == 201), "a row is lost"
        assert set(found.values()) <= {1}, "a row is doubled"

    def _good(self) -> int:
        return sum(answer.status in (200, 201) for answer in list(self.answers))

    def _ask(self, once: Callable[[str], tuple[int, bytes]]) -> None:
        while not self._over.is_set():
            key = f"{self._name}{next(self._keys)}"
            started = time.monotonic()
            try:
                status, body = once(key)
            except (OSError, http.client.HTTPException) as error:
                status, body = NO_ANSWER, repr(error).encode()
            self.answers.append(Answer(key, status, body, started, time.monotonic()))

    def _read(self, key: str) -> tuple[int, bytes]:
        del key
        return self._service.get("/rows")

    def _write(self, key: str) -> tuple[int, bytes]:
        return self._service.ask("POST", "/rows", {"key": key})[:2]
