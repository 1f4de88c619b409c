"""A server turns read-only and another one takes the writes: among several hosts, and behind one name."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.injection.names import Names
from lab.injection.proxy import Proxy
from tests.faults.helpers import NAME, Load, connections, moved, rows
from tests.processes import eventually
from tests.servers import Server
from tests.service import Service

USER, PASSWORD = "writer", "only-for-tests"
PRIMARY, REPLICA = "127.0.0.2", "127.0.0.3"
HOST = "database.test"
DELAY = 1.0
"""Seconds between the end of the old primary and the beginning of the new one."""


class Pair:
    """Two servers, of which one takes writes. Neither copies the other: each keeps what was written to it."""

    def __init__(self, primary: Server, replica: Server) -> None:
        self.primary = primary
        self.replica = replica

    def demote(self) -> None:
        """Let the primary take no more writes."""
        _set_read_only(self.primary, on=True)

    def promote(self) -> None:
        """Let the replica take writes."""
        _set_read_only(self.replica, on=False)

    def assert_written_once(self, load: Load) -> None:
        """Every acknowledged row has to be on one of the two, once; the new primary has some."""
        old, new = rows(self.primary), rows(self.replica)
        assert new
        assert not old.keys() & new.keys(), "written on both"
        assert set((old | new).values()) == {1}
        assert {answer.key for answer in load.answers if answer.status == 201} <= old.keys() | new.keys()


@pytest.fixture
def pair(server: Server, second_server: Server) -> Iterator[Pair]:
    for one in (server, second_server):
        one.execute(
            f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'",
            # an administrator may write to a server that is read-only
            f"GRANT ALL ON {NAME}.* TO {USER}@'%'",
        )
    _set_read_only(second_server, on=True)
    yield Pair(server, second_server)
    for one in (server, second_server):
        _set_read_only(one, on=False)
        eventually(lambda one=one: not connections(one))  # type: ignore[misc]
        one.execute(f"DROP USER {USER}@'%'", f"TRUNCATE TABLE {NAME}.record")


@pytest.fixture
def writer_url(faults_url: str) -> str:
    """The address for a user that may not write to a server that is read-only."""
    return f"mysql://{USER}:{PASSWORD}@" + faults_url.partition("@")[2]


def test_writes_go_on_with_the_next_host_when_the_first_turns_read_only(
    serving: Callable[..., Service], writer_url: str, pair: Pair
) -> None:
    url = moved(writer_url, pair.primary.address, pair.replica.address)
    with ExitStack() as stack:
        service = serving(url, STUDENTAPI_DATABASE_PATIENCE="15")
        load = stack.enter_context(Load(service))
        pair.demote()
        time.sleep(DELAY)
        pair.promote()
        promoted = time.monotonic()
        eventually(lambda: rows(pair.replica))
        took = time.monotonic() - promoted
        load.more()
        stack.close()
        assert not load.bad(), load.bad()[:3]
        assert took < 4
        pair.assert_written_once(load)
        service.stop()


def test_writes_follow_a_name_to_the_new_primary(
    serving: Callable[..., Service], writer_url: str, pair: Pair, tmp_path: Path
) -> None:
    names = Names(tmp_path / "hosts", {HOST: PRIMARY})
    with (
        Proxy(*pair.primary.address, listen=PRIMARY) as old,
        Proxy(*pair.replica.address, listen=REPLICA, at=old.port),
    ):
        service = serving(
            moved(writer_url, (HOST, old.port)), wrap=names.command, STUDENTAPI_DATABASE_PATIENCE="15"
        )
        with Load(service) as load:
            pair.demote()
            pair.promote()
            time.sleep(DELAY)
            names.point(HOST, REPLICA)
            eventually(lambda: rows(pair.replica))
            load.more()
        service.stop()
    assert not load.bad(), load.bad()[:3]
    pair.assert_written_once(load)


def _set_read_only(server: Server, *, on: bool) -> None:
    value = "ON" if on else "OFF"
    server.execute(f"SET GLOBAL read_only = {value}")
