"""Processes × threads: how many connections they open, and what they serve."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from lab.bench import load
from lab.bench.growth.measure import PROCESSES, THREADS, WARM_SECONDS
from lab.bench.growth.results import Slice, Workers
from lab.bench.service import end_all
from lab.peers import data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.bench.database_server import DatabaseServer
    from lab.bench.growth.ground import Ground
    from lab.bench.growth.measure import Pace
    from lab.bench.growth.results import Results
    from lab.bench.growth.sizes import Size
    from lab.bench.service import Running

QUESTION = "assessment-data"
SHAPES = ((1, 1), (1, 4), (1, 8), (1, 16), (2, 4), (2, 8), (2, 16), (4, 8), (4, 16))
QUICK_SHAPES = ((1, 8), (2, 8))
CLIENTS = 32
"""By whom each shape is asked: more than most have threads."""
SWEEP = (1, 2, 4, 8, 16, 32, 64)
QUICK_SWEEP = (1, 8, 32)


def measure(ground: Ground, size: Size, pace: Pace, results: Results) -> None:
    """Every shape by the same clients, and one shape by more and more of them, on the data of `size`."""
    requests = ground.questions(size)[QUESTION].requests
    services: dict[tuple[int, int], Running] = {}
    try:
        for shape in QUICK_SHAPES if results.quick else SHAPES:
            services[shape] = ground.start(size, *shape)
        for shape, service in services.items():
            service.await_answer()
            opened = _opened(ground.server, service, requests)
            results.workers.append(Workers(*shape, CLIENTS, opened))
        usual = services[PROCESSES, THREADS]
        results.clients += [
            Workers(PROCESSES, THREADS, clients, 0) for clients in (QUICK_SWEEP if results.quick else SWEEP)
        ]
        for number in range(pace.rounds):
            for workers in _turned(results.workers, number):
                service = services[workers.processes, workers.threads]
                workers.slices.append(_slice_of(ground.server, service, requests, workers.clients, pace.seconds))
            for workers in _turned(results.clients, number):
                workers.slices.append(_slice_of(ground.server, usual, requests, workers.clients, pace.seconds))
    finally:
        end_all(services.values())
    rates = ", ".join(f"{one.processes} × {one.threads}: {one.rate:.0f}/s" for one in results.workers)
    ground.tell(f"threads: {rates}")
    ground.tell("clients: " + ", ".join(f"{one.clients}: {one.rate:.0f}/s" for one in results.clients))


def knee(clients: Sequence[Workers], share: float = 0.9) -> int:
    """The fewest clients by whom `share` of the most requests per second are reached."""
    most = max(one.rate for one in clients)
    return min(one.clients for one in clients if one.rate >= share * most)


def _opened(server: DatabaseServer, service: Running, requests: Sequence[load.Request]) -> int:
    """Connections that the service opens when far more clients come than it has threads."""
    with closing(server.connect()) as connection:
        before = server.status(connection)["Connections"]
        for _ in range(2):
            load.run(service.port, requests, clients=2 * 64, seconds=WARM_SECONDS, token=data.TOKEN, check=True)
        return server.status(connection)["Connections"] - before


def _slice_of(
    server: DatabaseServer, service: Running, requests: Sequence[load.Request], clients: int, seconds: float
) -> Slice:
    app, database = service.cpu_seconds(), server.cpu_seconds()
    sample = load.run(service.port, requests, clients=clients, seconds=seconds, token=data.TOKEN)
    if sample.errors or not sample.requests:
        raise load.LoadError(f"{clients} clients: {sample.errors} errors, {sample.requests} answers")
    app, database = service.cpu_seconds() - app, server.cpu_seconds() - database
    return Slice(sample.requests, sample.seconds, sample.p50_ms, sample.p99_ms, app, database)


def _turned(workers: Sequence[Workers], number: int) -> Iterator[Workers]:
    yield from reversed(workers) if number % 2 else workers
