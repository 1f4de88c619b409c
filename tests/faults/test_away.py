"""The database is away: for a moment, for longer than anybody waits, and back."""

import statistics
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.helpers import Load
from tests.processes import eventually
from tests.servers import Server
from tests.service import Service

PATIENCE = 2.0
CLIENTS = 16


@pytest.fixture
def may_go(server: Server) -> Iterator[None]:
    """Whatever happens in the test, the server is there after it."""
    yield
    server.control.start()


def test_a_database_that_is_away_longer_than_the_patience_is_told_at_once_and_taken_back_at_once(
    serving: Callable[..., Service], server: Server, may_go: None
) -> None:
    service = serving(STUDENTAPI_THREADS="4", STUDENTAPI_DATABASE_PATIENCE=str(PATIENCE))
    with Load(service, CLIENTS) as load:
        server.control.kill()
        gone = time.monotonic()
        while time.monotonic() < gone + 2 * PATIENCE:
            for path in ("/livez", "/metrics"):
                asked = time.monotonic()
                assert service.get(path)[0] == 200
                assert time.monotonic() - asked < 1, "a health check waited behind the database"
        late = [_timed(service) for _ in range(50)]
        assert {status for status, *_ in late} == {503}
        assert all(int(headers["Retry-After"]) > 0 for _, _, headers in late)
        assert statistics.median(seconds for _, seconds, _ in late) < PATIENCE / 4, "they were made to wait"
        server.control.start()
        back = time.monotonic()
        eventually(
            lambda: any(answer.status == 201 and answer.ended > gone + PATIENCE for answer in load.answers)
        )
        assert time.monotonic() - back < 3
        load.more()
    waited = [answer for answer in load.bad() if answer.started < gone + PATIENCE / 2]
    assert {answer.status for answer in load.bad()} == {503}
    assert all(answer.ended > gone + PATIENCE / 2 for answer in waited), "a request was not waited for"
    load.assert_written_once(server)


def _timed(service: Service) -> tuple[int, float, dict[str, str]]:
    started = time.monotonic()
    status, _, headers = service.ask("GET", "/rows")
    return status, time.monotonic() - started, headers
