"""The results as pictures: latency by size of the data, throughput by processes × threads, and memory."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

from lab.bench.growth.asking import TITLES
from lab.bench.growth.measure import CLIENTS
from lab.bench.growth.targets import TARGET
from lab.drawing import INK, LINE, SOFT, box, dot, line, sheet, text, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from xml.etree import ElementTree as ET

    from lab.bench.growth.results import Results, Workers

SIZE_PICTURE, THREADS_PICTURE, MEMORY_PICTURE = "growth-size.svg", "growth-threads.svg", "growth-memory.svg"
MARGIN, TOP, FOOT = 24, 92, 44
AXIS, WIDTH, HEIGHT, LABELS = 46, 300, 300, 296
LABEL_STEP = 16
TOP_LEAST = 2.0
"""The highest multiple that the picture shows, at least."""
COLOURS = {
    "assessment-data": "#1f6feb",
    "list-first": "#0f7b4f",
    "list-middle": "#35a06f",
    "list-last": "#7cc29f",
    "list-anywhere": "#155c3d",
    "list-submitted": "#b35900",
    "list-filtered": "#d69a3b",
    "statistics": "#7a3fb0",
    "recording": "#b3202c",
}
ROW, NAME, BAR, NUMBERS = 26, 70, 330, 190
BLUE, GREY = "#4b86d6", "#8a94a3"


def write_pictures(results: Results, directory: Path) -> None:
    """Write those that there are figures for."""
    if results.cells:
        by_size(results, directory / SIZE_PICTURE)
    if results.workers:
        by_threads(results, directory / THREADS_PICTURE)
    if results.memory:
        by_requests(results, directory / MEMORY_PICTURE)


def by_size(results: Results, path: Path) -> None:
    """A line for each question: its median latency as a multiple of that at the smallest size."""
    panel = AXIS + WIDTH + LABELS
    width = 2 * MARGIN + len(CLIENTS) * panel
    svg = sheet(width, TOP + HEIGHT + FOOT, "Median latency by size of the data")
    text(svg, MARGIN, 40, "How cost grows with the data", size=20, weight=700, anchor="start")
    first = results.stored[0].title
    words = (
        f"median latency as a multiple of that at {first} attempts, by attempts; dark line: the target, {TARGET}×"
    )
    text(svg, MARGIN, 62, words, size=13, fill=SOFT, anchor="start")
    names = [name for name in TITLES if any(cell.question == name for cell in results.cells)]
    top = _round_up(
        max(
            results.growth(name, size.name, clients)
            for name in names
            for size in results.stored
            for clients in CLIENTS
        )
    )
    for number, clients in enumerate(CLIENTS):
        left = MARGIN + number * panel + AXIS
        _panel(svg, (left, top), results, names, clients)
    write(svg, path)


def _panel(
    svg: ET.Element, scale: tuple[float, float], results: Results, names: Sequence[str], clients: int
) -> None:
    """`scale`: where it begins, and the multiple that it ends with."""
    left, top = scale
    foot = TOP + HEIGHT
    low, high = (log10(results.stored[place].attempts) for place in (0, -1))

    def at(attempts: int, multiple: float) -> tuple[float, float]:
        x = left + (log10(attempts) - low) / max(high - low, 0.1) * WIDTH
        return x, foot - multiple / top * HEIGHT

    text(
        svg, left, TOP - 10, f"{clients} client{'s' if clients > 1 else ''}", size=13, weight=700, anchor="start"
    )
    for tick in range(5):
        y = foot - tick / 4 * HEIGHT
        line(svg, [(left, y), (left + WIDTH, y)], LINE)
        text(svg, left - 8, y + 4, f"{top * tick / 4:.3g}×" if tick else "0", size=11, fill=SOFT, anchor="end")
    target = foot - TARGET / top * HEIGHT
    line(svg, [(left, target), (left + WIDTH, target)], INK, width=1.6)
    text(svg, left - 8, target + 4, f"{TARGET}×", size=11, weight=700, anchor="end")
    for size in results.stored:
        text(svg, at(size.attempts, 0)[0], foot + 20, size.title, size=11, fill=SOFT)
    ends = []
    for name in names:
        points = [at(size.attempts, results.growth(name, size.name, clients)) for size in results.stored]
        line(svg, points, COLOURS[name], width=2)
        for x, y in points:
            dot(svg, x, y, COLOURS[name], radius=2.6)
        ends.append((points[-1][1], name))
    ends.sort()
    heights = _apart([y for y, _ in ends], TOP, foot)
    for (y, name), height in zip(ends, heights, strict=True):
        line(svg, [(left + WIDTH + 5, y), (left + WIDTH + 16, height)], LINE)
        last = results.stored[-1].name
        words = f"{results.growth(name, last, clients):.2f}×  {_plain(TITLES[name])}"
        text(svg, left + WIDTH + 20, height + 4, words, size=11, fill=COLOURS[name], anchor="start")


def by_threads(results: Results, path: Path) -> None:
    """A bar for each shape, and for each number of clients: requests per second."""
    height = TOP + ROW * max(len(results.workers), len(results.clients)) + FOOT
    panel = NAME + BAR + NUMBERS
    svg = sheet(2 * MARGIN + 2 * panel, height, "Requests per second by processes × threads, and by clients")
    text(svg, MARGIN, 40, "Processes, threads and clients", size=20, weight=700, anchor="start")
    text(svg, MARGIN, 62, "assessment data, requests per second and p99", size=13, fill=SOFT, anchor="start")
    most = max(one.rate for one in (*results.workers, *results.clients))
    shapes = [(f"{one.processes} × {one.threads}", one) for one in results.workers]
    clients = [(str(one.clients), one) for one in results.clients]
    by = results.workers[0].clients
    _bars(svg, MARGIN, f"by processes × threads, {by} clients", shapes, most)
    if results.clients:
        usual = f"{results.clients[0].processes} × {results.clients[0].threads}"
        _bars(svg, MARGIN + panel, f"by clients, at {usual}", clients, most)
    write(svg, path)


def _bars(svg: ET.Element, left: float, title: str, bars: Sequence[tuple[str, Workers]], most: float) -> None:
    text(svg, left, TOP, title, size=13, weight=700, anchor="start")
    for number, (name, one) in enumerate(bars):
        y = TOP + 14 + number * ROW
        text(svg, left + NAME - 10, y + 15, name, size=12, anchor="end")
        box(svg, (left + NAME, y, one.rate / most * BAR, ROW - 6), BLUE, radius=2)
        words = f"{one.rate:,.0f}/s   p99 {one.p99_ms:.0f} ms"
        text(svg, left + NAME + one.rate / most * BAR + 6, y + 15, words, size=11, fill=SOFT, anchor="start")


def by_requests(results: Results, path: Path) -> None:
    """A line: a worker's memory by the requests that it has answered."""
    svg = sheet(2 * MARGIN + AXIS + 560, TOP + 180 + FOOT, "A worker's memory")
    text(svg, MARGIN, 40, "A worker's memory, request after request", size=20, weight=700, anchor="start")
    text(svg, MARGIN, 62, "MiB resident, by requests answered", size=13, fill=SOFT, anchor="start")
    left, foot = MARGIN + AXIS, TOP + 180
    last = results.memory[-1][0]
    top = _round_up(max(size for _, size in results.memory) / 2**20 * 1.2)
    for tick in range(5):
        y = foot - tick / 4 * 180
        line(svg, [(left, y), (left + 560, y)], LINE)
        text(svg, left - 8, y + 4, f"{top * tick / 4:g}", size=11, fill=SOFT, anchor="end")
    for tick in range(4):
        text(svg, left + tick / 4 * 560, foot + 20, f"{last * tick / 4:,.0f}", size=11, fill=SOFT)
    text(svg, left + 560, foot + 20, f"{last:,}", size=11, fill=SOFT, anchor="end")
    points = [(left + done / last * 560, foot - size / 2**20 / top * 180) for done, size in results.memory]
    line(svg, points, BLUE, width=2)
    for x, y in points:
        dot(svg, x, y, BLUE, radius=2.2)
    write(svg, path)


def _plain(title: str) -> str:
    return title.replace("`", "")


def _round_up(value: float) -> float:
    """The next number that divides into four round steps."""
    unit = 10.0 ** int(log10(max(value, 1)))
    return next(
        unit * factor
        for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
        if unit * factor >= max(value, TOP_LEAST)
    )


def _apart(heights: Sequence[float], top: float, foot: float) -> list[float]:
    """The ascending `heights` moved as little as lets labels stand apart, within top and foot where they fit."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + LABEL_STEP if placed else top))
    below = foot + LABEL_STEP
    for place in reversed(range(len(placed))):
        below = placed[place] = min(placed[place], below - LABEL_STEP)
    return placed
