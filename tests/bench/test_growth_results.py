"""What the figures of growth become: multiples, knees, plans and pages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from lab.bench.growth import measure, page, picture, server, sizing, space, targets
from lab.bench.growth.asking import TARGETED, TITLES
from lab.bench.growth.measure import CLIENTS, SMALL_POOL_QUESTIONS, Pace
from lab.bench.growth.results import Results, Slice, Stored, Workers
from lab.bench.growth.sizes import SIZES
from studentapi.cli.diagnosis.capacity import BESIDE, RESERVE

if TYPE_CHECKING:
    from pathlib import Path

    from lab.bench.growth.sizes import Size


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
    assert (steep.wanted, steep.standing) == ("≤ 1.3", "not reached")
    assert steep.found == "2.80 (2.40–2.80), 0 of 3 rounds, 8 clients"
    assert all(one.standing == "reached" for one in found.values() if one is not steep)


def test_a_target_of_which_the_rounds_do_not_agree_is_undecided(tmp_path: Path) -> None:
    results = made_up()
    results.cell("list-first", "10m", 1).slices[:] = [a_slice(p50 * 2) for p50 in (1.0, 1.2 * 3, 1.4 * 2)]
    found = {one.standing: one for one in targets.targets(results)}
    assert found["undecided"].found == "1.20 (1.00–1.40), 2 of 3 rounds, 1 client"
    results.write(tmp_path / page.JSON)
    said = page.sections(tmp_path)
    assert "≈ undecided: 100 attempts: the first page.\n" in said
    assert "1.20 × | ≈ |" in said
    assert "| ≈ 1.20 (1.00–1.40)" in "\n".join(targets.lines(results))


def test_the_targets_on_a_terminal_say_who_reached_what(capsys: pytest.CaptureFixture[str]) -> None:
    targets.print_table(targets.targets(made_up(growth=1.4)))
    said = capsys.readouterr().out
    assert said.count(" not reached ") == len(TARGETED)
    assert said.count(" reached ") == len(TARGETED) + 1


def test_data_are_not_made_on_a_disk_that_has_no_room_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = replace(SIZES[-1], attempts=10**12)
    assert not space.lacking([], tmp_path)
    assert not space.lacking(SIZES[:1], tmp_path / "not" / "yet")
    monkeypatch.setattr(server, "DIRECTORY", tmp_path / "not" / "yet")
    monkeypatch.setattr(space, "SIZES", (huge,))
    assert "are needed" in space.lacking_at_first(quick=False)
    monkeypatch.setattr(server, "DIRECTORY", tmp_path)  # some are there: it is known what, with their server
    assert not space.lacking_at_first(quick=False)
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
    assert "+100.00% over the last 100,000 of them ❌" in page.sections(tmp_path)


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
    one = sizing.plan(1000, app_us=1200, database_us=300, worker_bytes=2**26, threads=6)
    assert one.app_processors == pytest.approx(2.0)
    assert one.database_processors == pytest.approx(0.5)
    assert one.processes == 2
    assert one.connections == 2 * 2 * (6 + BESIDE) + RESERVE
    assert one.memory == 2 * 2**26
    assert sizing.plan(1, 100, 100, 1, 8).processes == 1


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


def test_how_long_the_last_of_a_full_queue_waits_is_at_full_use(tmp_path: Path) -> None:
    ini = tmp_path / "uwsgi.ini"
    ini.write_text("[uwsgi]\nhook-master-start = a\nhook-master-start = b\n# listen = 1\nlisten = 300\n")
    assert sizing.queue(ini) == 300
    assert f"\nlisten = {sizing.queue()}\n" in sizing.UWSGI.read_text()
    results = made_up()
    sizing.write_page(results, tmp_path / sizing.PAGE)
    text = " ".join((tmp_path / sizing.PAGE).read_text().split())
    app_us = results.cell("assessment-data", "10m", CLIENTS[-1]).app_us
    assert app_us == pytest.approx(500)
    assert f"answers 2,000 requests/s then, and the last of them waits {sizing.queue() / 2000:.2f} s" in text


@pytest.mark.parametrize("growth", [1.0, 2.5])
def test_the_sizing_page_says_by_how_much_requests_grow(growth: float, tmp_path: Path) -> None:
    sizing.write_page(made_up(growth=growth), tmp_path / sizing.PAGE)
    text = " ".join((tmp_path / sizing.PAGE).read_text().split())
    assert f"requests take {growth:.2f} to {growth:.2f} times as long at 10 million attempts as at 10" in text


@pytest.mark.parametrize(
    ("value", "said"), [(0.934, "0.93"), (1.0, "1.0"), (4.34, "4.3"), (9.97, "10"), (64.6, "65"), (123.0, "120")]
)
def test_two_digits(value: float, said: str) -> None:
    assert page.two_digits(value) == said


def test_the_small_pools_multiples_are_of_each_round_lowest_and_highest(tmp_path: Path) -> None:
    results = made_up()
    for size in SIZES:
        p50s = (12.34, 3.0, 3.0) if size is SIZES[-1] else (1.0, 2.0, 3.0)
        cell = results.cell("list-anywhere", size.name, CLIENTS[-1], small=True)
        cell.slices[:] = [a_slice(p50) for p50 in p50s]
    results.write(tmp_path / page.JSON)
    row = next(line for line in page.sections(tmp_path).splitlines() if "anywhere in the list | 128 MiB" in line)
    assert row.startswith("| 100 attempts anywhere in the list | 128 MiB | 2.00 |")
    assert row.endswith("| 3.00 (1.0–12 ×) |")


class StageOf:
    """Stands for a stage: the n-th slice has a median of n ms."""

    sizes = SIZES

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def slice_of(self, size: Size, name: str, clients: int, seconds: float) -> Slice:
        self.seconds.append(seconds)
        return a_slice(float(len(self.seconds)))


def test_the_small_pools_first_round_is_not_kept_and_its_slices_are_long() -> None:
    stage, results = StageOf(), Results("2026-01-02", quick=False)
    measure.measure_small_pool(cast("measure.Stage", stage), Pace(2, 0.2), results)
    assert set(stage.seconds) == {1.0}
    assert len(stage.seconds) == 3 * len(SIZES) * len(SMALL_POOL_QUESTIONS)
    cells = [results.cell(SMALL_POOL_QUESTIONS[0], size.name, CLIENTS[-1], small=True) for size in SIZES]
    assert [[one.p50_ms for one in cell.slices] for cell in cells] == [[8, 9], [7, 10], [6, 11], [5, 12]]


def test_the_page_says_what_is_asked_for_at_one_place_alone(tmp_path: Path) -> None:
    made_up().write(tmp_path / page.JSON)
    said = " ".join(page.sections(tmp_path).split())
    assert "the one in the middle and the last full one are one URL each" in said
    assert "for one class of 200 students" in said
    assert "connections were counted while 128 clients asked" in said


def test_a_run_keeps_how_long_it_made_data_and_an_older_one_has_none(tmp_path: Path) -> None:
    path = tmp_path / page.JSON
    results = made_up()
    results.made_seconds = 202
    results.write(path)
    assert Results.read(path).made_seconds == 202
    path.write_text(path.read_text().replace(' "made_seconds": 202,\n', ""))
    assert Results.read(path).made_seconds == 0
