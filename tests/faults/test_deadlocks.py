"""A thousand deadlocks between two clients, and nothing of a transfer is ever lost or done twice."""

import threading
from collections.abc import Callable

from studentapi.mysql.database import Database
from studentapi.mysql.transaction import Transaction
from tests.faults.helpers import NAME
from tests.servers import Server

DEADLOCKS = 1000
ACCOUNTS = ("a", "b")


def test_sums_stay_right_over_a_thousand_deadlocks(databases: Callable[..., Database], server: Server) -> None:
    database = databases(patience=60.0)
    server.execute(
        f"CREATE TABLE {NAME}.account (name VARCHAR(8) PRIMARY KEY, balance INT, transfers INT) ENGINE = InnoDB",
        f"INSERT INTO {NAME}.account VALUES ('a', 0, 0), ('b', 0, 0)",
    )
    meeting = threading.Barrier(2)
    tries, transfers = [0, 0], [0, 0]

    def client(number: int) -> None:
        first, second = ACCOUNTS[number], ACCOUNTS[1 - number]

        def transfer(tx: Transaction) -> None:
            tries[number] += 1
            tx.execute(
                "UPDATE account SET balance = balance - 1, transfers = transfers + 1 WHERE name = %s", (first,)
            )
            if tries[number] == before + 1:
                # the other one has its first lock now, too, and each wants the other's
                meeting.wait(timeout=60)
            tx.execute("UPDATE account SET balance = balance + 1 WHERE name = %s", (second,))

        while sum(tries) - sum(transfers) < DEADLOCKS:
            before = tries[number]
            meeting.wait(timeout=60)
            database.run(transfer)
            transfers[number] += 1
            meeting.wait(timeout=60)

    try:
        threads = [threading.Thread(target=client, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(tries) - sum(transfers) >= DEADLOCKS
        assert transfers[0] == transfers[1]
        found = {
            str(name): (balance, count)
            for name, balance, count in server.execute(f"SELECT * FROM {NAME}.account")
        }
        assert found == {"a": (0, transfers[0]), "b": (0, transfers[1])}
        assert database.observation.totals()["contention"] >= DEADLOCKS
    finally:
        database.close()
        server.execute(f"DROP TABLE {NAME}.account")
