"""Statements that a connection asks often are prepared; nobody sees more of it than the server does."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from pymysql import err
from pymysql.constants import COMMAND

from studentapi.mysql import prepared
from studentapi.mysql.address import Address
from studentapi.mysql.answers import Answer
from studentapi.mysql.connection import Connection, open_connection
from studentapi.mysql.database import Database
from tests.mysql.helpers import connection_id, kill
from tests.servers import Server

ASK = "SELECT public_id FROM schools WHERE public_id = %s"


@pytest.fixture
def connection(migrated_url: str) -> Iterator[Connection]:
    connection = open_connection(Address.parse(migrated_url), statement_timeout=1.0)
    yield connection
    if connection.open:
        connection.close()


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every command that is sent from now on."""
    sent: list[int] = []
    original = Connection._begin_command

    def recording(self: Connection, command: int, sql: str | bytes) -> None:
        sent.append(command)
        original(self, command, sql)

    monkeypatch.setattr(Connection, "_begin_command", recording)
    return sent


def ask(connection: Connection, sql: str = ASK, name: str = "nobody") -> tuple[tuple[object, ...], ...]:
    return connection.fetch(sql, [name], prepare=True).rows


def test_a_statement_is_prepared_once_it_is_asked_often(connection: Connection, commands: list[int]) -> None:
    for _ in range(prepared.PREPARE_AFTER + 3):
        assert ask(connection) == ()
    text, binary = COMMAND.COM_QUERY, COMMAND.COM_STMT_EXECUTE
    assert commands == [text] * prepared.PREPARE_AFTER + [COMMAND.COM_STMT_PREPARE] + [binary] * 3


def test_what_is_not_said_to_be_repeated_is_never_prepared(connection: Connection, commands: list[int]) -> None:
    for _ in range(20):
        connection.fetch(ASK, ["nobody"])
    assert set(commands) == {COMMAND.COM_QUERY}


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT '?' = %s", ["?"]),
        ("SHOW TABLES", []),
        ("SELECT CAST(1.5 AS FLOAT)", []),
        ("SELECT %s", [b"bytes"]),
        ("SELECT %s", ["long" * 1000]),
        ("SELECT %s", [None]),
        ("SELECT %s", [Decimal("1.5")]),
        ("SELECT %s", [Decimal("0.1") * 3]),
        ("SELECT %s", [True]),
        ("SELECT %s", [2**63]),
    ],
)
def test_what_cannot_be_prepared_is_sent_as_text(
    connection: Connection, commands: list[int], sql: str, params: list[object]
) -> None:
    expected = connection.fetch(sql, params)
    for _ in range(prepared.PREPARE_AFTER + 3):
        assert connection.fetch(sql, params, prepare=True) == expected
    assert COMMAND.COM_STMT_EXECUTE not in commands


def test_a_statement_that_is_none_is_the_servers_error_each_time(connection: Connection) -> None:
    for _ in range(prepared.PREPARE_AFTER + 3):
        with pytest.raises(err.ProgrammingError) as caught:
            connection.fetch("SELECT %s, %%s", ["a"], prepare=True)
        assert caught.value.args[0] == 1064


def test_parameters_that_do_not_fit_are_told_as_for_text(connection: Connection) -> None:
    for _ in range(prepared.PREPARE_AFTER + 1):
        ask(connection)
    with pytest.raises(TypeError):
        connection.fetch(ASK, ["a", "b"], prepare=True)
    with pytest.raises(KeyError):
        for _ in range(prepared.PREPARE_AFTER + 3):
            connection.fetch("SELECT %(a)s, %(b)s", {"a": 1}, prepare=True)
    assert ask(connection) == ()


def test_so_many_are_prepared_and_no_more(
    connection: Connection, commands: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "PREPARE_AFTER", 0)
    monkeypatch.setattr(prepared, "MOST_PREPARED", 3)
    for _ in range(2):
        for number in range(10):
            assert ask(connection, f"{ASK} AND {number} = {number}") == ()
    assert commands.count(COMMAND.COM_STMT_PREPARE) == 3
    assert commands.count(COMMAND.COM_STMT_EXECUTE) == 6
    assert len(connection._statements._uses) == 3


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT /* %s */ public_id FROM schools WHERE public_id = %s", ["a", "b"]),
        ("SELECT 'a%sb' FROM schools WHERE public_id <> %s", [5, "b"]),
        ("SELECT 1 WHERE 1 = %s -- by %s\n AND 1 > 0", [1, 2]),
    ],
)
def test_a_placeholder_that_the_server_does_not_see_goes_as_text(
    connection: Connection, sql: str, params: list[object]
) -> None:
    expected = connection.fetch(sql, params)
    for _ in range(prepared.PREPARE_AFTER + 3):
        assert connection.fetch(sql, params, prepare=True) == expected
    assert sql not in connection._statements.prepared


def test_a_session_with_a_state_of_its_own_is_asked_by_text(
    reopened: Callable[..., Database], commands: list[int]
) -> None:
    database = reopened()
    sql = "SELECT 'a' || 'b' FROM (SELECT %s AS one) AS one WHERE one = %s"
    for _ in range(prepared.PREPARE_AFTER + 2):
        assert database.read(sql, [1, 1], prepare=True) == ((0,),)
    with database.transaction() as tx:
        tx.execute("SET sql_mode = 'PIPES_AS_CONCAT'")
    assert database.read(sql, [1, 1], prepare=True) == (("ab",),)
    database.end_request()
    assert database.read(sql, [1, 1], prepare=True) == ((0,),)


def test_an_answer_to_prepare_that_cannot_be_read_ends_the_connection(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "PREPARE_AFTER", 0)
    monkeypatch.setattr(connection, "receive", lambda _: b"\x01\0\0\x01\0")  # an OK, and nothing of what it is
    with pytest.raises(err.InternalError):
        ask(connection)
    assert not connection.open


def test_an_interrupt_while_preparing_ends_the_connection(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Answer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prepared, "PREPARE_AFTER", 0)
    monkeypatch.setattr(Answer, "read_prepared", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(connection)
    assert not connection.open


def test_an_error_that_concerns_more_than_the_statement_is_told_where_it_is_prepared(
    connection: Connection, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "PREPARE_AFTER", 0)
    with pytest.raises(err.ProgrammingError) as caught:
        ask(connection, "SELECT 1 FROM nowhere WHERE it = %s")
    assert caught.value.args[0] == 1146
    assert "SELECT 1 FROM nowhere WHERE it = %s" not in connection._statements.prepared


def test_a_server_that_has_no_room_for_prepared_statements_is_asked_by_text(
    connection: Connection, server: Server, commands: list[int]
) -> None:
    most = server.execute("SELECT @@GLOBAL.max_prepared_stmt_count")
    server.execute("SET GLOBAL max_prepared_stmt_count = 0")
    try:
        for _ in range(prepared.PREPARE_AFTER + 5):
            assert ask(connection) == ()
        for _ in range(prepared.PREPARE_AFTER + 5):
            assert ask(connection, ASK + " LIMIT 1") == ()
    finally:
        server.execute(f"SET GLOBAL max_prepared_stmt_count = {most[0][0]}")
    assert commands.count(COMMAND.COM_STMT_PREPARE) == 2
    assert COMMAND.COM_STMT_EXECUTE not in commands


def test_a_prepared_statement_that_the_server_has_forgotten_is_asked_by_text(
    connection: Connection, commands: list[int]
) -> None:
    for _ in range(prepared.PREPARE_AFTER + 1):
        ask(connection)
    connection._statements.prepared[ASK].number += 1000
    for _ in range(3):
        assert ask(connection) == ()
    assert commands[-4:] == [COMMAND.COM_STMT_EXECUTE, *[COMMAND.COM_QUERY] * 3]


def test_a_table_that_changes_under_a_prepared_statement_is_read_as_it_is(connection: Connection) -> None:
    connection.fetch("CREATE TEMPORARY TABLE changing (a INT)")
    connection.fetch("INSERT INTO changing VALUES (1)")
    sql = "SELECT * FROM changing WHERE a = %s"
    for _ in range(prepared.PREPARE_AFTER + 2):
        assert connection.fetch(sql, [1], prepare=True).rows == ((1,),)
    connection.fetch("ALTER TABLE changing ADD b DECIMAL(5, 2) DEFAULT 2.5, MODIFY a BIGINT")
    result = connection.fetch(sql, [1], prepare=True)
    assert (result.columns, [str(value) for value in result.rows[0]]) == (("a", "b"), ["1", "2.50"])


def test_a_prepared_statement_is_ended_at_its_deadline_by_the_server(connection: Connection) -> None:
    sql = "SELECT SLEEP(%s) FROM (SELECT 1 AS one) AS one"
    for _ in range(prepared.PREPARE_AFTER + 2):
        connection.fetch(sql, [0], prepare=True)
    assert sql in connection._statements.prepared
    if connection.is_mariadb:
        with pytest.raises(err.OperationalError) as caught:
            connection.fetch(sql, [5], prepare=True)
        assert caught.value.args[0] == 1969
    else:
        assert connection.fetch(sql, [5], prepare=True).rows == ((1,),)  # SLEEP says that it was broken off
    assert connection.fetch("SELECT 1").rows == ((1,),)


def test_reads_go_on_as_text_and_are_prepared_again_on_a_new_connection(
    reopened: Callable[..., Database], server: Server, commands: list[int]
) -> None:
    database = reopened()
    for _ in range(prepared.PREPARE_AFTER + 2):
        database.read(ASK, ["nobody"], prepare=True)
    assert commands[-1] == COMMAND.COM_STMT_EXECUTE
    kill(server, connection_id(database))
    database.read(ASK, ["nobody"], prepare=True)
    assert commands[-1] == COMMAND.COM_QUERY
    for _ in range(prepared.PREPARE_AFTER):
        database.read(ASK, ["nobody"], prepare=True)
    assert commands[-1] == COMMAND.COM_STMT_EXECUTE
