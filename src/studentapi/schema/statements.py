"""Plain SQL for migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import op

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def run(sql: str) -> None:
    """Execute each statement of `sql`; a statement ends with a semicolon at the end of its line.

    DDL is not transactional in MySQL: a migration that dies half-way is run again from its start, so its
    statements have to be of the IF [NOT] EXISTS kind.
    """
    connection = op.get_bind()
    for statement in sql.split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement.strip())


def add_indexes(table: str, indexes: Mapping[str, str]) -> None:
    """Give `table` those of `indexes` (name → its columns) that it lacks; MySQL has no IF NOT EXISTS for them."""
    missing = [f"ADD KEY {name} ({columns})" for name, columns in indexes.items() if name not in _indexes(table)]
    if missing:
        op.get_bind().exec_driver_sql(f"ALTER TABLE {table} {', '.join(missing)}")


def drop_indexes(table: str, names: Iterable[str]) -> None:
    """Take from `table` those indexes of `names` that it has."""
    there = [f"DROP KEY {name}" for name in names if name in _indexes(table)]
    if there:
        op.get_bind().exec_driver_sql(f"ALTER TABLE {table} {', '.join(there)}")


def _indexes(table: str) -> set[str]:
    found = op.get_bind().exec_driver_sql(
        "SELECT index_name FROM information_schema.statistics"
        " WHERE table_schema = DATABASE() AND table_name = %s",
        (table,),
    )
    return {str(name) for (name,) in found}
