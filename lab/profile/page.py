"""The page docs/profile.md, all of it out of the results."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from lab.bench.database_server import OPTIONS
from lab.bench.plan import SERVER_TITLES, WIDE
from lab.bench.targets import CLIENTS, ours
from lab.bench.words import micros, millis, rated, route_title, share, times
from lab.profile import floor, rows
from lab.profile.findings import CITY, SPARED, ceilings, findings, gaps, shares, tails, unsteady
from lab.profile.picture import PICTURE
from lab.profile.stacks import LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lab.profile.results import Profile, Results

TOP = 12
"""Functions that are listed of each app."""

INTRODUCTION = """# Where the time goes

<!-- Written by `make profile`; not by hand. -->

What a request costs studentapi, and those that [bench.md](bench.md) holds it to; and so, which of the targets
there can be reached at all, and what makes the slowest of a hundred requests slow. Figures are µs per request on
the machine below: compare them with each other, not with another machine's. The targets' own verdicts are in
bench.md.

"""

HOW = """## How it is measured

**CPU time** is what `/proc` says of all processes of an app, and of the database server, over {seconds:.0f} s of
load without a profiler: {rounds} slices of each app, in turns, of which the medians are given. How the kernel
divides it into user and system time is itself a sample. The client is wrk, which shares the machine. Apps, sizes
and load are those of [bench.md](bench.md): {size}, {clients} clients, a connection for each request.

**Where the code is**: py-spy looks, about a thousand times a second and without stopping it, at the thread that
holds the interpreter's lock, in one process of the app under the same load. A sample belongs to the layer of its
innermost frame; the standard library, and whatever package is no layer, to the layer that called it; C code, such
as mysqlclient's or orjson, to the Python function that called it; a thread without a frame is in uWSGI. The
shares are applied to the app's user time, though what runs without the lock is in no sample: much of uWSGI, and
of the driver in C. {accuracy}

**The floor**: one thread calls, in turns with the others, `sendall` with a request that lies ready as bytes, and
`recv`, and cuts the number out of the answer. µs are the thread's own CPU time (`time.thread_time`), the median
of rounds of {calls} calls. In an app a call costs more than here, where the processor's caches hold nothing else.

**The ceilings** take it that requests/s grow as a request's CPU time shrinks (app, database server and client
together), as they do where the processors are busy; *by CPU time* is the other's sum over studentapi's. What a
call saves is taken off studentapi's sum: down to the floor, or all the user time that the sample finds in
connections.

The database servers run on the same machine, as they come but for `{options}`.
"""
ACCURACY = "Of {samples} samples, the fewest of an app here, a share of 20 % is known to ± {points:.0f} points."


def write_page(results: Results, path: Path) -> None:
    """Write the page."""
    path.write_text(text(results))


def text(results: Results) -> str:
    """The page."""
    return INTRODUCTION + "\n".join(_body(results))


def _body(results: Results) -> Iterator[str]:
    for name, reason in results.missing.items():
        yield f"> **Not measured: {name}**: {reason}.\n"
    yield from _findings(results)
    yield f"![The app's CPU time per request, by layer]({PICTURE})\n"
    for server in results.servers:
        for route in results.routes():
            if results.at(server, route):
                yield f"## {route_title(route).capitalize()}, {SERVER_TITLES[server]}\n"
                yield from _cpu(results, server, route)
                yield from _layers(results, server, route)
    yield from _tails(results)
    yield from _floor(results)
    yield from _rows(results)
    yield from _how(results)
    yield from _run(results)


def _findings(results: Results) -> Iterator[str]:
    for server in results.servers:
        said = list(findings(results, server))
        if not said:
            continue
        yield f"## What follows, {SERVER_TITLES[server]}\n"
        if warning := unsteady(results, server):
            yield f"> {warning}\n"
        more = *gaps(results, server), *shares(results, server), *tails(results, server)
        yield from (f"- {sentence}" for sentence in (*said, *more))
        yield "\nCity lookup, studentapi's requests/s over the others':\n"
        yield (
            "| against | target | measured | by CPU time | Database at the floor | without its user time "
            "| µs a call may cost for the target |"
        )
        yield "| --- |" + " --: |" * 6
        for one in ceilings(results, server):
            cells = (
                "–" if one.target is None else f"≥ {one.target:g}",
                times(one.measured),
                f"{one.by_cpu:.2f}",
                f"{one.at_floor:.2f}",
                "–" if one.codeless is None else f"{one.codeless:.2f}",
                "–" if one.allowed is None else micros(max(one.allowed, 0.0)),
            )
            yield f"| {one.title} | " + " | ".join(cells) + " |"
        yield ""


def _cpu(results: Results, server: str, route: str) -> Iterator[str]:
    there = results.at(server, route)
    mine = there.get(ours(route))
    heads = "requests/s", "studentapi ×", "app µs", "of it user", "system", "db µs", "client µs", "all µs"
    yield "| CPU time per request | " + " | ".join(heads) + " |"
    yield "| --- |" + " --: |" * len(heads)
    for name, one in there.items():
        cells = (
            rated(one.rate),
            "" if mine is None or one is mine else times(mine.rate_over(one)),
            *(micros(value) for value in (one.app, one.user, one.system, one.database, one.client, one.all)),
        )
        yield f"| {_title(results, route, name)} | " + " | ".join(cells) + " |"
    yield ""


def _layers(results: Results, server: str, route: str) -> Iterator[str]:
    there = {name: one for name, one in results.at(server, route).items() if one.stacks and one.stacks.samples}
    if not there:
        return
    yield "| user µs by layer | " + " | ".join(_title(results, route, name) for name in there) + " |"
    yield "| --- |" + " --: |" * len(there)
    for layer in LAYERS:
        if any(one.stacks and one.stacks.share(layer) for one in there.values()):
            yield f"| {layer} | " + " | ".join(_part(one, layer) for one in there.values()) + " |"
    counts = (str(one.stacks.samples) if one.stacks else "" for one in there.values())
    yield "| samples | " + " | ".join(counts) + " |\n"
    yield f"<details><summary>The {TOP} functions with most time of their own</summary>\n"
    for name, one in there.items():
        yield f"{_title(results, route, name)}\n"
        yield "| function | share | µs |\n| --- | --: | --: |"
        for function, part in one.stacks.top(TOP) if one.stacks else ():
            yield f"| `{function}` | {share(part)} | {micros(part * one.user)} |"
        yield ""
    if route != CITY:
        yield from _files(there.get(ours(route)))
    yield "</details>\n"


def _files(mine: Profile | None) -> Iterator[str]:
    if mine is None or mine.stacks is None:
        return
    yield f"The {TOP} files of studentapi's with most time, that of what they called and is no layer included:\n"
    yield "| file | share | µs | the rivals are spared |\n| --- | --: | --: | --- |"
    for file, part in mine.stacks.files(TOP):
        yield f"| `{file}` | {share(part)} | {micros(part * mine.user)} | {'yes' if file in SPARED else ''} |"
    yield ""


def _tails(results: Results) -> Iterator[str]:
    if not results.tails:
        return
    yield "## The tail\n"
    yield (
        f"studentapi alone, by its clients, in turns: medians of {len(results.tails[0].slices)} rounds. *busy*: "
        f"the share of {results.processors} processors' time that app, database server and client use.\n"
    )
    yield "| route | | clients | requests/s | p50 ms | p99 ms | p99 over p50 | busy |"
    yield "| --- | --- |" + " --: |" * 6
    for one in results.tails:
        cells = (
            route_title(one.route),
            SERVER_TITLES[one.server],
            str(one.clients),
            rated(one.rate),
            millis(one.p50_ms),
            millis(one.p99_ms),
            times(one.tail),
            share(one.busy(results.processors)),
        )
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _part(one: Profile, layer: str) -> str:
    part = one.stacks.share(layer) if one.stacks else 0.0
    return f"{micros(part * one.user)} ({share(part)})" if part else ""


def _floor(results: Results) -> Iterator[str]:
    floors = {server: results.floor(server) for server in results.servers if results.floor(server)}
    if not floors:
        return
    yield "## The floor\n"
    yield "CPU time that one call for a city costs one thread, in µs, and how many times the floor that is.\n"
    yield "| | " + " | ".join(f"{SERVER_TITLES[server]} | ×" for server in floors) + " |"
    yield "| --- |" + " --: | --: |" * len(floors)
    for way in dict.fromkeys(way for found in floors.values() for way in found):
        cells = (
            f"{found[way]:.1f} | {found[way] / found[floor.SOCKETS]:.1f}" if way in found else "– | –"
            for found in floors.values()
        )
        yield f"| {way} | " + " | ".join(cells) + " |"
    yield ""


def _rows(results: Results) -> Iterator[str]:
    if not results.rows:
        return
    yield "## How assessment data come\n"
    yield (
        "CPU time of one call, in µs, by what the statement selects: the service asks for a JSON array for each "
        "row. App is one thread that calls and has the rows as Python lists in the end; of all ways that way "
        f"is {_and(_place(costs, SERVER_TITLES[server]) for server, costs in results.rows.items())}.\n"
    )
    yield (
        "| rows | "
        + " | ".join(f"{SERVER_TITLES[server]}, app | database | together" for server in results.rows)
        + " |"
    )
    yield "| --- |" + " --: | --: | --: |" * len(results.rows)
    for way in dict.fromkeys(way for costs in results.rows.values() for way in costs):
        cells = (
            f"{micros(costs[way]['app'])} | {micros(costs[way]['database'])} | {micros(sum(costs[way].values()))}"
            for costs in results.rows.values()
        )
        yield f"| {way} | " + " | ".join(cells) + " |"
    yield ""


def _place(costs: dict[str, dict[str, float]], title: str) -> str:
    """Where the service's way stands among the others."""
    sums = {way: sum(parts.values()) for way, parts in costs.items()}
    best = min(sums, key=sums.__getitem__)
    if best == rows.ARRAYS:
        return f"the cheapest on {title}"
    return f"{share(sums[rows.ARRAYS] / sums[best] - 1)} above the cheapest, {best}, on {title}"


def _and(parts: Iterable[str]) -> str:
    return " and ".join(parts)


def _how(results: Results) -> Iterator[str]:
    slices = next((one.slices for one in results.profiles if one.slices), [])
    counts = [one.stacks.samples for one in results.profiles if one.stacks and one.stacks.samples]
    fewest = min(counts, default=0)
    yield HOW.format(
        accuracy=ACCURACY.format(samples=fewest, points=100 * sqrt(0.2 * 0.8 / fewest)) if fewest else "",
        size=WIDE,
        clients=CLIENTS,
        seconds=sum(one.seconds for one in slices),
        rounds=len(slices),
        calls=floor.CALLS,
        options=" ".join(OPTIONS),
    )


def _run(results: Results) -> Iterator[str]:
    yield "## This run\n"
    yield f"{results.day}, {results.seconds} s, by\n\n```sh\n{results.command}\n```\n"
    yield "| | |\n| --- | --- |"
    yield from (f"| {name} | {value} |" for name, value in results.machine.items())
    yield "\nThe raw figures of every slice, and every sampled function, are in [profile.json](profile.json).\n"


def _title(results: Results, route: str, name: str) -> str:
    title = results.peers[name]
    return f"**{title}**" if name == ours(route) else title
