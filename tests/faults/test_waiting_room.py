"""More clients than threads, while the database is away for less than the patience."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.helpers import Load, rows
from tests.processes import children, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Server
    from tests.service import Service

CLIENTS = 40
THREADS = "3"


@pytest.fixture
def service(serving: Callable[..., Service]) -> Service:
    running = serving(STUDENTAPI_THREADS=THREADS, STUDENTAPI_DATABASE_PATIENCE="30")
    running.warm_up("/rows")
    return running


@pytest.fixture
def frozen(server: Server) -> Iterator[Callable[[], None]]:
    """The server accepts and says nothing; gives what ends that."""
    server.control.pause()
    over: list[bool] = []

    def resume() -> None:
        if not over:
            over.append(True)
            server.control.resume()

    yield resume
    resume()


def waiting(service: Service) -> float:
    """How many calls found no seat so far."""
    body = service.get("/metrics")[1].decode()
    (line,) = [line for line in body.splitlines() if line.startswith("studentapi_database_crowded_out_total ")]
    return float(line.split()[1])


def test_everyone_waits_and_is_served_and_writes_are_written_once(
    service: Service, server: Server, frozen: Callable[[], None]
) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        reads = [pool.submit(service.get, "/rows") for _ in range(CLIENTS // 2)]
        writes = [
            pool.submit(service.ask, "POST", "/rows", {"key": f"key-{number}", "filler": "x" * 50_000})
            for number in range(CLIENTS // 2)
        ]
        eventually(lambda: waiting(service) > CLIENTS / 4)
        started = time.monotonic()
        assert service.get("/livez")[0] == 200
        assert time.monotonic() - started < 2
        frozen()
        assert {read.result()[0] for read in reads} == {200}
        assert {write.result()[0] for write in writes} == {201}
    assert rows(server) == {f"key-{number}": 1 for number in range(CLIENTS // 2)}


def test_clients_that_hang_up_while_they_wait_harm_nobody(service: Service, frozen: Callable[[], None]) -> None:
    clients = []
    for _ in range(CLIENTS):
        client = socket.create_connection(("127.0.0.1", service.port))
        client.sendall(b"GET /rows HTTP/1.1\r\nHost: x\r\n\r\n")
        clients.append(client)
    eventually(lambda: waiting(service) > CLIENTS / 4)
    for client in clients:
        # with a reset
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    with ThreadPoolExecutor(CLIENTS) as pool:
        reads = [pool.submit(service.get, "/rows") for _ in range(CLIENTS)]
        eventually(lambda: waiting(service) > CLIENTS)
        frozen()
        assert {read.result()[0] for read in reads} == {200}


@pytest.mark.parametrize("everyone", [False, True], ids=["the master alone", "every process, as systemd does"])
def test_sigterm_answers_those_who_wait(service: Service, frozen: Callable[[], None], everyone: bool) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        reads = [pool.submit(service.get, "/rows") for _ in range(CLIENTS)]
        eventually(lambda: waiting(service) > CLIENTS / 2)
        # those that no thread has accepted yet are the kernel's, and are lost with the socket
        eventually(lambda: _unaccepted(service.port) == 0)
        workers = list(children(service.process.pid))
        service.process.send_signal(signal.SIGTERM)
        for worker in workers if everyone else []:
            os.kill(worker, signal.SIGTERM)
        time.sleep(0.5)
        frozen()
        assert {read.result()[0] for read in reads} == {200}
    assert service.process.wait(timeout=60) == 0


def test_a_restart_costs_no_request_of_more_clients_than_threads(service: Service, server: Server) -> None:
    with Load(service, CLIENTS) as load:
        server.restart()
        load.more()
    assert not load.bad(), load.bad()[:3]
    load.assert_written_once(server)


def _unaccepted(port: int) -> int:
    """Connections in the listening socket's queue."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues, *_ = line.split()
        if state == "0A" and int(local.split(":")[1], 16) == port:
            return int(queues.split(":")[1], 16)
    raise AssertionError("nobody listens")
