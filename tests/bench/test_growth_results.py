"""What the figures of growth become: multiples, knees, plans and pages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.bench.growth import memory, page, picture, sizing, space, targets, workers
from lab.bench.growth.asking import TARGETED, TITLES
from lab.bench.growth.measure import CLIENTS, SMALL_POOL_QUESTIONS
from lab.bench.growth.results import Results, Slice, Stored, Workers
from lab.bench.growth.sizes import SIZES
from studentapi.cli.diagnosis.capacity import BESIDE, RESERVE

if TYPE_CHECKING:
    from pathlib import Path


def a_slice(p50: float, rate: float = 100.0) -> Slice:
    return Slice(int(rate), 1.0, p50, 2 * p50, 0.05, 0.03)


def made_up(*, growth: float = 1.1) -> Results:
    """A whole run: everything grows by `growth` up to the last size, with the sizes' p50 between."""
    results = Results("2026-01-02", quick=False, machine={"processors": "2 × a processor", "memory": "8 GiB",
                      "database": "MariaDB 11"}, pool=2**31, small_pool=2**27)  # fmt: skip
    for number, size in enumerate(SIZES):
        results.stored.append(
            Stored(size.name, size.title, size.attempts, size.attempts // 6, 22 * size.copies,
                   600 * size.attempts, 1.0)
        )  # fmt: skip
        p50 = 2.0 * (1 + (growth - 1) * number / 3)
        for clients in CLIENTS:
            for name in TITLES:
                results.cell(name, size.name, clients).slices += [a_slice(p50 * noise) for noise in (1, 3, 2)]
        for name in SMALL_POOL_QUESTIONS:
            results.cell(name, size.name, CLIENTS[-1], small=True).slices += [a_slice(p50 * (1 + number))]
    results.rare = [("10k", 0.01, 200), ("10m", 10.2, 504)]
    results.memory = [(requests, 2**26) for requests in range(10_000, 210_000, 10_000)]
    results.workers = [
        Workers(processes, threads, 32, processes * threads, [a_slice(5, 100.0 * processes)])
        for processes, threads in ((1, 1), (1, 8), (2, 8))
    ]
    results.clients = [
        Workers(2, 8, clients, 0, [a_slice(clients, min(100.0 * clients, 400))]) for clients in (1, 2, 4, 8, 16)
    ]
    return results


def test_growth_is_taken_within_each_round() -> None:
    results = made_up(growth=1.5)
    assert results.growth("assessment-data", "10m", 1) == pytest.approx(1.5)
    results.cell("assessment-data", "10m", 1).slices[0] = a_slice(2.0 * 20)
    assert results.growth("assessment-data", "10m", 1) == pytest.approx(1.5)


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    results = made_up()
    results.write(tmp_path / page.JSON)
    read = Results.read(tmp_path / page.JSON)
    read.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / page.JSON).read_text()
    assert (read.stored, read.memory, read.rare, read.workers, read.clients) == (
        results.stored, results.memory, results.rare, results.workers, results.clients,
    )  # fmt: skip
    for cell in results.cells:
        assert read.cell(cell.question, cell.size, cell.clients).p50_ms == pytest.approx(cell.p50_ms, abs=1e-3)


def test_the_knee_is_where_more_clients_bring_little_more() -> None:
    assert workers.knee(made_up().clients) == 4


@pytest.mark.parametrize(("last", "grown"), [(100, 0.0), (110, 0.1)])
def test_memory_is_compared_with_what_it_was_half_way(last: int, grown: float) -> None:
    assert memory.growth([(100, 50), (200, 80), (500, 100), (1000, last)]) == pytest.approx(grown)


def test_the_page_says_what_is_over_the_target_and_what_is_not(tmp_path: Path) -> None:
    assert page.sections(tmp_path) == ""
    made_up().write(tmp_path / page.JSON)
    flat = page.sections(tmp_path)
    assert "✅ reached" in flat
    assert "❌" not in flat
    assert "0.01 s at 10 thousand, 10 s at 10 million (status 504)" in flat
    made_up(growth=1.4).write(tmp_path / page.JSON)
    steep = page.sections(tmp_path)
    assert "❌ not reached" in steep
    assert steep.count("1.40 × | ❌") == len(TARGETED) * len(CLIENTS)


def test_the_targets_are_of_the_clients_that_make_it_grow_most_and_say_their_rounds() -> None:
    results = made_up()
    results.cell("list-first", "10m", CLIENTS[-1]).slices[:] = [
        a_slice(p50 * 2) for p50 in (2.4, 2.8 * 3, 2.8 * 2)
    ]
    found = {one.title: one for one in targets.targets(results)}
    assert len(found) == len(TARGETED) + 1
    steep = found["100 attempts: the first page: median latency at 10 million attempts over 10 thousand"]
    assert (steep.wanted, steep.reached) == ("≤ 1.3", False)
    assert steep.found == "2.80 (2.40–2.80), 0 of 3 rounds, 8 clients"
    assert all(one.reached for one in found.values() if one is not steep)


def test_the_targets_on_a_terminal_say_who_reached_what(capsys: pytest.CaptureFixture[str]) -> None:
    targets.print_table(targets.targets(made_up(growth=1.4)))
    said = capsys.readouterr().out
    assert said.count(" no ") == len(TARGETED)
    assert said.count(" yes ") == 1


def test_data_are_not_made_on_a_disk_that_has_no_room_for_them(tmp_path: Path) -> None:
    huge = replace(SIZES[-1], attempts=10**12)
    assert not space.lacking([], tmp_path)
    assert not space.lacking(SIZES[:1], tmp_path / "not" / "yet")
    said = space.lacking([SIZES[0], huge], tmp_path)
    assert said.startswith("900002.2 GB are needed to make the data of 10 thousand, 10 million attempts")


def test_the_page_says_when_there_are_more_connections_than_threads(tmp_path: Path) -> None:
    results = made_up()
    results.workers[1].connections = 9
    results.write(tmp_path / page.JSON)
    assert "9 ❌ not 8" in page.sections(tmp_path)


def test_memory_that_grows_is_marked(tmp_path: Path) -> None:
    results = made_up()
    results.memory[-1] = (results.memory[-1][0], 2**27)
    results.write(tmp_path / page.JSON)
    assert "+100.00% over the last half of them ❌" in page.sections(tmp_path)


def test_every_picture_that_a_page_shows_is_drawn(tmp_path: Path) -> None:
    results = made_up(growth=5.0)
    results.write(tmp_path / page.JSON)
    picture.write_pictures(results, tmp_path)
    shown = re.findall(r"\]\(([\w-]+\.svg)\)", page.sections(tmp_path))
    assert sorted(shown) == sorted(path.name for path in tmp_path.glob("*.svg"))
    assert len(shown) == 3


def test_a_part_of_a_run_makes_a_part_of_the_page(tmp_path: Path) -> None:
    results = Results("2026-01-02", quick=True, memory=made_up().memory)
    results.write(tmp_path / page.JSON)
    picture.write_pictures(results, tmp_path)
    assert page.sections(tmp_path).startswith("### Memory")
    assert [path.name for path in tmp_path.glob("*.svg")] == [picture.MEMORY_PICTURE]


def test_a_load_takes_as_many_processes_as_its_cpu_time_fills_and_room_for_connections() -> None:
    one = sizing.plan(1000, app_us=1200, database_us=300, worker_bytes=2**26)
    assert one.app_processors == pytest.approx(2.0)
    assert one.database_processors == pytest.approx(0.5)
    assert one.processes == 2
    assert one.connections == 2 * 2 * (sizing.THREADS + BESIDE) + RESERVE
    assert one.memory == 2 * 2**26
    assert sizing.plan(1, 100, 100, 1).processes == 1


@pytest.mark.parametrize(("limit", "rate"), [("600/minute", 10), ("20/second;36000/hour", 10), ("1/second", 1)])
def test_a_rate_limit_lets_through_what_its_narrowest_part_does(limit: str, rate: float) -> None:
    assert sizing.per_second(limit) == rate


def test_the_sizing_page_has_all_its_figures(tmp_path: Path) -> None:
    sizing.write_page(made_up(), tmp_path / sizing.PAGE)
    text = (tmp_path / sizing.PAGE).read_text()
    assert not re.search(r"\{\w*\}|nan|None", text)
    for setting in ("PROCESSES", "THREADS", "max_connections", "innodb_buffer_pool_size", "TRUSTED_PROXIES"):
        assert setting in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")
