"""What a session holds beyond its data: declared, it is put back; undeclared, its loss is told."""

from collections.abc import Callable

import pytest

from studentapi.mysql.database import Database
from studentapi.mysql.errors import SessionLost
from tests.mysql.helpers import INSERT, connection_id, kill, rows
from tests.servers import Server


def test_declared_state_is_put_back_on_every_connection(
    server: Server, reopened: Callable[..., Database]
) -> None:
    database = reopened(session=("SET @tenant = 7",))
    assert database.read("SELECT @tenant") == ((7,),)
    kill(server, connection_id(database))
    assert database.read("SELECT @tenant") == ((7,),)


def test_the_loss_of_undeclared_state_is_told_once(database: Database, server: Server) -> None:
    with database.transaction() as tx:
        tx.execute("SET @tenant = 7")
    assert database.read("SELECT @tenant") == ((7,),)
    kill(server, connection_id(database))
    with pytest.raises(SessionLost, match="SET"):
        database.read("SELECT @tenant")
    assert database.read("SELECT @tenant") == ((None,),)
    assert database.observation.totals()["sessions_lost"] == 1


def test_a_lock_that_was_lost_lets_no_transaction_begin(database: Database, server: Server) -> None:
    assert database.read("SELECT GET_LOCK('studentapi-test', 1)") == ((1,),)
    kill(server, connection_id(database))
    with pytest.raises(SessionLost, match="GET_LOCK"):
        database.run(lambda tx: tx.execute(INSERT, ("a",)))
    assert rows(database) == []


def test_state_does_not_outlive_a_request(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute("SET @tenant = 7")
    database.end_request()
    assert database.read("SELECT @tenant") == ((None,),)


def test_a_connection_with_state_is_not_replaced_for_its_age(reopened: Callable[..., Database]) -> None:
    database = reopened(max_age=1e-6)
    with database.transaction() as tx:
        tx.execute("SET @tenant = 7")
    number = connection_id(database)
    assert connection_id(database) == number
    database.end_request()
    assert connection_id(database) != number
