"""Which places are measured, and for how long."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from math import gcd
from typing import TYPE_CHECKING

from lab.bench.database_server import FLAVOURS, Flavour
from lab.bench.targets import AGAINST, CLIENTS, THREADS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from lab.peers import Route

SERVER_TITLES = {"mariadb": "MariaDB", "mysql": "MySQL"}
COMPARED = frozenset({"per_request", "persistent_db", "studentapi", "mysqlclient", "bare"})
"""Who is measured at 1 × 16 in a quick run: the two that the answer compares, ours, and what it is held to."""
ANSWER_CLIENTS = (1, 4, 8, 16)
"""As in the question's answer, at 1 × 16."""
QUICK_CLIENTS = (1, 8)
STEP = 5
"""At least so many places on begins the next pair of rounds."""


@dataclass(frozen=True)
class Size:
    """Processes × threads of every peer."""

    processes: int
    threads: int

    def __str__(self) -> str:
        return f"{self.processes} × {self.threads}"


MOST_PROCESSES = 16
"""More would stand idle before 8 clients, and everyone has as many at once."""
WIDE, ANSWER = Size(min(len(os.sched_getaffinity(0)), MOST_PROCESSES), THREADS), Size(1, 16)
"""What a deployment has, a process for each core, and what the question's answer had."""


@dataclass(frozen=True)
class Block:
    """One place's worth of slices: `rounds` of them for each peer, or for each of `peers`; `seconds` each."""

    size: Size
    route: Route
    clients: int
    rounds: int
    seconds: float
    peers: frozenset[str] | None = None


@dataclass(frozen=True)
class Pace:
    """How often and how long: rounds as wide as the machine, rounds at 1 × 16, and seconds of a slice of each."""

    rounds: int
    others: int
    seconds: float
    others_seconds: float


FULL, QUICK = Pace(5, 3, 0.5, 0.3), Pace(3, 1, 0.3, 0.3)
"""The whole is to take less than half an hour with `lab.bench.growth`, a quick run less than three minutes."""


def blocks(pace: Pace, routes: Collection[Route], *, quick: bool) -> Iterator[Block]:
    """What is measured on each server; quick leaves out most at 1 × 16, and rounds of what nobody is held to."""
    held = {route for route, *_ in AGAINST}
    for route in routes:
        rounds = pace.rounds if route in held or not quick else pace.others
        yield Block(WIDE, route, CLIENTS, rounds, pace.seconds)
    for route in routes:
        if route == "city":
            for clients in QUICK_CLIENTS if quick else ANSWER_CLIENTS:
                peers = COMPARED if quick else None
                yield Block(ANSWER, route, clients, pace.others, pace.others_seconds, peers)
        elif not quick:
            yield Block(ANSWER, route, CLIENTS, pace.others, pace.others_seconds)


def order(names: list[str], number: int) -> list[str]:
    """`names` in the order of round `number`: each pair of rounds begins elsewhere, its second goes backwards."""
    step = next(step for step in count(STEP) if gcd(step, len(names)) == 1) if names else 0
    start = number // 2 * step % len(names) if names else 0
    turned = names[start:] + names[:start]
    return turned[::-1] if number % 2 else turned


def command(options: Sequence[tuple[str, object]], *, quick: bool) -> str:
    """What to type for a run with these `options`, by their names; those that are None or empty are not said."""
    words = []
    for name, value in options:
        values = value if isinstance(value, tuple) else () if value is None else (value,)
        words += [f"--{name}" if one is True else f"--{name} {one}" for one in values if one is not False]
    arguments = f' ARGS="{" ".join(words)}"' if words else ""
    return f"make bench{' QUICK=1' if quick else ''}{arguments}"


def servers(*, quick: bool) -> tuple[Flavour, ...]:
    """The database servers of a run."""
    return FLAVOURS[:1] if quick else FLAVOURS
