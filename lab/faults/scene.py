"""The stage of a fault: the database server, what its administrator may do, and the answers' addresses."""

from __future__ import annotations

import secrets
from contextlib import closing, contextmanager, suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from pymysql import err

from lab.answers import data
from lab.faults.isolation import Firewall
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lab.answers import Answer
    from studentapi.embedded import PrivateServer
    from studentapi.mysql.connection import Connection

USER = "lab"
"""An ordinary user, whom a read-only server refuses."""


class Scene:
    """What a fault works on: a running `server`, at `host` and `port`, and room for more in `directory`.

    The administrator comes by `back_door`, another address of the server's, where no firewall stands.
    """

    def __init__(
        self,
        server: PrivateServer,
        answers: Sequence[Answer],
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        back_door: str | None = None,
    ) -> None:
        self.server = server
        self.answers = answers
        self.directory = directory
        self.host = host
        self.port = port or Address.parse(server.root_url).hosts[0][1]
        self.firewall = Firewall(host, self.port)
        self.password = secrets.token_urlsafe(12)
        self._administrator = Address.parse(server.root_url).at((back_door or host, self.port))

    def url(self, answer: Answer, host: str | None = None, port: int | None = None) -> str:
        """The address of an answer's own database, by whichever way leads to it; without TLS."""
        place = f"{host or self.host}:{port or self.port}"
        return f"mysql://{USER}:{self.password}@{place}/{answer.database}?ssl_mode=disabled"

    def load_data(self) -> None:
        """Make every answer's database and the user."""
        with self.administrator() as connection:
            connection.fetch(f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{self.password}'")
            connection.fetch(f"GRANT ALL PRIVILEGES ON `lab\\_%`.* TO '{USER}'@'%'")
            for answer in self.answers:
                data.load(connection, answer.database)

    @contextmanager
    def administrator(self) -> Iterator[Connection]:
        """A connection of the administrator's, closed at the end."""
        with closing(open_connection(self._administrator, statement_timeout=60)) as connection:
            yield connection

    def execute(self, *statements: str) -> tuple[tuple[object, ...], ...]:
        """Run statements as the administrator; the rows of the last."""
        with self.administrator() as connection:
            for statement in statements:
                rows = connection.fetch(statement).rows
        return rows

    def connections(self) -> list[int]:
        """The server's numbers of the answers' connections."""
        found = self.execute(f"SELECT id FROM information_schema.processlist WHERE user = '{USER}'")
        return [int(str(number)) for (number,) in found]

    def kill_connections(self) -> None:
        """KILL every connection of the answers."""
        with self.administrator() as connection:
            for number in self.connections():
                with suppress(err.Error):  # gone already
                    connection.fetch(f"KILL {number}")

    @contextmanager
    def statements_held(self) -> Iterator[None]:
        """Hold every answer's tables locked, so that each of its threads is in a statement inside the block."""
        tables = ", ".join(
            f"`{answer.database}`.{table} WRITE" for answer in self.answers for table in ("city", "record")
        )
        with self.administrator() as connection:
            connection.fetch(f"LOCK TABLES {tables}")
            wait_until(self._all_in_statements, 3)
            yield
            connection.fetch("UNLOCK TABLES")

    def settle(self) -> None:
        """Return when nothing of the answers runs any more, so that the rows may be counted."""
        if not wait_until(lambda: not self.connections(), 3):
            self.kill_connections()
            wait_until(lambda: not self.connections(), 10)

    def rows(self, answer: Answer) -> dict[str, int]:
        """How often each key was recorded."""
        found = self.execute(f"SELECT request_key, COUNT(*) FROM `{answer.database}`.record GROUP BY request_key")
        return {str(key): int(str(count)) for key, count in found}

    def _all_in_statements(self) -> bool:
        found = self.execute(
            "SELECT db, COUNT(*) FROM information_schema.processlist "
            f"WHERE user = '{USER}' AND state LIKE 'Waiting for table%' GROUP BY db"
        )
        waiting = {str(name): int(str(count)) for name, count in found}
        return all(
            waiting.get(answer.database, 0) >= answer.processes * answer.threads for answer in self.answers
        )


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Whether `condition` came to hold within so many seconds; returns as soon as it does."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            return False
        sleep(0.02)
    return True
