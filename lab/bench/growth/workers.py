"""Processes × threads: how many connections they open, and what they serve."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from lab.bench import load
from lab.bench.growth.measure import CLIENTS_MOST, PROCESSES, THREADS, WARM_SECONDS
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
OPENERS = 128
"""Clients that make a service open its connections."""
OPENED_SURELY = OPENERS // 2
"""Threads that all get a turn before so many clients; of more, some may not."""

Shape = tuple[int, int]


def shapes(processes: int, threads: int) -> tuple[Shape, ...]:
    """Processes × threads around those of a deployment: one process, a process for each processor, and two."""
    around: dict[int, set[int]] = {}
    for count, tried in ((1, (1, 4, 16)), (processes, (2, 4, 16)), (2 * processes, (4, 16))):
        around.setdefault(count, {threads}).update(tried)
    return tuple((count, each) for count, tried in around.items() for each in sorted(tried))


def sweep(clients: int) -> tuple[int, ...]:
    """One client, twice as many, and so on, to twice `clients`, with these among them."""
    most = min(2 * clients, CLIENTS_MOST)
    return tuple(sorted({clients, most, *(2**power for power in range(most.bit_length()))}))


SHAPES, QUICK_SHAPES = shapes(PROCESSES, THREADS), tuple(dict.fromkeys(((1, THREADS), (PROCESSES, THREADS))))
CLIENTS = min(2 * PROCESSES * THREADS, CLIENTS_MOST)
"""By whom each shape is asked: more than most have threads."""
SWEEP, QUICK_SWEEP = sweep(CLIENTS), tuple(sorted({1, 8, CLIENTS}))


def measure(ground: Ground, size: Size, pace: Pace, results: Results) -> None:
    """Every shape by the same clients, and one shape by more and more of them, on the data of `size`."""
    requests = ground.questions(size)[QUESTION].requests
    services: dict[Shape, Running] = {}
    try:
        for shape in QUICK_SHAPES if results.quick else SHAPES:
            services[shape] = ground.start(size, *shape)
        for shape, service in services.items():
            service.await_answer()
            opened = _opened(ground.server, service, requests)
            results.workers.append(Workers(*shape, CLIENTS, opened))
        results.clients += by_clients(results.workers, QUICK_SWEEP if results.quick else SWEEP)
        for number in range(pace.rounds):
            for workers in turn(results, number):
                service = services[workers.processes, workers.threads]
                workers.slices.append(_slice_of(ground.server, service, requests, workers.clients, pace.seconds))
    finally:
        end_all(services.values())
    rates = ", ".join(f"{one.processes} × {one.threads}: {one.rate:.0f}/s" for one in results.workers)
    ground.tell(f"threads: {rates}")
    ground.tell("clients: " + ", ".join(f"{one.clients}: {one.rate:.0f}/s" for one in results.clients))


def by_clients(measured: Sequence[Workers], swept: Sequence[int]) -> list[Workers]:
    """The usual shape by each number of clients; what was `measured` among these is taken, not measured again."""
    usual = next(one for one in measured if (one.processes, one.threads) == (PROCESSES, THREADS))
    return [usual if clients == usual.clients else Workers(PROCESSES, THREADS, clients, 0) for clients in swept]


def turn(results: Results, number: int) -> Iterator[Workers]:
    """Whom a round measures, and in which order: each once, and every other round backwards."""
    for measured in (results.workers, results.clients):
        for one in reversed(measured) if number % 2 else measured:
            if measured is results.workers or all(one is not other for other in results.workers):
                yield one


def counted_rightly(one: Workers) -> bool:
    """Whether it opened a connection for each thread, and no more; of very many threads, some may have none."""
    threads = one.processes * one.threads
    return one.connections == threads or (threads > OPENED_SURELY and one.connections < threads)


def _opened(server: DatabaseServer, service: Running, requests: Sequence[load.Request]) -> int:
    """Connections that the service opens when far more clients come than it has threads."""
    with closing(server.connect()) as connection:
        before = server.status(connection)["Connections"]
        for _ in range(2):
            load.run(service.port, requests, clients=OPENERS, seconds=WARM_SECONDS, token=data.TOKEN, check=True)
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
