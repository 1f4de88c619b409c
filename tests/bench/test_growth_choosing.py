"""Which processes × threads are measured, which of them are recommended, and how many clients fill them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.bench.growth import choosing, page, sizing, workers
from lab.bench.growth.measure import PROCESSES, THREADS
from lab.bench.growth.results import Slice, Workers
from lab.bench.plan import WIDE
from tests.bench.test_growth_results import made_up

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = (1.0, 0.5, 0.8)
"""How fast the machine was in each round: whoever is measured in it."""


def shaped(processes: int, threads: int, rate: float, *, p99: float = 20.0, clients: int = 32) -> Workers:
    """In each round so many requests/s as the machine lets it."""
    slices = [Slice(round(1000 * rate * speed), 1000.0, 1.0, p99, 0.1, 0.1) for speed in ROUNDS]
    return Workers(processes, threads, clients, processes * threads, slices)


def few_are_enough() -> list[Workers]:
    """At two processes, 4 threads serve 97 % of what 8 do, and 2 threads 90 %; four processes serve less."""
    return [
        shaped(1, 4, 600), shaped(2, 2, 900), shaped(2, 4, 970, p99=11.0), shaped(2, 8, 1000),
        shaped(2, 16, 800, p99=77.0), shaped(4, 4, 930),
    ]  # fmt: skip


def many_are_needed() -> list[Workers]:
    """At four processes, 16 threads serve most by far; two processes of few threads come near what others do."""
    return [shaped(2, 4, 700), shaped(2, 8, 720), shaped(4, 4, 800), shaped(4, 8, 900), shaped(4, 16, 1000)]


def recommendation(measured: list[Workers], tmp_path: Path) -> str:
    results = made_up()
    results.workers = measured
    sizing.write_page(results, tmp_path / sizing.PAGE)
    return " ".join((tmp_path / sizing.PAGE).read_text().split())


def test_the_fewest_threads_that_serve_nearly_as_much_are_recommended() -> None:
    assert (choosing.best(few_are_enough()).processes, choosing.best(few_are_enough()).threads) == (2, 8)
    assert choosing.recommended(few_are_enough()) == few_are_enough()[2]
    assert choosing.recommended(many_are_needed()) == many_are_needed()[-1]


def test_so_few_threads_that_one_slow_statement_holds_all_are_not_recommended() -> None:
    measured = [shaped(2, 2, 1000), shaped(2, 4, 960), shaped(2, 8, 990)]
    assert choosing.recommended(measured) is measured[1]
    measured = [shaped(2, 2, 1000), shaped(2, 4, 700), shaped(2, 8, 900)]
    assert choosing.recommended(measured) is measured[2]
    assert choosing.recommended([shaped(1, 1, 1000), shaped(1, 2, 1010)]).threads == 1


def test_rounds_are_compared_and_not_medians() -> None:
    """Slowest by its median, and yet ahead in most rounds: the other was lucky in one, and slow with all."""
    ahead = Workers(2, 4, 32, 8, [Slice(rate, 1.0, 1, 2, 0, 0) for rate in (1100, 600, 550)])
    lucky = Workers(2, 8, 32, 16, [Slice(rate, 1.0, 1, 2, 0, 0) for rate in (1000, 500, 900)])
    assert ahead.rate < lucky.rate
    for measured in ([ahead, lucky], [lucky, ahead]):
        assert choosing.best(measured) is ahead
    assert choosing.paired(ahead, lucky).median == pytest.approx(1.1)


def test_what_serves_enough_at_other_processes_is_not_taken_for_the_best_ones() -> None:
    assert choosing.recommended([shaped(1, 1, 990), shaped(2, 4, 1000), shaped(2, 2, 800)]).processes == 2


MORE = (
    "2 × 16 serves 0.82 times as many as 2 × 4, with 32 connections instead of 8 and a p99 of 77.0 ms instead of"
)


@pytest.mark.parametrize(
    ("measured", "best", "row", "more"),
    [
        (
            few_are_enough(),
            "2 × 8 is ahead. 2 × 4 serves 0.97 times",
            "| 1 × 4 | 22 |",
            f"{MORE} 11.0.",
        ),
        (
            many_are_needed(),
            "4 × 16 is ahead. 4 × 16 serves 1.00 times",
            "| 1 × 16 | 46 |",
            "",
        ),
    ],
)
def test_the_sizing_page_plans_with_the_recommended_threads(
    measured: list[Workers], best: str, row: str, more: str, tmp_path: Path
) -> None:
    said = recommendation(measured, tmp_path)
    assert f"By it {best} as many" in said
    assert f"| 50 | 0.0 | 0.0 {row}" in said
    assert more in said
    assert ("times as many as" in said) == bool(more)


def test_threads_keep_a_process_computing_while_the_database_answers() -> None:
    assert sizing.threads_for(500, 500) == pytest.approx(3)  # one computes, one waits, one is kept
    assert sizing.threads_for(500, 500, away_us=2000) == pytest.approx(7)
    assert sizing.reach_us(7, 500, 500) == pytest.approx(2000)
    assert sizing.reach_us(2, 500, 500) == 0


def test_the_knee_is_where_more_clients_bring_little_more_and_beyond_it_stands_what_they_bring() -> None:
    waiting = [shaped(2, 8, rate, clients=clients, p99=clients) for clients, rate in ((1, 50), (4, 91), (8, 100))]
    assert choosing.knee(waiting).clients == 4
    assert (
        choosing.beyond(waiting)
        == "8 clients are served 1.10 times as many, at a p99 of 8.00 ms instead of 4.00."
    )
    rising = [shaped(2, 8, rate, clients=clients) for clients, rate in ((1, 50), (4, 80), (8, 100))]
    assert choosing.knee(rising).clients == 8
    assert choosing.beyond(rising) == "No more clients than these were tried."


def test_both_pages_say_what_comes_beyond_the_knee(tmp_path: Path) -> None:
    results = made_up()
    results.write(tmp_path / page.JSON)
    said = " ".join(page.sections(tmp_path).split())
    assert "reaches 400 requests/s with 4 clients, the fewest that are served 90% of the most." in said
    for each in (said, recommendation(results.workers, tmp_path)):
        assert "16 clients are served 1.00 times as many, at a p99 of 32.0 ms instead of 8.00." in each
        assert "only wait" not in each


@pytest.mark.parametrize("cores", [1, 2, 3, 16])
def test_shapes_are_around_those_of_the_machine(cores: int) -> None:
    shapes = workers.shapes(cores, 8)
    assert len(set(shapes)) == len(shapes)
    assert {processes for processes, _ in shapes} == {1, cores, 2 * cores}
    assert {(1, 1), (1, 8), (cores, 2), (cores, 4), (cores, 8), (2 * cores, 16)} <= set(shapes)


def test_the_machines_own_shape_is_among_those_that_are_measured() -> None:
    assert (WIDE.processes, WIDE.threads) == (PROCESSES, THREADS)
    assert (PROCESSES, THREADS) in workers.SHAPES
    assert (PROCESSES, THREADS) in workers.QUICK_SHAPES
    assert workers.CLIENTS in workers.SWEEP
    assert workers.CLIENTS in workers.QUICK_SWEEP


@pytest.mark.parametrize(
    ("clients", "swept"), [(32, (1, 2, 4, 8, 16, 32, 64)), (48, (1, 2, 4, 8, 16, 32, 48, 64, 96))]
)
def test_clients_are_doubled_up_to_twice_those_of_the_shapes(clients: int, swept: tuple[int, ...]) -> None:
    assert workers.sweep(clients) == swept
    assert max(workers.sweep(100)) < sizing.queue(), "uwsgi.ini's backlog"


def test_the_usual_shape_by_the_usual_clients_is_measured_once_and_stands_in_both_tables() -> None:
    results = made_up()
    results.workers = [Workers(*shape, workers.CLIENTS, 0) for shape in workers.SHAPES]
    results.clients = workers.by_clients(results.workers, workers.SWEEP)
    assert [one.clients for one in results.clients] == list(workers.SWEEP)
    for number in range(2):
        for one in workers.turn(results, number):
            one.slices.append(Slice(1, 1.0, 1, 2, 0, 0))
    assert {len(one.slices) for one in (*results.workers, *results.clients)} == {2}
    (usual,) = (one for one in results.workers if (one.processes, one.threads) == (PROCESSES, THREADS))
    (by_clients,) = (one for one in results.clients if one.clients == workers.CLIENTS)
    assert by_clients is usual
    forth, back, again = (list(map(id, workers.turn(results, number))) for number in range(3))
    shapes = len(results.workers)
    assert len(forth) == shapes + len(results.clients) - 1
    assert (back[:shapes], back[shapes:]) == (forth[:shapes][::-1], forth[shapes:][::-1])
    assert again == forth


@pytest.mark.parametrize(
    ("processes", "connections", "right"),
    [(4, 64, True), (4, 63, False), (4, 65, False), (8, 100, True), (8, 129, False)],
)
def test_connections_are_as_many_as_threads_where_all_of_them_surely_had_a_turn(
    processes: int, connections: int, right: bool
) -> None:
    assert workers.counted_rightly(Workers(processes, 16, 32, connections)) == right
