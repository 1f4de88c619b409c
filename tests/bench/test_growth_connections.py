"""What is said of connections by threads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.bench.growth import connections, page, sizing
from lab.bench.growth.results import Connected, Results
from tests.bench.test_growth_results import made_up

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


def counted() -> list[Connected]:
    """Each connection takes 100 KiB of the worker and 300 KiB of the database server."""
    return [
        Connected(threads, threads, threads, 80 * MIB + threads * 100 * 1024, 300 * MIB + threads * 300 * 1024)
        for threads in connections.THREADS
    ]


def results_with(connected: list[Connected]) -> Results:
    results = made_up()
    results.connected = connected
    return results


def test_connections_are_counted_at_one_to_sixty_four_threads_by_more_clients() -> None:
    assert connections.THREADS == (1, 2, 4, 8, 16, 32, 64)
    assert max(connections.THREADS) < connections.CLIENTS < 128, "uwsgi.ini's backlog"


def test_a_run_is_read_with_its_connections_and_an_older_one_without(tmp_path: Path) -> None:
    path = tmp_path / page.JSON
    results_with(counted()).write(path)
    assert Results.read(path).connected == counted()
    results_with([]).write(path)
    assert Results.read(path).connected == []
    path.write_text(path.read_text().replace('"connected": [\n\n ],\n', ""))
    assert '"connected"' not in path.read_text()
    assert Results.read(path).connected == []


def test_a_connection_costs_what_more_of_them_add() -> None:
    assert connections.each(counted()) == pytest.approx((100 * 1024, 300 * 1024))
    assert connections.each(counted()[:1]) == (0, 0)


def test_the_pages_say_how_many_connections_there_are_and_what_one_takes(tmp_path: Path) -> None:
    results_with(counted()).write(tmp_path / page.JSON)
    said = page.sections(tmp_path)
    assert "| 64 | 64 | 64 | 86.2 MiB | 318.8 MiB |" in said
    assert "100 KiB of the worker's memory" in said
    assert "❌" not in said
    sizing.write_page(results_with(counted()), tmp_path / sizing.PAGE)
    said = " ".join((tmp_path / sizing.PAGE).read_text().split())
    assert "a process of 64 threads had 64 under load" in said
    assert "100 KiB of the worker's memory, its thread included, and 300 KiB of the database server's" in said


@pytest.mark.parametrize("changes", [{"connections": 9, "opened": 9}, {"opened": 9}])
def test_more_connections_than_threads_and_connections_that_are_not_kept_stand_out(
    changes: dict[str, int],
) -> None:
    wrong = counted()
    wrong[3] = replace(wrong[3], **changes)
    assert connections.broken(wrong) == [8]
    assert "❌ At 8 threads" in "\n".join(connections.section(wrong))
