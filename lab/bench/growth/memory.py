"""A worker's memory, request after request."""

from __future__ import annotations

from itertools import chain, zip_longest
from statistics import linear_regression
from typing import TYPE_CHECKING

from lab.bench import load
from lab.peers import data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.bench.growth.ground import Ground
    from lab.bench.growth.results import Results
    from lab.bench.growth.sizes import Size
    from lab.bench.service import Running

THREADS = 8
CLIENTS = 16
REQUESTS, QUICK_REQUESTS = 200_000, 2_000
LAST = 100_000
"""Requests over which a worker is to stay as large as it is; half of them, where there are fewer in all."""
SECONDS, QUICK_SECONDS = 5.0, 1.0
"""Between two looks at the memory."""
MIX = {"assessment-data": 40, "list-anywhere": 1, "statistics": 1}
"""How often each is asked: mostly what most ask, and of what makes large answers a few."""
FLATTER = 0.5
"""A quarter's slope is less than that before when it is at most so much of it: memory comes in steps of 128 KiB,
and over a quarter of the requests there are few."""
KIB, THOUSAND = 2**10, 1000


def measure(ground: Ground, size: Size, results: Results) -> None:
    """One worker process answers some 200,000 requests; every 5 seconds one looks at its memory."""
    wanted, seconds = (QUICK_REQUESTS, QUICK_SECONDS) if results.quick else (REQUESTS, SECONDS)
    requests = mixed({name: ground.questions(size)[name].requests for name in MIX})
    service = ground.start(size, 1, THREADS)
    try:
        service.await_answer()
        done = 0
        while done < wanted:
            sample = load.run(service.port, requests, clients=CLIENTS, seconds=seconds, token=data.TOKEN)
            if sample.errors or not sample.requests:
                raise load.LoadError(f"memory: {sample.errors} errors, {sample.requests} answers")
            done += sample.requests
            results.memory.append((done, worker_bytes(service)))
    finally:
        service.end()
    grown = f"{growth(results.memory):+.2%} over the last {last(results.memory):,}"
    said = f"{results.memory[-1][1] / 2**20:.1f} MiB, {grown}"
    ground.tell(f"memory: {', '.join(filter(None, (said, course(results.memory))))}")


def mixed(questions: Mapping[str, Sequence[load.Request]]) -> list[load.Request]:
    """The questions of `MIX`, so often, evenly among each other."""
    (most, most_often), *others = MIX.items()
    pieces = [questions[most][at : at + most_often] for at in range(0, len(questions[most]), most_often)]
    between = zip(*(questions[name][: len(pieces)] for name, _ in others), strict=False)
    return list(chain.from_iterable((*piece, *few) for piece, few in zip_longest(pieces, between, fillvalue=())))


def growth(memory: Sequence[tuple[int, int]]) -> float:
    """How much a worker grew over the `last` of its requests, as a share of what it had at their beginning.

    What it had then lies on the line between the looks before and after.
    """
    begin = memory[-1][0] - last(memory)
    before = max([one for one in memory if one[0] <= begin], default=memory[0])
    after = min(one for one in memory if one[0] >= begin)
    passed = (begin - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
    return memory[-1][1] / (before[1] + passed * (after[1] - before[1])) - 1


def last(memory: Sequence[tuple[int, int]]) -> int:
    """The requests that growth is told of."""
    return min(LAST, memory[-1][0] // 2)


def slope(memory: Sequence[tuple[int, int]], begin: float, end: float) -> float | None:
    """KiB that a worker grew by for 1,000 requests, from one share of the requests to another.

    The straight line that is nearest to what was seen; None where it was looked at less than twice.
    """
    last = memory[-1][0]
    seen = [(requests, size) for requests, size in memory if begin * last <= requests <= end * last]
    if len(seen) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    requests, sizes = zip(*seen, strict=True)
    return linear_regression(requests, sizes).slope * THOUSAND / KIB


def course(memory: Sequence[tuple[int, int]]) -> str:
    """How fast a worker grew over the last half, and whether that flattens, in words; empty where unknown."""
    whole, before, last = slope(memory, 0.5, 1), slope(memory, 0.5, 0.75), slope(memory, 0.75, 1)
    if whole is None or before is None or last is None:
        return ""
    if last <= 0:
        flattens = "it has stopped growing"
    elif last <= FLATTER * before:
        flattens = "it flattens"
    else:
        flattens = "it does not flatten"
    return (
        f"{whole:.1f} KiB for 1,000 requests; {flattens}: {last:.1f} KiB in the last quarter, {before:.1f} in "
        "the quarter before"
    )


def worker_bytes(service: Running) -> int:
    """What its one worker has in memory; uWSGI's master was there before, and has the lower number."""
    by_process = service.resident_by_process()
    return by_process[max(by_process)]
