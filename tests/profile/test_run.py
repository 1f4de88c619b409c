"""The whole of it, on the city lookup, for a moment: all that the page is made of is there."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lab.answers import data as answers
from lab.bench.database_server import OPTIONS, DatabaseServer
from lab.bench.plan import Size
from lab.bench.stage import DATABASE
from lab.peers import peer, serving
from lab.peers.data import TOKEN, Dataset
from lab.profile import floor, measure, sampling
from lab.profile.__main__ import write
from lab.profile.results import Results
from lab.profile.stacks import FLASK, MYSQL
from studentapi.embedded import PrivateServer, find_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk, which makes the load")
SECONDS = 1.6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """A server with the cities."""
    binary = find_server()
    if binary is None:
        pytest.skip("no database server on this machine whose CPU time could be seen")
    with PrivateServer(tmp_path_factory.mktemp("profile") / "server", binary=binary, options=OPTIONS) as private:
        server = DatabaseServer(binary.flavour, private.root_url, private.pid, str(binary))
        connection = server.connect()
        answers.load(connection, DATABASE)
        connection.close()
        yield server


def test_a_run_has_the_time_the_floor_and_where_py_spy_is_the_layers(
    server: DatabaseServer, tmp_path: Path
) -> None:
    results = Results("2026-01-01", servers={server.flavour: "a server"})
    dataset = Dataset(server.url(DATABASE, ssl_mode=""), TOKEN, [], [])
    measure.run(server, dataset, ["city"], SECONDS, results, tmp_path, size=Size(1, 2))
    there = results.at(server.flavour, "city")
    assert list(there) == [name for name in measure.PEERS["city"] if serving.missing(peer(name)) is None]
    assert all(len(one.slices) == measure.ROUNDS for one in there.values())
    assert all(each.client > 0 for one in there.values() for each in one.slices)
    # in steps of 10 ms, so that it shows over all slices
    assert all(sum(each.user + each.system for each in one.slices) > 0 for one in there.values())
    assert all(sum(each.database for each in one.slices) > 0 for one in there.values())
    ours = there["studentapi"]
    if sampling.program() is None:
        assert ours.stacks is None
        assert "not sampled: py-spy is not installed" in results.missing.values()
    else:
        assert ours.stacks is not None, results.missing
        assert ours.stacks.share(FLASK) > 0
        assert ours.stacks.share(MYSQL) > 0
        assert there["bare"].stacks is not None
        assert there["bare"].stacks.share(FLASK, MYSQL) == 0
    write(results, tmp_path)
    page = (tmp_path / "profile.md").read_text()
    assert "**What Flask costs.**" in page
    assert (tmp_path / "profile.svg").exists()


def test_every_way_to_ask_is_right_before_it_is_timed(server: DatabaseServer) -> None:
    found = floor.measure(server.url(DATABASE, ssl_mode=""), 0.1)
    assert {floor.SOCKETS, floor.SOCKETS_TEXT, floor.PYMYSQL, floor.READ, floor.READ_TEXT} <= set(found)
    assert all(each > 0 for rounds in found.values() for each in rounds)
    assert len({len(rounds) for rounds in found.values()}) == 1
    server.execute(f"UPDATE {DATABASE}.city SET city_id = city_id + 1000 ORDER BY city_id DESC")
    try:
        with pytest.raises(RuntimeError, match="should be #"):
            floor.measure(server.url(DATABASE, ssl_mode=""), 0.1)
    finally:
        server.execute(f"UPDATE {DATABASE}.city SET city_id = city_id - 1000 ORDER BY city_id")
