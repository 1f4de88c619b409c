"""The bench itself, cut down to two answers and two short rounds: it counts what is so, and hides no failure."""

from __future__ import annotations

import http.client
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from lab.answers import data as answers
from lab.bench.database_server import OPTIONS, DatabaseServer
from lab.bench.experiment import LONGER, measure, warm_up
from lab.bench.load import Sample
from lab.bench.plan import Block, Size
from lab.bench.results import Results
from lab.bench.stage import DATABASE, Stage
from lab.bench.targets import SERVICE
from lab.peers import data as bench_data
from lab.peers import peer
from lab.peers.data import TOKEN, Dataset
from studentapi import schema
from studentapi.embedded import PrivateServer, find_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk, which makes the load")
SIZE = Size(1, 2)
KEEPS, CONNECTS = "studentapi", "per_request"
CITY = Block(SIZE, "city", clients=2, rounds=2, seconds=0.3)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Two answers before a server of this machine."""
    binary = find_server()
    if binary is None:
        pytest.skip("no database server on this machine whose CPU time could be seen")
    directory: Path = tmp_path_factory.mktemp("bench")
    with PrivateServer(directory / "server", binary=binary, options=OPTIONS) as private:
        server = DatabaseServer(binary.flavour, private.root_url, private.pid, str(binary))
        connection = server.connect()
        answers.load(connection, DATABASE)
        schema.upgrade(server.url(DATABASE))
        connection.fetch(f"USE {DATABASE}")
        bench_data.add_token(connection)
        bench_data.add_class(connection)
        connection.close()
        dataset = Dataset(server.url(DATABASE, ssl_mode=""), TOKEN, [], [])
        with Stage(server, dataset, SIZE, directory) as stage:
            stage.start([peer(KEEPS), peer(CONNECTS)])
            yield stage


@pytest.fixture
def results() -> Results:
    return Results("2026-01-01", quick=True, machine={})


def test_each_has_its_slices_and_connects_as_often_as_it_does(stage: Stage, results: Results) -> None:
    patience = warm_up(stage, [KEEPS, CONNECTS], "city", results)
    assert list(patience) == [KEEPS, CONNECTS]
    measure(stage, CITY, patience, results)
    assert results.failures == []
    there = results.at(results.places()[0])
    assert {name: len(one.slices) for name, one in there.items()} == {KEEPS: 2, CONNECTS: 2}
    kept = there[KEEPS].slices
    connecting = there[CONNECTS].slices
    assert all(one.requests > 0 for one in kept + connecting)
    # what was in flight at the end is counted by the server alone
    assert all(one.requests <= one.connects <= one.requests + CITY.clients for one in connecting)
    assert all(one.connects == 0 for one in kept)
    assert all(one.requests <= one.statements <= one.requests + CITY.clients for one in kept)


@pytest.mark.parametrize(
    ("answered", "times"),
    [
        ({"studentapi": 150, "slow": 49, "quick": 50}, {"studentapi": 1, "slow": LONGER, "quick": 1}),
        ({"studentapi": 149, "slow": 49, "quick": 900}, dict.fromkeys(("studentapi", "slow", "quick"), LONGER)),
        ({"quick": 900}, {"quick": 1}),
    ],
)
def test_nobody_has_a_shorter_slice_than_studentapi(
    results: Results, answered: dict[str, int], times: dict[str, int]
) -> None:
    stage = Mock(warm_up=lambda name, _: Sample(answered[name], 0.5, 1.0, 1.0, 0, 0))
    assert warm_up(stage, list(answered), "city", results) == times


def test_who_answers_wrongly_is_told_and_not_measured(stage: Stage, results: Results) -> None:
    # not the cities that are asked for one by one before: what is to be seen is that the load is looked at
    others = "city NOT LIKE 'London%' AND city NOT LIKE 'A Coru%'"
    stage.server.execute(f"UPDATE {DATABASE}.city SET city = CONCAT(city, '!') WHERE {others}")
    try:
        assert warm_up(stage, [KEEPS], "city", results) == {}
    finally:
        stage.server.execute(f"UPDATE {DATABASE}.city SET city = TRIM(TRAILING '!' FROM city)")
    (failure,) = results.failures
    assert f"{KEEPS} is not measured" in failure
    assert "wrong: 404" in failure


def test_an_error_in_a_slice_takes_its_peer_out_of_the_comparison(stage: Stage, results: Results) -> None:
    stage.server.execute(f"RENAME TABLE {DATABASE}.city TO {DATABASE}.away")
    try:
        measure(stage, CITY, {CONNECTS: 1}, results)
    finally:
        stage.server.execute(f"RENAME TABLE {DATABASE}.away TO {DATABASE}.city")
    (failure,) = results.failures
    assert f"{CONNECTS} failed" in failure
    assert results.measured == []


def test_who_failed_is_up_again_for_what_comes_next(stage: Stage, results: Results) -> None:
    before = stage.services[CONNECTS].pids()
    stage.restart(CONNECTS)
    assert not set(before) & set(stage.services[CONNECTS].pids())
    connection = http.client.HTTPConnection("127.0.0.1", stage.services[CONNECTS].port, timeout=10)
    connection.request("GET", "/?city=london")
    assert connection.getresponse().read() == b'City "london" is #312'
    connection.close()


def test_who_does_not_come_up_is_told_and_costs_nobody_else_anything(stage: Stage) -> None:
    nobody = replace(peer(CONNECTS), name="nobody", application="lab.answers.nobody:application")
    (problem,) = stage.start([nobody]).values()
    assert "does not serve: ModuleNotFoundError: No module named" in problem
    assert set(stage.services) == {KEEPS, CONNECTS}


def test_nothing_is_recorded_any_more_when_a_warm_up_has_ended(stage: Stage) -> None:
    def recorded() -> object:
        return stage.server.execute(f"SELECT COUNT(*) FROM {DATABASE}.attempts")

    stage.start([peer(SERVICE)])
    sample = stage.warm_up(SERVICE, "recording")
    assert sample.requests > 0
    by_then = recorded()
    stage.services.pop(SERVICE).end()  # which first answers what is in flight
    assert recorded() == by_then
