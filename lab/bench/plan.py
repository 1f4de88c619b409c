"""Which places are measured, and for how long."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.bench.database_server import FLAVOURS, Flavour
from lab.bench.targets import CLIENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lab.peers import Route

SERVER_TITLES = {"mariadb": "MariaDB", "mysql": "MySQL"}
COMPARED = frozenset({"per_request", "persistent_db", "studentapi", "mysqlclient", "bare"})
"""Who is measured at 1 × 16 in a quick run: the two that the answer compares, ours, and what it is held to."""
ANSWER_CLIENTS = (1, 4, 8, 16)
"""As in the question's answer, at 1 × 16."""


@dataclass(frozen=True)
class Size:
    """Processes × threads of every peer."""

    processes: int
    threads: int

    def __str__(self) -> str:
        return f"{self.processes} × {self.threads}"


MOST_PROCESSES = 16
"""More would stand idle before 8 clients, and everyone has as many at once."""
WIDE, ANSWER = Size(min(len(os.sched_getaffinity(0)), MOST_PROCESSES), 8), Size(1, 16)
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
    """How often and how long: rounds where the targets are, rounds elsewhere, seconds of a slice."""

    rounds: int
    others: int
    seconds: float


FULL, QUICK = Pace(7, 3, 0.6), Pace(3, 1, 0.3)


def blocks(pace: Pace, routes: Collection[Route], *, quick: bool) -> Iterator[Block]:
    """What is measured on each server; quick leaves out most at 1 × 16."""
    for route in routes:
        yield Block(WIDE, route, CLIENTS, pace.rounds, pace.seconds)
    for route in routes:
        if route == "city":
            for clients in ANSWER_CLIENTS:
                peers = COMPARED if quick else None
                yield Block(ANSWER, route, clients, pace.others, pace.seconds, peers)
        elif not quick:
            yield Block(ANSWER, route, CLIENTS, pace.others, pace.seconds)


def order(names: list[str], number: int) -> list[str]:
    """`names` in the order of round `number`: each pair of rounds begins elsewhere, its second goes backwards."""
    start = number // 2 * 5 % len(names) if names else 0
    turned = names[start:] + names[:start]
    return turned[::-1] if number % 2 else turned


def servers(*, quick: bool) -> tuple[Flavour, ...]:
    """The database servers of a run."""
    return FLAVOURS[:1] if quick else FLAVOURS
