"""What `make bench` writes: everyone who was measured, and plainly who was not."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from lab.bench.growth.results import Results as GrowthResults
from lab.bench.page import PROFILE, write_page
from lab.bench.picture import CLIENTS_PICTURE, CPU_PICTURE, LABEL_STEP, apart, write_pictures
from lab.bench.plan import ANSWER, ANSWER_CLIENTS
from lab.bench.results import Measured, Place, Results, Slice
from lab.bench.table import print_tables
from lab.bench.targets import verdicts
from lab.bench.words import ROUTES, SHORT
from lab.peers import PEERS
from lab.peers import ROUTES as NAMES

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = {"mariadb": "MariaDB 10.11.1", "mysql": "MySQL 9.7.0"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def results() -> Results:
    """A run of everyone everywhere, in which each peer has a rate of its own."""
    found = Results("2026-01-01", quick=False, machine={"memory": "1 GiB"}, servers=SERVERS, seconds=1200)
    found.peers = {peer.name: peer.title for peer in PEERS}
    for server in SERVERS:
        places = [Place(server, route, 2, 8, 8) for route in NAMES]
        places += [Place(server, "city", ANSWER.processes, ANSWER.threads, clients) for clients in ANSWER_CLIENTS]
        for place in places:
            for number, peer in enumerate(PEERS):
                if place.route in peer.routes:
                    requests = 1000 + 37 * number
                    one = Slice(requests, 1.0, 2.5, 6.25, 0.5 + number / 10, 0.25, 0, requests, 0)
                    found.measured.append(Measured(place, peer.name, [one, one]))
    return found


def test_results_come_back_from_json_as_they_were(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "bench.json")
    assert Results.read(tmp_path / "bench.json") == results
    assert (tmp_path / "bench.json").stat().st_size < 300_000


def test_the_page_has_a_table_for_each_place_with_everyone_who_was_there(
    results: Results, tmp_path: Path
) -> None:
    write_page(results, tmp_path / "bench.md")
    page = (tmp_path / "bench.md").read_text()
    tables = [part.split("\n\n")[0] for part in page.split("| | requests/s |")[1:]]
    sizes = results.sizes()
    places = sorted(results.places(), key=lambda place: sizes.index((place.processes, place.threads)))
    for table, place in zip(tables, places, strict=True):
        titles = [line.split(" | ")[0].strip("| *") for line in table.splitlines()[2:]]
        assert sorted(titles) == sorted(results.peers[name] for name in results.at(place))
    assert "make bench" in page
    assert "not by hand" in page


def test_what_was_not_measured_is_said_plainly(results: Results, tmp_path: Path) -> None:
    results.missing["MySQL"] = "there is none"
    results.failures.append("orm failed: 3 errors")
    results.quick = True
    write_page(results, tmp_path / "bench.md")
    page = (tmp_path / "bench.md").read_text()
    assert "**Not measured: MySQL**: there is none" in page
    assert "orm failed: 3 errors" in page
    assert "quick run" in page


def test_a_machine_that_was_busy_and_a_quick_run_s_command_are_kept_and_said(
    results: Results, tmp_path: Path
) -> None:
    write_page(results, tmp_path / "bench.md")
    assert "Not at rest" not in (tmp_path / "bench.md").read_text()
    results.quick, results.command = True, "make bench QUICK=1"
    results.busy = "the machine was busy when this began: load 1.9"
    results.write(tmp_path / "bench.json")
    write_page(Results.read(tmp_path / "bench.json"), tmp_path / "bench.md")
    page = (tmp_path / "bench.md").read_text()
    assert "> **Not at rest**: the machine was busy when this began: load 1.9." in page
    assert "<!-- Written by `make bench QUICK=1`, a quick run; not by hand. -->" in page
    assert "\nmake bench QUICK=1\n" in page


def test_the_page_says_in_how_many_rounds_a_target_was_reached_and_links_the_costs(
    results: Results, tmp_path: Path
) -> None:
    write_page(results, tmp_path / "bench.md")
    page = (tmp_path / "bench.md").read_text()
    assert page.count(" of 2 rounds") == len(list(verdicts(results)))
    assert "[cost.md](cost.md)" in page
    assert ("[profile.md](profile.md)" in page) == PROFILE.exists()


def test_a_place_that_is_measured_again_takes_the_place_of_what_was_found_before(results: Results) -> None:
    place = results.places()[1]
    one = Slice(1, 1.0, 2.5, 6.25, 0.5, 0.25, 0, 1, 0)
    by = replace(
        results,
        day="2026-01-03",
        machine=results.machine | {"databases": "one of them"},
        servers={"mariadb": SERVERS["mariadb"]},
        peers=results.peers | {"new": "a new one"},
        measured=[Measured(place, "service", [one])],
        busy="load 5",
        command="again",
        failures=["it failed"],
    )
    results.missing = {"a new one": "it does not compile", "MySQL": "there is none"}
    before = ["elsewhere: it failed"]
    results.failures = [f"{place.where}: go is not measured", f"{place.where}, 8 clients: go failed", *before]
    renewed = results.renewed(by)
    assert renewed.missing == {"MySQL": "there is none"}
    assert (renewed.peers, renewed.day, renewed.busy) == (
        by.peers,
        "2026-01-01 and 2026-01-03",
        "load 5 (`again`)",
    )
    assert renewed.places() == results.places()
    assert renewed.at(place) == {"service": by.measured[0]}
    others = [each for each in results.measured if each.place != place]
    assert [each for each in renewed.measured if each.place != place] == others
    assert (renewed.command, renewed.seconds) == ("make bench && again", 2400)
    assert renewed.failures == [*before, "it failed"]
    for other in (replace(by, machine={"memory": "2 GiB"}), replace(by, servers={"mariadb": "MariaDB 11"})):
        with pytest.raises(ValueError, match="another machine's"):
            results.renewed(other)


def test_the_targets_of_growth_stand_beside_the_others(results: Results, tmp_path: Path) -> None:
    write_page(results, tmp_path / "bench.md")
    alone = (tmp_path / "bench.md").read_text()
    growth = GrowthResults("2026-01-01", quick=False, memory=[(100, 50), (200, 50)], seconds=300)
    growth.write(tmp_path / "growth.json")
    write_page(results, tmp_path / "bench.md")
    assert (tmp_path / "bench.md").read_text() == alone  # of another run
    results.grown = True
    write_page(results, tmp_path / "bench.md")
    page = (tmp_path / "bench.md").read_text()
    assert "2026-01-01, 20 min, and growth 5 min; 25 min in all, by" in page
    targets = page[page.index("## Targets") : page.index("## What follows")]
    assert "| a worker's memory, over the last 100 of 200 requests | < +2% | ✅ +0.00% |" in targets
    judged, reached = (int(one) for one in re.findall(r"Of (\d+) targets that were measured, (\d+)", alone)[0])
    assert f"Of {judged + 1} targets that were measured, {reached + 1} are reached" in page


def test_a_page_can_be_made_of_a_run_of_one_peer(results: Results, tmp_path: Path) -> None:
    results.measured = [one for one in results.measured if one.peer == "timer"]
    write_page(results, tmp_path / "bench.md")
    write_pictures(results, tmp_path)
    assert "a timer" in (tmp_path / "bench.md").read_text()


def test_the_tables_on_a_terminal_say_who_reached_what(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    print_tables(results)
    said = capsys.readouterr().out
    assert "per request" in said
    assert " reached " in said
    assert " not reached " in said
    assert " of 2 rounds" in said


def test_the_pictures_show_everyone(results: Results, tmp_path: Path) -> None:
    write_pictures(results, tmp_path)
    lines = ET.parse(tmp_path / CLIENTS_PICTURE).getroot()
    labels = [text.text or "" for text in lines.iter(f"{SVG}text")]
    city = [peer.name for peer in PEERS if "city" in peer.routes]
    for name in city:
        assert sum(label.startswith(f"{SHORT[name]} 1,") for label in labels) >= len(SERVERS)
    bars = ET.parse(tmp_path / CPU_PICTURE).getroot()
    drawn = sum(len(results.at(place)) for place in results.places() if place.processes == 2)
    legend, paper = 2, 1
    assert len([*bars.iter(f"{SVG}rect")]) == 2 * drawn + legend + paper


def test_labels_of_lines_that_end_together_stand_apart() -> None:
    heights = apart([100.0, 101.0, 102.0, 300.0], 0, 400)
    assert sorted(heights) == heights
    assert all(after - before >= LABEL_STEP for before, after in pairwise(heights))
    assert apart([400.0, 400.0], 0, 400) == [400 - LABEL_STEP, 400.0]


def test_every_peer_and_route_has_a_name_for_pictures_and_tables() -> None:
    assert set(SHORT) == {peer.name for peer in PEERS}
    assert set(ROUTES) == set(NAMES)


def test_the_page_says_what_is_left_against_a_rival_that_remembers_tokens_too(
    results: Results, tmp_path: Path
) -> None:
    place = next(place for place in results.places() if place.route == "assessment-data")
    for name, requests in (("service", 3000), ("mysqlclient_remembers", 2000), ("mysqlclient", 1500)):
        results.at(place)[name].slices[:] = 2 * [Slice(requests, 1.0, 2.5, 6.25, 0.5, 0.25, 0, requests, 0)]
    write_page(results, tmp_path / "bench.md")
    page = (tmp_path / "bench.md").read_text()
    assert "assessment data 1.50 (2.00)" in page[page.index("## Targets") : page.index("## What follows")]
