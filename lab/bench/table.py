"""The results on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from lab.bench.figures import figures, ranked, ratio
from lab.bench.targets import ours, verdicts
from lab.bench.words import counted, micros, millis, named, outcome, rated, route_title, share, times

if TYPE_CHECKING:
    from lab.bench.results import Place, Results

WIDTH = 150


def print_tables(results: Results) -> None:
    """Print all of it, the targets last."""
    console = Console()
    # where nobody looks at it, it is not squeezed
    console = console if console.is_terminal else Console(width=WIDTH)
    for place in results.places():
        console.print(_place(results, place))
    console.print(_targets(results))
    for words in results.failures:
        console.print(f"FAILED: {words}", style="bold red")


def _place(results: Results, place: Place) -> Table:
    table = Table(title=f"{results.servers[place.server]}: {route_title(place.route)}, {named(place)}")
    table.add_column("")
    heads = (
        "requests/s",
        "studentapi ×",
        "p50 ms",
        "p99 ms",
        "app µs",
        "db µs",
        "app share",
        "connects",
        "statements",
    )
    for head in (*heads, "pings"):
        table.add_column(head, justify="right")
    there = results.at(place)
    mine = there.get(ours(place.route))
    for name, measured in ranked(there):
        one = figures(measured)
        table.add_row(
            results.peers[name],
            rated(one.rate),
            times(ratio(mine, measured)) if mine is not None and mine is not measured else "",
            millis(one.p50_ms), millis(one.p99_ms), micros(one.app_us), micros(one.database_us),
            share(one.app_share), counted(one.connects), counted(one.statements), counted(one.pings),
            style="bold" if measured is mine else None,
        )  # fmt: skip
    return table


def _targets(results: Results) -> Table:
    table = Table(title="Targets")
    for head in ("server", "route", "studentapi", "target", "found", ""):
        table.add_column(head)
    for one in verdicts(results):
        if one.found is None:
            continue
        table.add_row(
            results.servers[one.server], route_title(one.route), one.title, one.words,
            outcome(one), one.standing,
            style={"reached": "green", "not reached": "bold red"}.get(one.standing, "dim"),
        )  # fmt: skip
    return table
