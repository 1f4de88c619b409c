"""Packets vanish, and nobody is told: a network namespace of our own, and iptables between it and the server."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from lab.injection.network import Network
from lab.injection.proxy import Proxy
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from studentapi.mysql.deadlines import CLIENT_GRACE
from studentapi.mysql.sockets import USER_TIMEOUT
from tests.faults.helpers import NAME, Load, moved, rows, statements
from tests.processes import eventually
from tests.servers import Server
from tests.service import Service

CLIENTS = 4
MARGIN = 2.0
"""Seconds for a busy machine."""


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture
def cable(network: Network, server: Server) -> Iterator[Proxy]:
    """The server's end of the cable: servers of these tests listen on the loopback address alone."""
    with Proxy(*server.address, listen=network.outside) as proxy:
        yield proxy


@pytest.fixture
def behind(
    serving: Callable[..., Service], network: Network, cable: Proxy, faults_url: str
) -> Callable[..., Service]:
    """Runs the service inside the network."""

    def run(**settings: str) -> Service:
        # it does not listen on the loopback address, so tokens are required; the routes of these tests want none
        reached = {"STUDENTAPI_HOST": network.inside, "STUDENTAPI_AUTH": "required"}
        url = moved(faults_url, (network.outside, cable.port))
        service = serving(url, wrap=network.command, **reached, **settings)
        service.warm_up("/rows", CLIENTS)
        return service

    return run


def all_served(service: Service, name: str) -> float:
    """Have both kinds of request served; gives the seconds of the slowest."""

    def ask(number: int) -> tuple[int, float]:
        started = time.monotonic()
        if number % 2:
            status = service.get("/rows")[0]
        else:
            status = service.ask("POST", "/rows", {"key": f"{name}-{number}"})[0]
        return status, time.monotonic() - started

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(ask, range(40)))
    assert {status for status, _ in answers} == {200, 201}, answers
    return max(seconds for _, seconds in answers)


def test_flows_forgotten_while_idle_cost_one_bounded_check(
    behind: Callable[..., Service], network: Network, cable: Proxy, server: Server
) -> None:
    service = behind(STUDENTAPI_CONNECTION_IDLE_CHECK="0.2")
    network.forget(cable.port)
    time.sleep(0.3)  # what is looked at: it was idle for longer than the check allows
    assert all_served(service, "idle") < 2 * 2.0 + MARGIN
    assert set(rows(server).values()) == {1}


def test_a_statement_sent_over_a_forgotten_flow_is_run_again_when_nobody_acknowledges_it(
    behind: Callable[..., Service], network: Network, cable: Proxy, server: Server
) -> None:
    service = behind(STUDENTAPI_CONNECTION_IDLE_CHECK="600", STUDENTAPI_STATEMENT_TIMEOUT="30")
    network.forget(cable.port)
    assert all_served(service, "sent") < 2 * USER_TIMEOUT / 1000 + MARGIN
    assert set(rows(server).values()) == {1}


def test_a_statement_whose_answer_vanishes_is_bounded_by_its_deadline(
    behind: Callable[..., Service], network: Network, cable: Proxy, server: Server
) -> None:
    service = behind(STUDENTAPI_STATEMENT_TIMEOUT="2")
    with ThreadPoolExecutor(CLIENTS) as pool, closing(open_connection(Address.parse(server.admin_url))) as lock:
        lock.fetch(f"LOCK TABLES {NAME}.record WRITE")
        reads = [pool.submit(service.get, "/rows") for _ in range(CLIENTS // 2)]
        writes = [pool.submit(service.ask, "POST", "/rows", {"key": str(n)}) for n in range(CLIENTS // 2)]
        eventually(lambda: statements(server, "%record%") == CLIENTS)
        started = time.monotonic()
        network.forget(cable.port)
        lock.fetch("UNLOCK TABLES")
        assert {read.result()[0] for read in reads} <= {200, 504}
        statuses = [write.result()[0] for write in writes]
        assert set(statuses) <= {201, 503, 504}
        assert time.monotonic() - started < 2 * (2 + CLIENT_GRACE) + USER_TIMEOUT / 1000 + MARGIN
    eventually(lambda: statements(server, "%record%") == 0)
    there = rows(server)
    for number, status in enumerate(statuses):
        assert there.get(str(number), 0) == (status == 201)
    all_served(service, "after")


def test_a_commit_whose_answer_vanishes_is_settled(
    behind: Callable[..., Service], network: Network, cable: Proxy, server: Server
) -> None:
    service = behind(STUDENTAPI_STATEMENT_TIMEOUT="2")
    vanishing = cable.call_at(b"COMMIT", lambda: network.forget(cable.port))
    assert service.ask("POST", "/rows", {"key": "once"})[0] == 201
    assert vanishing.sprung.is_set()
    assert rows(server) == {"once": 1}


def test_no_request_fails_while_no_packet_passes_for_less_than_the_patience(
    behind: Callable[..., Service], network: Network, cable: Proxy, server: Server
) -> None:
    service = behind()
    with Load(service, CLIENTS) as load:
        network.drop(cable.port)
        time.sleep(2.5)
        network.heal()
        load.more()
    assert not load.bad(), load.bad()[:3]
    load.assert_written_once(server)
