"""The page docs/bench.md, all of it out of the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lab.bench.database_server import OPTIONS
from lab.bench.figures import UNSTEADY, figures, ranked, ratio, unsteadiness
from lab.bench.findings import findings, kept, remembered
from lab.bench.growth import page as growth
from lab.bench.growth import targets as growth_targets
from lab.bench.picture import CLIENTS_PICTURE, CPU_PICTURE
from lab.bench.plan import ANSWER, SERVER_TITLES
from lab.bench.targets import AGREEING, MARKS, ours, verdicts
from lab.bench.words import counted, micros, millis, named, outcome, rated, route_title, share, times
from lab.peers.data import PAIRS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.bench.growth.results import Results as GrowthResults
    from lab.bench.results import Place, Results

INTRODUCTION = """# Side by side

<!-- Written by `{command}`{quick}; not by hand. -->

How fast studentapi answers, beside what anyone would pick instead: every other answer to *"MySQL server has gone
away"* ([lab/answers](../lab/answers)), and rivals that speak the same HTTP contract over the same tables
([lab/peers](../lab/peers)). Compared are only ratios within one run: another machine has other figures. What each
route asks of the database is in [cost.md](cost.md){profile}.

"""
PROFILE = Path(__file__).parents[2] / "docs" / "profile.md"
"""Where a request's time goes; it is linked where it is."""

WHY_NOT = "[profile.md](profile.md) says why one is not reached, and how near connections alone could come."

BESIDE_TARGETS = """studentapi remembers a token for 5 s in each process ([security.md](security.md)). The
rivals, but for the one whose name says so, ask for it each time: for assessment data and for a list they send
two statements, the ORM more, where studentapi sends one. All clients open a connection for each request, which
is what uwsgi.ini serves; uvicorn and Go can keep it, and are measured so, too, where that is said. No target
says how lists, recording and class statistics stand beside the rivals, nor how other questions than assessment
data and lists grow with the data, among them lists with a filter that hardly any row matches. Growth is measured
on MariaDB alone.
"""

AS_PROCESSES = """An answer whose threads would share one connection has {processes} processes of one thread here
in place of {size}: the retry in `cursor()`, and the timer. No other thread holds its interpreter up, for which it
pays in memory.
"""

HOW = """## How it is measured

**Who.** Every Python app but FastAPI's runs under the same [uwsgi.ini](../uwsgi.ini), FastAPI under uvicorn
with uvloop and httptools, Go by itself with as many processors as the others have processes. The bare function
and Go read alone, without recording and statistics; the ORM with mysqlclient has assessment data and lists. All
may keep as many connections to the database as they have threads. An answer whose threads would share one
connection gets processes of one thread instead. For the city lookup, studentapi is its `Database` in a route of
Flask's, as the other answers are theirs: with all that makes it safe on, from the look at an idle connection and
the deadline of each statement to the rollback behind each request; nobody has authentication, validation or a log
there. On all other routes it is the whole service, with authentication, validation, rate limits that are counted
and not reached, figures for its operators, and its log; the rivals authenticate and validate, and are spared the
rest.
studentapi [remembers a token](security.md) for 5 s, and sends one statement for assessment data and for a list;
the rivals look the token up each time, and send two, the ORM more. One more runs the app of Flask and
mysqlclient with tokens remembered for 5 s, by a dict in each process. `bare` is a WSGI function with plain
PyMySQL, whose answers PyMySQL itself reads; studentapi reads them by its own reader, and has the statements of
the city lookup and of assessment data prepared, which `Database.read` does where it is told to; of the rivals Go
prepares, all it sends; the others' drivers cannot. For assessment data, studentapi's statement names the indexes
and the order of its tables, and has the server make a JSON array of each row ([profile.md](profile.md) says what
that brings); for a list, it has the server make one text of most of a row's columns. The rivals' is plain SQL, a
column for each value.

**What.** The *city lookup* of the question's answer: 600 names, one indexed statement, on a route of Flask's.
*Assessment data* of {students:,} students and chapters, a *list page* of 100 attempts, always the first one (the
others are measured by size of the data), *recording* an attempt with 10 responses, and *class statistics*, on
the whole OULAD sample. Before anything is measured, each rival's JSON is compared with studentapi's, member by
member, and so is what it keeps of an attempt and whom it turns away; while it warms up, each answer is looked at.

**How.** All apps are up and warm, and take turns: a slice of {seconds:g} s or more each, of one length for all
that are compared but for those too slow for it, round after round, in an order that changes. What slows the
machine down slows a whole round, so ratios are taken within each round; their median is given, with the lowest
and the highest. It may differ from the quotient of the medians that stand beside it. wrk opens a connection for
each request: uWSGI's `http-socket` closes each with its answer, and so for all alike, but for FastAPI and Go
where it is said that clients' connections are kept. One answer with an error ends an app's measurement, and the
command with it. Client, app and database share the machine.

- **requests/s, p50, p99**: medians of the rounds. p99 is wrk's, which counts a stall once for each request that
  it held up.
- **app µs, db µs**: CPU time per request, user and system, of all of the app's processes and of the database
  server's, from `/proc`.
- **app share**: the app's part of the two. The rest is the database server's.
- **connects, statements, pings** per request, by the database server's own `SHOW GLOBAL STATUS`. It counts a
  connection's settings, BEGIN, COMMIT and the goodbye as statements. studentapi asks a connection that was idle
  for over 2 s whether it lives: here, once in a slice, since the others have their turns in between.

The database servers run on the same machine, as they come but for `{options}`; that of the growing data has a
larger log and buffer pool besides.

"""

REPRODUCTION = """## This run

{day}, {minutes}, by

```sh
{command}
```

`make bench QUICK=1` takes under three minutes, and `ARGS="--route city --peer studentapi --peer bare"` measures a
part; both print their tables, and write only where `--into` says. With `--again`, all apps of a part are measured
anew, and take the place of what was found before: here, unless `--into` says otherwise. The raw figures of every
slice are in [bench.json](bench.json). Data are kept, some 12 GB: in `var/lab/`, or the folder that `LAB_DATA`
names, and Docker's in the volume `studentapi-lab-…` of this checkout. Ctrl-C, SIGTERM and SIGHUP end all that a
run has started.

"""


def write_page(results: Results, path: Path) -> None:
    """Write the page; what a run of `lab.bench.growth` left beside it is part of it."""
    introduction = INTRODUCTION.format(
        command=results.command,
        quick=", a quick run" if results.quick else "",
        profile=", where its time goes in [profile.md](profile.md)" if PROFILE.exists() else "",
    )
    grown = growth.read(path.parent) if results.grown else None
    body = "\n".join(_body(results, grown))
    sections = growth.sections(path.parent) if grown else ""
    path.write_text(introduction + body + sections + _reproduction(results, grown))


def _body(results: Results, grown: GrowthResults | None) -> Iterator[str]:
    yield from _warnings(results)
    yield from _targets(results, list(growth_targets.lines(grown)) if grown else [])
    yield "## What follows\n"
    others = [one.standing for one in growth_targets.targets(grown)] if grown else []
    yield from (f"- {finding}" for finding in findings(results, others))
    yield ""
    if any(place.route == "city" for place in results.places()):
        yield f"![Requests per second of the city lookup, by clients, at {ANSWER}]({CLIENTS_PICTURE})\n"
    yield f"![CPU time per request, of the app and of the database server]({CPU_PICTURE})\n"
    for number, size in enumerate(results.sizes()):
        yield f"## {size[0]} × {size[1]}\n"
        places = [place for place in results.places() if (place.processes, place.threads) == size]
        if number:
            yield AS_PROCESSES.format(size=f"{size[0]} × {size[1]}", processes=size[0] * size[1])
            yield from _by_clients(results, places)
            yield "<details><summary>All figures of these</summary>\n"
        for place in places:
            yield from _table(results, place)
        if number:
            yield "</details>\n"
    seconds = [one.seconds for measured in results.measured for one in measured.slices]
    yield HOW.format(students=PAIRS, seconds=round(min(seconds, default=1), 1), options=" ".join(OPTIONS))


def _warnings(results: Results) -> Iterator[str]:
    if results.quick:
        yield "> This was a quick run: few and short slices.\n"
    if results.busy:
        yield f"> **Not at rest**: {results.busy}.\n"
    for name, reason in results.missing.items():
        yield f"> **Not measured: {name}**: {reason}.\n"
    for words in results.failures:
        yield f"> **Failed**: {words}\n"


def _targets(results: Results, of_growth: Sequence[str]) -> Iterator[str]:
    size = next(iter(results.sizes()), (0, 0))
    yield "## Targets\n"
    yield f"studentapi's requests/s over the others' at {size[0]} × {size[1]} with 8 clients: the median of the"
    yield "rounds, the lowest and the highest, and how many of them reach the target. ✅ reached, ❌ not reached:"
    yield f"by the median, and by {share(AGREEING)} of the rounds at least; ≈ undecided: they do not agree."
    yield f"{WHY_NOT if PROFILE.exists() else ''}\n"
    titles = [SERVER_TITLES[server] for server in results.servers]
    yield "| route | | target | " + " | ".join(titles) + " |"
    yield "| --- | --- | --: |" + " --- |" * len(titles)
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for one in verdicts(results):
        said = f"{MARKS[one.standing]} {outcome(one)}".strip()
        rows.setdefault((one.route, one.title, one.words), {})[one.server] = said
    for (route, title, words), found in rows.items():
        cells = " | ".join(found.get(server, "–") for server in results.servers)
        yield f"| {route_title(route)} | {title} | {words} | {cells} |"
    yield ""
    yield from of_growth
    yield BESIDE_TARGETS
    yield from (f"- {sentence}" for sentence in (*remembered(results), *kept(results)))
    yield ""


def _by_clients(results: Results, places: list[Place]) -> Iterator[str]:
    """Requests per second, in a table for each server and route."""
    for server, route in dict.fromkeys((place.server, place.route) for place in places):
        here = [place for place in places if (place.server, place.route) == (server, route)]
        found = {place.clients: {name: figures(one) for name, one in results.at(place).items()} for place in here}
        names = dict.fromkeys(name for there in found.values() for name in there)
        yield f"### {route_title(route).capitalize()}, requests/s by clients, {SERVER_TITLES[server]}\n"
        yield "| clients | " + " | ".join(str(clients) for clients in found) + " |"
        yield "| --- |" + " --: |" * len(found)
        for name in sorted(
            names, key=lambda name: -max(there[name].rate for there in found.values() if name in there)
        ):
            title = f"**{results.peers[name]}**" if name == ours(route) else results.peers[name]
            cells = (rated(there[name].rate) if name in there else "–" for there in found.values())
            yield f"| {title} | " + " | ".join(cells) + " |"
        yield ""


def _table(results: Results, place: Place) -> Iterator[str]:
    there = results.at(place)
    mine = there.get(ours(place.route))
    yield f"### {route_title(place.route).capitalize()}, {named(place)}, {SERVER_TITLES[place.server]}\n"
    heads = "requests/s", "studentapi ×", "p50 ms", "p99 ms", "app µs", "db µs", "app share", "connects"
    yield "| | " + " | ".join((*heads, "statements", "pings")) + " |"
    yield "| --- |" + " --: |" * (len(heads) + 2)
    for name, measured in ranked(there):
        one = figures(measured)
        title = results.peers[name]
        cells = (
            f"**{title}**" if measured is mine else title,
            rated(one.rate),
            times(ratio(mine, measured)) if mine is not None and measured is not mine else "",
            millis(one.p50_ms),
            millis(one.p99_ms),
            micros(one.app_us),
            micros(one.database_us),
            share(one.app_share),
            counted(one.connects),
            counted(one.statements),
            counted(one.pings),
        )
        yield "| " + " | ".join(cells) + " |"
    yield ""
    apart = {name: unsteadiness(measured) for name, measured in there.items()}
    if most := [f"{results.peers[name]} {times:.1f}" for name, times in apart.items() if times >= UNSTEADY]:
        yield f"> Disturbed: the fastest round over the slowest is {', '.join(most)} here.\n"


def _reproduction(results: Results, grown: GrowthResults | None) -> str:
    minutes = f"{_minutes(results.seconds)} min"
    if grown:
        when = "" if grown.day == results.day else f" on {grown.day}"
        minutes += f", and growth{when} {_minutes(grown.seconds)} min"
        if grown.made_seconds:
            minutes += f", of which {_minutes(grown.made_seconds)} for data that are made once"
        minutes += f"; {_minutes(results.seconds + grown.seconds)} min in all"
    rows = "".join(f"| {name} | {value} |\n" for name, value in results.machine.items())
    return (
        REPRODUCTION.format(day=results.day, minutes=minutes, command=results.command)
        + "| | |\n| --- | --- |\n"
        + rows
    )


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60))
