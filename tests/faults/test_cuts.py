"""A write is cut off at every byte, in both directions, and at every moment of its COMMIT."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.injection.flow import Direction, Fate
from lab.injection.proxy import Proxy
from lab.injection.traps import Moment
from studentapi.mysql.database import Database
from studentapi.mysql.errors import CommitUnknown, StatementTimeout
from studentapi.mysql.transaction import Transaction
from tests.faults.helpers import INSERT, rows, statements
from tests.processes import eventually
from tests.servers import Server
from tests.service import Service

MEASURED = ("measured-1", "measured-2", "measured-3")
"""Keys of the writes by which it is found out how long a write is."""
SPARSE = 7
"""Bytes between two cuts where each costs more; it divides no packet's length."""


@pytest.fixture
def database(proxied: str, databases: Callable[..., Database]) -> Database:
    """By way of the proxy, with a connection that is open."""
    database = databases(proxied, statement_timeout=1.0)
    database.read("SELECT 1")
    return database


def record(key: str) -> Callable[[Transaction], None]:
    """The work of a transaction that writes this key."""

    def work(tx: Transaction) -> None:
        tx.execute(INSERT, (key,))

    return work


def lengths(proxy: Proxy, write: Callable[[str], object]) -> dict[Direction, int]:
    """How many bytes a write that nothing disturbs sends each way; a marker's escaped bytes may add some.

    The fewest of several: one in 256, by chance, is followed by the deletion of old markers.
    """
    found = []
    for key in MEASURED:
        before = {direction: proxy.passed(direction) for direction in Direction}
        write(key)
        found.append({direction: proxy.passed(direction) - before[direction] for direction in Direction})
    return {direction: min(one[direction] for one in found) for direction in Direction}


def offsets(proxy: Proxy, write: Callable[[str], object], step: int = 1) -> Iterator[tuple[str, Direction, int]]:
    """A key for each place to cut at: every byte of both directions."""
    for direction, length in lengths(proxy, write).items():
        for offset in range(0, length, step):
            yield f"{direction.name}-{offset}", direction, offset


@pytest.mark.parametrize(("fate", "step"), [(Fate.RESET, 1), (Fate.END, 3)])
def test_a_write_cut_at_any_byte_is_there_exactly_once(
    database: Database, proxy: Proxy, server: Server, fate: Fate, step: int
) -> None:
    def write(key: str) -> None:
        database.run(record(key))

    keys, cut = [*MEASURED], 0
    for key, direction, offset in offsets(proxy, write, step):
        trap = proxy.cut_after(offset, direction, fate)
        write(key)
        cut += trap.sprung.is_set()
        proxy.clear()
        keys.append(key)
    assert len(keys) > 150 / step
    assert cut > 0.9 * len(keys), "most of them were to be cut"
    assert rows(server) == dict.fromkeys(keys, 1)


def test_a_write_whose_connect_is_cut_at_any_byte_is_there_exactly_once(
    database: Database, proxy: Proxy, server: Server
) -> None:
    def write(key: str) -> None:
        proxy.cut()
        database.run(record(key))

    keys, cut = [*MEASURED], 0
    for key, direction, offset in offsets(proxy, write, 2 * SPARSE):
        proxy.cut()
        trap = proxy.cut_after(offset, direction)
        database.run(record(key))
        cut += trap.sprung.is_set()
        proxy.clear()
        keys.append(key)
    assert cut > 0.9 * (len(keys) - 1)
    assert rows(server) == dict.fromkeys(keys, 1)


def test_a_write_swallowed_from_any_packet_on_is_there_once_or_was_given_up(
    proxy: Proxy, proxied: str, databases: Callable[..., Database], server: Server
) -> None:
    """Nobody is told that the link is gone: a deadline finds it out."""
    database = databases(proxied, statement_timeout=0.3)
    database.read("SELECT 1")
    keys, given_up, swallowed = [*MEASURED], 0, 0
    for direction, length in lengths(proxy, lambda key: database.run(record(key))).items():
        for offset in range(0, length, length // 4):
            key = f"{direction.name}-{offset}"
            trap = proxy.cut_after(offset, direction, Fate.SILENCE)
            try:
                database.run(record(key))
            except StatementTimeout:
                given_up += 1
            else:
                keys.append(key)
            swallowed += trap.sprung.is_set()
            proxy.clear()
    assert swallowed > 0.8 * (len(keys) - 1 + given_up)
    # MariaDB ends any slow statement by itself, so that silence means a dead link; MySQL ends SELECT alone
    assert not given_up or not server.is_mariadb
    assert len(keys) > 1, "at COMMIT it is settled"
    assert rows(server) == dict.fromkeys(keys, 1), "what was given up is not there"


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fate", Fate)
def test_a_lost_commit_is_settled_by_its_marker(
    database: Database, proxy: Proxy, server: Server, moment: Moment, fate: Fate
) -> None:
    trap = proxy.cut_at(b"COMMIT", moment, fate)
    database.run(record("once"))
    assert trap.sprung.is_set()
    assert rows(server) == {"once": 1}


@pytest.mark.parametrize("moment", Moment)
def test_a_lost_commit_without_markers_is_neither_repeated_nor_hidden(
    databases: Callable[..., Database], proxied: str, proxy: Proxy, server: Server, moment: Moment
) -> None:
    database = databases(proxied, markers=None)
    database.read("SELECT 1")
    proxy.cut_at(b"COMMIT", moment)
    with pytest.raises(CommitUnknown):
        database.run(record("once"))
    if moment is Moment.SENT:
        eventually(lambda: not statements(server, "COMMIT"))
    assert len(rows(server)) in {Moment.UNSENT: (0,), Moment.SENT: (0, 1), Moment.ANSWERED: (1,)}[moment]


@pytest.mark.parametrize("needle", [b"SELECT outcome", b"processlist WHERE id", b"'undone'"])
@pytest.mark.parametrize("moment", Moment)
def test_a_settlement_that_is_cut_itself_is_begun_again(
    database: Database, proxy: Proxy, server: Server, moment: Moment, needle: bytes
) -> None:
    proxy.cut_at(b"COMMIT", Moment.UNSENT)
    settling = proxy.cut_at(needle, moment)
    database.run(record("once"))
    assert settling.sprung.is_set()
    assert rows(server) == {"once": 1}


def test_a_request_cut_anywhere_between_service_and_server_is_written_exactly_once(
    serving: Callable[..., Service], proxy: Proxy, proxied: str, server: Server
) -> None:
    service = serving(proxied, STUDENTAPI_PROCESSES="1")
    service.get("/rows")

    def write(key: str) -> None:
        assert service.ask("POST", "/rows", {"key": key})[0] == 201

    keys = [*MEASURED]
    for key, direction, offset in offsets(proxy, write, SPARSE):
        proxy.cut_after(offset, direction)
        write(key)
        proxy.clear()
        keys.append(key)
    assert rows(server) == dict.fromkeys(keys, 1)
    with ThreadPoolExecutor(4) as pool:
        assert {status for status, _ in pool.map(lambda _: service.get("/rows"), range(40))} == {200}
