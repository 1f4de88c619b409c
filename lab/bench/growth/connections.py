"""Connections of one process by its threads: how many the database server has, and what they take of memory."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from lab.bench import load, processes
from lab.bench.growth.measure import WARM_SECONDS
from lab.bench.growth.memory import worker_bytes
from lab.bench.growth.results import Connected
from lab.peers import data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.bench.growth.ground import Ground
    from lab.bench.growth.results import Results
    from lab.bench.growth.sizes import Size

TABLE = """### Connections by threads

One process of so many threads, asked by {clients} clients at once; the connections are those that the database
server has from it then. {kept}

| threads | connections | opened | the worker's memory | the server's memory |
| --: | --: | --: | --: | --: |"""
KEPT = "None is more than there are threads, and each is kept: as many were opened."
BROKEN = "❌ At {threads} threads there are more connections than threads, or some were opened anew."
EACH = """
A connection more takes {worker:.0f} KiB of the worker's memory, its thread included, and {server:.0f} KiB of the
database server's.
"""
KIB, MIB = 2**10, 2**20
QUESTION = "assessment-data"
THREADS = (1, 2, 4, 8, 16, 32, 64)
QUICK_THREADS = (1, 16)
CLIENTS = 120
"""More than any has threads, and fewer than uwsgi.ini lets wait for one."""
TIMES = 2
"""How often they come: a thread that had its turn elsewhere gets it then."""
_OPEN = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s"


def measure(ground: Ground, size: Size, results: Results) -> None:
    """One process with ever more threads, each time asked by more clients than that, on the data of `size`."""
    requests = ground.questions(size)[QUESTION].requests
    server = ground.server
    for threads in QUICK_THREADS if results.quick else THREADS:
        service = ground.start(size, 1, threads)
        try:
            service.await_answer()
            with closing(server.connect()) as connection:
                before = server.status(connection)["Connections"]
                for _ in range(TIMES):
                    load.run(
                        service.port,
                        requests,
                        clients=CLIENTS,
                        seconds=WARM_SECONDS,
                        token=data.TOKEN,
                        check=True,
                    )
                there = int(str(connection.fetch(_OPEN, (size.database,)).rows[0][0]))
                opened = server.status(connection)["Connections"] - before
            memory = worker_bytes(service), processes.resident_bytes(server.pid)
            results.connected.append(Connected(threads, there, opened, *memory))
        finally:
            service.end()
    ground.tell("connections: " + ", ".join(f"{one.threads}: {one.connections}" for one in results.connected))


def each(connected: Sequence[Connected]) -> tuple[float, float]:
    """Bytes that a connection more takes of the worker, and of the database server; 0 where they show none."""
    first, last = connected[0], connected[-1]
    more = last.connections - first.connections
    if more <= 0:
        return 0.0, 0.0
    worker, server = last.worker_bytes - first.worker_bytes, last.server_bytes - first.server_bytes
    return max(0.0, worker / more), max(0.0, server / more)


def broken(connected: Sequence[Connected]) -> list[int]:
    """The numbers of threads at which there were more connections than threads, or one was not kept."""
    return [one.threads for one in connected if not one.connections == one.opened <= one.threads]


def section(connected: Sequence[Connected]) -> Iterator[str]:
    """The part of the page."""
    wrong = ", ".join(map(str, broken(connected)))
    yield TABLE.format(clients=CLIENTS, kept=BROKEN.format(threads=wrong) if wrong else KEPT)
    for one in connected:
        memory = f"{one.worker_bytes / MIB:.1f} MiB | {one.server_bytes / MIB:,.1f} MiB"
        yield f"| {one.threads} | {one.connections} | {one.opened} | {memory} |"
    worker, server = each(connected)
    yield EACH.format(worker=worker / KIB, server=server / KIB)
