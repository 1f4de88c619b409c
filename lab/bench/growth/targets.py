"""What growth is to stay below, and what was found: for the terminal, and for the targets of docs/bench.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from lab.bench.figures import spread
from lab.bench.growth import memory
from lab.bench.growth.asking import TARGETED, TITLES
from lab.bench.growth.measure import CLIENTS
from lab.bench.targets import MARKS, standing
from lab.bench.words import times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.bench.growth.results import Results
    from lab.bench.targets import Standing

TARGET = 1.3
"""The median latency with the most data is to be at most so many times that with the fewest."""
MEMORY_TARGET = 0.02
"""A worker is to grow by less than this share over the last of its requests."""
WIDTH = 130


@dataclass(frozen=True)
class Target:
    """A target and what was found, in words."""

    title: str
    wanted: str
    found: str
    standing: Standing


def flat(growth: float) -> bool:
    """Whether so many times the latency is within the target, as it is printed."""
    return round(growth, 2) <= TARGET


def latency_standing(results: Results, name: str, clients: int) -> Standing:
    """How a question stands with the target at so many clients, by the median and by each round."""
    rounds = results.growths(name, results.stored[-1].name, clients)
    return standing(flat(spread(rounds).median), [flat(one) for one in rounds])


def steepest(results: Results, name: str) -> int:
    """The number of clients at which a question grows most."""
    return max(CLIENTS, key=lambda clients: results.growth(name, results.stored[-1].name, clients))


def targets(results: Results) -> list[Target]:
    """Those that were measured: of each question at the number of clients at which it grows most, and memory."""
    asked = {cell.question for cell in results.cells} if len(results.stored) > 1 else set()
    found = [_latency(results, name) for name in TARGETED if name in asked]
    if results.memory:
        grown = memory.growth(results.memory)
        last, requests = memory.last(results.memory), results.memory[-1][0]
        title = f"a worker's memory, over the last {last:,} of {requests:,} requests"
        said = "; ".join(filter(None, (f"{grown:+.2%}", memory.course(results.memory))))
        stands: Standing = "reached" if grown < MEMORY_TARGET else "not reached"
        found.append(Target(title, f"< {MEMORY_TARGET:+.0%}", said, stands))
    return found


def lines(results: Results) -> Iterator[str]:
    """The table in Markdown; nothing where there is none."""
    found = targets(results)
    if not found:
        return
    server = results.machine.get("database", "MariaDB")
    yield f"How cost grows with the data, and a worker with what it answered, on {server}; more of it below.\n"
    yield "| | target | found |\n| --- | --: | --- |"
    for one in found:
        yield f"| {one.title} | {one.wanted} | {MARKS[one.standing]} {one.found} |"
    yield ""


def print_table(found: Sequence[Target]) -> None:
    """Print them to a terminal."""
    table = Table(title="Targets of growth")
    for head in ("", "target", "found", ""):
        table.add_column(head)
    for one in found:
        style = {"reached": "green", "not reached": "bold red"}.get(one.standing, "dim")
        table.add_row(one.title, one.wanted, one.found, one.standing, style=style)
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(table)


def _latency(results: Results, name: str) -> Target:
    first, last = results.stored[0], results.stored[-1]
    clients = steepest(results, name)
    rounds = results.growths(name, last.name, clients)
    within = f", {sum(map(flat, rounds))} of {len(rounds)} rounds" if len(rounds) > 1 else ""
    title = f"{TITLES[name]}: median latency at {last.title} attempts over {first.title}"
    by = f"{clients} client{'s' if clients > 1 else ''}"
    found = f"{times(spread(rounds))}{within}, {by}"
    return Target(title, f"≤ {TARGET:g}", found, latency_standing(results, name, clients))
