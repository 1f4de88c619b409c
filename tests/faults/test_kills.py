"""KILL: while idle, in a statement, and between every pair of statements of a transaction."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from studentapi.mysql.database import Database
from studentapi.mysql.transaction import Transaction
from tests.faults.helpers import INSERT, NAME, Load, connections, kill, rows, statements
from tests.processes import eventually
from tests.servers import Server
from tests.service import Service

AT_ONCE = 3
STATEMENTS = 4


def test_no_request_fails_after_all_idle_connections_were_killed(
    serving: Callable[..., Service], server: Server
) -> None:
    service = serving()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(3):
            service.warm_up("/rows", AT_ONCE)
            kill(server, *connections(server))
            written = pool.map(
                lambda key: service.ask("POST", "/rows", {"key": key})[0],
                [f"{number}-{each}" for each in range(20)],
            )
            assert set(written) == {201}
            kill(server, *connections(server))
            assert {status for status, _ in pool.map(lambda _: service.get("/rows"), range(20))} == {200}
    assert list(rows(server).values()) == [1] * 60


def test_no_request_fails_when_it_is_killed_in_its_statement(
    serving: Callable[..., Service], server: Server
) -> None:
    service = serving()
    service.warm_up("/rows", AT_ONCE)
    with (
        ThreadPoolExecutor(2 * AT_ONCE) as pool,
        closing(open_connection(Address.parse(server.admin_url))) as lock,
    ):
        lock.fetch(f"LOCK TABLES {NAME}.record WRITE")
        reads = [pool.submit(service.get, "/rows") for _ in range(AT_ONCE)]
        writes = [pool.submit(service.ask, "POST", "/rows", {"key": str(n)}) for n in range(AT_ONCE)]
        eventually(lambda: statements(server, "%record%") == 2 * AT_ONCE)
        kill(server, *connections(server))
        eventually(lambda: statements(server, "%record%") == 2 * AT_ONCE)
        lock.fetch("UNLOCK TABLES")
        assert [read.result()[0] for read in reads] == [200] * AT_ONCE
        assert [write.result()[0] for write in writes] == [201] * AT_ONCE
    assert rows(server) == {str(number): 1 for number in range(AT_ONCE)}


def test_no_request_fails_while_connections_are_killed_again_and_again(
    serving: Callable[..., Service], server: Server
) -> None:
    service = serving()
    with Load(service) as load:
        for _ in range(15):
            kill(server, *connections(server))
            load.more(40)
    assert not load.bad()
    load.assert_written_once(server)


@pytest.mark.parametrize("killed_before", range(STATEMENTS + 1))
def test_a_transaction_killed_between_two_statements_is_run_again_as_a_whole(
    databases: Callable[..., Database], server: Server, killed_before: int
) -> None:
    """`STATEMENTS` of them: the last time stands for the moment before COMMIT."""
    tries: list[int] = []

    def work(tx: Transaction) -> int:
        tries.append(tx.connection.thread_id())
        for number in range(STATEMENTS):
            if number == killed_before and len(tries) == 1:
                kill(server, tries[0])
            tx.execute(INSERT, (f"key-{number}",))
        if killed_before == STATEMENTS and len(tries) == 1:
            kill(server, tries[0])
        return len(tries)

    assert databases().run(work) == 2
    assert rows(server) == {f"key-{number}": 1 for number in range(STATEMENTS)}
