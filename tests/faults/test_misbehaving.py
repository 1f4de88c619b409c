"""What answers at the database's address is no server, or one that will not let anybody in."""

import functools
import time
from collections.abc import Callable

import pytest

from lab.injection.listeners import Listener, hanging_up, refusing, silent, trickling
from lab.injection.proxy import Proxy
from studentapi.mysql.availability import PAUSE
from tests.faults.helpers import Load, moved
from tests.servers import Server
from tests.service import PROCESSES, Service

THREADS = 8
REFUSED = 3.0
"""Seconds: less than the patience."""


@pytest.mark.parametrize("behave", [functools.partial(trickling, seconds=1.0), silent, hanging_up])
def test_a_server_that_never_gets_through_its_greeting_is_given_up_in_time(
    serving: Callable[..., Service], faults_url: str, behave: Callable[..., None]
) -> None:
    with Listener(behave) as listener:
        service = serving(
            moved(faults_url, ("127.0.0.1", listener.port)),
            STUDENTAPI_CONNECT_TIMEOUT="1",
            STUDENTAPI_DATABASE_PATIENCE="1",
        )
        started = time.monotonic()
        status, _, headers = service.ask("GET", "/rows")
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert time.monotonic() - started < 8
        assert service.get("/livez")[0] == 200
        assert listener.accepted


@pytest.mark.parametrize("behave", [functools.partial(trickling, seconds=1.0), silent, hanging_up])
def test_the_next_host_serves_where_the_first_does_not_speak(
    serving: Callable[..., Service], faults_url: str, server: Server, behave: Callable[..., None]
) -> None:
    with Listener(behave) as listener:
        service = serving(moved(faults_url, ("127.0.0.1", listener.port), server.address))
        assert service.get("/rows")[0] == 200
        assert service.ask("POST", "/rows", {"key": "a"})[0] == 201


@pytest.mark.parametrize(
    "refusal",
    [(1040, "Too many connections"), (1129, "Host '127.0.0.1' is blocked because of many connection errors")],
)
def test_a_server_that_lets_nobody_in_is_not_stormed_and_costs_no_request(
    serving: Callable[..., Service], proxied: str, proxy: Proxy, server: Server, refusal: tuple[int, str]
) -> None:
    service = serving(
        proxied,
        STUDENTAPI_THREADS=str(THREADS),
        STUDENTAPI_DATABASE_PATIENCE="30",
    )
    with Listener(refusing(*refusal)) as listener, Load(service, clients=16) as load:
        proxy.target = "127.0.0.1", listener.port
        proxy.cut()
        time.sleep(REFUSED)
        proxy.target = server.address
        load.more()
        # each thread may have been about to connect; from then on it is one prober per process
        assert 0 < listener.most_in(1.0) <= PROCESSES * (THREADS + 1 / PAUSE[0])
        assert len(listener.accepted) <= PROCESSES * (THREADS + REFUSED / PAUSE[0])
    assert not load.bad(), load.bad()[:3]
    load.assert_written_once(server)
    assert str(refusal[0]) in service.log.read_text()
