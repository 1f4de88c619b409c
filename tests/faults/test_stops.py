"""The server restarts, is ended as by a power cut, or freezes."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.faults.helpers import Load
from tests.servers import Server
from tests.service import Service

FROZEN = 3.0
"""Seconds: less than a statement may take."""


def _power_cut(server: Server) -> None:
    server.control.kill()
    server.control.start()


@pytest.mark.parametrize("stop", [Server.restart, _power_cut])
def test_no_request_fails_while_the_server_goes_and_comes_back_within_the_patience(
    serving: Callable[..., Service], server: Server, stop: Callable[[Server], None]
) -> None:
    service = serving(STUDENTAPI_DATABASE_PATIENCE="60")
    with Load(service) as load:
        stop(server)
        load.more()
    assert not load.bad(), load.bad()[:3]
    load.assert_written_once(server)


def test_a_server_that_freezes_for_a_while_costs_no_request(
    serving: Callable[..., Service], server: Server
) -> None:
    service = serving()
    with Load(service) as load:
        server.control.pause()
        try:
            time.sleep(FROZEN)
        finally:
            server.control.resume()
        load.more()
    assert not load.bad(), load.bad()[:3]
    assert max(answer.ended - answer.started for answer in load.answers) >= FROZEN - 1, "nobody met it"
    load.assert_written_once(server)


def test_health_checks_answer_while_more_clients_than_threads_wait_for_a_frozen_server(
    serving: Callable[..., Service], server: Server
) -> None:
    service = serving(STUDENTAPI_THREADS="4")
    slowest = 0.0
    with Load(service, clients=16) as load:
        server.control.pause()
        thawing = threading.Timer(FROZEN, server.control.resume)
        thawing.start()
        try:
            while thawing.is_alive():
                for path in ("/livez", "/metrics"):
                    started = time.monotonic()
                    assert service.get(path)[0] == 200
                    slowest = max(slowest, time.monotonic() - started)
        finally:
            thawing.join()
        load.more()
    assert slowest < 1, "a health check waited behind the database"
    assert {answer.status for answer in load.bad()} <= {503}
    load.assert_written_once(server)
