"""Plain SQL for migrations."""

from alembic import op


def run(sql: str) -> None:
    """Execute each statement of `sql`; a statement ends with a semicolon at the end of its line.

    DDL is not transactional in MySQL: a migration that dies half-way is run again from its start, so its
    statements have to be of the IF [NOT] EXISTS kind.
    """
    connection = op.get_bind()
    for statement in sql.split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement.strip())
