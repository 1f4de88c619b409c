"""Connections of one process by its threads: how many the database server has, and what they take of memory."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from lab.bench import load
from lab.bench.growth.measure import CLIENTS_MOST, IN_FLIGHT_MOST, SETTLE_SECONDS, WARM_SECONDS
from lab.bench.growth.memory import worker_bytes
from lab.bench.growth.results import Connected
from lab.peers import data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.bench.growth.ground import Ground
    from lab.bench.growth.results import Results
    from lab.bench.growth.sizes import Size
    from studentapi.mysql.connection import Connection

TABLE = """### Connections by threads

One process of so many threads, asked by {clients} clients at once; the connections are those that the database
server has from it then. {kept}
Memory is that of the whole worker, and in the server that of these connections while all are idle, by its own
count (`MEMORY_USED` of `information_schema.processlist`).

| threads | connections | opened | the worker's memory | in the server |
| --: | --: | --: | --: | --: |"""
KEPT = "None is more than there are threads, and each is kept: as many were opened."
BROKEN = "❌ At {threads} threads there are more connections than threads, or some were opened anew."
EACH = """
A connection more takes {worker:.0f} KiB of the worker's memory, its thread included, and {server:.0f} KiB of the
database server's, not counting the stack of its thread there.
"""
KIB, MIB = 2**10, 2**20
QUESTION = "assessment-data"
THREADS = (1, 2, 4, 8, 16, 32, 64)
QUICK_THREADS = (1, 16)
CLIENTS = CLIENTS_MOST
"""More than any has threads."""
TIMES = 2
"""How often they come: a thread that had its turn elsewhere gets it then."""
_OPEN = """
    SELECT COUNT(*), COALESCE(SUM(memory_used), 0), COALESCE(SUM(command <> 'Sleep'), 0)
    FROM information_schema.processlist WHERE db = %s"""


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
                there, used = open_connections(connection, size.database)
                opened = server.status(connection)["Connections"] - before
            results.connected.append(Connected(threads, there, opened, worker_bytes(service), used))
        finally:
            service.end()
    ground.tell("connections: " + ", ".join(f"{one.threads}: {one.connections}" for one in results.connected))


def open_connections(connection: Connection, database: str) -> tuple[int, int]:
    """How many connections to `database` there are, and the bytes that the server has for all of them, when idle.

    Not the growth of the whole server: what its buffer pool and others' connections had before is used again.
    """
    deadline = time.monotonic() + IN_FLIGHT_MOST
    while True:
        there, used, busy = (int(value) for value in connection.fetch(_OPEN, (database,)).rows[0])
        if not busy or time.monotonic() > deadline:
            return there, used
        time.sleep(SETTLE_SECONDS)


def each(connected: Sequence[Connected]) -> tuple[float, float]:
    """Bytes that a connection takes of the worker, and of the database server; 0 where they show none."""
    first, last = connected[0], connected[-1]
    more = last.connections - first.connections
    worker = max(0.0, (last.worker_bytes - first.worker_bytes) / more) if more > 0 else 0.0
    return worker, last.memory_used / last.connections if last.connections else 0.0


def broken(connected: Sequence[Connected]) -> list[int]:
    """The numbers of threads at which there were more connections than threads, or one was not kept."""
    return [one.threads for one in connected if not one.connections == one.opened <= one.threads]


def section(connected: Sequence[Connected]) -> Iterator[str]:
    """The part of the page."""
    wrong = ", ".join(map(str, broken(connected)))
    yield TABLE.format(clients=CLIENTS, kept=BROKEN.format(threads=wrong) if wrong else KEPT)
    for one in connected:
        memory = f"{one.worker_bytes / MIB:.1f} MiB | {one.memory_used / KIB:,.0f} KiB"
        yield f"| {one.threads} | {one.connections} | {one.opened} | {memory} |"
    worker, server = each(connected)
    yield EACH.format(worker=worker / KIB, server=server / KIB)
