"""The results as a heat map, which reads at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.drawing import INK, SOFT, box, sheet, text, write
from lab.faults.cells import SHORT, worded
from lab.faults.verdict import Severity

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree import ElementTree as ET

    from lab.faults.results import Results, Row

LABEL, WIDTH, HEIGHT, GAP = 222, 91, 42, 6
MARGIN, TOP, BOTTOM = 24, 128, 64
OURS = "studentapi"
COLOURS = {
    Severity.UNTOUCHED: ("#eef1f5", "#6a7482", "cannot happen"),
    Severity.NOTHING: ("#bfe6cc", "#12502c", "nothing failed"),
    Severity.STALL: ("#fdeaa0", "#5f4700", "stalled over 1 s"),
    Severity.FAILED: ("#fac58f", "#5a2500", "requests failed, then fine"),
    Severity.DOWN: ("#ea7f3e", "#3a1300", "still failing at the end"),
    Severity.ROWS: ("#b3202c", "#ffffff", "rows lost or doubled"),
}
"""For each severity: the cell, its text, and the legend's words. Lightness falls with severity, for whoever does
not tell red from green."""


def write_picture(results: Results, path: Path) -> None:
    """Write the SVG."""
    columns = list(results.answers)
    width = 2 * MARGIN + LABEL + len(columns) * WIDTH
    height = TOP + len(results.rows) * HEIGHT + BOTTOM
    svg = sheet(width, height, "What clients of each answer saw, fault by fault")
    text(svg, MARGIN, 40, "What clients saw", size=20, weight=700, anchor="start")
    text(svg, MARGIN, 62, "each fault, done under load to each answer", size=13, fill=SOFT, anchor="start")
    for number, name in enumerate(columns):
        _heading(
            svg, _left(number) + (WIDTH - GAP) / 2, SHORT.get(name, results.answers[name]), ours=name == OURS
        )
    for number, row in enumerate(results.rows):
        _row(svg, TOP + number * HEIGHT, row, columns)
    if OURS in columns:
        frame = _left(columns.index(OURS)) - 3, TOP - 3, WIDTH, len(results.rows) * HEIGHT
        box(svg, frame, "none", radius=8, stroke=INK, stroke_width=2)
    _legend(svg, height - 26)
    write(svg, path)


def _left(column: int) -> float:
    return MARGIN + LABEL + column * WIDTH


def _heading(svg: ET.Element, x: float, title: str, *, ours: bool) -> None:
    lines = title.split("\n")
    for number, line in enumerate(lines):
        y = TOP - 14 - 15 * (len(lines) - 1 - number)
        text(svg, x, y, line, size=12, weight=700 if ours else 500)


def _row(svg: ET.Element, y: float, row: Row, columns: list[str]) -> None:
    text(svg, MARGIN, y + HEIGHT / 2 + 3, row.title, size=13, weight=500, anchor="start")
    for number, name in enumerate(columns):
        outcome = row.outcomes.get(name)
        severity = Severity.UNTOUCHED if outcome is None else outcome.severity
        first, second = ("not run", "") if outcome is None else worded(outcome)
        fill, ink, _ = COLOURS[severity]
        x = _left(number)
        box(svg, (x, y, WIDTH - GAP, HEIGHT - GAP), fill, radius=5)
        middle = x + (WIDTH - GAP) / 2
        text(svg, middle, y + (16 if second else 22), first, size=13, weight=700, fill=ink)
        if second:
            text(svg, middle, y + 30, second, size=10.5, fill=ink)


def _legend(svg: ET.Element, y: float) -> None:
    x = float(MARGIN)
    for fill, _, words in COLOURS.values():
        box(svg, (x, y - 12, 16, 16), fill, radius=4)
        text(svg, x + 23, y + 1, words, size=12, fill=SOFT, anchor="start")
        x += 44 + 6.3 * len(words)
