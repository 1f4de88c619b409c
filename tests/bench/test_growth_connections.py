"""What is said of connections by threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pymysql import err

from lab.bench.growth import connections, page, sizing
from lab.bench.growth.results import Connected, Results
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from tests.bench.test_growth_results import made_up

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server

MIB = 2**20
BUSY = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s AND command <> 'Sleep'"


def counted() -> list[Connected]:
    """Each connection takes 100 KiB of the worker, and 300 KiB of the database server."""
    return [
        Connected(threads, threads, threads, 80 * MIB + threads * 100 * 1024, threads * 300 * 1024)
        for threads in connections.THREADS
    ]


def results_with(connected: list[Connected]) -> Results:
    results = made_up()
    results.connected = connected
    return results


def test_connections_are_counted_at_one_to_sixty_four_threads_by_more_clients() -> None:
    assert connections.THREADS == (1, 2, 4, 8, 16, 32, 64)
    assert max(connections.THREADS) < connections.CLIENTS < sizing.queue(), "uwsgi.ini's backlog"


def test_a_run_is_read_with_its_connections_and_an_older_one_without(tmp_path: Path) -> None:
    path = tmp_path / page.JSON
    results_with(counted()).write(path)
    assert Results.read(path).connected == counted()
    results_with([]).write(path)
    assert Results.read(path).connected == []
    results_with(counted()).write(path)
    path.write_text(path.read_text().replace('"memory_used"', '"server_bytes"'))
    assert [(one.worker_bytes, one.memory_used) for one in Results.read(path).connected] == [
        (one.worker_bytes, 0) for one in counted()
    ]
    results_with([]).write(path)
    path.write_text(path.read_text().replace('"connected": [\n\n ],\n', ""))
    assert '"connected"' not in path.read_text()
    assert Results.read(path).connected == []


def test_a_connection_costs_what_more_of_them_add() -> None:
    assert connections.each(counted()) == pytest.approx((100 * 1024, 300 * 1024))
    assert connections.each(counted()[:1]) == (0, 300 * 1024)


def test_the_pages_say_how_many_connections_there_are_and_what_one_takes(tmp_path: Path) -> None:
    results_with(counted()).write(tmp_path / page.JSON)
    said = page.sections(tmp_path)
    assert "| 64 | 64 | 64 | 86.2 MiB | 19,200 KiB |" in said
    assert "100 KiB of the worker's memory" in said
    assert "❌" not in said
    sizing.write_page(results_with(counted()), tmp_path / sizing.PAGE)
    said = " ".join((tmp_path / sizing.PAGE).read_text().split())
    assert "a process of 64 threads had 64 under load" in said
    assert (
        "100 KiB of the worker's memory, its thread included, and 300 KiB of the database server's while" in said
    )


@pytest.mark.parametrize("changes", [{"connections": 9, "opened": 9}, {"opened": 9}])
def test_more_connections_than_threads_and_connections_that_are_not_kept_stand_out(
    changes: dict[str, int],
) -> None:
    wrong = counted()
    wrong[3] = replace(wrong[3], **changes)
    assert connections.broken(wrong) == [8]
    assert "❌ At 8 threads" in "\n".join(connections.section(wrong))


def test_connections_are_counted_with_their_memory_when_all_of_them_are_idle(
    server: Server, migrated_url: str
) -> None:
    address = Address.parse(migrated_url)
    if not server.is_mariadb:  # which growth is not measured on: it does not tell a connection's memory there
        with closing(open_connection(Address.parse(server.admin_url))) as watching, pytest.raises(err.Error):
            connections.open_connections(watching, str(address.database))
        return
    with closing(open_connection(Address.parse(server.admin_url))) as watching, ExitStack() as stack:
        others = [stack.enter_context(closing(open_connection(address))) for _ in range(3)]
        assert address.database
        there, used = connections.open_connections(watching, address.database)
        assert there == 3
        assert 3 * 20_000 < used < 3 * 1_000_000
        with ThreadPoolExecutor(1) as pool:
            busy = pool.submit(others[0].fetch, "SELECT SLEEP(0.3)")
            while not watching.fetch(BUSY, (address.database,)).rows[0][0]:
                assert not busy.done()
            assert connections.open_connections(watching, address.database)[0] == 3
            assert not watching.fetch(BUSY, (address.database,)).rows[0][0]
        assert connections.open_connections(watching, "nobody_is_here") == (0, 0)
