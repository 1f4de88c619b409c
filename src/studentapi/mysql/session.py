"""What every session is set to, in the one statement that follows the handshake."""

from __future__ import annotations

CHARSET = "utf8mb4"
COLLATION = "utf8mb4_unicode_ci"
SQL_MODE = (
    "STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
LOCK_WAIT_SHARE = 0.5
"""Waiting for a lock may take this share of a statement's time, so that 1205 comes before the deadline."""


def settings_statement(server_version: str, statement_timeout: float | None) -> bytes:
    """One SET for the whole session: UTF-8, UTC, strict mode, autocommit, the statement's deadline in seconds.

    MySQL's `max_execution_time` is in milliseconds and covers SELECT alone; MariaDB's `max_statement_time` is
    in seconds and covers all statements. `server_version` is what the server said in its greeting.
    """
    parts = [
        f"NAMES {CHARSET} COLLATE {COLLATION}",
        "time_zone = '+00:00'",
        f"sql_mode = '{SQL_MODE}'",
        "autocommit = 1",
    ]
    if statement_timeout is not None:
        parts.append(f"innodb_lock_wait_timeout = {max(1, int(statement_timeout * LOCK_WAIT_SHARE))}")
        parts.append(f"lock_wait_timeout = {max(1, int(statement_timeout))}")
        if "MariaDB" in server_version:
            parts.append(f"max_statement_time = {statement_timeout:.3f}")
        else:
            parts.append(f"max_execution_time = {max(1, round(statement_timeout * 1000))}")
    return ("SET " + ", ".join(parts)).encode()
