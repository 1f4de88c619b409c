"""The picture of the page: each app's CPU time per request, by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.bench.plan import SERVER_TITLES
from lab.bench.targets import ours
from lab.bench.words import micros, route_title, short
from lab.drawing import INK, SOFT, box, sheet, text, write
from lab.profile import stacks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.etree import ElementTree as ET

    from lab.profile.results import Profile, Results

PICTURE = "profile.svg"
USER, SYSTEM = "user time, not sampled", "system time"
COLOURS = {
    stacks.FLASK: "#7a8aa0",
    stacks.PYDANTIC: "#b08cc7",
    stacks.VIEW: "#c9d2dd",
    stacks.REST: "#5aa9a3",
    stacks.MYSQL: "#0f6e84",
    stacks.DBUTILS: "#e0b04a",
    stacks.PYMYSQL: "#d98b3a",
    stacks.MYSQLCLIENT: "#b5532a",
    stacks.NOWHERE: "#e4e8ed",
    USER: "#7a8aa0",
    SYSTEM: "#3c4656",
}
WIDTH, MARGIN, NAME, BAR, ROW, HEAD = 900, 28, 120, 640, 22, 34
LEGEND_COLUMNS, LEGEND_TOP, LEGEND_STEP = 4, 70, 20


def write_picture(results: Results, path: Path) -> None:
    """Write it."""
    panels = [
        (server, route, found)
        for server in results.servers
        for route in results.routes()
        if (found := results.at(server, route))
    ]
    parts = {id(one): list(_parts(one)) for *_, found in panels for one in found.values()}
    known = [name for name in COLOURS if any(name == part for found in parts.values() for part, _ in found)]
    y = LEGEND_TOP + LEGEND_STEP * -(-len(known) // LEGEND_COLUMNS) + 16.0
    height = y + sum(HEAD + ROW * len(found) for *_, found in panels) + 20
    svg = sheet(WIDTH, height, "CPU time of each app per request, by layer")
    text(svg, MARGIN, 38, "Where an app's time goes", size=18, weight=700, anchor="start")
    words = (
        "µs of the app's CPU time per request; user time by layer, as sampled; each group has a scale of its own"
    )
    text(svg, MARGIN, 58, words, size=12, fill=SOFT, anchor="start")
    for number, name in enumerate(known):
        x = MARGIN + number % LEGEND_COLUMNS * (WIDTH - 2 * MARGIN) / LEGEND_COLUMNS
        line = LEGEND_TOP + number // LEGEND_COLUMNS * LEGEND_STEP
        box(svg, (x, line, 12, 12), COLOURS[name])
        text(svg, x + 18, line + 11, name, size=12, fill=SOFT, anchor="start")
    for server, route, found in panels:
        title = f"{route_title(route).capitalize()}, {SERVER_TITLES[server]}"
        text(svg, MARGIN, y + 16, title, size=13, weight=600, fill=SOFT, anchor="start")
        y += HEAD - 8
        scale = BAR / max(one.app for one in found.values())
        for name, one in found.items():
            _bar(svg, y, name, [(part, value * scale) for part, value in parts[id(one)]], micros(one.app),
                 mine=name == ours(route))  # fmt: skip
            y += ROW
        y += 8
    write(svg, path)


def _bar(svg: ET.Element, y: float, name: str, parts: list[tuple[str, float]], total: str, *, mine: bool) -> None:
    weight = 700 if mine else 400
    text(svg, MARGIN + NAME - 8, y + 12, short(name), size=12, weight=weight, fill=INK, anchor="end")
    x = float(MARGIN + NAME)
    for part, length in parts:
        box(svg, (x, y, length, ROW - 6), COLOURS[part])
        x += length
    text(svg, x + 6, y + 12, total, size=11, weight=weight, fill=SOFT, anchor="start")


def _parts(one: Profile) -> Iterator[tuple[str, float]]:
    """The app's time, in parts that are its sum."""
    if one.stacks is not None and one.stacks.samples:
        for layer in stacks.LAYERS:
            if part := one.sampled(layer):
                yield layer, part
    else:
        yield USER, one.user
    yield SYSTEM, max(one.app - one.user, 0.0)
