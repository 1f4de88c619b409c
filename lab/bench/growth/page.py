"""The part of docs/bench.md about growth, all of it out of growth.json."""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING

from lab.bench.growth import asking, choosing, connections, memory, workers
from lab.bench.growth.asking import TARGETED, TITLES
from lab.bench.growth.measure import CLIENTS, SMALL_POOL_QUESTIONS
from lab.bench.growth.picture import MEMORY_PICTURE, SIZE_PICTURE, THREADS_PICTURE
from lab.bench.growth.results import Results
from lab.bench.growth.sizes import EVERY
from lab.bench.growth.targets import MEMORY_TARGET, TARGET, latency_standing, steepest
from lab.bench.targets import MARKS
from lab.bench.words import micros, millis
from lab.peers.data import STUDENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lab.bench.targets import Standing

JSON = "growth.json"
OK = 200

SIZES = """## How cost grows with the data

The data are one small school, loaded as OULAD is: one in {every} of its students, with all that they are
enrolled in and handed in. A larger size is that school many times over, with its own students, classes and
assessments; courses are shared, as many classes to each as there are courses. So a student, a class and a page
are the same at any size, and only what lies around them differs. All sizes lie in one MariaDB with a buffer
pool of {pool}. A service of {processes} × {threads} stands before each, and they take turns: {rounds} rounds of
{seconds:g} s for each cell. Anywhere in the data are up to {most:,} students with a chapter, as many classes
with a chapter, {places:,} assessments whose attempts are listed, and {places:,} places at which a page begins.
The first page, the one in the middle and the last full one are one URL each, and attempts are recorded for one
class of {students} students. Growth is the median of the rounds' own ratios, which may differ from the quotient
of the medians beside it.
"""

RARE = """**What is not flat**: a filter that hardly any row matches and no index serves. `{path}`, which
matches nothing, reads through the whole list: {found}. Past `STUDENTAPI_STATEMENT_TIMEOUT` it ends in 504. Such a
list wants a filter beside it that has an index (`assessment_id`, `student_id`), or to be sorted by what it is
narrowed by. The target is about pages, wherever they begin, and not about such filters.
"""

KNEE_OF_DATA = """### Where the knee is

**Data: where the buffer pool ends.** The same with a pool of {pool}, which is what MySQL and MariaDB have when
nobody sets it. Median latency with {clients} clients, in ms, and its multiple of the first in the same round,
the lowest and the highest. A slice is {seconds:g} s, and one round before is not counted:
"""

KNEE_OF_LOAD = """**Load: where the processors end.** Assessment data at {shape} by more and more clients
reaches {knee_rate:,.0f} requests/s with {knee} clients, the fewest that are served {share:.0%} of the most.
{beyond} All of client, app and database share {processors} here.

![Requests per second by processes × threads, and by clients]({picture})

A service opens one connection for each thread, when the thread first needs it, and never more; requests/s and
p99 are of {workers_clients} clients at once, and connections were counted while {openers} clients asked.
"""

MEMORY = """### Memory

![A worker's memory by requests answered]({picture})

One worker of {threads} threads answered {requests:,} requests (assessment data, lists and statistics in turn)
and had {size:.1f} MiB at the end: {growth:+.2%} over the last {last:,} of them {mark} (target: less than
{target:.0%}){course}.

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
    processes, threads = results.shape
    yield SIZES.format(
        every=EVERY, pool=binary(results.pool), processes=processes, threads=threads, rounds=rounds,
        seconds=round(min((one.seconds for one in slices), default=0), 1), most=asking.MOST, places=asking.PLACES,
        students=STUDENTS,
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
    what = f"From {first.title} to {last.title} attempts, the median latency of assessment data and of lists"
    if targeted:
        worst = max(targeted, key=targeted.__getitem__)
        yield f"{what} grows to at most {targeted[worst]:.2f} times ({TITLES[worst]}); the target is {TARGET}:"
        yield "; ".join(_not_reached(results, targeted) or [f"{MARKS['reached']} reached by all"]) + ".\n"
    others = {name: growth for name, growth in found.items() if name not in TARGETED}
    if others:
        yield (
            "; ".join(f"{TITLES[name]}: {growth:.2f} times" for name, growth in others.items()).capitalize()
            + ".\n"
        )


def _not_reached(results: Results, names: Iterable[str]) -> list[str]:
    """Which of the questions do not reach the target, and of which the rounds do not agree."""
    stands = {name: latency_standing(results, name, steepest(results, name)) for name in names}
    kinds: tuple[Standing, ...] = ("not reached", "undecided")
    found = {kind: [TITLES[name] for name in stands if stands[name] == kind] for kind in kinds}
    return [f"{MARKS[kind]} {kind}: {'; '.join(titles)}" for kind, titles in found.items() if titles]


def _latencies(results: Results, clients: int) -> Iterator[str]:
    last = results.stored[-1].name
    yield f"Median latency in ms (99th percentile), {clients} client{'s' if clients > 1 else ''}:\n"
    yield "| | " + " | ".join(size.title for size in results.stored) + " | growth | |"
    yield "| --- |" + " --: |" * (len(results.stored) + 1) + " --- |"
    for name in questions(results):
        growth = results.growth(name, last, clients)
        mark = MARKS[latency_standing(results, name, clients)] if name in TARGETED else ""
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
    seconds = min(one.seconds for cell in results.small for one in cell.slices)
    pool = binary(results.small_pool)
    yield KNEE_OF_DATA.format(pool=pool, clients=CLIENTS[-1], seconds=round(seconds, 1))
    yield "| | pool | " + " | ".join(f"{size.title}, {binary(size.bytes)}" for size in results.stored) + " |"
    yield "| --- | --: |" + " --: |" * len(results.stored)
    for name in SMALL_POOL_QUESTIONS:
        for small in (False, True):
            pool = binary(results.small_pool if small else results.pool)
            shown = []
            for number, size in enumerate(results.stored):
                cell = results.cell(name, size.name, CLIENTS[-1], small=small)
                growths = results.growths(name, size.name, CLIENTS[-1], small=small)
                multiple = f" ({two_digits(min(growths))}–{two_digits(max(growths))} ×)" if number else ""
                shown.append(f"{millis(cell.p50_ms)}{multiple}")
            yield f"| {TITLES[name]} | {pool} | {' | '.join(shown)} |"
    yield ""


def _load(results: Results) -> Iterator[str]:
    knee = choosing.knee(results.clients)
    yield KNEE_OF_LOAD.format(
        shape=f"{knee.processes} × {knee.threads}",
        knee=knee.clients,
        knee_rate=knee.rate,
        share=choosing.KNEE,
        beyond=choosing.beyond(results.clients),
        processors=results.machine.get("processors", "the processors").split(" × ")[0] + " processors",
        picture=THREADS_PICTURE,
        workers_clients=results.workers[0].clients,
        openers=workers.OPENERS,
    )
    yield "| processes × threads | connections opened | requests/s | p99 ms |\n| --- | --: | --: | --: |"
    for one in results.workers:
        mark = "" if workers.counted_rightly(one) else f" ❌ not {one.processes * one.threads}"
        row = f"{one.connections}{mark} | {one.rate:,.0f} | {millis(one.p99_ms)}"
        yield f"| {one.processes} × {one.threads} | {row} |"
    yield ""


def _memory(results: Results) -> Iterator[str]:
    growth = memory.growth(results.memory)
    requests, size = results.memory[-1]
    course = memory.course(results.memory)
    yield MEMORY.format(
        picture=MEMORY_PICTURE, threads=memory.THREADS, requests=requests, size=size / 2**20,
        growth=growth, last=memory.last(results.memory), mark="✅" if growth < MEMORY_TARGET else "❌",
        target=MEMORY_TARGET,
        course=f", {course}" if course else "",
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


def two_digits(value: float) -> str:
    """A positive number with its first two digits: 0.93, 4.3, 65, 120."""
    rounded = float(f"{value:.1e}")
    return f"{rounded:.{max(0, 1 - floor(log10(rounded)))}f}"
