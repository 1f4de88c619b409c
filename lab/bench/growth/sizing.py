"""The page docs/sizing.md: what to set for a given load, out of growth.json and the settings' own defaults."""

from __future__ import annotations

from configparser import ConfigParser
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from limits import parse_many

from lab.bench.growth import choosing, connections, memory
from lab.bench.growth import sizing_words as words
from lab.bench.growth.asking import TITLES
from lab.bench.growth.measure import CLIENTS, SMALL_POOL_QUESTIONS
from lab.bench.growth.page import binary, questions
from lab.bench.words import micros, millis, times
from studentapi.cli.diagnosis.capacity import BESIDE, REPLACED, RESERVE
from studentapi.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.bench.growth.results import Results, Workers

PAGE = "sizing.md"
UWSGI = Path(__file__).parents[3] / "uwsgi.ini"
BUSY = 0.6
"""Share of a processor's time that is planned with; the rest is for what a minute's mean does not show."""
LOADS = (50, 200, 500, 1000, 2000, 5000)
USUAL_THREADS = int(Settings.model_fields["threads"].default)
KEPT = 1
"""Thread of a worker that has two or more, which never waits for the database."""
ROOM = 1.25
"""Of a buffer pool, over the data: for what InnoDB keeps beside them."""
STEP = 2**20


@dataclass(frozen=True)
class Plan:
    """What a load takes: processors of app and database, and what to set."""

    load: int
    app_processors: float
    database_processors: float
    processes: int
    connections: int
    memory: float


def plan(load: int, app_us: float, database_us: float, worker_bytes: int, threads: int) -> Plan:
    """For `load` requests per second of these costs, by processes of `threads` with `worker_bytes` in memory."""
    app, database = (load * us / 1e6 / BUSY for us in (app_us, database_us))
    processes = max(1, ceil(app))
    connections = (1 + REPLACED) * processes * (threads + BESIDE) + RESERVE
    return Plan(load, app, database, processes, connections, processes * worker_bytes)


def threads_for(app_us: float, database_us: float, away_us: float = 0.0) -> float:
    """Threads that keep a process computing, by what a request takes of app and database.

    `away_us` is how long a request's statements are on their way to the database and back. One thread computes,
    others wait meanwhile, and `KEPT` does not wait for the database.
    """
    return 1 + (away_us + database_us) / app_us + KEPT


def reach_us(threads: int, app_us: float, database_us: float) -> float:
    """How long a request's statements may be on their way for so many threads to keep a process computing."""
    return max(0.0, (threads - 1 - KEPT) * app_us - database_us)


def queue(ini: Path = UWSGI) -> int:
    """Requests that may wait for a thread: `listen` of uwsgi.ini."""
    parser = ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.read_string(ini.read_text())
    return parser.getint("uwsgi", "listen")


def write_page(results: Results, path: Path) -> None:
    """Write it, of a whole run."""
    path.write_text("".join(_body(results)))


def per_second(limit: str) -> float:
    """What a rate limit such as `600/minute` or `20/second;600/minute` lets through in the long run."""
    return min(float(one.amount) / one.get_expiry() for one in parse_many(limit))


def _body(results: Results) -> Iterator[str]:
    size, clients = results.stored[-1], CLIENTS[-1]
    read = results.cell("assessment-data", size.name, clients)
    write = results.cell("recording", size.name, CLIENTS[0])
    app_rate, database_rate = (BUSY * 1e6 / us for us in (read.app_us, read.database_us))
    threads = choosing.recommended(results.workers).threads
    machine = ", ".join(results.machine[name] for name in ("processors", "memory", "database"))
    yield words.INTRODUCTION.format(machine=machine, app_rate=app_rate, database_rate=database_rate, busy=BUSY)
    yield "| requests/s | processors: app | database | `PROCESSES` × `THREADS` | `max_connections` | memory |\n"
    yield "| --: | --: | --: | --: | --: | --: |\n"
    for load in LOADS:
        one = plan(load, read.app_us, read.database_us, results.memory[-1][1], threads)
        processors = f"{one.app_processors:.1f} | {one.database_processors:.1f}"
        shape = f"{one.processes} × {threads} | {one.connections} | {binary(one.memory)}"
        yield f"| {load:,} | {processors} | {shape} |\n"
    formula = f"`PROCESSES` × (`THREADS` + {BESIDE})"
    yield words.SHAPES.format(
        threads=threads, reserve=RESERVE, formula=formula, memory_threads=memory.THREADS,
        requests=results.memory[-1][0], growing=_growing(results),
    )  # fmt: skip
    yield words.COSTS.format(size=size.title, clients=clients, busy=BUSY)
    yield from _costs(results)
    yield from _shapes(results)
    if results.connected:
        yield from _connections(results)
    yield from _pool(results)
    limits = {
        name: str(Settings.model_fields[f"rate_limit_{name}"].default)
        for name in ("token", "address", "failures")
    }
    peak = 500
    yield words.LIMITS.format(
        **limits,
        **{f"{name}_rate": per_second(limit) for name, limit in limits.items()},
        peak=peak, twice=f"{2 * peak * 60}/minute",
        full_rate=1e6 / read.app_us, queue=queue(), wait=queue() * read.app_us / 1e6, write_ms=write.p50_ms,
        size=size.title, rare=max((seconds for _, seconds, _ in results.rare), default=0.0),
    )  # fmt: skip


def _growing(results: Results) -> str:
    """How a worker's memory went on at the end, in words; empty where it did not."""
    slope = memory.slope(results.memory, 0.75, 1)
    if slope is None or round(slope, 1) <= 0:
        return ""
    return f"; by then it still grew by {slope:.1f} KiB with each 1,000, for which there should be room"


def _costs(results: Results) -> Iterator[str]:
    size, clients = results.stored[-1].name, CLIENTS[-1]
    yield "| | app µs | database µs | p50 ms, 1 client |\n| --- | --: | --: | --: |\n"
    for name in questions(results):
        cell, alone = (results.cell(name, size, by) for by in (clients, CLIENTS[0]))
        costs = f"{micros(cell.app_us)} | {micros(cell.database_us)} | {millis(alone.p50_ms)}"
        yield f"| {TITLES[name]} | {costs} |\n"
    yield "\n"


def _shapes(results: Results) -> Iterator[str]:
    processors = results.machine["processors"].split(" × ")[0] + " processors"
    yield words.PROCESSES_TEXT.format(clients=results.workers[0].clients, processors=processors)
    yield "| processes × threads | connections | requests/s | × the best | p99 ms |\n"
    yield "| --- | --: | --: | --: | --: |\n"
    best = choosing.best(results.workers)
    for one in results.workers:
        beside = "" if one is best else times(choosing.paired(one, best))
        figures = f"{one.connections} | {one.rate:,.0f} | {beside} | {millis(one.p99_ms)}"
        yield f"| {_shape(one)} | {figures} |\n"
    cell = results.cell("assessment-data", results.stored[-1].name, CLIENTS[-1])
    chosen = choosing.recommended(results.workers)
    most = max((one for one in results.workers if one.processes == chosen.processes), key=lambda one: one.threads)
    more = "" if most is chosen else words.MORE_THREADS.format(
        most=_shape(most), times=choosing.paired(most, chosen).median, chosen=_shape(chosen),
        connections=most.connections, instead=chosen.connections,
        p99=millis(most.p99_ms), chosen_p99=millis(chosen.p99_ms),
    )  # fmt: skip
    knee = choosing.knee(results.clients)
    yield words.THREADS_TEXT.format(
        best=_shape(best), chosen=_shape(chosen), times=choosing.paired(chosen, best).median,
        enough=1 - choosing.ENOUGH, fewest=choosing.FEWEST, more=more,
        app_ms=cell.app_us / 1000, database_ms=cell.database_us / 1000,
        here=threads_for(cell.app_us, cell.database_us),
        usual_threads=USUAL_THREADS, of_them=USUAL_THREADS - KEPT,
        reach_ms=reach_us(USUAL_THREADS, cell.app_us, cell.database_us) / 1000,
        knee=knee.clients, knee_rate=knee.rate, usual=_shape(knee), share=choosing.KNEE,
        beyond=choosing.beyond(results.clients),
    )  # fmt: skip


def _shape(one: Workers) -> str:
    return f"{one.processes} × {one.threads}"


def _connections(results: Results) -> Iterator[str]:
    worker, server = connections.each(results.connected)
    most = results.connected[-1]
    yield words.CONNECTIONS.format(
        threads=most.threads, connections=most.connections, worker=binary(worker),
        server=binary(server), hundred=binary(100 * server),
    )  # fmt: skip


def _grown(results: Results) -> str:
    """How many times as long requests take with the most data as with the fewest, in words."""
    first, last = results.stored[0], results.stored[-1]
    growths = [results.growth(name, last.name, clients) for name in questions(results) for clients in CLIENTS]
    return f"{min(growths):.2f} to {max(growths):.2f} times as long at {last.title} attempts as at {first.title}"


def _pool(results: Results) -> Iterator[str]:
    largest = results.stored[-1]
    row = largest.bytes / largest.attempts
    yield words.POOL.format(row=row, room=ROOM, grown=_grown(results))
    yield "| attempts | data and indexes | buffer pool |\n| --: | --: | --: |\n"
    for attempts in (10_000, 100_000, 1_000_000, 10_000_000, 50_000_000):
        size = attempts * row
        pool = max(ceil(size * ROOM / STEP) * STEP, results.small_pool)
        yield f"| {attempts:,} | {binary(size)} | {binary(pool)} |\n"
    if results.small:
        yield words.SMALL_POOL.format(
            small=binary(results.small_pool), pool=binary(results.pool), clients=CLIENTS[-1]
        )
        yield "| | " + " | ".join(size.title for size in results.stored) + " |\n"
        yield "| --- |" + " --: |" * len(results.stored) + "\n"
        for name in SMALL_POOL_QUESTIONS:
            for small in (True, False):
                cells = [results.cell(name, size.name, CLIENTS[-1], small=small) for size in results.stored]
                pool_size = binary(results.small_pool if small else results.pool)
                yield f"| {TITLES[name]}, {pool_size} | {' | '.join(millis(cell.p50_ms) for cell in cells)} |\n"
    yield "\n"
