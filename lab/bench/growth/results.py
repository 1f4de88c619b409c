"""What a run found, as it is kept in growth.json."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass, field, fields
from statistics import median
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Slice:
    """A moment under load: `requests` answered in `seconds`, latencies in ms, CPU seconds of app and database."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    app: float
    database: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


@dataclass
class Cell:
    """Slices of one question at one size of the data, by so many clients; the n-th is of the n-th round."""

    question: str
    size: str
    clients: int
    slices: list[Slice] = field(default_factory=list)

    @property
    def p50_ms(self) -> float:
        """The rounds' median."""
        return median(one.p50_ms for one in self.slices)

    @property
    def p99_ms(self) -> float:
        """The rounds' median."""
        return median(one.p99_ms for one in self.slices)

    @property
    def rate(self) -> float:
        """Requests per second, the rounds' median."""
        return median(one.rate for one in self.slices)

    @property
    def app_us(self) -> float:
        """CPU of the app per request, µs."""
        return _each(self.slices, sum(one.app for one in self.slices))

    @property
    def database_us(self) -> float:
        """CPU of the database server per request, µs."""
        return _each(self.slices, sum(one.database for one in self.slices))


@dataclass
class Workers:
    """assessment-data at some processes × threads by some clients; `connections` that the service opened."""

    processes: int
    threads: int
    clients: int
    connections: int
    slices: list[Slice] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests per second, the rounds' median."""
        return median(one.rate for one in self.slices)

    @property
    def p99_ms(self) -> float:
        """The rounds' median."""
        return median(one.p99_ms for one in self.slices)


@dataclass(frozen=True)
class Connected:
    """One process of so many `threads` under load: `connections` that the server had from it, that it `opened`.

    `worker_bytes` is what the worker had in memory then, `memory_used` the bytes that the database server counts
    for all of these connections when they are idle.
    """

    threads: int
    connections: int
    opened: int
    worker_bytes: int
    memory_used: int = 0


@dataclass(frozen=True)
class Stored:
    """A size in the database: its name, rows, bytes of data and indexes, seconds that it took to make."""

    name: str
    title: str
    attempts: int
    students: int
    classes: int
    bytes: int
    seconds: float


@dataclass
class Results:
    """A run. `pool`: bytes of the server's buffer pool; `small_pool`: of the one that `small` was measured with.

    `rare`: by size, the seconds of a list whose filter no row matches and no index serves, and the status of its
    answer. `memory`: requests that a worker process had answered, and its bytes in memory. `busy`: how busy the
    machine was with others' work when it began; empty where it was at rest. `seconds` is how long all of it took,
    and `made_seconds` what of that went into making data, 0 where all was there. `shape`: processes and threads
    of the service before each size.
    """

    day: str
    quick: bool
    machine: dict[str, str] = field(default_factory=dict)
    pool: int = 0
    small_pool: int = 0
    stored: list[Stored] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    small: list[Cell] = field(default_factory=list)
    rare: list[tuple[str, float, int]] = field(default_factory=list)
    memory: list[tuple[int, int]] = field(default_factory=list)
    workers: list[Workers] = field(default_factory=list)
    clients: list[Workers] = field(default_factory=list)
    connected: list[Connected] = field(default_factory=list)
    seconds: int = 0
    made_seconds: int = 0
    busy: str = ""
    shape: tuple[int, int] = (0, 0)

    def cell(self, question: str, size: str, clients: int, *, small: bool = False) -> Cell:
        """One cell, made where there is none."""
        cells = self.small if small else self.cells
        for one in cells:
            if (one.question, one.size, one.clients) == (question, size, clients):
                return one
        cells.append(Cell(question, size, clients))
        return cells[-1]

    def growth(self, question: str, size: str, clients: int, *, small: bool = False) -> float:
        """The median latency at `size` as a multiple of that at the first size: the median over the rounds."""
        return median(self.growths(question, size, clients, small=small))

    def growths(self, question: str, size: str, clients: int, *, small: bool = False) -> list[float]:
        """The same of each round."""
        first = self.cell(question, self.stored[0].name, clients, small=small).slices
        there = self.cell(question, size, clients, small=small).slices
        return [one.p50_ms / other.p50_ms for one, other in zip(there, first, strict=True)]

    def write(self, path: Path) -> None:
        """Write it, a line for each cell."""
        lists, plain = ("cells", "small", "workers", "clients"), ("stored", "connected")
        head = {name: value for name, value in vars(self).items() if name not in (*lists, *plain)}
        parts = [f"{json.dumps(head, indent=1)[:-2]}"]
        parts += [_listed(name, [asdict(one) for one in getattr(self, name)]) for name in plain]
        parts += [_listed(name, [_flat(one) for one in getattr(self, name)]) for name in lists]
        path.write_text(",\n ".join(parts) + "\n}\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The results in a growth.json."""
        found = json.loads(path.read_text())
        kinds: dict[str, type[Cell | Workers]] = {
            "cells": Cell, "small": Cell, "workers": Workers, "clients": Workers
        }  # fmt: skip
        for name, kind in kinds.items():
            found[name] = [
                kind(**{**one, "slices": [Slice(*values) for values in one["slices"]]}) for one in found[name]
            ]
        found["stored"] = [Stored(**one) for one in found["stored"]]
        found["connected"] = [_connected(one) for one in found.get("connected", ())]
        found["rare"] = [(name, seconds, status) for name, seconds, status in found["rare"]]
        found["memory"] = [(requests, size) for requests, size in found["memory"]]
        return cls(**found)


def _connected(found: dict[str, int]) -> Connected:
    """An older one says something else of the server's memory, and is taken without."""
    return Connected(**{one.name: found[one.name] for one in fields(Connected) if one.name in found})


def _each(slices: list[Slice], seconds: float) -> float:
    requests = sum(one.requests for one in slices)
    return seconds / requests * 1e6 if requests else 0.0


def _flat(one: Cell | Workers) -> dict[str, Any]:
    slices = [[round(value, 4) for value in astuple(each)] for each in one.slices]
    return {**asdict(one), "slices": slices}


def _listed(name: str, lines: list[dict[str, Any]]) -> str:
    return f'"{name}": [\n' + ",\n".join(f"  {json.dumps(one)}" for one in lines) + "\n ]"
