"""Processes come and go: forks with an open connection, reloads under load."""

import signal
from collections.abc import Callable
from contextlib import ExitStack

from tests.faults.helpers import Load, aborted, connections
from tests.processes import eventually
from tests.servers import Server
from tests.service import PROCESSES, Service

RELOADS, SERVICES = 100, 4
THREADS = 8


def test_workers_let_the_connection_alone_that_their_parent_opened(
    serving: Callable[..., Service], server: Server
) -> None:
    service = serving(OPENED_BEFORE_FORK="yes")
    (parents,) = connections(server)
    with Load(service) as load:
        load.more(200)
    assert not load.bad()
    load.assert_written_once(server)
    assert parents in connections(server), "a worker has said goodbye in its parent's name"
    assert len(connections(server)) > 1


def test_a_hundred_reloads_under_load_cost_no_request_and_leave_no_connection(
    serving: Callable[..., Service], server: Server
) -> None:
    """Several services at a time, since uWSGI takes a second for each reload."""
    before = aborted(server)
    services = [serving(application="tests.faults.bare:application") for _ in range(SERVICES)]
    with ExitStack() as stack:
        loads = [
            stack.enter_context(Load(service, clients=2, name=f"{n}-")) for n, service in enumerate(services)
        ]
        most = 0
        for reload in range(1, RELOADS // SERVICES + 1):
            for service in services:
                service.process.send_signal(signal.SIGHUP)
            for service, load in zip(services, loads, strict=True):
                eventually(lambda service=service, starts=reload + 1: _starts(service) == starts)  # type: ignore[misc]
                load.more(10)
            most = max(most, len(connections(server)))
    for load in loads:
        assert not load.bad(), load.bad()[:3]
        load.assert_written_once(server)
    assert 0 < most <= SERVICES * PROCESSES * THREADS
    for service in services:
        service.stop()
    assert aborted(server) == before


def _starts(service: Service) -> float:
    """How often all workers were started, so far that they take requests, and signals."""
    return service.log.read_text().count('"unix_signal:15 gracefully_kill" (accepting)') / PROCESSES
