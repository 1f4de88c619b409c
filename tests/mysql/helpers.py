"""What the tests of the database ask and do."""

import time
from collections.abc import Callable

from studentapi.mysql.database import Database
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


def aborted(server: Server) -> object:
    """How many clients went away without a word, once the server has seen all of them off."""
    waits_for(
        lambda: not server.execute("SELECT 1 FROM information_schema.processlist WHERE db = 'studentapi_test'")
    )
    return server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
