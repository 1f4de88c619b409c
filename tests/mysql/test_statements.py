"""What a statement's text tells."""

import pytest

from studentapi.mysql.statements import nature


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        " select 1",
        "\n(SELECT 1) UNION (SELECT 2)",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "/* why */ SELECT 1",
        "-- why\nSELECT 1",
    ],
)
def test_what_reads(sql: str) -> None:
    assert nature(sql) == (True, None)


@pytest.mark.parametrize(
    "sql", ["INSERT INTO t SELECT 1", "SELECTED", "WITH a AS (SELECT 1) DELETE FROM t", "SET @a = 1"]
)
def test_what_does_not_only_read(sql: str) -> None:
    assert not nature(sql).reads


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("SET @a = 1", "SET"),
        ("SET SESSION sql_mode = ''", "SET"),
        ("set names latin1", "SET"),
        ("CREATE TEMPORARY TABLE t (a INT)", "CREATE TEMPORARY"),
        ("CREATE OR REPLACE TEMPORARY TABLE t (a INT)", "CREATE OR REPLACE TEMPORARY"),
        ("LOCK TABLES t READ", "LOCK TABLES"),
        ("FLUSH TABLES WITH READ LOCK", "FLUSH TABLES WITH READ LOCK"),
        ("PREPARE s FROM 'SELECT 1'", "PREPARE"),
        ("USE other", "USE"),
        ("SELECT GET_LOCK('a', 1)", "GET_LOCK"),
        ("SELECT id INTO @id FROM t", "@ID"),
        ("SELECT @a := id FROM t", "@A"),
    ],
)
def test_what_leaves_a_state_in_its_session(sql: str, state: str) -> None:
    assert nature(sql).leaves == state


@pytest.mark.parametrize(
    "sql",
    [
        "SET GLOBAL wait_timeout = 1",
        "SET @@GLOBAL.wait_timeout = 1",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET STATEMENT max_statement_time = 1 FOR SELECT 1",
        "UPDATE t SET a = 1",
        "INSERT INTO t (a) VALUES ('SET @a = 1')",
        "SELECT 'GET_LOCK(' FROM t",
        "SELECT `@a := ` FROM t /* INTO @b */ # GET_LOCK(",
        "SELECT @a",
        "CREATE TABLE t (a INT)",
    ],
)
def test_what_leaves_none(sql: str) -> None:
    assert nature(sql).leaves is None
