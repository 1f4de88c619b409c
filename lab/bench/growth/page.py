"""The part of docs/bench.md about growth, all of it out of growth.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.bench.growth import asking, connections, memory, workers
from lab.bench.growth.asking import TARGETED, TITLES
from lab.bench.growth.measure import CLIENTS, PROCESSES, SMALL_POOL_QUESTIONS, THREADS
from lab.bench.growth.picture import MEMORY_PICTURE, SIZE_PICTURE, THREADS_PICTURE
from lab.bench.growth.results import Results
from lab.bench.growth.sizes import EVERY
from lab.bench.growth.targets import MEMORY_TARGET, TARGET, flat
from lab.bench.words import micros, millis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON = "growth.json"
OK = 200

SIZES = """## How cost grows with the data

The data are one small school, loaded as OULAD is: one in {every} of its students, with all that they are
enrolled in and handed in. A larger size is that school many times over, with its own students, classes and
assessments; courses are shared, as many classes to each as there are courses. So a student, a class and a page
are the same at any size, and only what lies around them differs. All sizes lie in one MariaDB with a buffer
pool of {pool}. A service of {processes} × {threads} stands before each, and they take turns: {rounds} rounds of
{seconds:g} s for each cell. What is asked for is spread over all of the data: up to 10,000 students and
chapters, and 2,000 places of each list.
"""

RARE = """**What is not flat**: a filter that hardly any row matches and no index serves. `{path}`, which
matches nothing, reads through the whole list: {found}. Such a list wants a filter beside it that has an index
(`assessment_id`, `student_id`), or to be sorted by what it is narrowed by.
"""

KNEE_OF_DATA = """### Where the knee is

**Data: where the buffer pool ends.** The same with a pool of {pool}, which is what MySQL and MariaDB have when
nobody sets it. Median latency with {clients} clients, in ms, and as a multiple of the first:
"""

KNEE_OF_LOAD = """**Load: where the processors end.** Assessment data at {shape} by more and more clients
reaches {knee_rate:,.0f} requests/s with {knee} clients, and {most:,.0f} at the most; beyond the knee more
clients only wait. All of client, app and database share {processors} here.

![Requests per second by processes × threads, and by clients]({picture})

A service opens one connection for each thread, when the thread first needs it, and never more; requests/s and
p99 are those of {workers_clients} clients at once against each shape, connections were counted before 128.
"""

MEMORY = """### Memory

![A worker's memory by requests answered]({picture})

One worker of {threads} threads answered {requests:,} requests (assessment data, lists and statistics in turn)
and had {size:.1f} MiB at the end: {growth:+.2%} over the last half of them {mark} (target: less than
{target:.0%}).

"""


def read(directory: Path) -> Results | None:
    """What growth.json has; None where there is none."""
    path = directory / JSON
    return Results.read(path) if path.exists() else None


def sections(directory: Path) -> str:
    """The part as Markdown; empty where there is no growth.json."""
    results = read(directory)
    return "\n".join(_body(results)) + "\n" if results else ""


def _body(results: Results) -> Iterator[str]:
    if results.busy:
        yield f"> **Not at rest**: {results.busy}.\n"
    if results.stored:
        yield from _sizes(results)
    if results.cells:
        yield f"![Median latency by size of the data]({SIZE_PICTURE})\n"
        yield from _findings(results)
        for clients in CLIENTS:
            yield from _latencies(results, clients)
        yield from _processors(results)
        yield from _rare(results)
    if results.small:
        yield from _small_pool(results)
    if results.workers and results.clients:
        yield from _load(results)
    if results.connected:
        yield from connections.section(results.connected)
    if results.memory:
        yield from _memory(results)


def _sizes(results: Results) -> Iterator[str]:
    slices = [one for cell in results.cells for one in cell.slices]
    rounds = max((len(cell.slices) for cell in results.cells), default=0)
    yield SIZES.format(
        every=EVERY, pool=binary(results.pool), processes=PROCESSES, threads=THREADS, rounds=rounds,
        seconds=round(min((one.seconds for one in slices), default=0), 1),
    )  # fmt: skip
    yield "| attempts | students | classes | data and indexes | made in |\n| --: | --: | --: | --: | --: |"
    for size in results.stored:
        rows = f"{size.attempts:,} | {size.students:,} | {size.classes:,}"
        yield f"| {rows} | {binary(size.bytes)} | {size.seconds:.0f} s |"
    yield ""


def _findings(results: Results) -> Iterator[str]:
    """What is as flat as it is to be, and what is not."""
    first, last = results.stored[0], results.stored[-1]
    found = {
        name: max(results.growth(name, last.name, clients) for clients in CLIENTS) for name in questions(results)
    }
    targeted = {name: growth for name, growth in found.items() if name in TARGETED}
    over = {name: growth for name, growth in targeted.items() if not flat(growth)}
    what = f"From {first.title} to {last.title} attempts, the median latency of assessment data and of lists"
    if targeted:
        worst = max(targeted, key=targeted.__getitem__)
        yield f"{what} grows to at most {targeted[worst]:.2f} times ({TITLES[worst]}); the target is {TARGET}:"
        yield (
            f"❌ not reached by {'; '.join(TITLES[name] for name in over)}.\n" if over else "✅ reached by all.\n"
        )
    others = {name: growth for name, growth in found.items() if name not in TARGETED}
    if others:
        yield (
            "; ".join(f"{TITLES[name]}: {growth:.2f} times" for name, growth in others.items()).capitalize()
            + ".\n"
        )


def _latencies(results: Results, clients: int) -> Iterator[str]:
    last = results.stored[-1].name
    yield f"Median latency in ms (99th percentile), {clients} client{'s' if clients > 1 else ''}:\n"
    yield "| | " + " | ".join(size.title for size in results.stored) + " | growth | |"
    yield "| --- |" + " --: |" * (len(results.stored) + 1) + " --- |"
    for name in questions(results):
        growth = results.growth(name, last, clients)
        mark = ("✅" if flat(growth) else "❌") if name in TARGETED else ""
        cells = [results.cell(name, size.name, clients) for size in results.stored]
        shown = " | ".join(f"{millis(cell.p50_ms)} ({millis(cell.p99_ms)})" for cell in cells)
        yield f"| {TITLES[name]} | {shown} | {growth:.2f} × | {mark} |"
    yield ""


def _processors(results: Results) -> Iterator[str]:
    clients = CLIENTS[-1]
    yield f"CPU per request in µs, app + database server, {clients} clients:\n"
    yield "| | " + " | ".join(size.title for size in results.stored) + " |"
    yield "| --- |" + " --: |" * len(results.stored)
    for name in questions(results):
        cells = [results.cell(name, size.name, clients) for size in results.stored]
        shown = " | ".join(f"{micros(cell.app_us)} + {micros(cell.database_us)}" for cell in cells)
        yield f"| {TITLES[name]} | {shown} |"
    yield ""


def _rare(results: Results) -> Iterator[str]:
    titles = {size.name: size.title for size in results.stored}
    if results.rare:
        found = ", ".join(
            f"{seconds:.2g} s at {titles[name]}" + ("" if status == OK else f" (status {status})")
            for name, seconds, status in results.rare
        )
        yield RARE.format(path=asking.RARE, found=found)


def _small_pool(results: Results) -> Iterator[str]:
    yield KNEE_OF_DATA.format(pool=binary(results.small_pool), clients=CLIENTS[-1])
    yield "| | pool | " + " | ".join(f"{size.title}, {binary(size.bytes)}" for size in results.stored) + " |"
    yield "| --- | --: |" + " --: |" * len(results.stored)
    for name in SMALL_POOL_QUESTIONS:
        for small in (False, True):
            pool = binary(results.small_pool if small else results.pool)
            shown = []
            for size in results.stored:
                cell = results.cell(name, size.name, CLIENTS[-1], small=small)
                growth = results.growth(name, size.name, CLIENTS[-1], small=small)
                shown.append(f"{millis(cell.p50_ms)} ({growth:.2f} ×)")
            yield f"| {TITLES[name]} | {pool} | {' | '.join(shown)} |"
    yield ""


def _load(results: Results) -> Iterator[str]:
    knee = workers.knee(results.clients)
    yield KNEE_OF_LOAD.format(
        shape=f"{results.clients[0].processes} × {results.clients[0].threads}",
        knee=knee,
        knee_rate=next(one.rate for one in results.clients if one.clients == knee),
        most=max(one.rate for one in results.clients),
        processors=results.machine.get("processors", "the processors").split(" × ")[0] + " processors",
        picture=THREADS_PICTURE,
        workers_clients=results.workers[0].clients,
    )
    yield "| processes × threads | connections opened | requests/s | p99 ms |\n| --- | --: | --: | --: |"
    for one in results.workers:
        least = one.processes * one.threads
        mark = "" if one.connections == least else f" ❌ not {least}"
        row = f"{one.connections}{mark} | {one.rate:,.0f} | {millis(one.p99_ms)}"
        yield f"| {one.processes} × {one.threads} | {row} |"
    yield ""


def _memory(results: Results) -> Iterator[str]:
    growth = memory.growth(results.memory)
    requests, size = results.memory[-1]
    yield MEMORY.format(
        picture=MEMORY_PICTURE, threads=memory.THREADS, requests=requests, size=size / 2**20,
        growth=growth, mark="✅" if growth < MEMORY_TARGET else "❌", target=MEMORY_TARGET,
    )  # fmt: skip


def questions(results: Results) -> list[str]:
    """Those that were asked, in the order of the tables."""
    asked = {cell.question for cell in results.cells}
    return [name for name in TITLES if name in asked]


def binary(size: float) -> str:
    """Bytes for people."""
    for unit, bytes_ in (("GiB", 2**30), ("MiB", 2**20)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}" if size < 1000 * bytes_ else f"{size / bytes_:,.0f} {unit}"
    return f"{size / 2**10:.3g} KiB"
