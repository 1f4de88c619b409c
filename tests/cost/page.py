"""docs/cost.md: what each route costs, as it was measured last; written by `python -m tests.cost --write`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from studentapi.mysql.settlement import PURGE_EVERY
from tests.cost.counts import BYTES, EVERYWHERE, MEASURES, PERCENT, Where, Work
from tests.cost.statements import folded

PAGE = Path(__file__).parents[2] / "docs" / "cost.md"


class Row(NamedTuple):
    """What a route costs the database."""

    statements: list[str]
    round_trips: int


class Page(NamedTuple):
    """The two tables."""

    rows: dict[str, Row]
    work: Work


_HEAD = f"""# What a request costs

<!-- Written by `python -m tests.cost --write`; tests/cost holds the code to it. -->

## The database

The statements and the round trips of a typical request of each route, counted at the wire: a proxy between the
app and the server reads MySQL's packets. The thread has its connection, and the process remembers the token. The
same on MariaDB and on MySQL; a statement more, or less, fails `tests/cost`, which says which one.

A statement is written as what it does and the tables that it does it to; in parentheses, those that its
subqueries look into. `FOR UPDATE` and `FOR SHARE` lock rows. One write in {PURGE_EVERY}, by chance, deletes old
rows of `commit_markers` or `idempotency_keys` after its COMMIT: a statement and a round trip more. Whether a
statement goes as text or has been prepared is one here; preparing it costs a round trip more, once in the life
of a connection.

| request | statements | round trips | which |
| --- | ---: | ---: | --- |
"""
_ALWAYS = " and ".join(EVERYWHERE)
_WORK = f"""
## The app

The work of the app for one warm request, from the call of the WSGI function that uWSGI is given to the end of its
answer, the database's driver included: `assessment-data` and `list`, a page of 5 attempts, with authentication,
rate limits, metrics and log; and `city`, one row, read by
[an app as small as can be](../lab/answers/studentapi.py) with the same connections. These are counts and no
times, the same in every run, whatever else the machine does: with the release of Python that is named and the
libraries of `requirements/`, `tests/cost` takes no more and no less. But bytes differ from run to run by some
addresses and digits: it takes {BYTES} more or less. Under another release, whose own library may differ, it takes
{PERCENT} % more or less of all but {_ALWAYS}. MySQL has no time limit but for SELECT, so that each statement is
looked at there: a little more to do.

{{legend}}

| Python | database | request | {" | ".join(MEASURES)} |
| --- | --- | --- |{" ---: |" * len(MEASURES)}
"""


def written(page: Page) -> str:
    """The page."""
    rows = [
        f"| {_code(name)} | {len(row.statements)} | {row.round_trips} | {'; '.join(folded(row.statements))} |\n"
        for name, row in page.rows.items()
    ]
    work = [
        f"| {' | '.join(where)} | {request} | {' | '.join(f'{counts[name]:,}' for name in MEASURES)} |\n"
        for where, requests in sorted(page.work.items())
        for request, counts in sorted(requests.items())
    ]
    legend = "\n".join(f"- **{name}**: {text}" for name, text in MEASURES.items())
    return _HEAD + "".join(rows) + _WORK.replace("{legend}", legend) + "".join(work)


def read(text: str) -> Page:
    """The tables of a page."""
    rows: dict[str, Row] = {}
    work: Work = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            name, _, trips, which = cells
            rows[name.replace("`", "")] = Row(_unfolded(which), int(trips))
        elif re.match(r"\| 3\.\d+\.\S+ \|", line):
            python, database, request, *counts = cells
            numbers = [int(count.replace(",", "")) for count in counts]
            work.setdefault(Where(python, database), {})[request] = dict(zip(MEASURES, numbers, strict=True))
    return Page(rows, work)


def _code(name: str) -> str:
    route, colon, what = name.partition(": ")
    return f"`{route}`{colon}{what}"


def _unfolded(which: str) -> list[str]:
    found = []
    for part in filter(None, which.split("; ")):
        name, _, times = part.partition(" × ")
        found += [name] * int(times or 1)
    return found
