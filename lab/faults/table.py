"""The results on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.faults.cells import SHORT, worded
from lab.faults.verdict import Severity

if TYPE_CHECKING:
    from lab.faults.results import Results, Row

STYLES = {
    Severity.UNTOUCHED: "dim",
    Severity.NOTHING: "green",
    Severity.STALL: "yellow",
    Severity.FAILED: "dark_orange",
    Severity.DOWN: "red",
    Severity.ROWS: "bold white on red",
}
WIDTH = 190


def print_row(results: Results, name: str) -> None:
    """Print one fault's row as it is done, for a run that takes minutes."""
    for row in results.rows:
        if row.name == name:
            said = row.skipped or ", ".join(f"{key}: {worded(one)[0]}" for key, one in row.outcomes.items())
            print(f"{row.title}: {said}", flush=True)


def print_table(results: Results) -> None:
    """Print all of it."""
    console = Console()
    table = Table(title="What clients saw", show_lines=True)
    table.add_column("fault")
    for name, title in results.answers.items():
        table.add_column(SHORT.get(name, title), justify="center")
    for row in results.rows:
        table.add_row(row.title, *[_cell(row, name) for name in results.answers])
    # where nobody looks at it, it is not squeezed
    (console if console.is_terminal else Console(width=WIDTH)).print(table)


def _cell(row: Row, name: str) -> Text:
    outcome = row.outcomes.get(name)
    if outcome is None:
        return Text("not run", style="dim")
    return Text("\n".join(worded(outcome)), style=STYLES[outcome.severity])
