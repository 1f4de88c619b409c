"""The measurement by size: a service for each size before one database server, all up and warm, taking turns."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pymysql import err

from lab.bench import load
from lab.bench.growth import asking
from lab.bench.growth.results import Slice, Stored
from lab.bench.plan import WIDE
from lab.bench.service import end_all
from lab.peers import data

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lab.bench.growth.asking import Question
    from lab.bench.growth.generate import Generator
    from lab.bench.growth.ground import Ground
    from lab.bench.growth.results import Results
    from lab.bench.growth.sizes import Size
    from lab.bench.service import Running

PROCESSES, THREADS = WIDE.processes, WIDE.threads
CLIENTS = (1, 8)
CLIENTS_MOST = 120
"""Fewer than uwsgi.ini lets wait for a thread."""
SMALL_POOL_QUESTIONS = ("assessment-data", "list-anywhere")
SMALL_POOL_SECONDS = 1.0
"""Of a slice, at least: a request that waits for the disk takes up to a third of a second."""
WARM_SECONDS = 0.5
READERS = 4
UNUSED = ("_list_updated_at", "_list_name", "_list_title", "_list_school_id")
"""Indexes, by the ends of their names, that nobody looks into; the optimizer looks into more than it uses."""
SETTLE_SECONDS = 0.05
IN_FLIGHT_MOST = 10.0
_STORED = """
    SELECT table_name, data_length + index_length FROM information_schema.tables
    WHERE table_schema = %s AND table_type = 'BASE TABLE'"""
_INDEXES = """
    SELECT DISTINCT table_name, index_name FROM information_schema.statistics WHERE table_schema = %s
    ORDER BY table_name, index_name <> 'PRIMARY', index_name"""


@dataclass(frozen=True)
class Pace:
    """How often each question is asked at each size, and for how long at once."""

    rounds: int
    seconds: float


def stored(generator: Generator, sizes: Sequence[Size]) -> list[Stored]:
    """What the sizes are in the database."""
    found = []
    for size in sizes:
        with closing(generator.connect(size.database)) as connection:
            counts = [
                int(connection.fetch(f"SELECT COUNT(*) FROM {table}").rows[0][0])
                for table in ("attempts", "users", "classes")
            ]
            lengths = sum(int(length or 0) for _, length in connection.fetch(_STORED, (size.database,)).rows)
            seconds = float(connection.fetch("SELECT seconds FROM growth").rows[0][0])
        attempts, students, classes = counts
        found.append(Stored(size.name, size.title, attempts, students, classes, lengths, round(seconds, 1)))
    return found


def warm(generator: Generator, sizes: Sequence[Size]) -> None:
    """Read every index once that a question may use, so that the buffer pool has them."""
    indexes = []
    for size in sizes:
        with closing(generator.connect(size.database)) as connection:
            indexes += [
                (size.database, *map(str, row)) for row in connection.fetch(_INDEXES, (size.database,)).rows
            ]

    def read(index: tuple[str, ...]) -> None:
        database, table, name = index
        with closing(generator.connect(database)) as connection:
            connection.fetch(f"SELECT COUNT(*) FROM {table} FORCE INDEX ({name})")

    with ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(read, [index for index in indexes if not index[-1].endswith(UNUSED)]):
            pass


class Stage:
    """A service for each size, and what each is asked."""

    def __init__(self, ground: Ground, sizes: Sequence[Size]) -> None:
        self.sizes = sizes
        self.ground = ground
        self._services: dict[str, Running] = {}
        self._questions: dict[str, dict[str, Question]] = {}

    def __enter__(self) -> Self:
        try:
            for size in self.sizes:
                self._services[size.name] = self.ground.start(size, PROCESSES, THREADS)
                self._questions[size.name] = self.ground.questions(size)
            for service in self._services.values():
                service.await_answer()
        except BaseException:
            end_all(self._services.values())
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end_all(self._services.values())

    def warm_up(self, names: Collection[str]) -> None:
        """Ask everything once by many, looking at each answer; raises `LoadError`."""
        for size in self.sizes:
            for name in names:
                clients = min(2 * PROCESSES * THREADS, CLIENTS_MOST)
                self._load(size, name, clients, WARM_SECONDS, check=True)
        for size in self.sizes:
            self.forget(size)

    def forget(self, size: Size) -> None:
        """Take away what was recorded, once the last of it is: requests go on when their client has left."""
        deadline = time.monotonic() + IN_FLIGHT_MOST
        with closing(self.ground.generator.connect(size.database)) as connection:
            while True:
                try:
                    data.forget(connection)
                except err.IntegrityError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(SETTLE_SECONDS)
                else:
                    return

    def slice_of(self, size: Size, name: str, clients: int, seconds: float) -> Slice:
        """One slice; raises `LoadError` where an answer was not as it should be."""
        service = self._services[size.name]
        time.sleep(SETTLE_SECONDS)
        app, database = service.cpu_seconds(), self.ground.server.cpu_seconds()
        sample = self._load(size, name, clients, seconds)
        app, database = service.cpu_seconds() - app, self.ground.server.cpu_seconds() - database
        if sample.errors or not sample.requests:
            said = f"{name} at {size.title}: {sample.errors} errors, {sample.requests} answers"
            raise load.LoadError(f"{said}; the service's log has {self.ground.refusals(size) or 'none of them'}")
        return Slice(sample.requests, sample.seconds, sample.p50_ms, sample.p99_ms, app, database)

    def one(self, size: Size, path: str) -> tuple[float, int]:
        """Seconds and status of one request."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._services[size.name].port, timeout=IN_FLIGHT_MOST * 6
        )
        began = time.monotonic()
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {data.TOKEN}"})
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        return time.monotonic() - began, answer.status

    def _load(self, size: Size, name: str, clients: int, seconds: float, *, check: bool = False) -> load.Sample:
        question = self._questions[size.name][name]
        return load.run(
            self._services[size.name].port, question.requests,
            clients=clients, seconds=seconds, token=data.TOKEN, status=question.status, check=check,
        )  # fmt: skip


def measure(stage: Stage, pace: Pace, names: Sequence[str], results: Results) -> None:
    """Every question at every size, round after round; the sizes in turn, so that noise meets them alike."""
    for name in names:
        for number in range(pace.rounds):
            for clients in CLIENTS:
                for size in _turned(stage.sizes, number):
                    cell = results.cell(name, size.name, clients)
                    cell.slices.append(stage.slice_of(size, name, clients, pace.seconds))
            if name == "recording":
                for size in stage.sizes:
                    stage.forget(size)
        grown = ", ".join(f"{results.cell(name, size.name, CLIENTS[0]).p50_ms:.2f}" for size in stage.sizes)
        stage.ground.tell(f"{name}: {grown} ms")


def measure_rare(stage: Stage, results: Results) -> None:
    """How long a list takes that has to read through everything: once at each size, of two tries the shorter."""
    for size in stage.sizes:
        tries = [stage.one(size, asking.RARE) for _ in range(2)]
        seconds, status = min(tries)
        results.rare.append((size.name, round(seconds, 4), status))


def measure_small_pool(stage: Stage, pace: Pace, results: Results) -> None:
    """The same with a buffer pool that does not hold the data, of a few questions, by the most clients.

    A first round is not kept: it finds the pool empty, and not filled with what the others leave there.
    """
    seconds = max(pace.seconds, SMALL_POOL_SECONDS)
    for name in SMALL_POOL_QUESTIONS:
        for number in range(1 + pace.rounds):
            for size in _turned(stage.sizes, number):
                found = stage.slice_of(size, name, CLIENTS[-1], seconds)
                if number:
                    results.cell(name, size.name, CLIENTS[-1], small=True).slices.append(found)


def _turned(sizes: Sequence[Size], number: int) -> Sequence[Size]:
    return sizes[::-1] if number % 2 else sizes
