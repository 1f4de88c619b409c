"""Connections that the server closes because nobody used them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.helpers import connections, rows
from tests.processes import eventually
from tests.servers import Server
from tests.service import Service

CLIENTS = 6


@pytest.fixture
def short_wait_timeout(server: Server) -> Iterator[None]:
    """Idle connections are closed after a second."""
    before = server.execute("SELECT @@GLOBAL.wait_timeout")[0][0]
    server.execute("SET GLOBAL wait_timeout = 1")
    yield
    server.execute(f"SET GLOBAL wait_timeout = {before}")


def test_no_request_fails_after_wait_timeout_and_the_log_tells_the_cause(
    serving: Callable[..., Service], server: Server, short_wait_timeout: None
) -> None:
    service = serving()
    service.warm_up("/rows", CLIENTS)
    with ThreadPoolExecutor(CLIENTS) as pool:
        eventually(lambda: not connections(server))
        answers = pool.map(lambda key: service.ask("POST", "/rows", {"key": str(key)}), range(50))
        assert {status for status, *_ in answers} == {201}
        eventually(lambda: not connections(server))
        assert {status for status, _ in pool.map(lambda _: service.get("/rows"), range(50))} == {200}
    assert list(rows(server).values()) == [1] * 50
    log = service.log.read_text()
    assert "closed while idle" in log
    # MySQL says why it closes a connection; MariaDB does not
    assert server.is_mariadb or "4031" in log
