"""What `fetch` reads is what PyMySQL reads: values, errors, and what follows them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pymysql import converters, err
from pymysql.constants import FIELD_TYPE

from studentapi.mysql import asking, prepared
from studentapi.mysql.address import Address
from studentapi.mysql.columns import Decoding
from studentapi.mysql.connection import Connection, open_connection
from tests.servers import Server

DECODING = Decoding("utf8", converters.decoders, use_unicode=True)

VALUES = """
    CREATE TEMPORARY TABLE every_type (
        id INT PRIMARY KEY,
        tiny TINYINT, small SMALLINT, medium MEDIUMINT, wide BIGINT, wider BIGINT UNSIGNED, flag BOOLEAN,
        exact DECIMAL(20, 6), single FLOAT, twice DOUBLE, bits BIT(12), a_year YEAR,
        a_date DATE, a_time TIME(3), a_moment DATETIME, a_fine_moment DATETIME(6), a_stamp TIMESTAMP NULL,
        char_5 CHAR(5), var_40 VARCHAR(40), long_text LONGTEXT, latin VARCHAR(20) CHARACTER SET latin1,
        bytes_4 BINARY(4), bytes_40 VARBINARY(40), blobs BLOB,
        choice ENUM('a', 'é'), choices SET('x', 'y'), document JSON
    ) CHARACTER SET utf8mb4"""
EACH = (
    "id, tiny, small, medium, wide, wider, flag, exact, twice, bits, a_year, a_date, a_time, a_moment,"
    " a_fine_moment, a_stamp, char_5, var_40, long_text, latin, bytes_4, bytes_40, blobs, choice, choices,"
    " document"
)
ROWS: list[tuple[Any, ...]] = [
    (
        1, -128, 32767, -8388608, -(2**63), 2**64 - 1, True,
        "-12345678901234.123456", 1.1, 2.2250738585072014e-308, 0b101010101010, 2155,
        "9999-12-31", "-838:59:59.000", "1000-01-01 00:00:00",
        "2026-02-28 23:59:59.999999", "2038-01-19 03:14:07",
        "a", "Grüße 🎓 '\"\\%", "x", "café", b"\0\xff", b"\xfe\xfb\0", b"\xff" * 300,
        "é", "x,y", '{"a": [1, null, "ü"]}',
    ),
    (
        2, 127, -32768, 8388607, 2**63 - 1, 0, False,
        "0.000001", -0.0, 1.7976931348623157e308, 0, 1901,
        "0001-01-01", "00:00:00.001", "2024-02-29 12:00:00", "2024-02-29 12:00:00.1", None,
        "", "", "", "", b"", b"", b"",
        "a", "", "[]",
    ),
    (3, *[None] * 26),
]  # fmt: skip


@pytest.fixture
def connection(migrated_url: str) -> Iterator[Connection]:
    connection = open_connection(Address.parse(migrated_url))
    yield connection
    connection.close()


@pytest.fixture(params=["text", "prepared"])
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Statements go as text, or are prepared at once."""
    monkeypatch.setattr(prepared, "PREPARE_AFTER", 0 if request.param == "prepared" else 10**9)
    return str(request.param)


def both(connection: Connection, sql: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Rows as `fetch` reads them, and as PyMySQL's own cursor does on the same connection."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = tuple(column[0] for column in cursor.description)
        theirs = tuple(cursor.fetchall())
    ours = connection.fetch(sql, prepare=True)
    assert ours.columns == names
    assert [[type(value) for value in row] for row in ours.rows] == [
        [type(value) for value in row] for row in theirs
    ]
    return ours.rows, theirs


@pytest.mark.parametrize("single", ["", ", single"])
def test_values_of_every_type_are_those_of_pymysql(connection: Connection, protocol: str, single: str) -> None:
    connection.fetch(VALUES)
    for row in ROWS:
        connection.fetch(f"INSERT INTO every_type VALUES ({', '.join(['%s'] * len(row))})", row)
    for _ in range(2):  # the second time with columns that are known
        sql = f"SELECT {EACH}{single} FROM every_type ORDER BY id"
        ours, theirs = both(connection, sql)
        assert repr(ours) == repr(theirs)
        assert len(ours) == len(ROWS)
        # a FLOAT is sent as text for good: the binary protocol does not round it
        assert (sql in connection._statements.prepared) == (protocol == "prepared" and not single)


def test_dates_that_are_none_are_text_as_with_pymysql(connection: Connection, protocol: str) -> None:
    connection.fetch("SET sql_mode = ''")
    connection.fetch("CREATE TEMPORARY TABLE none (a DATE, b DATETIME, c DATETIME(6))")
    connection.fetch("INSERT INTO none VALUES ('0000-00-00', '0000-00-00', '0000-00-00'), ('2026-00-00', 0, 0)")
    for _ in range(2):
        ours, theirs = both(connection, "SELECT * FROM none")
        assert ours == theirs
    assert ours[0] == ("0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00.000000")


@pytest.mark.parametrize("size", [0, 250, 251, 252, 65_535, 65_536, 70_000, 300_000, 2**24 - 20, 2**24 + 20])
def test_a_value_of_any_length_is_read_whole(connection: Connection, protocol: str, size: int) -> None:
    largest = connection.fetch("SELECT @@max_allowed_packet").rows[0][0]
    if size + 100 > largest:
        size = largest - 100
    ((before, value, after),) = connection.fetch("SELECT 1, REPEAT('é', %s), 'z'", [size // 2], prepare=True).rows
    assert (before, len(value), set(value) <= {"é"}, after) == (1, size // 2, True, "z")
    assert connection.fetch("SELECT 2").rows == ((2,),)


def test_many_rows_and_many_columns_are_read_whole(connection: Connection, protocol: str) -> None:
    columns = ", ".join(f"{number} AS c{number}" for number in range(300))
    assert connection.fetch(f"SELECT {columns}", prepare=True).rows == (tuple(range(300)),)
    one = "SELECT public_id, deleted_at FROM schools WHERE id < 0 UNION ALL SELECT REPEAT('x', {}), NULL"
    many = " UNION ALL ".join(f"SELECT REPEAT('x', {number}), NULL" for number in range(700))
    ours, theirs = both(connection, one.format(1) + " UNION ALL " + many)
    assert ours == theirs
    assert len(ours) == 701


def test_no_rows_have_columns_all_the_same(connection: Connection, protocol: str) -> None:
    for _ in range(2):
        result = connection.fetch(
            "SELECT public_id AS a, name FROM schools WHERE public_id = %s", ["nobody"], prepare=True
        )
        assert result == (("a", "name"), (), 0, 0)


def test_what_a_statement_changed_is_told(connection: Connection) -> None:
    connection.fetch("CREATE TEMPORARY TABLE counted (id BIGINT AUTO_INCREMENT PRIMARY KEY, a INT)")
    assert connection.fetch("INSERT INTO counted (a) VALUES (1), (2), (3)") == ((), (), 3, 1)
    assert connection.fetch("UPDATE counted SET a = 1") == ((), (), 2, 0)
    connection.fetch("INSERT INTO counted (id, a) VALUES (5000000000, 0)")
    assert connection.fetch("INSERT INTO counted (a) VALUES (1)").insert_id == 5_000_000_001


def test_a_statement_whose_columns_change_is_read_anew(connection: Connection, protocol: str) -> None:
    def fetch(sql: str, params: list[Any] = []) -> Any:  # noqa: B006
        return connection.fetch(sql, params, prepare=True)

    ask = "SELECT %s AS it"
    for value in (1, "a", None, 2, 2**64 - 1, -(2**63), True, b"\xff", Decimal("1.50"), 0.1, "é" * 300, ""):
        assert fetch(ask, [value]).rows == ((value,),)
    connection.fetch("CREATE TEMPORARY TABLE changing (a INT)")
    connection.fetch("INSERT INTO changing VALUES (7)")
    assert fetch("SELECT * FROM changing") == (("a",), ((7,),), 1, 0)
    connection.fetch("ALTER TABLE changing MODIFY a VARCHAR(5)")
    assert fetch("SELECT * FROM changing").rows == (("7",),)
    connection.fetch("ALTER TABLE changing ADD b DATE")
    assert fetch("SELECT * FROM changing") == (("a", "b"), (("7", None),), 1, 0)


@pytest.mark.parametrize(
    "values",
    [
        ["a", "é" * 300, "x" * 1024, "x" * 70_000, "", "b"],
        [b"a", b"\xff" * 300, b"", b"\0"],
        [1, 2**62, -(2**63), 0],
        [Decimal("1.5"), Decimal("123456789012.123456"), Decimal("-0.00000001"), Decimal(7)],
        [0.1, 1e300, -5e-324, 0.0],
        [None, None],
        [True, False],
    ],
)
def test_a_parameter_keeps_its_value_whatever_went_before(
    connection: Connection, protocol: str, values: list[Any]
) -> None:
    for sql in ("SELECT %s AS it", "SELECT it FROM (SELECT %(it)s AS it UNION ALL SELECT %(it)s) AS them"):
        for value in values:
            for row in connection.fetch(sql, {"it": value} if "(it)" in sql else [value], prepare=True).rows:
                assert row == (value,)


def test_moments_as_parameters_compare_as_moments(connection: Connection, protocol: str) -> None:
    moment = datetime(2026, 2, 28, 23, 59, 59, 5)  # noqa: DTZ001
    sql = "SELECT CAST('2026-02-28 23:59:59.000005' AS DATETIME(6)) = %s, CAST('2026-02-28' AS DATE) < %s"
    for value in (moment, moment.replace(tzinfo=UTC)):
        assert connection.fetch(sql, [value, value.date()], prepare=True).rows == ((1, 0),)
    assert connection.fetch(sql, [moment, date(2026, 3, 1)], prepare=True).rows == ((1, 1),)


def test_known_columns_are_bounded(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_KNOWN", 5)
    for number in range(20):
        assert connection.fetch(f"SELECT {number}").rows == ((number,),)
        assert len(connection._known) <= 5
    connection.fetch("SELECT 1 /* " + "x" * asking.LONGEST_KNOWN + " */")
    assert not any("x" in sql for sql in connection._known)


def test_an_error_is_the_servers_and_the_connection_goes_on(connection: Connection) -> None:
    with pytest.raises(err.ProgrammingError) as caught:
        connection.fetch("SELECT nonsense FROM nowhere")
    assert caught.value.args[0] == 1146
    with pytest.raises(err.Error) as later:  # after some rows
        connection.fetch("SELECT 1 UNION ALL SELECT (SELECT 1 UNION SELECT 2)")
    assert later.value.args[0] == 1242
    assert connection.fetch("SELECT 3").rows == ((3,),)


def test_only_the_first_result_of_a_call_is_given_and_all_are_read(connection: Connection) -> None:
    connection.fetch("DROP PROCEDURE IF EXISTS several")
    connection.fetch(
        "CREATE PROCEDURE several() BEGIN SELECT 1, 'a'; SELECT 2; SELECT 3 FROM schools WHERE id < 0; END"
    )
    try:
        for _ in range(2):
            assert connection.fetch("CALL several()").rows == ((1, "a"),)
            assert connection.fetch("SELECT 4").rows == ((4,),)
    finally:
        connection.fetch("DROP PROCEDURE several")


def test_a_converter_of_the_application_is_used(migrated_url: str) -> None:
    address = Address.parse(migrated_url)
    host, port = address.hosts[0]
    doubled: dict[Any, Any] = {**converters.conversions, FIELD_TYPE.LONGLONG: lambda text: int(text) * 2}
    options: dict[str, Any] = {"host": host, "port": port, "user": address.user, "password": address.password}
    for use_unicode in (True, False):
        own = Connection(**options, conv=doubled, use_unicode=use_unicode, ssl_disabled=True)
        try:
            sql = "SELECT CAST(21 AS SIGNED INTEGER) * 1000000000, 'text', CAST('2026-01-02' AS DATE), 1.5e0"
            ours, theirs = both(own, sql)
            assert ours == theirs
            assert ours[0][0] == 42_000_000_000
        finally:
            own.close()


def test_text_in_parameters_is_what_comes_back(connection: Connection) -> None:
    awkward = "'\"\\\0\n\r\x1a%s%%;--é🎓"
    for mode in ("", "NO_BACKSLASH_ESCAPES"):
        connection.fetch("SET sql_mode = %s", [mode])
        text = awkward if not mode else awkward.replace("\0", "")
        assert connection.fetch("SELECT %s, %s", [text, "plain"]).rows == ((text, "plain"),)
        assert connection.fetch("SELECT %(a)s", {"a": text}).rows == ((text,),)
    assert connection.fetch("SELECT %s, %s, %s", [True, None, b"\xff'"]).rows == ((1, None, b"\xff'"),)


@pytest.mark.parametrize("size", [2**24 - 200, 2**24 - 20, 2**24, 2**24 + 20, 2**25 + 20])
def test_a_statement_longer_than_a_packet_is_answered(migrated_url: str, server: Server, size: int) -> None:
    largest = server.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    server.execute("SET GLOBAL max_allowed_packet = 67108864")
    try:
        connection = open_connection(Address.parse(migrated_url))
    finally:
        server.execute(f"SET GLOBAL max_allowed_packet = {largest}")
    try:
        for _ in range(2):
            assert connection.fetch("SELECT LENGTH(%s)", ["a" * size]).rows == ((size,),)
            assert connection.fetch("SELECT 1").rows == ((1,),)
    finally:
        connection.close()


def test_sequence_numbers_go_round(connection: Connection) -> None:
    many = " UNION ALL ".join(["SELECT 1 AS a"] * 1000)
    for _ in range(2):
        assert connection.fetch(many).rows == ((1,),) * 1000
