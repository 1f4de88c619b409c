"""The small school many times over, by the server itself: one INSERT … SELECT for each table.

Rows go in by their primary keys, with the keys of others computed and not looked up, and into empty tables with
checks of other rows off: so MariaDB sorts each index and writes it from end to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.bench.growth.sizes import suffix
from studentapi.loading.tables import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.bench.growth.sizes import Size
    from studentapi.mysql.connection import Connection

PER_ERA = ("courses", "chapters")
PER_COPY = ("users", "classes", "enrollments", "assessments", "attempts", "results")
TOGETHER: tuple[tuple[str, ...], ...] = (("attempts",), ("results", "users", "enrollments"))
"""The large tables, on a connection for each group: as many as two processors take."""
SMALL = ("courses", "chapters", "classes", "assessments")

_PUBLIC_ID = {
    # 1752:11391:1 becomes 1752.7:11391.7:1
    "attempts": "REPLACE(t.public_id, ':', CONCAT(copies.suffix, ':'))",
    "enrollments": "CONCAT(REPLACE(t.public_id, ':', CONCAT(copies.suffix, ':')), copies.suffix)",
    "courses": "CONCAT(t.public_id, copies.era_suffix)",
    "chapters": "CONCAT(t.public_id, copies.era_suffix)",
}
# A row of a copy is written seconds after that of the copy before it, and an attempt on the day it is handed in.
_WRITTEN = {
    "attempts": "t.submitted_at + INTERVAL (copies.copy * 61 + t.id) % 86400 SECOND",
    "results": "t.updated_at",
}
_WRITTEN_OTHERS = "t.created_at + INTERVAL copies.copy SECOND"

_COPIES = """CREATE TABLE growth_copies (
    copy INT UNSIGNED NOT NULL PRIMARY KEY, era INT UNSIGNED NOT NULL,
    suffix VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    era_suffix VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB"""
_COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = %s AND table_name = %s AND COALESCE(generation_expression, '') = ''
    ORDER BY ordinal_position"""


@dataclass(frozen=True)
class Source:
    """The database that is multiplied: how far apart the inner ids of its copies have to be, by table."""

    database: str
    strides: dict[str, int]


def source(connection: Connection, database: str) -> Source:
    """Look at the database that is to be multiplied."""
    tables = sorted({*PER_ERA, *PER_COPY} - {"results"})
    return Source(
        database,
        {table: int(connection.fetch(f"SELECT MAX(id) FROM {database}.{table}").rows[0][0]) for table in tables},
    )


def begin(connection: Connection, cell: Source, size: Size) -> None:
    """Write down the copies, and make the school and the small tables."""
    connection.fetch(_COPIES)
    rows = [(copy, copy % size.eras, suffix(copy), suffix(copy % size.eras)) for copy in range(size.copies)]
    connection.fetch(
        "INSERT INTO growth_copies VALUES " + ", ".join(["(%s, %s, %s, %s)"] * len(rows)),
        [value for row in rows for value in row],
    )
    connection.fetch(f"INSERT INTO schools SELECT * FROM {cell.database}.schools")
    copy_tables(connection, cell, SMALL)


def copy_tables(connection: Connection, cell: Source, tables: Sequence[str]) -> None:
    """Fill `tables`, one after the other; nobody else may be writing into them."""
    connection.fetch("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")  # nothing of the source is locked
    connection.fetch("SET unique_checks = 0, foreign_key_checks = 0")
    # No buffer of copies to join: it would turn the loops over, and rows came out of order.
    if connection.is_mariadb:
        connection.fetch("SET join_cache_level = 0")
    else:
        connection.fetch("SET optimizer_switch = 'block_nested_loop=off'")
    for table in tables:
        columns = [str(name) for (name,) in connection.fetch(_COLUMNS, (cell.database, table)).rows]
        connection.fetch(statement(cell, table, columns))


def statement(cell: Source, table: str, columns: Sequence[str]) -> str:
    """The INSERT … SELECT for a table with these columns. Copy after copy, and each in the order of its keys."""
    values = ", ".join(_value(cell, table, column) for column in columns)
    own = "WHERE copies.copy = copies.era" if table in PER_ERA else ""
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM growth_copies AS copies"
        f" STRAIGHT_JOIN {cell.database}.{table} AS t FORCE INDEX (PRIMARY) {own}"
    )


def _value(cell: Source, table: str, column: str) -> str:
    refers = table if column == "id" else REFERENCES.get(column)
    if refers is not None and refers != "schools":
        number = "copies.era" if refers in PER_ERA else "copies.copy"
        return f"t.{column} + {number} * {cell.strides[refers]}"
    if column == "public_id":
        return _PUBLIC_ID.get(table, "CONCAT(t.public_id, copies.suffix)")
    if column in ("created_at", "updated_at"):
        return _WRITTEN.get(table, _WRITTEN_OTHERS)
    return f"t.{column}"
