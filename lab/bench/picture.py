"""The results as pictures: throughput by clients, and CPU time per request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.bench.figures import Figures, figures
from lab.bench.plan import ANSWER
from lab.bench.targets import ours, wide
from lab.bench.words import micros, rated, route_title, short
from lab.drawing import INK, LINE, SOFT, box, dot, line, sheet, text, write

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree import ElementTree as ET

    from lab.bench.results import Place, Results

CLIENTS_PICTURE, CPU_PICTURE = "bench-clients.svg", "bench-cpu.svg"
MARGIN, TOP = 24, 112
OURS, KEPT, NEW, OTHER = "#1f6feb", "#b35900", "#b3202c", "#8a94a3"
COLOURS = {"studentapi": OURS, "service": OURS, "persistent_db": KEPT, "per_request": NEW}
"""Ours, and the two that the question's answer compares; everyone else is grey."""

PLOT_WIDTH, PLOT_HEIGHT, LABELS = 330, 420, 150
LABEL_STEP = 15
AXIS = 52

ROW, NAME, BAR, NUMBERS = 21, 118, 250, 96
APP, DATABASE = "#4b86d6", "#e0a13c"
CLIPPED = 6
"""A bar longer than so many times the next one is cut off, or it would leave nothing of the others."""


def write_pictures(results: Results, directory: Path) -> None:
    """Write both."""
    by_clients(results, directory / CLIENTS_PICTURE)
    by_cpu(results, directory / CPU_PICTURE)


def by_clients(results: Results, path: Path) -> None:
    """A line for each peer: requests/s of the city lookup, by clients."""
    servers = [
        server
        for server in results.servers
        if any(place.server == server and _is_answer(place) for place in results.places())
    ]
    panel = AXIS + PLOT_WIDTH + LABELS
    width = 2 * MARGIN + max(1, len(servers)) * panel + (len(servers) - 1) * MARGIN
    svg = sheet(max(width, 2 * MARGIN + panel), TOP + PLOT_HEIGHT + 64, "Requests per second by clients")
    text(svg, MARGIN, 40, f"City lookup at {ANSWER}", size=20, weight=700, anchor="start")
    text(svg, MARGIN, 62, "requests per second, by clients", size=13, fill=SOFT, anchor="start")
    for number, server in enumerate(servers):
        _lines(svg, MARGIN + number * (panel + MARGIN) + AXIS, results, server)
    write(svg, path)


def _is_answer(place: Place) -> bool:
    return place.route == "city" and (place.processes, place.threads) == (ANSWER.processes, ANSWER.threads)


def _lines(svg: ET.Element, left: float, results: Results, server: str) -> None:
    places = sorted(
        (place for place in results.places() if place.server == server and _is_answer(place)),
        key=lambda place: place.clients,
    )
    series: dict[str, list[tuple[int, float]]] = {}
    for number, place in enumerate(places):
        for name, measured in results.at(place).items():
            series.setdefault(name, []).append((number, figures(measured).rate))
    top = _round_up(max((rate for points in series.values() for _, rate in points), default=1))
    step = PLOT_WIDTH / max(1, len(places) - 1)
    foot = TOP + PLOT_HEIGHT

    def at(number: int, rate: float) -> tuple[float, float]:
        return left + number * step, foot - rate / top * PLOT_HEIGHT

    text(svg, left, TOP - 10, results.servers[server], size=13, weight=700, anchor="start")
    for tick in range(5):
        y = foot - tick / 4 * PLOT_HEIGHT
        line(svg, [(left, y), (left + PLOT_WIDTH, y)], LINE)
        text(svg, left - 8, y + 4, rated(top * tick / 4) if tick else "0", size=11, fill=SOFT, anchor="end")
    for number, place in enumerate(places):
        text(svg, left + number * step, foot + 20, str(place.clients), size=12, fill=SOFT)
    text(svg, left + PLOT_WIDTH / 2, foot + 40, "clients", size=12, fill=SOFT)
    # the coloured ones last, on top of the grey ones
    for name in sorted(series, key=lambda name: (name in COLOURS, COLOURS.get(name) == OURS)):
        points = [at(*point) for point in series[name]]
        colour = COLOURS.get(name, OTHER)
        line(svg, points, colour, width=2.5 if name in COLOURS else 1.2)
        for x, y in points:
            dot(svg, x, y, colour, radius=3.2 if name in COLOURS else 2)
    ends = {name: (points[-1][1], at(*points[-1])[1]) for name, points in series.items()}
    heights = apart([y for _, y in ends.values()], TOP, foot)
    for (name, (rate, y)), height in zip(ends.items(), heights, strict=True):
        colour = COLOURS.get(name, SOFT)
        x = left + PLOT_WIDTH
        line(svg, [(x + 5, y), (x + 16, height)], LINE)
        words = f"{short(name)} {rated(rate)}"
        text(svg, x + 20, height + 4, words, size=11.5, weight=700 if name in COLOURS else 400,
             fill=colour, anchor="start")  # fmt: skip


def by_cpu(results: Results, path: Path) -> None:
    """A bar for each peer on each route: CPU time per request, the app's part and the database server's."""
    places = wide(results)
    servers = list(dict.fromkeys(place.server for place in places))
    panel = NAME + BAR + NUMBERS
    columns = max(1, len(servers))
    routes = list(dict.fromkeys(place.route for place in places))
    rows = {route: max(len(results.at(place)) for place in places if place.route == route) for route in routes}
    height = TOP + 52 + sum(rows[route] * ROW + 52 for route in routes)
    width = 2 * MARGIN + columns * panel + (columns - 1) * 2 * MARGIN
    svg = sheet(width, height, "CPU time per request, app and database")
    text(svg, MARGIN, 40, "CPU time per request", size=20, weight=700, anchor="start")
    size = f" at {places[0].processes} × {places[0].threads} with {places[0].clients} clients" if places else ""
    text(
        svg,
        MARGIN,
        62,
        f"microseconds{size}; shorter is better; each route has a scale of its own",
        size=13,
        fill=SOFT,
        anchor="start",
    )
    for x, colour, words in ((MARGIN, APP, "the app"), (MARGIN + 90, DATABASE, "the database server")):
        box(svg, (x, 76, 16, 16), colour, radius=4)
        text(svg, x + 23, 89, words, size=12, fill=SOFT, anchor="start")
    for column, server in enumerate(servers):
        left = MARGIN + column * (panel + 2 * MARGIN)
        text(svg, left, TOP + 12, results.servers[server], size=13, weight=700, anchor="start")
        y = TOP + 46.0
        for route in routes:
            for place in places:
                if (place.server, place.route) == (server, route):
                    _bars(svg, left, y, results, place)
            y += rows[route] * ROW + 52
    write(svg, path)


def _bars(svg: ET.Element, left: float, y: float, results: Results, place: Place) -> None:
    found = {name: figures(measured) for name, measured in results.at(place).items()}
    ranked = sorted(found.items(), key=lambda one: one[1].cpu_us)
    longest = _longest([one.cpu_us for _, one in ranked])
    text(svg, left, y, route_title(place.route), size=13, weight=600, fill=SOFT, anchor="start")
    for number, (name, one) in enumerate(ranked):
        _bar(svg, (left, y + 12 + number * ROW), name, one, longest, mine=name == ours(place.route))


def _bar(
    svg: ET.Element, place: tuple[float, float], name: str, one: Figures, longest: float, *, mine: bool
) -> None:
    left, y = place
    weight = 700 if mine else 400
    text(svg, left + NAME - 8, y + 12, short(name), size=12, weight=weight, anchor="end",
         fill=COLOURS["studentapi"] if mine else INK)  # fmt: skip
    scale = BAR / longest if longest else 0
    app, database = one.app_us * scale, one.database_us * scale
    x = left + NAME
    cut = app + database > BAR + 1
    if cut:
        app, database = min(app, BAR - 12), 12.0
    box(svg, (x, y, app, ROW - 6), APP)
    box(svg, (x + app, y, database, ROW - 6), DATABASE)
    if cut:
        for shift in (0, 5):
            middle = x + BAR * 0.7 + shift
            line(svg, [(middle - 3, y + ROW - 4), (middle + 3, y - 2)], "#ffffff", width=2)
    words = f"{micros(one.app_us)} + {micros(one.database_us)}"
    text(svg, x + app + database + 6, y + 12, words, size=11, weight=weight, fill=SOFT, anchor="start")


def _longest(lengths: list[float]) -> float:
    """The length that fills the width: the longest, unless it is far off the rest."""
    ranked = sorted(lengths, reverse=True)
    if len(ranked) > 1 and ranked[0] > CLIPPED * ranked[1]:
        return ranked[1]
    return ranked[0] if ranked else 0


def _round_up(value: float) -> float:
    """The next number that divides into four round steps."""
    unit = 10.0 ** (len(str(int(value))) - 1)
    return next(unit * factor for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if unit * factor >= value)


def apart(heights: list[float], top: float, foot: float) -> list[float]:
    """The heights moved as little as lets labels stand apart, within top and foot where they fit."""
    placed: dict[int, float] = {}
    last = top - LABEL_STEP
    for number in sorted(range(len(heights)), key=heights.__getitem__):
        last = max(heights[number], last + LABEL_STEP)
        placed[number] = last
    below = foot + LABEL_STEP
    for number in sorted(placed, key=placed.__getitem__, reverse=True):
        below = min(placed[number], below - LABEL_STEP)
        placed[number] = below
    return [placed[number] for number in range(len(heights))]
