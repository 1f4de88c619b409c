"""What `make faults` writes: a picture and a page that show every row, and keep nothing back."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from lab.answers import ANSWERS
from lab.faults.cells import SHORT
from lab.faults.kinds import FAULTS
from lab.faults.page import write_page
from lab.faults.picture import COLOURS, write_picture
from lab.faults.results import Results
from lab.faults.verdict import Outcome, Severity

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Outcome(10, 0, 10, 0, lost=0, doubled=0, unsure=0, stall=0.1, recovery=0.0)
OUTCOMES = {
    Severity.UNTOUCHED: replace(GOOD, touched=False),
    Severity.NOTHING: GOOD,
    Severity.STALL: replace(GOOD, stall=3.0),
    Severity.FAILED: replace(GOOD, reads_failed=4, recovery=0.5, said={"500": 4}),
    Severity.DOWN: replace(GOOD, reads_failed=3, recovery=None, said={"500": 3}),
    Severity.ROWS: replace(GOOD, doubled=2),
}


@pytest.fixture
def results() -> Results:
    """A run of every fault, of which the first was left out, with each severity in each row."""
    names = [answer.name for answer in ANSWERS]
    results = Results("2026-01-01", {"database": "10.11"}, {answer.name: answer.title for answer in ANSWERS})
    results.skip(FAULTS[0], "needs root")
    for fault in FAULTS[1:]:
        results.add(fault, dict(zip(names, [*OUTCOMES.values()] * 2, strict=False)))
    return results


def test_the_severities_are_told_apart() -> None:
    assert {severity: outcome.severity for severity, outcome in OUTCOMES.items()} == {
        one: one for one in Severity
    }
    assert set(COLOURS) == set(Severity)


def test_every_fault_and_answer_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len({fault.title for fault in FAULTS}) == len(FAULTS)
    assert set(SHORT) == {answer.name for answer in ANSWERS}


def test_results_come_back_from_json_as_they_were(results: Results, tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text(json.dumps(asdict(results)))
    assert Results.read(tmp_path / "faults.json") == results


def test_the_page_shows_every_fault_whole(results: Results, tmp_path: Path) -> None:
    write_page(results, tmp_path / "faults.md")
    page = (tmp_path / "faults.md").read_text()
    for fault in FAULTS:
        assert f"### {fault.title}\n\n{fault.story}\n" in page
    assert "Not run: needs root." in page
    failing = "| 4 of 10 | 0 of 10 | 0 | 0 | 0 | 0.10 s | fine in 0.5 s | 500 × 4 |"
    assert page.count(failing) == len(FAULTS) - 1
    assert "{" not in page


def test_the_picture_shows_every_cell_inside_its_bounds(results: Results, tmp_path: Path) -> None:
    write_picture(results, tmp_path / "faults.svg")
    svg = ET.parse(tmp_path / "faults.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in svg.iter(f"{space}text")]
    fills = [element.get("fill") for element in svg.iter(f"{space}rect")]
    assert {fault.title for fault in FAULTS} <= set(texts)
    assert texts.count("not run") == len(ANSWERS)
    assert texts.count("2 doubled") == len(FAULTS) - 1
    assert fills.count(COLOURS[Severity.ROWS][0]) == len(FAULTS) - 1 + 1  # and the legend's
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    for box in svg.iter(f"{space}rect"):
        x, y, wide, high = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + wide <= width and y + high <= height  # noqa: PT018
