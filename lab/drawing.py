"""The few shapes that the lab's pictures are made of, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
INK, SOFT, PAPER, LINE = "#1c2430", "#5b6675", "#ffffff", "#d5dbe3"


def sheet(width: float, height: float, title: str) -> ET.Element:
    """An empty picture; it brings its own paper, so that it looks the same on white and on dark."""
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width:g} {height:g}",
            "width": f"{width:g}",
            "height": f"{height:g}",
            "font-family": FONT,
            "role": "img",
        },
    )
    ET.SubElement(svg, "title").text = title
    box(svg, (0.5, 0.5, width - 1, height - 1), PAPER, radius=12, stroke=LINE)
    return svg


def write(svg: ET.Element, path: Path) -> None:
    """Write the picture."""
    ET.indent(svg)
    path.write_text(ET.tostring(svg, encoding="unicode") + "\n")


def box(
    svg: ET.Element,
    place: tuple[float, float, float, float],
    fill: str,
    *,
    radius: float = 0,
    stroke: str | None = None,
    stroke_width: float = 1,
) -> None:
    """A rectangle: left, top, width, height."""
    numbers = dict(zip(("x", "y", "width", "height", "rx"), (*place, radius), strict=True))
    found = ET.SubElement(svg, "rect", {name: f"{value:g}" for name, value in numbers.items()} | {"fill": fill})
    if stroke is not None:
        found.set("stroke", stroke)
        found.set("stroke-width", f"{stroke_width:g}")


def text(
    svg: ET.Element,
    x: float,
    y: float,
    words: str,
    *,
    size: float,
    weight: int = 400,
    fill: str = INK,
    anchor: str = "middle",
) -> None:
    """A line of words whose middle, start or end is at `x` and whose foot is at `y`."""
    found = ET.SubElement(
        svg,
        "text",
        {
            "x": f"{x:g}",
            "y": f"{y:g}",
            "font-size": f"{size:g}",
            "font-weight": str(weight),
            "fill": fill,
            "text-anchor": anchor,
        },
    )
    found.text = words


def line(svg: ET.Element, points: Iterable[tuple[float, float]], stroke: str, *, width: float = 1) -> None:
    """A line through `points`."""
    ET.SubElement(
        svg,
        "polyline",
        {
            "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in points),
            "fill": "none",
            "stroke": stroke,
            "stroke-width": f"{width:g}",
            "stroke-linejoin": "round",
        },
    )


def dot(svg: ET.Element, x: float, y: float, fill: str, *, radius: float = 3) -> None:
    """A filled circle."""
    numbers = {"cx": x, "cy": y, "r": radius}
    ET.SubElement(svg, "circle", {name: f"{value:.1f}" for name, value in numbers.items()} | {"fill": fill})
