"""The page docs/faults.md, all of it out of the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.faults import load, verdict
from lab.faults.cells import SHORT, recovery, worded
from lab.faults.experiment import WATCH_MOST
from lab.faults.verdict import Severity
from studentapi.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.faults.results import Results, Row

MARKS = {
    Severity.UNTOUCHED: "⚪",
    Severity.NOTHING: "🟢",
    Severity.STALL: "🟡",
    Severity.FAILED: "🟠",
    Severity.DOWN: "🟤",
    Severity.ROWS: "🔴",
}

INTRODUCTION = """# Every fault, every answer

<!-- Written by `make faults`; not by hand. -->

![A heat map: a row for each fault, a column for each answer](faults.svg)

Each answer to *"MySQL server has gone away"* is a small app in [lab/answers](../lab/answers), written as its
author would write it, with the settings that its author recommends. All of them serve the same two routes by the
same [uwsgi.ini](../uwsgi.ini), with four threads, or with four processes of one thread where an answer shares one
connection, which threads must not. None but studentapi's has a read timeout, since no other author speaks of one.
Each fault is done to all of them at the same moment.

"""

HOW = """## How it is measured

{readers} readers and {writers} writers ask each answer over HTTP, each reader every {read:g} s and each writer
every {write:g} s, or as fast as they are answered. They do not try again, and give up after {timeout:g} s.
Counting begins with the fault, or behind it where the clients were silent meanwhile. It ends when every answer
has given nothing but good answers for {steady:g} s, at the latest {most:g} s behind the fault. A hung answer is
asked less often: 10 requests that failed may be all that there were.

- **failed**: a status other than 200 or 201, another body than `{london}`, no whole answer, none in time.
- **stall**: the longest request, where it took more than {stall:g} s.
- **lost**: a row was acknowledged with 201 and is not in the table. **doubled**: it is there more than once.
- **unsure**: the write failed for the client, and the row is there: a client that tries again doubles it.
- **fine in 3.1 s**: the last failure came so long after the fault; **then fine**: none did. **still failing**:
  it failed to the end.
- **hung**: failed, and each of them for want of an answer in time. **yet written**: see unsure.
- **cannot happen**: the answer never does what this fault waits for.

Rows are counted when the services have ended and nothing of theirs runs in the server any more.

"""

LIMITS = """## What nobody survives

- A database that is away for longer than a client waits. studentapi waits {patience:g} seconds, then says 503
  with `Retry-After`, at once for whoever comes next; the others fail, or hang, as long as it lasts.
- The loss of a machine with writes that were on no other: asynchronous replication loses them.
- A client's own connection to the API that breaks before the answer: the write may have been done. An
  `Idempotency-Key` can settle that, in HTTP; nothing in a database connection can.
- Time. A statement whose packets vanish in silence while it runs is known to be lost after 4 to 7 s, no sooner.

"""


def write_page(results: Results, path: Path) -> None:
    """Write the page."""
    path.write_text(INTRODUCTION + "\n".join(_body(results)))


def _body(results: Results) -> Iterator[str]:
    yield from _table(results)
    yield HOW.format(
        readers=load.READERS,
        writers=load.WRITERS,
        read=load.PERIODS[False],
        write=load.PERIODS[True],
        timeout=load.CLIENT_TIMEOUT,
        london=load.LONDON,
        steady=verdict.STEADY,
        stall=verdict.STALL,
        most=WATCH_MOST,
    )
    yield LIMITS.format(patience=Settings.model_fields["database_patience"].default)
    yield "## The faults, one by one\n"
    for row in results.rows:
        yield from _details(results, row)
    yield from _reproduction(results)


def _table(results: Results) -> Iterator[str]:
    titles = [SHORT.get(name, title).replace("\n", " ") for name, title in results.answers.items()]
    yield "| fault | " + " | ".join(titles) + " |"
    yield "| --- |" + " --- |" * len(titles)
    for row in results.rows:
        yield f"| {row.title} | " + " | ".join(_cell(row, name) for name in results.answers) + " |"
    yield ""


def _cell(row: Row, name: str) -> str:
    outcome = row.outcomes.get(name)
    if outcome is None:
        return "not run"
    first, second = worded(outcome)
    return f"{MARKS[outcome.severity]} {first}" + (f"<br>{second}" if second else "")


def _details(results: Results, row: Row) -> Iterator[str]:
    yield f"### {row.title}\n\n{row.story}\n"
    if row.skipped:
        yield f"Not run: {row.skipped}.\n"
        return
    heads = "answer", "reads failed", "writes failed", "unsure", "lost", "doubled", "longest", "recovery", "told"
    yield "| " + " | ".join(heads) + " |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --- | --- |"
    for name, one in row.outcomes.items():
        said = ", ".join(f"{what} × {count}" for what, count in sorted(one.said.items())) or "–"
        failing = recovery(one) if one.failed else "–"
        reads, writes = f"{one.reads_failed} of {one.reads}", f"{one.writes_failed} of {one.writes}"
        rows = f"{one.unsure} | {one.lost} | {one.doubled}"
        title = results.answers[name]
        yield f"| {title} | {reads} | {writes} | {rows} | {one.stall:.2f} s | {failing} | {said} |"
    yield ""


def _reproduction(results: Results) -> Iterator[str]:
    yield "## This run\n"
    yield f"{results.day}, {results.seconds // 60} min {results.seconds % 60} s, by\n\n```sh\nmake faults\n```\n"
    yield "| | |\n| --- | --- |"
    for name, value in results.machine.items():
        yield f"| {name} | {value} |"
    yield ""
