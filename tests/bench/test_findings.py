"""What the sentences of docs/bench.md say, on figures whose meaning is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.bench.findings import findings, kept, remembered
from lab.bench.page import write_page
from lab.bench.results import Measured, Place, Results, Slice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TITLES = {
    "per_request": "a connection per request",
    "persistent_db": "PersistentDB",
    "bare": "a bare WSGI function",
    "go": "Go",
    "go_kept": "Go, kept",
    "service": "studentapi",
    "studentapi": "studentapi",
    "mysqlclient": "mysqlclient",
    "mysqlclient_remembers": "mysqlclient, remembers",
}


def run(route: str, rates: Mapping[str, tuple[int, ...]], *, processes: int = 2, threads: int = 8) -> Results:
    """A run of one place: the requests/s of each round by peer; app and database take what `slice_of` says."""
    place = Place("mariadb", route, processes, threads, 8)
    found = Results("2026-01-01", quick=False, machine={}, servers={"mariadb": "MariaDB 10.11.1"}, peers=TITLES)
    found.measured = [Measured(place, name, [slice_of(one) for one in each]) for name, each in rates.items()]
    return found


def slice_of(requests: int, app: float = 0.3, database: float = 0.1) -> Slice:
    """A second of load."""
    return Slice(requests, 1.0, 2.0, 6.0, app, database, 0, requests, 0)


def test_new_and_kept_connections_are_told_apart() -> None:
    results = run("city", {}, processes=1, threads=16)
    place = Place("mariadb", "city", 1, 16, 8)
    results.measured = [
        Measured(place, "per_request", [slice_of(1000, app=0.3, database=0.2)]),
        Measured(place, "persistent_db", [slice_of(2000, app=0.6, database=0.2)]),
    ]
    (found,) = findings(results)
    assert "(MariaDB, 1 × 16, 8 clients): kept ones (PersistentDB) serve 2.00 times the requests" in found
    assert "spends 200 µs on a request with a new connection, 100 with a kept one" in found
    assert "busy for 20 % and 20 % of one processor's time" in found
    assert "the database's share is 40 % with new connections and 25 % with kept ones" in found


def test_studentapi_is_put_beside_the_bare_function_and_go() -> None:
    *_, found, _ = findings(run("city", {"studentapi": (1000,), "bare": (2000,), "go": (4000,)}))
    assert (
        "serves 50 % of what a bare WSGI function with plain PyMySQL serves, and 25 % of what Go serves." in found
    )


def test_who_is_faster_is_named_on_every_route_and_who_is_level() -> None:
    rates = {
        "service": (1000, 1100, 1000),
        "mysqlclient": (1250, 1210, 1100),
        "go": (1100, 1000, 1100),
        "bare": (1001, 1101, 1001),
        "orm": (900, 1000, 900),
    }
    *_, faster, level = findings(run("list", rates))
    assert faster.endswith("by its requests/s over theirs): list page of 100: mysqlclient (0.91).")
    assert level.endswith("now one faster and now the other: list page of 100: Go (0.91).")


def test_a_rival_that_remembers_tokens_stands_before_the_one_that_does_not() -> None:
    rates = {"service": (1200,), "mysqlclient": (600,), "mysqlclient_remembers": (1000,)}
    (found,) = remembered(run("list", rates))
    assert found.endswith("list page of 100 1.20 (2.00).")


def test_a_rival_whose_clients_keep_connections_stands_before_the_one_whose_open_them() -> None:
    (found,) = kept(run("city", {"studentapi": (1000,), "go": (2000,), "go_kept": (4000,)}))
    assert found.endswith("city lookup, Go 0.25 (0.50).")


def test_targets_are_counted_by_how_they_stand() -> None:
    # against the bare function: 0.75 is reached, or not, or in one round of two; p99 over p50 is 3 of at most 4
    for rate, said in (
        ((900, 900), "2 are reached, 0 are not, and of 0 the rounds do not agree"),
        ((700, 700), "1 are reached, 1 are not, and of 0 the rounds do not agree"),
        ((700, 900), "1 are reached, 0 are not, and of 1 the rounds do not agree"),
    ):
        first, *_ = findings(run("city", {"studentapi": rate, "bare": (1000, 1000)}))
        assert first == f"Of 2 targets that were measured, {said}."
    first, *_ = findings(run("city", {"studentapi": (900,)}), ["undecided", "not reached", "not measured"])
    assert first == "Of 3 targets that were measured, 1 are reached, 1 are not, and of 1 the rounds do not agree."


@pytest.mark.parametrize(("slowest", "warned"), [(501, False), (500, True)])
def test_a_place_whose_rounds_differ_much_is_marked(tmp_path: Path, slowest: int, warned: bool) -> None:
    write_page(
        run("city", {"studentapi": (1000, slowest, 900), "bare": (1000, 1000, 1000)}), tmp_path / "bench.md"
    )
    page = (tmp_path / "bench.md").read_text()
    assert ("> Disturbed: the fastest round over the slowest is studentapi 2.0 here." in page) is warned
